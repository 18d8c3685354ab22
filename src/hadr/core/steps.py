"""The steps of a failover as data: what each needs, how long it may take, and how it is undone. The plan picks from them.

A step's proof is in `proofs`. Nothing here may name the lost Region as a need, except for fencing, which is best effort:
it may end unknown, and nothing waits for its success.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from hadr.core.actions import Action
from hadr.core.view import Read, What


class StepName(StrEnum):
    """The steps by name, in the order in which people read them."""

    FENCE = "fence"
    PROMOTE = "promote-database"
    BREAK = "break-file-replication"
    CAPACITY = "start-capacity"
    NODES = "nodes-ready"
    WORKLOAD = "workload-ready"
    TARGETS = "targets-healthy"
    MOVE = "move-traffic"
    PROVE = "prove"


class Plane(StrEnum):
    """Whether a step goes through an API that changes things, or only through the path that serves."""

    CONTROL = "control"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What is always true of one step. `requires` must be proven first; `expected` is the estimate, `budget` the limit."""

    summary: str
    requires: tuple[StepName, ...] = ()
    plane: Plane
    needs: tuple[str, ...]
    budget: timedelta
    expected: timedelta
    undo: str
    best_effort: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a plan: a blueprint with its action filled in. `after` steps must only have ended, however they ended."""

    name: StepName
    summary: str
    action: Action | None
    reads: tuple[Read, ...]
    requires: tuple[StepName, ...]
    after: tuple[StepName, ...]
    plane: Plane
    needs: tuple[str, ...]
    regions: tuple[str, ...]
    budget: timedelta
    expected: timedelta
    undo: str
    best_effort: bool


BLUEPRINTS: dict[StepName, Blueprint] = {
    StepName.FENCE: Blueprint(
        summary="stop what can be reached of {source}: its workload and node maker to 0",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {source}",),
        budget=timedelta(seconds=15),
        expected=timedelta(seconds=5),
        undo="scale {source}'s Deployments back",
        best_effort=True,
    ),
    StepName.PROMOTE: Blueprint(
        summary="make {target} the database writer, data loss allowed",
        plane=Plane.CONTROL,
        needs=("RDS in {target_region}",),
        budget=timedelta(minutes=20),
        expected=timedelta(seconds=120),
        undo="switch over to {source} once it is back and in sync",
    ),
    StepName.BREAK: Blueprint(
        summary="end file replication into {target}, which makes its files writable",
        plane=Plane.CONTROL,
        needs=("EFS in {target_region}",),
        budget=timedelta(minutes=15),
        expected=timedelta(seconds=180),
        undo="replicate from {target} to {source} once it is back",
    ),
    StepName.CAPACITY: Blueprint(
        summary="start {target}'s node maker",
        plane=Plane.CONTROL,
        needs=("EKS cluster of {target}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=30),
        undo="scale {target}'s node maker back to 0",
    ),
    StepName.NODES: Blueprint(
        summary="wait for {target}'s service nodes and running pods",
        requires=(StepName.CAPACITY,),
        plane=Plane.DATA,
        needs=("EKS cluster of {target}", "EC2 in {target_region}"),
        budget=timedelta(minutes=10),
        expected=timedelta(seconds=70),
        undo="nothing was changed",
    ),
    StepName.WORKLOAD: Blueprint(
        summary="wait for every Deployment of {target} to be available",
        requires=(StepName.PROMOTE, StepName.BREAK, StepName.NODES),
        plane=Plane.DATA,
        needs=("EKS cluster of {target}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=15),
        undo="nothing was changed",
    ),
    StepName.TARGETS: Blueprint(
        summary="wait for healthy targets and a green readiness answer through {target}'s load balancer",
        requires=(StepName.WORKLOAD,),
        plane=Plane.DATA,
        needs=("ELB in {target_region}",),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=25),
        undo="nothing was changed",
    ),
    StepName.MOVE: Blueprint(
        summary="send clients to {target}",
        requires=(StepName.TARGETS,),
        plane=Plane.DATA,
        needs=(),
        budget=timedelta(minutes=5),
        expected=timedelta(seconds=90),
        undo="",
    ),
    StepName.PROVE: Blueprint(
        summary="write, read back and remove through {host}",
        requires=(StepName.MOVE,),
        plane=Plane.DATA,
        needs=("the service itself",),
        budget=timedelta(minutes=2),
        expected=timedelta(seconds=2),
        undo="removes what it wrote",
    ),
}


def reads_for(name: StepName, *, target: str, source: str, by_switch: bool) -> tuple[Read, ...]:
    """The questions whose answers are this step's proof."""
    match name:
        case StepName.FENCE:
            return (Read(What.COMPUTE, source),)
        case StepName.PROMOTE:
            return (Read(What.DATABASE, target),)
        case StepName.BREAK:
            return (Read(What.FILES, target),)
        case StepName.CAPACITY | StepName.NODES | StepName.WORKLOAD:
            return (Read(What.COMPUTE, target),)
        case StepName.TARGETS:
            return (Read(What.TARGETS, target), Read(What.ENDPOINT, target))
        case StepName.MOVE:
            held = (Read(What.SWITCH, target),) if by_switch else (Read(What.WEIGHTS),)
            return (Read(What.ANSWER), Read(What.ADDRESSES, target), *held)
        case StepName.PROVE:
            return ()
