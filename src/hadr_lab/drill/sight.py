"""What a drill sees of the platform from time to time: pods and targets by zone. What can be concluded from it is pure.

Clients judge the service; this tells what stands behind it: whether the workload was spread, when it was whole again without the
harmed zone, when the balancer had let go of what was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of the workload. `zone` is empty while it is bound to no node; it counts as `ready` only on a node that is."""

    member: str
    workload: str
    zone: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the workload, which Karpenter made: its instance type is its `kind`."""

    member: str
    zone: str
    kind: str
    ready: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target of a load balancer and what its health check says of it."""

    zone: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything at one moment (seconds since the epoch). `unseen` names members whose API server did not answer.

    `weights` are the members' DNS weights as Route 53's API has them; name servers answer by them once they have propagated.
    """

    at: float
    pods: tuple[Pod, ...] = ()
    nodes: tuple[Node, ...] = ()
    targets: tuple[Target, ...] = ()
    unseen: tuple[str, ...] = ()
    weights: Mapping[str, int] = field(default_factory=dict)


def spread(sight: Sight) -> Mapping[str, tuple[str, ...]]:
    """The zones in which each workload (member/name) has a ready pod."""
    found: dict[str, set[str]] = {}
    for pod in sight.pods:
        if pod.ready and pod.zone:
            found.setdefault(f"{pod.member}/{pod.workload}", set()).add(pod.zone)
    return {name: tuple(sorted(zones)) for name, zones in sorted(found.items())}


def ready(sight: Sight, *, without: Collection[str] = ()) -> Counter[str]:
    """How many ready pods each workload (member/name) has outside the zones `without`."""
    return Counter(f"{pod.member}/{pod.workload}" for pod in sight.pods if pod.ready and pod.zone not in without)


def refilled(sights: Sequence[Sight], before: Sight, *, harmed: Collection[str], onset: float) -> float | None:
    """The first moment after the onset from which on every workload had as many ready pods as before outside the harmed zones."""
    wanted = ready(before)
    return _since(sights, lambda sight: not sight.unseen and not wanted - ready(sight, without=harmed), onset)


def whole(sights: Iterable[Sight], wanted: Mapping[str, int], *, harmed: Collection[str]) -> float | None:
    """When all members together first had the `wanted` ready pods outside the harmed zones.

    That they are not ready for a while later is no lack of pods: they wait for the database like everybody.
    """

    def holds(sight: Sight) -> bool:
        there = Counter(pod.workload for pod in sight.pods if pod.ready and pod.zone not in harmed)
        return all(there[name] >= count for name, count in wanted.items())

    return next((sight.at for sight in sights if holds(sight)), None)


def machines(sight: Sight) -> dict[str, dict[str, int]]:
    """How many ready nodes of each instance type each member has for its workload."""
    found: dict[str, Counter[str]] = {}
    for node in sight.nodes:
        if node.ready:
            found.setdefault(node.member, Counter())[node.kind] += 1
    return {member: dict(sorted(kinds.items())) for member, kinds in sorted(found.items())}


def let_go(sights: Sequence[Sight], *, harmed: Collection[str], onset: float) -> float | None:
    """The first moment after the onset from which on no target in a harmed zone counted as healthy."""

    def holds(sight: Sight) -> bool:
        return not any(target.state == "healthy" and target.zone in harmed for target in sight.targets)

    return _since(sights, holds, onset)


def _since(sights: Iterable[Sight], holds: Callable[[Sight], bool], onset: float) -> float | None:
    first: float | None = None
    for sight in sights:
        if sight.at < onset:
            continue
        if not holds(sight):
            first = None
        elif first is None:
            first = sight.at
    return first
