"""A site that is up, as a drill sees it: faults on the real parts, `hadr` and the load as programs at the edge, final content.

It carries out and never judges. What it reads for the checker it reads at the database and at the files themselves.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pymysql

from hadr_lab.boot import command, operator_environment
from hadr_lab.checker import Row
from hadr_lab.dataplane.processes import Place, Process
from hadr_lab.drill.ports import Answer, MemberPlace, Pictures, pictures_in
from hadr_lab.errors import ScenarioFailed
from hadr_lab.lab import ROOT, Lab
from hadr_lab.load.spec import LoadSpec
from hadr_lab.meter import Meter
from hadr_lab.published import Published
from hadr_lab.scenario import Fault, LoseRegion, StallReplication
from hadr_lab.waits import Waits

HADR = (sys.executable, "-c", "from hadr.cli import main; main()")
READ_WITHIN_S = 30
SILENCE = timedelta(milliseconds=300)
"""Between the cut of a lost Region's links and the end of its processes: a killed process would still deliver what it had sent."""


@dataclass(slots=True)
class Load:
    """The load's process."""

    process: Process

    @property
    def running(self) -> bool:
        """Whether it still offers requests."""
        return self.process.running

    async def stop(self, grace: timedelta) -> None:
        """SIGTERM, then SIGKILL after `grace`."""
        await self.process.stop(grace)


@dataclass(slots=True, kw_only=True)
class LiveSite:
    """`drill.ports.Lab` over a running lab. `outputs` are the architecture's, `site` the file that `hadr` reads."""

    lab: Lab
    outputs: Mapping[str, Any]
    site: Path
    meter: Meter
    _stalled: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The name clients use."""
        host: str = self.outputs["host"]
        return host

    @property
    def waits(self) -> Waits:
        """The lab's simulated waits."""
        return self.lab.waits

    @property
    def members(self) -> Mapping[str, MemberPlace]:
        """Each member's Region and address range."""
        return {
            name: MemberPlace(region=made["region"], networks=(made["cidr"],)) for name, made in self.outputs["members"].items()
        }

    @property
    def reference(self) -> Published:
        """The reference's three steps."""
        return Published(run=self.lab.run, programs=self.lab.programs, outputs=self.outputs)

    async def inject(self, fault: Fault) -> None:
        """Harm the site."""
        match fault:
            case LoseRegion(region=region):
                await self._lose(region)
            case StallReplication(database=database, files=files):
                await self._stall(database=database, files=files, on=True)

    async def heal(self, fault: Fault) -> None:
        """Take the harm back; a lost Region's network comes back, its processes are the realizers' to start."""
        match fault:
            case LoseRegion(region=region):
                await self.lab.network.restore(region)
            case StallReplication(database=database, files=files):
                await self._stall(database=database, files=files, on=False)

    async def _lose(self, region: str) -> None:
        await self.lab.network.lose(region)
        await asyncio.sleep(SILENCE.total_seconds())
        for process in self.lab.processes.within(region=region):
            process.kill()

    async def _stall(self, *, database: bool, files: bool, on: bool) -> None:
        if database:
            for made in self.outputs["members"].values():
                await self.lab.databases.stall(made["database_arn"], on)
        if files:
            await self.lab.files.stall(self.outputs["members"]["one"]["file_system"], on)

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """Run `hadr` at the edge."""
        said = await command(
            *HADR,
            *args,
            "--site",
            str(self.site),
            env=operator_environment(),
            log=self.lab.run / "logs" / "hadr.log",
            timeout=timeout,
        )
        return Answer(code=said.code, said=_object(said.out), text=(said.err or said.out).strip())

    async def start_load(self, spec: LoadSpec) -> Load:
        """Start the clients at the edge."""
        argv = ("-m", "hadr_lab.load", *spec.argv())
        process = await self.lab.processes.start(
            "load", Path(sys.executable), *argv, netns="edge", place=Place(), env={"PYTHONPATH": str(ROOT / "src")}
        )
        return Load(process)

    async def database_rows(self, member: str) -> tuple[Row, ...]:
        """Every row of the member's hobbies, read through the database's own admin socket."""
        socket = self.lab.databases.socket_of(self.outputs["members"][member]["database_arn"])
        return await asyncio.to_thread(_rows, socket)

    async def pictures(self, member: str) -> Pictures:
        """What the member's file system holds."""
        folder = self.lab.files.folder(self.outputs["members"][member]["file_system"])
        return await asyncio.to_thread(pictures_in, folder)

    def peak_rss_mb(self) -> float:
        """The most memory that the lab used so far."""
        self.meter.sample()
        return self.meter.peak_mb

    def versions(self) -> Mapping[str, str]:
        """Versions of the parts that matter."""
        found = {name: metadata.version(name) for name in ("moto", "boto3", "lightkube", "fastapi", "asyncmy")}
        return {"python": platform.python_version(), **found, **self.lab.program_versions()}


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _rows(socket: Path) -> tuple[Row, ...]:
    try:
        connection = pymysql.connect(
            unix_socket=str(socket), user="root", database="peccy", connect_timeout=5, read_timeout=READ_WITHIN_S
        )
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT idempotency_key, id, created_at FROM hobbies ORDER BY id")
            return tuple(Row(key=str(key), id=int(number), created=str(created)) for key, number, created in cursor.fetchall())
    except pymysql.MySQLError as error:
        raise ScenarioFailed(f"the surviving database could not be read through {socket}: {error}") from error
