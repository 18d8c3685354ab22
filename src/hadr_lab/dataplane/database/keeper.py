"""What keeps one cluster as its view says: its server runs, has its role, and its lag is known.

A writer that is demoted while it still accepts writes is told so over the network, from the new writer's side: across a partition
it goes on, as a real one would, until the link heals or it restarts. A reader never replicates over errant transactions: they are
recorded and the server stays read-only, by itself, until its realizer has it rebuilt.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import AwsState, DatabaseCluster
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.database import fence, statements, vigil
from hadr_lab.dataplane.database.admin import Admin, DatabaseRefused
from hadr_lab.dataplane.database.heartbeat import BEAT_EVERY, LOOK_EVERY, Lag
from hadr_lab.dataplane.database.server import Diverged, Server
from hadr_lab.dataplane.database.statements import Application
from hadr_lab.dataplane.database.vigil import Vigil
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Place
from hadr_lab.errors import LabError

EVERY = timedelta(seconds=0.2)
PAUSE_AFTER_FAILURE = timedelta(seconds=0.5)
FENCE_EVERY = timedelta(seconds=2)
FENCE_TIME = timedelta(seconds=8)
NEVER = -1e9
AVAILABLE, FAILING_OVER = "available", "failing-over"
NOT_THERE_YET = (1049, 1146)  # unknown database, unknown table: nothing has been replicated yet

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Keeper:
    """One cluster and its server. `role` is held by whoever changes its role: the keeper, a promotion, a take-over, a fault.

    `address_in` is the address of the cluster's instance in a zone, None where it can have none. `demoting` keeps a writer that is
    to lose its role from being opened for writing again.
    """

    view: DatabaseCluster
    server: Server
    state: AwsState
    network: Addresses
    names: Names
    peer: Callable[[str], Server | None]
    address_in: Callable[[str], str | None]
    role: asyncio.Lock = field(default_factory=asyncio.Lock)
    demoting: bool = False
    stalled: bool = False
    held_read_only: bool = False
    errant: tuple[str, ...] = ()
    _vigil: Vigil = field(default_factory=Vigil)
    _told_ready: bool = False
    _fenced_at: float = NEVER
    _lag: Lag = field(default_factory=Lag)

    @property
    def lost(self) -> bool:
        """Whether nothing may be started where it is."""
        return self.network.lost(self.view.region, self.view.zone)

    async def run(self) -> None:
        """Keep it, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._forever(self.step, EVERY))
            tasks.create_task(self._forever(self._pulse, timedelta()))
            tasks.create_task(self._forever(self._watch, vigil.EVERY))

    async def step(self) -> None:
        """Do what is missing: place, process, name, role. A writer that another instance replaces is not brought back."""
        if self.lost or (self.server.crashed and self._replaceable()) or self.view.status == FAILING_OVER:
            return
        if self.server.place.zone != self.view.zone:
            async with self.role:
                if self.server.place.zone != self.view.zone:  # it may have been a take-over that held the role
                    await self.relocate(self.view.zone)
        if not self.server.running:
            await self.network.claim(self.server.netns, self.server.address)
            await self.server.start()
        self.publish()
        if self.role.locked():
            return
        await self.assume_role()

    async def relocate(self, zone: str) -> None:
        """Be the cluster's instance in `zone`: same storage, same role, same names. The caller holds `role`. Raises LabError."""
        await self.open_in(zone)
        self.publish()

    async def open_in(self, zone: str) -> None:
        """End where it was, and open the storage in `zone`, in its role. No name leads there yet. As `relocate`."""
        address = self.address_in(zone)
        if address is None:
            raise LabError(f"{self.view.identifier} has no subnet in {zone}")
        before = (self.server.netns, self.server.address)
        await self.server.move(netns=zone, place=Place(region=self.view.region, zone=zone), address=address)
        await self.network.release(*before)
        await self.network.claim(zone, address)
        await self.server.start()
        await self._in_role()

    async def assume_role(self) -> None:
        """Make the server what its view says, and say that it is ready when it is for the first time."""
        async with self.role:
            ready = await self._in_role()
        if ready and not self._told_ready:
            self._told_ready = True
            self.state.database_ready(self.view.arn)

    async def rebuild(self) -> None:
        """Throw the server's data away (kept beside) and replicate everything anew from the writer."""
        async with self.role:
            await self.server.empty()
            self.errant = ()

    async def fence(self, by: Server) -> bool:
        """Make the server read-only over the network, from where `by` is; whether that is known to have worked."""
        process = await self.server.processes.start(
            f"{self.server.name}-fence",
            Path(sys.executable),
            "-P",
            fence.__file__,
            self.server.address,
            str(self.server.port),
            netns=by.netns,
            place=by.place,
            env={"HADR_LAB_FENCE_PASSWORD": self.server.secrets.fence},
        )
        try:
            async with asyncio.timeout(FENCE_TIME.total_seconds()):
                return await process.wait() == 0
        except TimeoutError:
            return False
        finally:
            process.kill()

    def _replaceable(self) -> bool:
        """Whether there is an instance that could take over from the writer now."""
        return self.view.status == AVAILABLE and any(
            not instance.is_writer and instance.available and not self.network.lost(self.view.region, instance.zone)
            for instance in self.view.instances
        )

    async def _watch(self) -> None:
        """Have another instance take over once the writer is gone; without one it stays where it is, as on Aurora."""
        if self.server.process is None or self.server.stopped or not self._replaceable():
            self._vigil = Vigil()
            return
        greeted = await vigil.greets(self.server.address, self.server.port, netns=self.view.region)
        if self._vigil.saw(greeted) or self.server.crashed:
            log.warning("database cluster=%s its writer in %s does not serve", self.view.identifier, self.view.zone)
            lost = {each.zone for each in self.view.instances if self.network.lost(self.view.region, each.zone)}
            self.state.writer_lost(self.view.arn, frozenset(lost))
            self._vigil = Vigil()

    def publish(self) -> None:
        """Make its names lead to where it serves."""
        here = (each for each in self.view.instances if each.is_writer and each.zone == self.server.place.zone)
        for name in (self.view.endpoint, *(instance.endpoint for instance in here)):
            self.names.publish(name, self.server.address)
        if self.view.global_endpoint and self.view.is_writer:
            self.names.publish(self.view.global_endpoint, self.server.address)

    async def _in_role(self) -> bool:
        if self.view.is_writer:
            return await self._lead()
        writer = self.peer(self.view.replicates_from or "")
        if writer is None or not writer.running or not await self._blocked(writer):
            return False
        try:
            return await self.server.follow(writer, stalled=self.stalled)
        except Diverged as error:
            if self.errant != error.errant:
                log.warning("database %s; it stays read-only and apart until it is rebuilt", error)
                self.errant = error.errant
            return False

    async def _lead(self) -> bool:
        if self.demoting:
            return False
        application = Application(username=self.view.username, password=self.view.password, database=self.view.database)
        if self.held_read_only:
            await self.server.block()
        else:
            await self.server.lead(application)
        return True

    async def _blocked(self, writer: Server) -> bool:
        """Whether it is read-only, asking over the network when it is not."""
        if await self.server.read_only():
            return True
        now = asyncio.get_running_loop().time()
        if now - self._fenced_at < FENCE_EVERY.total_seconds():
            return False
        self._fenced_at = now
        return await self.fence(writer)

    async def _pulse(self) -> None:
        if self.view.is_writer:
            self._lag = Lag()
            await asyncio.sleep(BEAT_EVERY.total_seconds())
            if self.server.running and self.server.equipped is not None and not self.lost:
                await self._beat()
        else:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            await self._measure()

    async def _beat(self) -> None:
        admin = Admin(socket=self.server.admin.socket, user="hadr_heartbeat", password=self.server.secrets.heartbeat)
        await admin.rows(*statements.beat(self.server.server_id))

    async def _measure(self) -> None:
        writer = self.peer(self.view.replicates_from or "")
        lag = None
        try:
            if writer is not None and self.server.running:
                rows = await self.server.admin.rows(statements.newest_beat(writer.server_id))
                now = asyncio.get_running_loop().time()
                lag = self._lag.look(at=rows[0]["at"], age=timedelta(microseconds=rows[0]["age"]), now=now) if rows else None
        except DatabaseRefused as error:
            if error.code not in NOT_THERE_YET:
                raise
        finally:
            self.state.database_lag(self.view.arn, lag)

    async def _forever(self, step: Callable[[], Awaitable[None]], pause: timedelta) -> None:
        last = ""
        while True:
            try:
                await step()
                last = ""
            except (LabError, OSError) as error:
                if str(error) != last:
                    log.warning("database cluster=%s %s", self.view.identifier, error)
                last = str(error)
                await asyncio.sleep(PAUSE_AFTER_FAILURE.total_seconds())
            await asyncio.sleep(pause.total_seconds())
