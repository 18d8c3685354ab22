"""Aurora clusters as processes: a keeper for each cluster, and a task for each role change or take-over that was asked for.

Level-triggered: it reads the views and acts on the difference. While a role change is under way the keepers of both clusters leave
roles alone; when it is done the views have flipped and the keepers follow them. An old writer that comes back with transactions
that nobody else has is given the new writer's data, as Aurora does by itself, after a while. A cluster has one server with its
storage, whichever instance runs it: a take-over starts it anew elsewhere on the same data. Its readers are its followers
(readers.py).
"""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import AwsState, DatabaseCluster, GlobalSwitch, WriterFailover
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.database import switch
from hadr_lab.dataplane.database.keeper import Keeper
from hadr_lab.dataplane.database.readers import SILENT, Readers
from hadr_lab.dataplane.database.server import Server
from hadr_lab.dataplane.database.statements import Secrets
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Place, Processes
from hadr_lab.errors import LabError
from hadr_lab.programs import Programs
from hadr_lab.waits import Wait, Waits

ROUND = timedelta(seconds=0.5)
REST = timedelta(seconds=0.02)

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Databases:
    """The realizer of Aurora clusters and global databases."""

    state: AwsState
    processes: Processes
    programs: Programs
    names: Names
    waits: Waits
    network: Addresses
    state_dir: Path
    secrets: Secrets = field(default_factory=Secrets)
    keepers: dict[str, Keeper] = field(default_factory=dict)
    readers: Readers = field(init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _rejoining: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _renewed: set[str] = field(default_factory=set)
    _switches: dict[GlobalSwitch | WriterFailover, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        self.readers = Readers(names=self.names, keeper=self._reader)

    async def run(self) -> None:
        """Realize databases for ever; on cancellation every server is ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.step(tasks)
                    await self.state.changed(ROUND)
                    await asyncio.sleep(REST.total_seconds())
        finally:
            for keeper in self.keepers.values():
                await keeper.server.stop()
            await self.readers.stop()

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """One round: match keepers to the views, begin role changes."""
        views = {view.arn: view for region in self.state.regions() for view in self.state.databases(region)}
        for arn in [arn for arn in self.keepers if arn not in views]:
            await self._forget(arn)
        for arn, view in views.items():
            if arn in self.keepers:
                self.keepers[arn].view = view
            elif not self.network.lost(view.region, view.zone) and self._subnet(view):
                self.keepers[arn] = self._keeper(view)
                self._tasks[arn] = tasks.create_task(self.keepers[arn].run())
        renewed, self._renewed = self._renewed, set()
        await self.readers.renew(views[arn] for arn in renewed if arn in views)
        await self.readers.match(views, tasks)
        self._rejoining = {arn: task for arn, task in self._rejoining.items() if not task.done()}
        for arn, keeper in self.keepers.items():
            if keeper.errant and arn not in self._rejoining:
                self._rejoining[arn] = tasks.create_task(self._rejoin(arn))
        for arn, keeper in self.keepers.items():
            self.readers.publish(views[arn], keeper.server.address)
        self._switches = {asked: task for asked, task in self._switches.items() if not task.done()}
        for asked in self.state.global_switches():
            if asked not in self._switches:
                self._switches[asked] = tasks.create_task(self._switch(asked))
        for takeover in self.state.writer_failovers():
            if takeover not in self._switches:
                self._switches[takeover] = tasks.create_task(self._take_over(takeover))

    def socket_of(self, arn: str) -> Path:
        """The admin socket of a cluster's server: root without a password, for those who judge its content. Raises LabError."""
        return self._known(arn).server.admin.socket

    def errant(self, arn: str) -> tuple[str, ...]:
        """The transactions a cluster holds that its writer never had, found when it came back; empty when there are none."""
        return self._known(arn).errant

    async def stall(self, arn: str, on: bool) -> None:
        """Fault: the reader `arn` stops receiving (True) or goes on (False); its writer does not notice."""
        keeper = self._known(arn)
        async with keeper.role:
            keeper.stalled = on
            if keeper.server.running and await keeper.server.replication() is not None:
                await keeper.server.admin.rows("STOP SLAVE IO_THREAD" if on else "START SLAVE IO_THREAD")

    async def hold_read_only(self, arn: str, on: bool) -> None:
        """Fault: the writer `arn` refuses writes although it is the writer, until this is taken back."""
        keeper = self._known(arn)
        keeper.held_read_only = on
        if keeper.server.running:
            await keeper.assume_role()

    def zone_of(self, arn: str) -> str:
        """The zone of the instance that runs the cluster's server."""
        return self._known(arn).server.place.zone

    def signal(self, arn: str, number: signal.Signals) -> int:
        """Fault: send the cluster's server a signal; its process id. Raises LabError when none runs."""
        process = self._known(arn).server.process
        if process is None or not process.running:
            raise LabError(f"the server of {arn} does not run at this moment")
        process.kill(number)
        return process.pid

    async def rebuild(self, arn: str) -> None:
        """Have a cluster that holds errant transactions replicate everything anew; its old data is kept beside.

        Its readers are on the same storage on Aurora, so they begin anew as well.
        """
        await self._known(arn).rebuild()
        self._renewed.add(arn)

    async def _rejoin(self, arn: str) -> None:
        """Aurora makes the old writer of a failover a secondary again once it is reachable, and keeps a snapshot of what it had."""
        await self.waits.take(Wait.AURORA_REJOIN)
        keeper = self.keepers.get(arn)
        if keeper is not None and keeper.errant and not keeper.view.is_writer:
            log.warning("cluster=%s is made anew from its writer; %d transactions are kept aside", arn, len(keeper.errant))
            await self.rebuild(arn)

    def _known(self, arn: str) -> Keeper:
        try:
            return self.keepers[arn]
        except KeyError:
            raise LabError(f"no database cluster {arn} runs here; known: {', '.join(self.keepers) or 'none'}") from None

    def _peer(self, arn: str) -> Server | None:
        keeper = self.keepers.get(arn)
        return keeper.server if keeper else None

    def _subnet(self, view: DatabaseCluster, zone: str = "") -> str | None:
        subnets = self.state.subnets(view.region)
        return next((s.subnet_id for s in subnets if s.zone == (zone or view.zone) and s.subnet_id in view.subnet_ids), None)

    def _address(self, view: DatabaseCluster, zone: str) -> str | None:
        subnet = self._subnet(view, zone)
        return self.state.claim_address(view.region, subnet, f"RDSNetworkInterface {view.identifier}") if subnet else None

    def _reader(self, view: DatabaseCluster) -> Keeper | None:
        """The keeper of one reader, unless its place is lost or has no subnet."""
        if self.network.lost(view.region, view.zone) or self._subnet(view) is None:
            return None
        return self._keeper(view, state=SILENT)

    def _keeper(self, view: DatabaseCluster, *, state: AwsState | None = None) -> Keeper:
        server = Server(
            name=f"database-{view.region}-{view.identifier}",
            netns=view.zone,
            place=Place(region=view.region, zone=view.zone),
            address=self._address(view, view.zone) or "",
            port=view.port,
            folder=self.state_dir / "databases" / view.region / view.identifier,
            programs=self.programs,
            processes=self.processes,
            secrets=self.secrets,
        )
        return Keeper(
            view=view,
            server=server,
            state=state or self.state,
            network=self.network,
            names=self.names,
            peer=self._peer,
            address_in=lambda zone: self._address(view, zone),
        )

    async def _take_over(self, asked: WriterFailover) -> None:
        """Another instance of the cluster becomes its writer. What was acknowledged is on the storage, so nothing is lost.

        There is none in the meantime, however well the old one was: AWS's figure is of the time without, a server's start included.
        """
        keeper = self.keepers.get(asked.arn)
        try:
            if keeper is None:
                raise switch.SwitchRefused(f"no server runs for {asked.arn}")
            async with keeper.role:
                await asyncio.gather(self.waits.take(Wait.AURORA_WRITER), self._open_in(keeper, asked))
                if self.network.lost(keeper.view.region, asked.zone):
                    raise switch.SwitchRefused(f"{asked.to_instance} was lost on the way ({asked.zone})")
                keeper.publish()
                self.state.writer_moved(asked.arn)
                self._look_again()
        except (LabError, OSError) as error:
            log.warning("cluster=%s the writer stays: %s", asked.arn, error)
            self.state.writer_stays(asked.arn)

    async def _open_in(self, keeper: Keeper, asked: WriterFailover) -> None:
        if self.network.lost(keeper.view.region, asked.zone):
            raise switch.SwitchRefused(f"{asked.to_instance} is in a lost place ({asked.zone})")
        await keeper.open_in(asked.zone)

    async def _switch(self, asked: GlobalSwitch) -> None:
        target, old = self.keepers.get(asked.to_arn), self.keepers.get(asked.from_arn)
        async with AsyncExitStack() as roles:
            if old is not None:
                old.demoting = True
            try:
                if target is None:
                    raise switch.SwitchRefused(f"no server runs for {asked.to_arn}")
                await roles.enter_async_context(target.role)
                if asked.allow_data_loss:
                    await switch.failover(target, old, self.waits)
                else:
                    await self._switchover(target, old, roles)
            except (LabError, OSError) as error:
                log.warning("global cluster=%s not switched: %s", asked.global_cluster, error)
                self.state.switch_failed(asked.global_cluster, str(error))
            else:
                self.state.switch_done(asked.global_cluster)
            self._look_again()
            if old is not None:
                old.demoting = False

    async def _switchover(self, target: Keeper, old: Keeper | None, roles: AsyncExitStack) -> None:
        if old is None:
            raise switch.SwitchRefused("a switchover needs both clusters, and the writer does not run here")
        await roles.enter_async_context(old.role)
        await switch.switchover(target, old, self.waits)

    def _look_again(self) -> None:
        """Give the keepers the roles of this moment, so that none acts on the ones of before a switch."""
        for region in self.state.regions():
            for view in self.state.databases(region):
                if view.arn in self.keepers:
                    self.keepers[view.arn].view = view

    async def _forget(self, arn: str) -> None:
        keeper, task = self.keepers.pop(arn), self._tasks.pop(arn)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.server.discard()
        await self.network.release(keeper.server.netns, keeper.server.address)
        instances = [instance.endpoint for instance in keeper.view.instances]
        for name in (keeper.view.endpoint, keeper.view.reader_endpoint, keeper.view.global_endpoint, *instances):
            if name and self.names.addresses.get(name.lower()) == (keeper.server.address,):
                self.names.publish(name)
