"""What is where: nodes, pods, database instances, mount targets and balancer nodes by zone, each as its own service tells it.

Values only. A zone that is lost is seen here by what is missing in it: nodes that are not Ready, pods that are not ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """A node for the workload. `cordoned`: nothing new is put there. `left`: hadr cordoned it because its zone is left."""

    name: str
    zone: str
    ready: bool
    cordoned: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PodState:
    """A pod of one of the workload's Deployments, or of the node maker. `zone` is its node's; empty while it has none."""

    name: str
    deployment: str
    zone: str
    node: str
    ready: bool
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """What the node maker may make nodes from. `closed` are zones it is kept out of, `left` those that hadr keeps it out of."""

    name: str
    closed: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A member's cluster by zone. `wanted` are the replicas asked for of each Deployment, `makers` the node maker's pods."""

    nodes: tuple[NodeState, ...]
    pods: tuple[PodState, ...]
    pools: tuple[PoolState, ...] = ()
    wanted: Mapping[str, int] = field(default_factory=dict)
    makers: tuple[PodState, ...] = ()

    def ready_in(self, zone: str) -> tuple[PodState, ...]:
        """The pods that serve from the zone."""
        return tuple(pod for pod in self.pods if pod.zone == zone and pod.ready and not pod.leaving)

    def ready_outside(self, zone: str, deployment: str) -> int:
        """How many pods of a Deployment serve from other zones."""
        return sum(pod.deployment == deployment and pod.zone != zone and pod.ready and not pod.leaving for pod in self.pods)

    def nodes_in(self, zone: str) -> tuple[NodeState, ...]:
        """The nodes of the zone."""
        return tuple(node for node in self.nodes if node.zone == zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """One database instance; `status` is RDS's word."""

    name: str
    zone: str
    status: str
    writer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """The instances of a member's database cluster, and the cluster's own status."""

    status: str
    instances: tuple[InstanceState, ...]

    @property
    def writer(self) -> InstanceState | None:
        """The instance that takes writes; None in a cluster that only follows."""
        return next((one for one in self.instances if one.writer), None)

    def could_write(self, *, outside: str) -> tuple[InstanceState, ...]:
        """Available instances in other zones, by name."""
        found = (one for one in self.instances if one.zone != outside and one.status == "available")
        return tuple(sorted(found, key=lambda one: one.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonalShift:
    """A zonal shift that holds now. `ours`: hadr asked for it."""

    shift_id: str
    zone_id: str
    comment: str
    expires: datetime
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A member's load balancer: the addresses of its node in each zone, and the shifts away from zones that hold now."""

    addresses: Mapping[str, frozenset[str]]
    shifts: tuple[ZonalShift, ...] = ()

    def away_from(self, zone_id: str) -> ZonalShift | None:
        """The shift away from a zone, by its id."""
        return next((shift for shift in self.shifts if shift.zone_id == zone_id), None)
