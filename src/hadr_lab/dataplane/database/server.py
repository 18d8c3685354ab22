"""One MariaDB server: its folder, its process, and what it is told to be (writer, reader, nothing yet).

The orders (`lead`, `follow`, `promote`) are idempotent and do only what the server's own state still lacks. It decides nothing
about roles or lost places: both are its keeper's.
"""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.dataplane.database import configuration, positions, statements
from hadr_lab.dataplane.database.admin import Admin, DatabaseAway, DatabaseRefused, Row
from hadr_lab.dataplane.database.statements import Application, Secrets
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import LabError, StartFailed
from hadr_lab.programs import Programs

START_TIME = timedelta(seconds=60)
STOP_TIME = timedelta(seconds=5)
DRAIN_TIME = timedelta(seconds=60)
DRAINED = "Slave has read all relay log"
IDLE_LOOKS = 20  # looks in a row without progress: what is left in the relay log is half a transaction


class Diverged(LabError):
    """A server holds transactions that its writer never had; `errant` names them."""

    def __init__(self, message: str, errant: tuple[str, ...]) -> None:
        """Keep the transactions."""
        super().__init__(message)
        self.errant = errant


@dataclass(slots=True, kw_only=True)
class Server:
    """A server of one cluster. `folder` holds its configuration, data and admin socket: the cluster's storage, which spans zones.

    `netns`, `place` and `address` are those of the instance that runs it and change with `move`; `origin`, the first address, gives
    it its replication id, which belongs to the data.
    """

    name: str
    netns: str
    place: Place
    address: str
    port: int
    folder: Path
    programs: Programs
    processes: Processes
    secrets: Secrets
    process: Process | None = None
    equipped: Application | None = None
    volumes: list[Path] = field(default_factory=list)
    origin: str = ""
    stopped: bool = False
    _answers: bool = False
    _life: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.origin = self.origin or self.address

    @property
    def admin(self) -> Admin:
        """Root's access."""
        return Admin(socket=self.folder / "admin.sock")

    @property
    def server_id(self) -> int:
        """Its replication id, which is also the domain of its heartbeats."""
        return configuration.server_id(self.origin, len(self.volumes))

    @property
    def running(self) -> bool:
        """Whether its process runs and has answered since it was started."""
        return self.process is not None and self.process.running and self._answers

    @property
    def crashed(self) -> bool:
        """Whether its process ended although nobody here stopped it."""
        return self.process is not None and not self.process.running and not self.stopped

    async def start(self) -> None:
        """Be running: start the process, read-only, recovering what a crash left; return when it answers. Raises StartFailed."""
        async with self._life:
            if not self.running:
                await self._start()

    async def _start(self) -> None:
        if self.process is not None and self.process.running:  # one that never answered
            self.process.kill()
            await self.process.wait()
        await self._prepare()
        self.equipped, self._answers, self.stopped = None, False, False
        mariadbd = self.programs["mariadbd"]
        self.process = await self.processes.start(
            self.name, mariadbd, f"--defaults-file={self.folder}/my.cnf", netns=self.netns, place=self.place
        )
        deadline = asyncio.get_running_loop().time() + START_TIME.total_seconds()
        while True:
            self.process.ensure_running()
            try:
                await self.admin.value("1")
            except DatabaseAway as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise StartFailed(f"{self.name}: no answer in {START_TIME}; see {self.process.log}") from error
                await asyncio.sleep(0.02)
            else:
                self._answers = True
                return

    async def stop(self) -> None:
        """End the process; its data stays."""
        self.stopped = True
        if self.process is not None:
            await self.process.stop(STOP_TIME)

    async def move(self, *, netns: str, place: Place, address: str) -> None:
        """Be another instance on the same storage: what ran before is ended, as Aurora's storage turns an old writer away."""
        async with self._life:
            self.stopped = True
            if self.process is not None:
                self.process.kill()
                await self.process.wait()
            self.netns, self.place, self.address, self._answers = netns, place, address, False

    async def discard(self) -> None:
        """End the process at once and delete everything it had."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def empty(self) -> None:
        """Begin anew from the template; the data of before is kept beside it, as Aurora keeps a snapshot of the old volume."""
        async with self._life:
            await self.stop()
            kept = self.folder / f"data.{len(self.volumes) + 1}"
            (self.folder / "data").rename(kept)
            self.volumes.append(kept)

    async def lead(self, application: Application) -> None:
        """Be the writer: follow nobody, have the accounts, accept writes."""
        if await self.replication() is not None:
            await self.admin.rows("STOP SLAVE", "RESET SLAVE ALL", within=DRAIN_TIME)
        if self.equipped != application:
            await self.admin.rows(*statements.lab_accounts(self.secrets), *statements.application_accounts(application))
            self.equipped = application
        if await self.read_only():
            await self.admin.rows("SET GLOBAL read_only = 0")

    async def block(self, *, within: timedelta = timedelta(seconds=10)) -> None:
        """Accept no more writes. Waits for those that are under way."""
        await self.admin.rows("SET GLOBAL read_only = 1", within=within)

    async def read_only(self) -> bool:
        """Whether it refuses the application's writes."""
        return await self.admin.value("@@read_only") == "1"

    async def replication(self) -> Row | None:
        """Its row of SHOW SLAVE STATUS; None when it follows nobody."""
        rows = await self.admin.rows("SHOW SLAVE STATUS")
        return rows[0] if rows else None

    async def follow(self, writer: Server, *, stalled: bool = False) -> bool:
        """Be a reader of `writer`; whether replication runs. Raises Diverged rather than replicate over errant transactions.

        `stalled` keeps what receives from the writer stopped; the writer does not notice.
        """
        status = await self.replication()
        if status is None or (status["Master_Host"], status["Master_Port"]) != (writer.address, writer.port):
            await self._rejoin(writer)
            status = await self.replication() or {}
        if stalled:
            if status["Slave_IO_Running"] != "No":
                await self.admin.rows("STOP SLAVE IO_THREAD", within=DRAIN_TIME)
        elif "No" in (status["Slave_IO_Running"], status["Slave_SQL_Running"]):
            await self.admin.rows("START SLAVE")
        return bool(status["Slave_IO_Running"] == "Yes" and status["Slave_SQL_Running"] == "Yes")

    async def promote(self) -> None:
        """Apply what has arrived, follow nobody any more. Never waits for the old writer. Raises LabError."""
        if await self.replication() is not None:
            await self.admin.rows("STOP SLAVE IO_THREAD", "START SLAVE SQL_THREAD", within=DRAIN_TIME)
            await self._drain()
            await self.admin.rows("STOP SLAVE", "RESET SLAVE ALL", within=DRAIN_TIME)
        await self.admin.rows("SET GLOBAL read_only = 0")

    async def state(self) -> str:
        """Its binlog state: the newest transaction of each server that ever wrote here."""
        return await self.admin.value("@@gtid_binlog_state")

    async def position(self) -> str:
        """Its binlog position: the newest transaction in each domain."""
        return await self.admin.value("@@gtid_binlog_pos")

    async def reached(self, position: str, *, within: timedelta) -> bool:
        """Wait until everything up to `position` is applied here; False when it was not in time."""
        expression = f"MASTER_GTID_WAIT({statements.text(position)}, {within.total_seconds()})"
        return await self.admin.value(expression, within=within + timedelta(seconds=5)) == "0"

    async def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = configuration.text(
            share=self.programs.share, folder=self.folder, address=self.address, port=self.port, number=self.server_id
        )
        (self.folder / "my.cnf").write_text(text)
        data = self.folder / "data"
        if not data.exists():
            fresh = self.folder / "data.new"
            await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)
            await _copy(self.programs.database_template, fresh)
            fresh.rename(data)

    async def _rejoin(self, writer: Server) -> None:
        own, theirs = await self.state(), await writer.state()
        lost = positions.errant(own_state=own, writer_state=theirs)
        if lost:
            raise Diverged(
                f"{self.name}: {len(lost)} transactions that {writer.name} never had, from {lost[0]} to {lost[-1]}", lost
            )
        position = positions.rejoin(own=await self.position(), server=self.server_id, writer=await writer.position())
        if await self.replication() is not None:
            await self.admin.rows("STOP SLAVE", "RESET SLAVE ALL", within=DRAIN_TIME)
        await self.admin.rows(
            *statements.follow(address=writer.address, port=writer.port, password=self.secrets.replication, position=position)
        )

    async def _drain(self) -> None:
        deadline = asyncio.get_running_loop().time() + DRAIN_TIME.total_seconds()
        idle = 0
        while idle < IDLE_LOOKS:
            status = await self.replication() or {}
            if status["Slave_SQL_Running"] == "No":
                raise DatabaseRefused(
                    f"{self.name}: the applier stopped: {status['Last_SQL_Error']}", int(status["Last_SQL_Errno"])
                )
            if (status["Master_Log_File"], status["Read_Master_Log_Pos"]) == (
                status["Relay_Master_Log_File"],
                status["Exec_Master_Log_Pos"],
            ):
                return
            if asyncio.get_running_loop().time() > deadline:
                raise DatabaseAway(f"{self.name}: still applying after {DRAIN_TIME}: {status['Slave_SQL_Running_State']}")
            idle = idle + 1 if status["Slave_SQL_Running_State"].startswith(DRAINED) else 0
            await asyncio.sleep(0.01)


async def _copy(template: Path, to: Path) -> None:
    """A copy that shares or skips what it can."""
    child = await asyncio.create_subprocess_exec("cp", "-a", "--reflink=auto", "--sparse=always", str(template), str(to))
    if await child.wait():
        raise StartFailed(f"{to}: could not copy the database template {template}; is there space left?")
