"""A small lab for the tests of stores and balancers: two Regions, three zones, a fake AwsState, a plain network. Not a test itself.

`inside(function)` runs an asynchronous function of a test module in fresh namespaces, with the real programs, and fails with its
output when it raises. The functions get a `World`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from tests.hadr_lab.last_words import completed, run, tails

from hadr_lab.aws.views import (
    DatabaseCluster,
    EksCluster,
    FileReplication,
    FileSystem,
    GlobalSwitch,
    Instance,
    LoadBalancer,
    Subnet,
    TargetGroup,
    TargetHealth,
    WriterFailover,
)
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import MissingProgram
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.toolchain import database, debian
from hadr_lab.waits import Waits

ZONES = {"us-east-1a": "10.1.0.0/20", "us-east-1b": "10.1.16.0/20", "us-east-2a": "10.2.0.0/20"}
REGIONS = {"us-east-1": "198.18.1", "us-east-2": "198.18.2"}
ENTER = ("unshare", "-Urnmp", "--fork", "--kill-child", "--mount-proc")


def region_of(zone: str) -> str:
    """The Region of a zone."""
    return zone[:-1]


def programs() -> Programs:
    """The real Debian programs and the database template. Skips loudly where they cannot be had, fails when CI=true."""
    try:
        system = debian.obtain(Progress())
        template = database.template(system.programs, system.share, Progress())
    except MissingProgram as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return Programs(programs=system.programs, charts=system.share, share=system.share, database_template=template)


def inside(function: Callable[[World], Awaitable[None]], *, timeout: float = 100) -> None:
    """Run `function` of a test module in namespaces of its own."""
    programs()  # outside, where they can be downloaded; inside they are found again
    code = f"from {__name__} import main; main({function.__module__!r}, {function.__qualname__!r}, {timeout!r})"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = completed([*ENTER, sys.executable, "-c", code], env=env, timeout=timeout + 20)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def main(module: str, name: str, timeout: float) -> None:
    """The inner side of `inside`."""
    function = getattr(import_module(module), name)
    assert inspect.iscoroutinefunction(function)
    _ip("link set lo up")
    for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "tmpfs", "/run"]):
        subprocess.run(command, check=True)
    for folder in ("/run/netns", "/run/lab"):
        Path(folder).mkdir()
    with tempfile.TemporaryDirectory() as logs:
        passed = False
        try:
            run(function(World(Path("/run/lab"), Path(logs))), within=timeout, logs=Path(logs))
            passed = True
        finally:
            for tail in () if passed else tails(Path(logs)):
                print(tail, file=sys.stderr)


def _ip(*lines: str, netns: str = "") -> None:
    base = ["ip", *(["-n", netns] if netns else []), "-batch", "-"]
    subprocess.run(base, input="\n".join(lines) + "\n", text=True, check=True)


@dataclass(slots=True)
class World:
    """The small lab: its network is built at once, realizers are made by the tests."""

    state_dir: Path
    logs: Path
    state: FakeState = field(default_factory=lambda: FakeState())
    names: Names = field(default_factory=Names)
    waits: Waits = field(default_factory=lambda: Waits(speed=100))
    gone: set[str] = field(default_factory=set)
    programs: Programs = field(default_factory=programs)
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        """Build the network."""
        self.processes = Processes(logs=self.logs)
        links = ["edge", *REGIONS, *ZONES]
        _ip("netns add router", *(f"netns add {name}" for name in links))
        for k, name in enumerate(links):
            _ip(f"link add uplink netns {name} type veth peer name {name} netns router")
            _ip(f"addr add 198.19.{k}.1/30 dev {name}", f"link set {name} up", netns="router")
            _ip(f"addr add 198.19.{k}.2/30 dev uplink", "link set lo up", "link set uplink up", netns=name)
            _ip(f"route add default via 198.19.{k}.1", netns=name)
            for cidr in _networks(name):
                _ip(f"route add {cidr} via 198.19.{k}.2", netns="router")
                _ip(f"route add blackhole {cidr}", netns=name)
        for name, net in REGIONS.items():
            _ip(f"addr add {net}.10/32 dev lo", netns=name)
        subprocess.run(["ip", "netns", "exec", "router", "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)

    async def claim(self, netns: str, address: str) -> None:
        """Addresses: a /32 on lo."""
        _ip(f"addr replace {address}/32 dev lo", netns=netns)

    async def release(self, netns: str, address: str) -> None:
        """Take it off again."""
        await self.run(netns, "ip", "addr", "del", f"{address}/32", "dev", "lo")

    def lost(self, region: str, zone: str = "") -> bool:
        """Whether a test has lost it."""
        return region in self.gone or zone in self.gone

    def cut(self, name: str) -> None:
        """Silence between namespace `name` and everything else."""
        links = ["edge", *REGIONS, *ZONES]
        _ip(
            f"rule add pref 10 iif {name} blackhole",
            *(f"rule add pref 11 to {cidr} blackhole" for cidr in (f"198.19.{links.index(name)}.0/30", *_networks(name))),
            netns="router",
        )

    def heal(self) -> None:
        """Undo every cut."""
        for pref in ("10", "11"):
            while (
                subprocess.run(["ip", "-n", "router", "rule", "del", "pref", pref], capture_output=True, check=False).returncode
                == 0
            ):
                pass

    def lose(self, name: str) -> None:
        """A zone or a Region is lost: nothing starts there, all that runs there is killed. Cut it first."""
        self.gone.add(name)
        region, zone = (name, "") if name in REGIONS else (region_of(name), name)
        for process in self.processes.within(region=region, zone=zone):
            process.kill()

    async def python(self, name: str, netns: str, *args: str) -> Process:
        """Start a Python program in a namespace."""
        env = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
        place = Place(region=region_of(netns), zone=netns)
        return await self.processes.start(name, Path(sys.executable), *args, netns=netns, place=place, env=env)

    async def run(self, netns: str, *command: str) -> str:
        """Run a command in a namespace and return its output (both streams)."""
        child = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", netns, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await child.communicate()
        return output.decode()


def _networks(name: str) -> list[str]:
    if name in ZONES:
        return [ZONES[name]]
    return [f"{REGIONS[name]}.0/24"] if name in REGIONS else []


@asynccontextmanager
async def running(*loops: Awaitable[None]) -> AsyncIterator[None]:
    """Run realizers while the body runs; an error in one of them is an error of the test."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    body = asyncio.current_task()
    assert body is not None
    for task in tasks:
        task.add_done_callback(lambda done: None if done.cancelled() else body.cancel())
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                traceback.print_exception(outcome)


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until(condition: Callable[[], object], *, timeout: float = 15, what: str = "") -> float:
    """Wait until `condition()` holds and return how long it took in seconds."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    while not condition():
        assert loop.time() - start < timeout, f"not within {timeout} s: {what or inspect.getsource(condition)}"
        await asyncio.sleep(0.01)
    return loop.time() - start


@dataclass(slots=True)
class FakeState:
    """An AwsState of plain lists that remembers what it was told."""

    database_views: list[DatabaseCluster] = field(default_factory=list)
    switches: list[GlobalSwitch] = field(default_factory=list)
    takeovers: list[WriterFailover] = field(default_factory=list)
    file_views: list[FileSystem] = field(default_factory=list)
    replications: list[FileReplication] = field(default_factory=list)
    balancer_views: list[LoadBalancer] = field(default_factory=list)
    groups: list[TargetGroup] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)
    health: dict[tuple[str, str, int], TargetHealth] = field(default_factory=dict)
    lags: dict[str, timedelta | None] = field(default_factory=dict)
    synced: dict[str, datetime] = field(default_factory=dict)
    claimed: dict[tuple[str, str], str] = field(default_factory=dict)

    async def changed(self, timeout: timedelta) -> None:
        """A change is never signalled: realizers must work by looking."""
        await asyncio.sleep(min(timeout.total_seconds(), 0.05))

    def regions(self) -> tuple[str, ...]:
        """Both."""
        return tuple(REGIONS)

    def subnets(self, region: str) -> tuple[Subnet, ...]:
        """One subnet a zone, called subnet-<zone>."""
        return tuple(
            Subnet(region=region, zone=zone, subnet_id=f"subnet-{zone}", vpc_id="vpc", cidr=cidr)
            for zone, cidr in ZONES.items()
            if region_of(zone) == region
        )

    def instances(self, region: str) -> tuple[Instance, ...]:
        """None."""
        return ()

    def clusters(self, region: str) -> tuple[EksCluster, ...]:
        """None."""
        return ()

    def databases(self, region: str) -> tuple[DatabaseCluster, ...]:
        """Those of the Region."""
        return tuple(view for view in self.database_views if view.region == region)

    def global_switches(self) -> tuple[GlobalSwitch, ...]:
        """All."""
        return tuple(self.switches)

    def writer_failovers(self) -> tuple[WriterFailover, ...]:
        """All."""
        return tuple(self.takeovers)

    def writer_lost(self, arn: str, avoid: frozenset[str]) -> None:
        """The first other instance outside `avoid` is to take over."""
        view = next(view for view in self.database_views if view.arn == arn)
        chosen = next((i for i in view.instances if not i.is_writer and i.zone not in avoid), None)
        if chosen and not self.takeovers:
            now = datetime.now(UTC)
            self.takeovers.append(
                WriterFailover(arn=arn, from_instance="", to_instance=chosen.identifier, zone=chosen.zone, asked=now)
            )
            self.told.append(("writer_lost", arn))

    def writer_moved(self, arn: str) -> None:
        """The roles of the instances change."""
        asked = self.takeovers.pop()
        self.told.append(("writer_moved", arn))
        self.database_views = [_moved(view, asked) if view.arn == arn else view for view in self.database_views]

    def writer_stays(self, arn: str) -> None:
        """As before."""
        self.takeovers.pop()
        self.told.append(("writer_stays", arn))

    def file_systems(self, region: str) -> tuple[FileSystem, ...]:
        """Those of the Region."""
        return tuple(view for view in self.file_views if view.region == region)

    def file_replications(self) -> tuple[FileReplication, ...]:
        """All."""
        return tuple(self.replications)

    def load_balancers(self, region: str) -> tuple[LoadBalancer, ...]:
        """Those of the Region."""
        return tuple(view for view in self.balancer_views if view.region == region)

    def target_groups(self, region: str) -> tuple[TargetGroup, ...]:
        """Those whose ARN names the Region."""
        return tuple(group for group in self.groups if f":{region}:" in group.arn)

    def cluster_ready(self, region: str, name: str, *, ca_data: str, authority: str = "") -> None:
        """Remember it."""
        self.told.append(("cluster_ready", region, name))

    def instance_gone(self, region: str, instance_id: str) -> None:
        """Remember it."""
        self.told.append(("instance_gone", instance_id))

    def database_ready(self, arn: str) -> None:
        """Remember it."""
        self.told.append(("database_ready", arn))

    def database_lag(self, arn: str, lag: timedelta | None) -> None:
        """Keep the last."""
        self.lags[arn] = lag

    def switch_done(self, global_cluster: str) -> None:
        """Flip the roles, as the emulated RDS does."""
        switch = next(s for s in self.switches if s.global_cluster == global_cluster)
        self.switches.remove(switch)
        self.told.append(("switch_done", global_cluster))
        self.database_views = [_flipped(view, switch.to_arn) for view in self.database_views]

    def switch_failed(self, global_cluster: str, why: str) -> None:
        """Roles stay."""
        self.switches = [s for s in self.switches if s.global_cluster != global_cluster]
        self.told.append(("switch_failed", global_cluster, why))

    def replication_synced(self, source_id: str, at: datetime) -> None:
        """Keep the last."""
        self.synced[source_id] = at

    def replication_deleted(self, source_id: str) -> None:
        """The configuration is gone."""
        self.replications = [r for r in self.replications if r.source_id != source_id]
        self.told.append(("replication_deleted", source_id))

    def balancer_ready(self, arn: str) -> None:
        """Remember it."""
        self.told.append(("balancer_ready", arn))

    def target_health(self, group_arn: str, address: str, port: int, health: TargetHealth) -> None:
        """Keep the last."""
        self.health[group_arn, address, port] = health

    def claim_address(self, region: str, subnet_id: str, purpose: str) -> str:
        """The next address of the subnet, from .10 up."""
        key = (subnet_id, purpose)
        if key not in self.claimed:
            net = ZONES[subnet_id.removeprefix("subnet-")].rsplit(".", 1)[0]
            self.claimed[key] = f"{net}.{10 + sum(known[0] == subnet_id for known in self.claimed)}"
        return self.claimed[key]


def _flipped(view: DatabaseCluster, writer: str) -> DatabaseCluster:
    return replace(view, is_writer=view.arn == writer, replicates_from=None if view.arn == writer else writer)


def _moved(view: DatabaseCluster, asked: WriterFailover) -> DatabaseCluster:
    instances = tuple(replace(each, is_writer=each.identifier == asked.to_instance) for each in view.instances)
    return replace(view, zone=asked.zone, instances=instances)
