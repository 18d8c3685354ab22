"""A site that is up, as a drill sees it: faults on the real parts, `hadr` and the load as programs at the edge, final content.

It carries out and never judges. What it reads for the checker it reads at the database and at the files themselves.
"""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pymysql

from hadr_lab.boot import HADR, command
from hadr_lab.checker import Row
from hadr_lab.dataplane.processes import Place, Process
from hadr_lab.drill.crossings import Counts
from hadr_lab.drill.ports import Answer, MemberPlace, Pictures, pictures_in
from hadr_lab.drill.sight import Sight
from hadr_lab.errors import ScenarioFailed
from hadr_lab.eye import Eye
from hadr_lab.faults.carrier import Faults
from hadr_lab.lab import ROOT, Lab
from hadr_lab.load.spec import LoadSpec
from hadr_lab.meter import Meter
from hadr_lab.published import Published
from hadr_lab.scenario import WRITER, Fault, HarmZone
from hadr_lab.site import MadeSite
from hadr_lab.waits import Waits

READ_WITHIN_S = 30


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
    """`drill.ports.Lab` over a running lab. `made` is the architecture; `hadr` reads `site` in the environment `role`."""

    lab: Lab
    made: MadeSite
    site: Path
    role: Mapping[str, str]
    meter: Meter
    eye: Eye = field(init=False)
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is harmed yet."""
        self.eye = Eye(lab=self.lab, members=self.made.members)
        self.faults = Faults(lab=self.lab, members=self.made.members, eye=self.eye)

    @property
    def host(self) -> str:
        """The name clients use."""
        return self.made.host

    @property
    def waits(self) -> Waits:
        """The lab's simulated waits."""
        return self.lab.waits

    @property
    def members(self) -> Mapping[str, MemberPlace]:
        """Each member's Region, and the addresses of its balancer's nodes, which is where its answers come from."""
        return {
            name: MemberPlace(region=member.region, networks=self.lab.balancers.nodes_of(member.balancer))
            for name, member in self.made.members.items()
        }

    @property
    def reference(self) -> Published:
        """The reference's three steps."""
        return Published(run=self.lab.run, programs=self.lab.programs, site=self.made)

    async def inject(self, fault: Fault) -> None:
        """Harm the site."""
        await self.faults.inject(fault)

    async def heal(self, fault: Fault) -> None:
        """Take the harm back; a lost Region's network comes back, its processes are the realizers' to start."""
        await self.faults.heal(fault)

    def writer_zone(self) -> str:
        """The zone of the database's writer at this moment."""
        return self.faults.zone_of(HarmZone(zone=WRITER))

    def zones_of(self, fault: Fault) -> tuple[str, ...]:
        """The zones that a fault strikes at this moment."""
        return (self.faults.zone_of(fault),) if isinstance(fault, HarmZone) else ()

    @property
    def zones(self) -> tuple[str, ...]:
        """Every zone of the lab."""
        return tuple(space.name for space in self.lab.network.layout.spaces.values() if space.region not in ("", space.name))

    async def count(self) -> Counts:
        """The byte counters of the lab's links."""
        at = self.eye.clock.now()
        pairs, flows, replicated = await self.lab.network.counters()
        return Counts(at=at, pairs=pairs, flows=flows, replicated=replicated)

    async def look(self) -> Sight:
        """Pods, targets and weights at this moment."""
        weights = self.weights()
        return replace(await self.eye.look(), weights=weights)

    def weights(self) -> Mapping[str, int]:
        """The weights of the members' records, read where Route 53 keeps them, not through hadr."""
        records = self.lab.route53.zone(self.made.hosted_zone).records
        named = [one for one in records if one.name == self.made.host and one.type == "A" and one.weight is not None]
        return {one.set_identifier: one.weight or 0 for one in named if one.set_identifier in self.made.members}

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """Run `hadr` at the edge, with the rights of its role."""
        said = await command(
            *HADR,
            *args,
            "--site",
            str(self.site),
            env=self.role,
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
        socket = self.lab.databases.socket_of(self.made.members[member].database_arn)
        return await asyncio.to_thread(_rows, socket)

    async def pictures(self, member: str) -> Pictures:
        """What the member's file system holds, below the access point that its pods mount."""
        made = self.made.members[member]
        below = self.lab.state.access_point_path(made.region, made.facts["FILE_ACCESS_POINT_ID"])
        return await asyncio.to_thread(pictures_in, self.lab.files.folder(made.file_system) / below.lstrip("/"))

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
