"""One in-memory world of two members: what AWS and Kubernetes would hold, and how long things take there.

It follows the rules that matter for a failover: a promotion and a broken replication take their time, pods become available only
once their database and files are writable, targets and DNS follow with their checks' delay, a lost Region is silent. It is a model
to drive the engine with, not a copy of AWS: the emulated AWS of the lab is where answers are checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hadr.adapters.memory.clock import VirtualClock, VirtualWorkers
from hadr.adapters.memory.failures import Failures
from hadr.adapters.memory.ports import MemoryCompute, MemoryDatabase, MemoryFiles, MemoryProbe, MemoryTraffic
from hadr.core.errors import CallError, Unreachable
from hadr.core.site import CONTROL_PLANE_REGION, Member, Site
from hadr.core.view import FilesRole, HealthCheck
from hadr.ports import Ports

LONG_AGO = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long things take in this world; the defaults are AWS's."""

    call: timedelta = timedelta(seconds=0.1)
    silence: timedelta = timedelta(seconds=2)
    node_maker: timedelta = timedelta(seconds=15)
    node_boot: timedelta = timedelta(seconds=45)
    image_pull: timedelta = timedelta(seconds=10)
    pod_ready: timedelta = timedelta(seconds=5)
    promote: timedelta = timedelta(seconds=120)
    break_files: timedelta = timedelta(seconds=180)
    enable_files: timedelta = timedelta(seconds=60)
    sync: timedelta = timedelta(seconds=20)
    target_check: timedelta = timedelta(seconds=20)
    health_check: timedelta = timedelta(seconds=30)
    dns_change: timedelta = timedelta(seconds=60)


@dataclass(slots=True, kw_only=True)
class Side:
    """One member's own state. Moments say since when a value holds; None means never. Its answers take `slower` longer."""

    lost: datetime | None = None
    capacity: int = 0
    capacity_at: datetime
    nodes_at: datetime | None = None
    replicas: dict[str, int]
    replicas_at: datetime
    role: FilesRole
    files_at: datetime
    writable_at: datetime
    deleting_until: datetime | None = None
    protected: bool = True
    declared_at: datetime | None = None
    weight: int = 0
    slower: timedelta = timedelta(0)


@dataclass(slots=True, kw_only=True)
class World:
    """Everything there is, seen by `ports()`. `asked` and `promotions` tell what was done to it, `harmed` what never should be.

    `shared`: both members serve, from one database and one file system. `hiccups`: so much longer the next answers to clients
    take, in that order, whoever gives them.
    """

    site: Site
    active: str
    shared: bool = False
    delays: Delays = field(default_factory=Delays)
    clock: VirtualClock = field(default_factory=VirtualClock)
    lag: timedelta | None = timedelta(seconds=0.4)
    unsynced: str = ""
    sides: dict[str, Side] = field(default_factory=dict)
    writer: str = ""
    writer_at: datetime | None = None
    switching_to: str | None = None
    switching_until: datetime | None = None
    weights_at: datetime | None = None
    asked: list[tuple[datetime, str, str]] = field(default_factory=list)
    promotions: list[tuple[datetime, str]] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    harmed: list[str] = field(default_factory=list)
    weighed: list[dict[str, int]] = field(default_factory=list)
    hiccups: list[timedelta] = field(default_factory=list)
    checks: dict[str, HealthCheck | None] = field(default_factory=dict)
    failures: Failures = field(default_factory=Failures)

    def __post_init__(self) -> None:
        long_ago = self.clock.now() - LONG_AGO
        self.writer, self.writer_at, self.weights_at = self.active, long_ago, long_ago
        for member in self.site.members:
            serves = self.shared or member.name == self.active
            self.checks[member.name] = sound_check(self.site, member)
            self.sides[member.name] = Side(
                capacity=member.capacity.replicas if serves else 0,
                capacity_at=long_ago,
                nodes_at=long_ago if serves else None,
                replicas=dict(member.workload.deployments),
                replicas_at=long_ago,
                role=FilesRole.SOURCE if serves else FilesRole.DESTINATION,
                files_at=long_ago,
                writable_at=long_ago,
                weight=(50 if self.shared else 100) if serves else 0,
            )

    def ports(self) -> Ports:
        """This world behind the engine's ports."""
        return Ports(
            clock=self.clock,
            workers=VirtualWorkers(self.clock),
            compute=MemoryCompute(self),
            database=MemoryDatabase(self),
            files=MemoryFiles(self),
            traffic=MemoryTraffic(self),
            probe=MemoryProbe(self),
        )

    def lose(self, member: str) -> None:
        """The member's Region falls silent."""
        self.sides[member].lost = self.sides[member].lost or self.clock.now()

    def restore(self, member: str) -> None:
        """The member's Region answers again, in the state in which it was lost."""
        self.sides[member].lost = None

    def fail_next(self, operation: str, error: CallError, *, applied: bool = False, times: int = 1) -> None:
        """Let the next `times` calls of `operation` (a port's method name) raise `error`."""
        self.failures.prepare(operation, error, applied=applied, times=times)

    @contextmanager
    def call(self, operation: str, member: Member | None, *, changes: bool = False) -> Iterator[None]:
        """One call to the world: takes its time, is refused when its Region is lost, fails when that was prepared."""
        region = CONTROL_PLANE_REGION if member is None else member.region
        if any(m.region == region and self.sides[m.name].lost for m in self.site.members):
            self.clock.spend(self.delays.silence)
            raise Unreachable(f"{operation} in {region}: no connection within {self.delays.silence.total_seconds():.0f} s")
        self.clock.spend(self.delays.call)
        self.settle()
        failure = self.failures.take(operation)
        if failure is not None and not failure.applied:
            raise failure.error
        if changes:
            self.asked.append((self.clock.now(), operation, "" if member is None else member.name))
        yield
        if failure is not None:
            raise failure.error

    def take_failure(self, operation: str) -> CallError | None:
        """The prepared failure of a call that has no Region of its own."""
        failure = self.failures.take(operation)
        return None if failure is None else failure.error

    def settle(self) -> None:
        """Let what was asked for and is due by now be so."""
        now = self.clock.now()
        if self.switching_until is not None and now >= self.switching_until:
            self.writer, self.writer_at = self.switching_to or self.writer, self.switching_until
            self.switching_to = self.switching_until = None
        for side in self.sides.values():
            if side.deleting_until is not None and now >= side.deleting_until:
                side.role, side.files_at, side.deleting_until = FilesRole.ALONE, side.deleting_until, None
                side.protected, side.writable_at = True, side.files_at

    def whole(self) -> bool:
        """Whether both sides know of the file replication, so that it works."""
        return {side.role for side in self.sides.values()} == {FilesRole.SOURCE, FilesRole.DESTINATION}

    def ready_since(self, member: Member) -> datetime | None:
        """Since (or from) when the member's node maker is ready; None when it is at 0."""
        side = self.sides[member.name]
        return side.capacity_at + self.delays.node_maker if side.capacity else None

    def pods_since(self, member: Member) -> datetime | None:
        """Since (or from) when its pods run: on nodes that are there, or that the node maker will make."""
        side = self.sides[member.name]
        if not any(side.replicas.values()):
            return None
        if side.nodes_at is None:
            ready = self.ready_since(member)
            if ready is None:
                return None
            side.nodes_at = ready + self.delays.node_boot
        return max(side.nodes_at + self.delays.image_pull, side.replicas_at)

    def available_since(self, member: Member) -> datetime | None:
        """Since (or from) when its pods can serve reads and writes."""
        side, pods = self.sides[member.name], self.pods_since(member)
        if self.shared:
            return None if pods is None else pods + self.delays.pod_ready
        if pods is None or self.writer != member.name or side.role is FilesRole.DESTINATION or self.writer_at is None:
            return None
        return max(pods, self.writer_at, side.writable_at) + self.delays.pod_ready

    def healthy(self, member: Member) -> bool:
        """Whether it answers clients, reads and writes, now."""
        return self.passed(self.available_since(member), self.delays.target_check)

    def found(self, member: Member) -> bool:
        """Whether its balancer finds its pods: it asks for what is theirs alone, not for the database that all share."""
        pods = self.pods_since(member)
        return pods is not None and self.passed(pods + self.delays.pod_ready, self.delays.target_check)

    def passed(self, since: datetime | None, delay: timedelta = timedelta(0)) -> bool:
        """Whether `delay` has gone by after `since`."""
        return since is not None and self.clock.now() >= since + delay

    def answered_by(self) -> Member:
        """The member that DNS names: weights and health checks, failing open to the weighted when none is healthy."""
        weight = {member.name: self.sides[member.name].weight for member in self.site.members}
        if not self.passed(self.weights_at, self.delays.dns_change):
            weight = {name: 100 - value for name, value in weight.items()}
        healthy = [member for member in self.site.members if self._record_healthy(member)]
        for group in (healthy, list(self.site.members)):
            ranked = sorted(group, key=lambda member: -weight[member.name])
            if ranked:
                return ranked[0]
        raise AssertionError("a site has members")

    def _record_healthy(self, member: Member) -> bool:
        other = self.sides[self.site.other(member.name).name]
        side = self.sides[member.name]
        if other.lost is None and self.passed(other.declared_at, self.delays.health_check):
            return False
        if side.lost is not None:
            return not self.passed(side.lost, self.delays.health_check)
        return self.passed(self.available_since(member), self.delays.target_check + self.delays.health_check)


def sound_check(site: Site, member: Member) -> HealthCheck:
    """The member's endpoint is ready, and nobody has declared the other member active."""
    ready = HealthCheck(name=f"{member.name}-ready", host=member.balancer, path=site.probe.ready)
    switch = site.other(member.name).switch
    if switch is None:
        return ready
    host = f"{switch.bucket}.s3.{switch.region}.amazonaws.com"
    away = HealthCheck(name=f"{member.name}-not-declared-away", host=host, path=f"/{switch.key}", inverted=True)
    return HealthCheck(name=f"{member.name}-serves", calculated=True, threshold=2, children=(ready, away))
