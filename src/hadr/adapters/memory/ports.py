"""The engine's ports over a `World`. Each method is one call: it takes time, may be refused, and changes the world at most once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hadr.core.errors import Gone, Indefinite, Rejected
from hadr.core.placement import Balancer, Instances, Placed
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
    from hadr.adapters.memory.world import Side, World


NO_ZONES = "this world has Regions and no zones; a ZoneWorld has"


class MemoryCompute:
    """Clusters of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, member: Member) -> ComputeState:
        world = self._world
        with world.call("compute", member):
            side = world.sides[member.name]
            running = world.passed(world.pods_since(member))
            available = world.passed(world.available_since(member))
            wanted = sum(side.replicas.values())
            return ComputeState(
                capacity_desired=side.capacity,
                capacity_ready=side.capacity if world.passed(world.ready_since(member)) else 0,
                nodes_ready=2 if world.passed(side.nodes_at) else 0,
                pods_wanted=wanted,
                pods_running=wanted if running else 0,
                deployments=tuple(
                    DeploymentState(name=name, desired=count, available=count if available else 0)
                    for name, count in side.replicas.items()
                ),
            )

    def start(self, member: Member) -> str:
        with self._world.call("start", member, changes=True):
            side, now = self._world.sides[member.name], self._world.clock.now()
            if side.capacity != member.capacity.replicas:
                side.capacity, side.capacity_at = member.capacity.replicas, now
            asleep = [name for name, count in side.replicas.items() if count == 0]
            for name in asleep:
                side.replicas[name], side.replicas_at = member.workload.deployments[name], now
        return f"{member.capacity.deployment} to {member.capacity.replicas}"

    def stop(self, member: Member) -> str:
        with self._world.call("stop", member, changes=True):
            side = self._world.sides[member.name]
            side.capacity, side.replicas = 0, dict.fromkeys(side.replicas, 0)
        return "everything to 0"

    def quiesce(self, member: Member) -> str:
        with self._world.call("quiesce", member, changes=True):
            side = self._world.sides[member.name]
            side.replicas = dict.fromkeys(side.replicas, 0)
        return "workload to 0"

    def placed(self, member: Member) -> Placed:
        raise Gone(NO_ZONES)

    def close(self, member: Member, zone: str) -> str:
        raise Gone(NO_ZONES)

    def open(self, member: Member, zone: str) -> str:
        raise Gone(NO_ZONES)

    def evict(self, member: Member, pods: Sequence[str]) -> str:
        raise Gone(NO_ZONES)

    def cordon(self, member: Member, node: str) -> str:
        raise Gone(NO_ZONES)

    def scale(self, member: Member, replicas: Mapping[str, int], *, only_up: bool) -> str:
        with self._world.call("scale", member, changes=True):
            side = self._world.sides[member.name]
            for name, wanted in replicas.items():
                side.replicas[name] = max(side.replicas[name], wanted) if only_up else wanted
        return f"scaled to {dict(replicas)}"


class MemoryDatabase:
    """The global database of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, member: Member) -> DatabaseState:
        world = self._world
        with world.call("database", member):
            return DatabaseState(
                writer=world.writer,
                status="failing-over" if world.switching_to else "available",
                switching_to=world.switching_to,
                cluster_status="available",
                instances=1,
                unsynced="" if world.writer == member.name else world.unsynced,
            )

    def lag(self, member: Member) -> Lag:
        world = self._world
        with world.call("lag", member):
            if world.lag is None:
                raise Gone(f"no replication lag was measured for {member.database}")
            return Lag(value=world.lag, measured=world.clock.now() - timedelta(seconds=30))

    def promote(self, member: Member) -> str:
        world = self._world
        with world.call("promote", member, changes=True):
            if world.switching_to is not None or world.writer == member.name:
                raise Rejected(f"{world.site.global_database} is not in a state in which {member.database} can be promoted")
            world.promotions.append((world.clock.now(), member.name))
            world.switching_to = member.name
            world.switching_until = world.clock.now() + world.delays.promote
        return f"failing over to {member.database}"

    def switch_over(self, member: Member, *, away: Member) -> str:
        world = self._world
        with world.call("switch_over", away, changes=True):
            if world.switching_to is not None or world.writer != away.name or world.sides[member.name].lost:
                raise Rejected(f"{world.site.global_database} is not in a state in which {member.database} can become the writer")
            if any(world.sides[away.name].replicas.values()):
                world.harmed.append(f"{away.name} still wrote when the writer moved to {member.name}")
            world.switching_to = member.name
            world.switching_until = world.clock.now() + world.delays.promote
        return f"switching over to {member.database}"

    def instances(self, member: Member) -> Instances:
        raise Gone(NO_ZONES)

    def move_writer(self, member: Member, *, instance: str) -> str:
        raise Gone(NO_ZONES)


class MemoryFiles:
    """File systems of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, member: Member) -> FilesState:
        world = self._world
        with world.call("files", member):
            side = world.sides[member.name]
            source = world.site.other(member.name) if side.role is FilesRole.DESTINATION else member
            if side.role is FilesRole.ALONE:
                return FilesState(role=side.role)
            return FilesState(role=side.role, status=self._status(side), source=source.files, synced=self._synced(side))

    def _status(self, side: Side) -> str:
        if side.deleting_until is not None:
            return "DELETING"
        if not self._world.whole():
            return "ERROR"
        return "ENABLED" if self._world.passed(side.files_at, self._world.delays.enable_files) else "ENABLING"

    def _synced(self, side: Side) -> datetime | None:
        """The last round that is through: nothing for a replication that is younger, or that has lost its other side."""
        lost = [other.lost for other in self._world.sides.values() if other.lost is not None]
        now = min([self._world.clock.now(), *lost])
        synced = now - self._world.delays.sync
        return synced if synced >= side.files_at else None

    def break_replication(self, member: Member, *, source: str, local_only: bool) -> str:
        world = self._world
        with world.call("break_replication", member, changes=True):
            side, other = world.sides[member.name], world.sides[world.site.other(member.name).name]
            if side.role is FilesRole.ALONE:
                raise Gone(f"no replication from {source} is known of {member.files}")
            if not local_only and other.lost is not None:
                raise Rejected(f"the other side of {source} cannot be reached")
            until = world.clock.now() + world.delays.break_files
            if side.role is FilesRole.SOURCE and world.whole():
                world.harmed.append(f"a replication from {source} that worked was deleted")
            for one in (side,) if local_only else (side, other):
                if one.role is not FilesRole.ALONE:
                    one.deleting_until = one.deleting_until or until
        return f"deleting replication from {source}"

    def protection(self, member: Member) -> Protection:
        world = self._world
        with world.call("protection", member):
            side = world.sides[member.name]
            if side.role is FilesRole.DESTINATION:
                return Protection.REPLICATING
            return Protection.ON if side.protected else Protection.OFF

    def allow_overwrite(self, member: Member) -> str:
        with self._world.call("allow_overwrite", member, changes=True):
            if self._world.sides[member.name].role is FilesRole.DESTINATION:
                raise Rejected(f"{member.files} is a destination")
            self._world.sides[member.name].protected = False
        return f"{member.files} may be overwritten"

    def replicate(self, member: Member, *, origin: Member) -> str:
        world = self._world
        with world.call("replicate", origin, changes=True):
            side, other = world.sides[member.name], world.sides[origin.name]
            if FilesRole.ALONE is not side.role or FilesRole.ALONE is not other.role or side.protected or side.lost:
                raise Rejected(f"{member.files} cannot be a destination of {origin.files}")
            if world.writer == member.name:
                world.harmed.append(f"files of the writer {member.name} were overwritten")
            side.role, other.role = FilesRole.DESTINATION, FilesRole.SOURCE
            side.files_at = other.files_at = world.clock.now()
        return f"replicating {origin.files} to {member.files}"

    def mounts(self, member: Member) -> Mapping[str, str]:
        raise Gone(NO_ZONES)


class MemoryTraffic:
    """Targets, switches and DNS weights of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def targets(self, member: Member) -> TargetsState:
        world = self._world
        with world.call("targets", member):
            total = sum(world.sides[member.name].replicas.values()) if world.passed(world.pods_since(member)) else 0
            return TargetsState(healthy=total if world.found(member) else 0, total=total)

    def declared(self, member: Member) -> bool:
        with self._world.call("declared", member):
            return self._world.sides[member.name].declared_at is not None

    def weights(self) -> Mapping[str, int]:
        with self._world.call("weights", None):
            return {name: side.weight for name, side in self._world.sides.items()}

    def declare(self, member: Member, *, run: str) -> str:
        with self._world.call("declare", member, changes=True):
            side = self._world.sides[member.name]
            side.declared_at = side.declared_at or self._world.clock.now()
        return f"{member.name} declared active by {run}"

    def withdraw(self, member: Member) -> str:
        with self._world.call("withdraw", member, changes=True):
            self._world.sides[member.name].declared_at = None
        return f"{member.name} no longer declared active"

    def try_switch(self, member: Member) -> str:
        with self._world.call("try_switch", member):
            return f"wrote and removed a trial object for {member.name}"

    def check(self, member: Member) -> HealthCheck | None:
        with self._world.call("check", None):
            return self._world.checks[member.name]

    def give_all_weight(self, member: Member, *, run: str) -> str:
        with self._world.call("give_all_weight", None, changes=True):
            if self._world.sides[member.name].weight != 100:
                self._world.weights_at = self._world.clock.now()
            for name, side in self._world.sides.items():
                side.weight = 100 if name == member.name else 0
        return f"{member.name} has all weight by {run}"

    def set_weights(self, weights: Mapping[str, int], *, run: str) -> str:
        with self._world.call("set_weights", None, changes=True):
            for name, side in self._world.sides.items():
                side.weight = weights[name]
            self._world.weighed.append(dict(weights))
        return f"weights {dict(weights)} by {run}"

    def balancer(self, member: Member) -> Balancer:
        raise Gone(NO_ZONES)

    def leave_zone(self, member: Member, *, zone_id: str, expires: timedelta, run: str) -> str:
        raise Gone(NO_ZONES)

    def return_to_zone(self, member: Member, *, zone_id: str) -> str:
        raise Gone(NO_ZONES)


class MemoryProbe:
    """A client of the world. DNS and load balancers are data planes: they work while control planes are lost."""

    def __init__(self, world: World) -> None:
        self._world = world

    def resolve(self, host: str) -> frozenset[str]:
        world = self._world
        world.clock.spend(world.delays.call)
        world.settle()
        if host == world.site.traffic.host:
            return self._addresses(world.answered_by())
        for member in world.site.members:
            if host == member.balancer:
                return self._addresses(member)
        raise Gone(f"{host} has no address")

    def _addresses(self, member: Member) -> frozenset[str]:
        number = self._world.site.members.index(member)
        return frozenset(f"192.0.{number}.{host}" for host in (1, 2))

    def ready(self, host: str) -> Answer:
        world = self._world
        world.settle()
        failure = world.take_failure("ready")
        if failure is not None:
            raise failure
        member = next((m for m in world.site.members if m.balancer == host), None) or world.answered_by()
        if world.sides[member.name].lost:
            world.clock.spend(world.delays.silence)
            return Answer(status=None, detail="timed out")
        took = world.delays.call + world.sides[member.name].slower + (world.hiccups.pop(0) if world.hiccups else timedelta(0))
        world.clock.spend(took)
        return Answer(status=200, took=took) if world.healthy(member) else Answer(status=503, detail="no healthy target", took=took)

    def write_through(self, *, key: str) -> str:
        world = self._world
        world.settle()
        answer = self.ready(world.site.traffic.host)
        failure = world.take_failure("write_through")
        if failure is not None:
            raise failure
        if answer.status is None:
            raise Indefinite(f"writing through {world.site.traffic.host}: {answer.detail}")
        if not answer.ok:
            raise Rejected(f"writing through {world.site.traffic.host}: {answer}")
        world.written.add(key)
        return f"wrote, read back and removed {key}"
