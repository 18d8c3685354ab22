"""The engine's ports over a `ZoneWorld`. Each method is one call: it takes time, may be refused, changes the world at most once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from hadr.core.errors import Gone, Rejected, Throttled
from hadr.core.placement import Balancer, Instances, InstanceState, NodeState, Placed, PodState, PoolState, ZonalShift
from hadr.core.site import Member
from hadr.core.view import (
    Answer,
    ComputeState,
    DatabaseState,
    DeploymentState,
    FilesRole,
    FilesState,
    HealthCheck,
    Lag,
    Protection,
    TargetsState,
)

if TYPE_CHECKING:
    from hadr.adapters.memory.zone_world import Cluster, Machine, Process, ZoneWorld

ALONE = "a site in one Region has no second one"


class ZoneCompute:
    """Clusters of the world."""

    def __init__(self, world: ZoneWorld) -> None:
        self._world = world

    def _cluster(self, member: Member) -> Cluster:
        return self._world.clusters[member.name]

    def observe(self, member: Member) -> ComputeState:
        with self._world.call("compute", member):
            cluster = self._cluster(member)
            ready = [one for one in cluster.processes if self._world.ready(one)]
            return ComputeState(
                capacity_desired=member.capacity.replicas,
                capacity_ready=len(cluster.maker_zones - set(self._world.lost)),
                nodes_ready=sum(self._node_ready(machine) for machine in cluster.machines),
                pods_wanted=sum(cluster.replicas.values()),
                pods_running=len(ready),
                deployments=tuple(
                    DeploymentState(name=name, desired=count, available=sum(one.deployment == name for one in ready))
                    for name, count in cluster.replicas.items()
                ),
            )

    def _node_ready(self, machine: Machine) -> bool:
        return machine.zone not in self._world.lost and self._world.clock.now() >= machine.ready_at

    def placed(self, member: Member) -> Placed:
        with self._world.call("placed", member):
            cluster = self._cluster(member)
            return Placed(
                nodes=tuple(
                    NodeState(name=m.name, zone=m.zone, ready=self._node_ready(m), cordoned=m.cordoned, left=m.marked)
                    for m in cluster.machines
                ),
                pods=tuple(self._pod(one) for one in cluster.processes),
                pools=(PoolState(name="service", closed=frozenset(cluster.kept_out), left=frozenset(cluster.kept_out)),),
                wanted=dict(cluster.replicas),
                makers=tuple(
                    PodState(name=f"maker-{zone}", deployment="karpenter", zone=zone, node="", ready=zone not in self._world.lost)
                    for zone in sorted(cluster.maker_zones)
                ),
            )

    def _pod(self, one: Process) -> PodState:
        return PodState(
            name=one.name,
            deployment=one.deployment,
            zone=one.machine.zone,
            node=one.machine.name,
            ready=self._world.ready(one),
            leaving=one.gone_at is not None,
        )

    def close(self, member: Member, zone: str) -> str:
        with self._world.call("close", member, changes=True):
            cluster = self._cluster(member)
            cluster.kept_out.add(zone)
            for machine in cluster.machines:
                if machine.zone == zone and not machine.cordoned:
                    machine.cordoned = machine.marked = True
        return f"{zone} closed"

    def open(self, member: Member, zone: str) -> str:
        with self._world.call("open", member, changes=True):
            cluster = self._cluster(member)
            cluster.kept_out.discard(zone)
            for machine in cluster.machines:
                if machine.zone == zone and machine.marked:
                    machine.cordoned = machine.marked = False
        return f"{zone} opened"

    def evict(self, member: Member, pods: Sequence[str]) -> str:
        """At most one pod of each Deployment may be missing, as the budgets say."""
        world, gone = self._world, 0
        with world.call("evict", member, changes=True):
            for name in pods:
                one = next((p for p in self._cluster(member).processes if p.name == name and p.gone_at is None), None)
                if one is None:
                    continue
                ready = sum(p.deployment == one.deployment and world.ready(p) for p in self._cluster(member).processes)
                if not world.ready(one) or ready >= self._cluster(member).replicas[one.deployment]:
                    one.gone_at = world.clock.now() + world.delays.grace
                    gone += 1
            if pods and not gone:
                raise Throttled(f"{len(pods)} pods wait for their disruption budget")
        return f"{gone} pods asked to leave"

    def cordon(self, member: Member, node: str) -> str:
        with self._world.call("cordon", member, changes=True):
            for machine in self._cluster(member).machines:
                machine.cordoned = machine.cordoned or machine.name == node
        return f"{node} cordoned"

    def scale(self, member: Member, replicas: Mapping[str, int], *, only_up: bool) -> str:
        with self._world.call("scale", member, changes=True):
            mine = self._cluster(member).replicas
            for name, wanted in replicas.items():
                mine[name] = max(mine[name], wanted) if only_up else wanted
        return f"scaled to {dict(replicas)}"

    def start(self, member: Member) -> str:
        with self._world.call("start", member, changes=True):
            mine = self._cluster(member).replicas
            for name, count in member.workload.deployments.items():
                mine[name] = mine[name] or count
        return "started"

    def stop(self, member: Member) -> str:
        return self.quiesce(member)

    def quiesce(self, member: Member) -> str:
        with self._world.call("quiesce", member, changes=True):
            mine = self._cluster(member).replicas
            mine.update(dict.fromkeys(mine, 0))
            if self._world.weights.get(member.name, 100):
                self._world.harmed.append(f"{member.name} was emptied while clients were sent to it")
        return "workload to 0"


class ZoneDatabase:
    """One database cluster with instances in several zones."""

    def __init__(self, world: ZoneWorld) -> None:
        self._world = world

    def observe(self, member: Member) -> DatabaseState:
        raise Gone(f"site {self._world.site.name} has no global database: {ALONE}")

    def lag(self, member: Member) -> Lag:
        raise Gone(ALONE)

    def promote(self, member: Member) -> str:
        raise Gone(ALONE)

    def switch_over(self, member: Member, *, away: Member) -> str:
        raise Gone(ALONE)

    def instances(self, member: Member) -> Instances:
        with self._world.call("instances", member):
            world = self._world
            return Instances(
                status="failing-over" if world.moving_to else "available",
                instances=tuple(
                    InstanceState(
                        name=name,
                        zone=zone,
                        status="unreachable" if zone in world.lost else "available",
                        writer=name == world.writer,
                    )
                    for name, zone in world.instances.items()
                ),
            )

    def move_writer(self, member: Member, *, instance: str) -> str:
        world = self._world
        with world.call("move_writer", member, changes=True):
            if world.moving_to or instance == world.writer or instance not in world.instances:
                raise Rejected(f"{member.database} is not in a state in which {instance} can become the writer")
            world.moving_to, world.moving_until = instance, world.clock.now() + world.delays.failover
        return f"failing over to {instance}"


class ZoneFiles:
    """One file system with a mount target in each zone."""

    def __init__(self, world: ZoneWorld) -> None:
        self._world = world

    def observe(self, member: Member) -> FilesState:
        with self._world.call("files", member):
            return FilesState(role=FilesRole.ALONE)

    def mounts(self, member: Member) -> Mapping[str, str]:
        with self._world.call("mounts", member):
            return dict.fromkeys(member.zones, "available")

    def protection(self, member: Member) -> Protection:
        return Protection.ON

    def break_replication(self, member: Member, *, source: str, local_only: bool) -> str:
        raise Gone(ALONE)

    def allow_overwrite(self, member: Member) -> str:
        raise Rejected(ALONE)

    def replicate(self, member: Member, *, origin: Member) -> str:
        raise Rejected(ALONE)


class ZoneTraffic:
    """Targets, weights and zonal shifts of the world."""

    def __init__(self, world: ZoneWorld) -> None:
        self._world = world

    def targets(self, member: Member) -> TargetsState:
        with self._world.call("targets", member):
            zones = self._world.healthy(member)
            total = self._world.clusters[member.name].replicas[next(iter(member.workload.deployments))]
            return TargetsState(healthy=sum(zones.values()), total=total, zones=zones)

    def balancer(self, member: Member) -> Balancer:
        with self._world.call("balancer", member):
            shift = self._world.clusters[member.name].shift
            return Balancer(
                addresses={zone: frozenset({address_of(self._world, member, zone)}) for zone in member.zones},
                shifts=() if shift is None else (shift,),
            )

    def leave_zone(self, member: Member, *, zone_id: str, expires: timedelta, run: str) -> str:
        world, cluster = self._world, self._world.clusters[member.name]
        with world.call("leave_zone", member, changes=True):
            if cluster.shift is not None:
                raise Rejected(f"a zonal shift of {member.balancer} holds already")
            zone = next(name for name, known in member.zones.items() if known == zone_id)
            self._judge(member, zone)
            now = world.clock.now()
            comment = f"hadr {run}"
            cluster.shift = ZonalShift(shift_id="shift", zone_id=zone_id, comment=comment, expires=now + expires, ours=True)
            cluster.shifted_at, cluster.unshifted_at = now, None
        return f"shifted away from {zone_id}"

    def _judge(self, member: Member, zone: str) -> None:
        """Traffic leaves a zone that serves only once the others can do without it."""
        elsewhere = sum(count for at, count in self._world.healthy(member).items() if at != zone)
        wanted = self._world.clusters[member.name].replicas[next(iter(member.workload.deployments))]
        if zone not in self._world.lost and elsewhere < wanted:
            self._world.harmed.append(f"{zone} was left with {elsewhere} of {wanted} targets elsewhere")

    def return_to_zone(self, member: Member, *, zone_id: str) -> str:
        cluster = self._world.clusters[member.name]
        with self._world.call("return_to_zone", member, changes=True):
            if cluster.shift is not None and cluster.shift.zone_id == zone_id:
                cluster.shift = cluster.shifted_at = None
        return f"no shift away from {zone_id}"

    def weights(self) -> Mapping[str, int]:
        with self._world.call("weights"):
            return dict(self._world.weights)

    def set_weights(self, weights: Mapping[str, int], *, run: str) -> str:
        with self._world.call("set_weights", changes=True):
            self._world.weights = dict(weights)
            self._world.weighed.append(dict(weights))
        return f"weights {dict(weights)} by {run}"

    def give_all_weight(self, member: Member, *, run: str) -> str:
        return self.set_weights({one.name: 100 if one is member else 0 for one in self._world.site.members}, run=run)

    def declared(self, member: Member) -> bool:
        return False

    def declare(self, member: Member, *, run: str) -> str:
        raise Rejected(f"{member.name} has no switch")

    def withdraw(self, member: Member) -> str:
        return f"{member.name} has no switch"

    def try_switch(self, member: Member) -> str:
        raise Rejected(f"{member.name} has no switch")

    def check(self, member: Member) -> HealthCheck | None:
        with self._world.call("check"):
            return HealthCheck(name=f"{member.name}-ready", host=member.balancer, path=self._world.site.probe.ready)


class ZoneProbe:
    """A client of the world."""

    def __init__(self, world: ZoneWorld) -> None:
        self._world = world

    def resolve(self, host: str) -> frozenset[str]:
        world = self._world
        with world.call("resolve"):
            members = world.answered_by() if host == world.site.traffic.host else self._named(host)
            if not members:
                raise Gone(f"{host} has no address")
            return frozenset(address_of(world, member, zone) for member in members for zone in world.answering(member))

    def _named(self, host: str) -> tuple[Member, ...]:
        return tuple(member for member in self._world.site.members if member.balancer == host)

    def ready(self, host: str) -> Answer:
        world = self._world
        with world.call("ready"):
            members = self._named(host) or world.answered_by()
            well = all(world.serves(member) for member in members)
            slower = max((world.slower.get(member.name, timedelta(0)) for member in members), default=timedelta(0))
            world.clock.spend(slower)
        if not well and host == world.site.traffic.host and not world.lost and not world.failing:
            world.harmed.append(f"{host} did not answer at {world.clock.now():%H:%M:%S}")
        took = world.delays.call + slower
        if world.moving_to:
            return Answer(status=503, detail="database: no writer", took=took)
        return Answer(status=200, took=took) if well else Answer(status=503, detail="no healthy target", took=took)

    def write_through(self, *, key: str) -> str:
        if not self.ready(self._world.site.traffic.host).ok:
            raise Rejected("writing: no healthy target")
        self._world.written.add(key)
        return f"wrote, read back and removed {key}"


def address_of(world: ZoneWorld, member: Member, zone: str) -> str:
    """The address of the member's balancer node in a zone."""
    return f"192.0.{world.site.members.index(member)}.{list(member.zones).index(zone) + 1}"
