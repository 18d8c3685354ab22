"""An in-memory Region with zones: nodes, pods, budgets, a node maker, a database writer, balancers that answer by zone.

It follows the rules that matter for leaving a zone: an evicted pod is replaced before the next may go, a pod that fits nowhere gets
a node in the emptiest zone that is open, a shifted balancer stops answering with the zone's address. `harmed` tells what never
should have been: clients without an answer, or traffic taken away before the capacity was there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hadr.adapters.memory.clock import VirtualClock, VirtualWorkers
from hadr.adapters.memory.failures import Failures
from hadr.adapters.memory.zone_ports import ZoneCompute, ZoneDatabase, ZoneFiles, ZoneProbe, ZoneTraffic
from hadr.core.errors import CallError
from hadr.core.placement import ZonalShift
from hadr.core.site import Member, Site
from hadr.ports import Ports

PER_NODE = 4
LONG_AGO = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDelays:
    """How long things take; the defaults are AWS's."""

    call: timedelta = timedelta(seconds=0.1)
    node_boot: timedelta = timedelta(seconds=60)
    pod_ready: timedelta = timedelta(seconds=15)
    grace: timedelta = timedelta(seconds=15)
    tolerated: timedelta = timedelta(seconds=70)
    failover: timedelta = timedelta(seconds=20)
    dns: timedelta = timedelta(seconds=60)
    health_check: timedelta = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True)
class Machine:
    """A node. `marked`: hadr cordoned it because its zone is left."""

    name: str
    zone: str
    ready_at: datetime
    cordoned: bool = False
    marked: bool = False


@dataclass(slots=True, kw_only=True)
class Process:
    """A pod on its node, ready from a moment on; `gone_at` once it was asked to leave."""

    name: str
    deployment: str
    machine: Machine
    ready_at: datetime
    gone_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One member's cluster."""

    replicas: dict[str, int]
    machines: list[Machine] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    kept_out: set[str] = field(default_factory=set)
    maker_zones: set[str] = field(default_factory=set)
    shift: ZonalShift | None = None
    shifted_at: datetime | None = None
    unshifted_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class ZoneWorld:
    """A site in one Region, seen by `ports()`. `instances` are database instances by zone, `slower` by member how much
    longer its answers take."""

    site: Site
    delays: ZoneDelays = field(default_factory=ZoneDelays)
    clock: VirtualClock = field(default_factory=VirtualClock)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    writer: str = ""
    moving_to: str = ""
    moving_until: datetime | None = None
    weights: dict[str, int] = field(default_factory=dict)
    lost: dict[str, datetime] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    slower: dict[str, timedelta] = field(default_factory=dict)
    asked: list[tuple[datetime, str, str]] = field(default_factory=list)
    weighed: list[dict[str, int]] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    harmed: list[str] = field(default_factory=list)
    failures: Failures = field(default_factory=Failures)
    _made: int = 0

    def __post_init__(self) -> None:
        zones = self.site.zones
        self.instances = self.instances or {f"db-{number}": zone for number, zone in enumerate(zones[:2])}
        self.writer = self.writer or next(iter(self.instances))
        for member in self.site.members:
            cluster = self.clusters[member.name] = Cluster(replicas=dict(member.workload.deployments))
            cluster.maker_zones = set(zones[:2])
            for zone in self._living(member) * (3 if member.workload.zone else 1):
                cluster.machines.append(self._machine(zone, self.clock.now() - LONG_AGO))
            self._fill(member, self.clock.now() - LONG_AGO)
            if len(self.site.members) == 2:
                self.weights[member.name] = 50

    def ports(self) -> Ports:
        """This world behind the engine's ports."""
        return Ports(
            clock=self.clock,
            workers=VirtualWorkers(self.clock),
            compute=ZoneCompute(self),
            database=ZoneDatabase(self),
            files=ZoneFiles(self),
            traffic=ZoneTraffic(self),
            probe=ZoneProbe(self),
        )

    def lose(self, zone: str) -> None:
        """The zone falls silent; the database promotes an instance elsewhere by itself."""
        self.settle()
        self.lost[zone] = self.clock.now()
        if self.instances[self.writer] == zone:
            other = next((name for name, at in self.instances.items() if at not in self.lost), None)
            if other is not None:
                self.moving_to, self.moving_until = other, self.clock.now() + self.delays.failover

    def restore(self, zone: str) -> None:
        """The zone is there again; its machines are as they were."""
        del self.lost[zone]

    def fail_next(self, operation: str, error: CallError, *, applied: bool = False, times: int = 1) -> None:
        """Let the next `times` calls of `operation` (a port's method name) raise `error`."""
        self.failures.prepare(operation, error, applied=applied, times=times)

    @contextmanager
    def call(self, operation: str, member: Member | None = None, *, changes: bool = False) -> Iterator[None]:
        """One call to the world: takes its time, fails when that was prepared."""
        self.clock.spend(self.delays.call)
        self.settle()
        failure = self.failures.take(operation)
        if failure is not None and not failure.applied:
            raise failure.error
        if changes:
            self.asked.append((self.clock.now(), operation, member.name if member else ""))
        yield
        self.settle()
        if failure is not None:
            raise failure.error

    # --- what happens by itself

    def settle(self) -> None:
        """Let what is due by now be so."""
        now = self.clock.now()
        if self.moving_until is not None and now >= self.moving_until:
            self.writer, self.moving_to, self.moving_until = self.moving_to, "", None
        for member in self.site.members:
            cluster = self.clusters[member.name]
            for one in cluster.processes:
                if one.gone_at is None and self._long_lost(one.machine.zone):
                    one.gone_at = now
            cluster.processes = [one for one in cluster.processes if one.gone_at is None or one.gone_at > now]
            self._fill(member, now)

    def _long_lost(self, zone: str) -> bool:
        return zone in self.lost and self.clock.now() >= self.lost[zone] + self.delays.tolerated

    def _fill(self, member: Member, now: datetime) -> None:
        """As controllers and scheduler do: make what is missing, where there is room and fewest of its kind; end what is beyond."""
        cluster = self.clusters[member.name]
        for deployment, wanted in cluster.replicas.items():
            mine = [one for one in cluster.processes if one.deployment == deployment and one.gone_at is None]
            for extra in mine[wanted:]:
                extra.gone_at = now + self.delays.grace
            for _ in range(wanted - len(mine)):
                machine = self._place(member, deployment, now)
                if machine is None:
                    return
                self._made += 1
                ready = max(now, machine.ready_at) + self.delays.pod_ready
                cluster.processes.append(
                    Process(name=f"{deployment}-{self._made}", deployment=deployment, machine=machine, ready_at=ready)
                )

    def _place(self, member: Member, deployment: str, now: datetime) -> Machine | None:
        cluster = self.clusters[member.name]
        here = [one for one in cluster.processes if one.gone_at is None]
        zones = Counter(one.machine.zone for one in here if one.deployment == deployment)
        nodes = Counter(one.machine.name for one in here)
        open_ones = [m for m in cluster.machines if not m.cordoned and m.zone not in self.lost and nodes[m.name] < PER_NODE]
        if open_ones:
            return min(open_ones, key=lambda m: (zones[m.zone], nodes[m.name], m.name))
        makers = cluster.maker_zones - set(self.lost)
        allowed = [z for z in self._living(member) if z not in cluster.kept_out and z not in self.lost and z not in self.full]
        if not makers or not allowed:
            return None
        counted = Counter(machine.zone for machine in cluster.machines)
        machine = self._machine(min(allowed, key=lambda z: (counted[z], z)), now + self.delays.node_boot)
        cluster.machines.append(machine)
        return machine

    def _machine(self, zone: str, ready_at: datetime) -> Machine:
        self._made += 1
        return Machine(name=f"node-{self._made}", zone=zone, ready_at=ready_at)

    def _living(self, member: Member) -> list[str]:
        return [zone for zone in member.zones if member.lives_in(zone)]

    # --- what is so now

    def ready(self, one: Process) -> bool:
        """Whether a pod serves."""
        return one.gone_at is None and one.machine.zone not in self.lost and self.clock.now() >= one.ready_at

    def healthy(self, member: Member) -> dict[str, int]:
        """Ready pods of the first Deployment (the one behind the balancer) by zone."""
        behind = next(iter(member.workload.deployments))
        return dict(
            Counter(p.machine.zone for p in self.clusters[member.name].processes if p.deployment == behind and self.ready(p))
        )

    def answering(self, member: Member) -> list[str]:
        """The zones with whose address the member's balancer answers: pinned members' only with the one that has targets."""
        cluster, now = self.clusters[member.name], self.clock.now()
        away = set()
        if cluster.shift is not None and cluster.shifted_at is not None and now >= cluster.shifted_at + self.delays.dns:
            away = {zone for zone, zone_id in member.zones.items() if zone_id == cluster.shift.zone_id}
        dead = {zone for zone, at in self.lost.items() if now >= at + self.delays.health_check}
        found = [zone for zone in self._living(member) if zone not in away | dead]
        return found or self._living(member)

    def serves(self, member: Member) -> bool:
        """Whether a client that asks the member's balancer is answered well by every address it is given."""
        if member.name in self.failing or not self.healthy(member):
            return False
        return not any(zone in self.lost for zone in self.answering(member))

    def answered_by(self) -> tuple[Member, ...]:
        """The members that the service's name leads to: weighted ones whose check passes, failing open to all weighted ones."""
        weighted = [m for m in self.site.members if self.weights.get(m.name, 100)]
        return tuple(m for m in weighted if self.serves(m)) or tuple(weighted)
