"""The steps by name, the form of one, and the questions whose answers are its proof.

What each needs and how long it takes is in `blueprints`, which verb takes which in `runbooks`, its proof in `proofs`.
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
    FREE_SOURCE = "free-source-files"
    FREE_TARGET = "free-target-files"
    LIFT = "lift-overwrite-protection"
    REPLICATE = "replicate-files"
    FIRST_SYNC = "files-in-sync"
    LAG = "database-replicating"
    FOUND = "pods-found"
    QUIESCE = "stop-writes"
    CATCH_UP = "files-caught-up"
    SWITCH = "switch-database-over"
    SWITCHED = "database-switched"
    FREE_OLD = "free-old-files"
    LIFT_OLD = "lift-old-protection"
    REVERSE = "reverse-file-replication"
    CLOSE = "close-zone"
    REPLACE = "replace-pods"
    WRITER_OUT = "move-writer"
    SHIFT_OUT = "leave-zone"
    GROW = "grow-other"
    MOVE_OUT = "move-weights"
    EMPTY = "empty-member"
    OPEN = "open-zone"
    SPREAD = "spread-pods"
    SHIFT_BACK = "return-to-zone"
    MOVE_BACK = "return-weights"
    SHRINK = "shrink-other"


class Plane(StrEnum):
    """Whether a step goes through an API that changes things, or only through the path that serves."""

    CONTROL = "control"
    DATA = "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """What is always true of one step. `expected` is the estimate, `budget` the limit."""

    summary: str
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


def reads_for(name: StepName, *, target: str, source: str, by_switch: bool) -> tuple[Read, ...]:
    """The questions whose answers are this step's proof."""
    match name:
        case StepName.FENCE | StepName.QUIESCE:
            return (Read(What.COMPUTE, source),)
        case StepName.PROMOTE | StepName.SWITCH | StepName.SWITCHED:
            return (Read(What.DATABASE, target),)
        case StepName.BREAK:
            return (Read(What.FILES, target),)
        case StepName.CAPACITY | StepName.NODES | StepName.WORKLOAD:
            return (Read(What.COMPUTE, target),)
        case StepName.FOUND:
            return (Read(What.TARGETS, target),)
        case StepName.TARGETS:
            return (Read(What.TARGETS, target), Read(What.ENDPOINT, target))
        case StepName.MOVE:
            held = (Read(What.SWITCH, target),) if by_switch else (Read(What.WEIGHTS),)
            return (Read(What.ANSWER), Read(What.ADDRESSES, target), *held)
        case StepName.PROVE:
            return ()
        case StepName.LAG:
            return (Read(What.DATABASE, target), Read(What.LAG, target))
        case StepName.FIRST_SYNC | StepName.CATCH_UP:
            return (Read(What.FILES, target), Read(What.DATABASE, target))
        case StepName.LIFT:
            return (Read(What.PROTECTION, target), Read(What.FILES, target), Read(What.DATABASE, target))
        case StepName.LIFT_OLD:
            return (Read(What.PROTECTION, source), Read(What.FILES, source))
        case StepName.FREE_SOURCE | StepName.FREE_TARGET | StepName.REPLICATE:
            return (Read(What.FILES, source), Read(What.FILES, target), Read(What.DATABASE, target))
        case StepName.FREE_OLD | StepName.REVERSE:
            return (Read(What.FILES, source), Read(What.FILES, target))
        case _:
            return _reads_about_zones(name, target=target, source=source)


def _reads_about_zones(name: StepName, *, target: str, source: str) -> tuple[Read, ...]:
    match name:
        case StepName.CLOSE:
            return (Read(What.PLACED, source),)
        case StepName.REPLACE | StepName.OPEN | StepName.SPREAD:
            return (Read(What.PLACED, target),)
        case StepName.WRITER_OUT:
            return (Read(What.INSTANCES, target),)
        case StepName.SHIFT_OUT | StepName.SHIFT_BACK:
            return (Read(What.BALANCER, target), Read(What.ADDRESSES, target), Read(What.TARGETS, target), Read(What.SERVICE))
        case StepName.GROW:
            return (Read(What.COMPUTE, target), Read(What.TARGETS, target), Read(What.ENDPOINT, target))
        case StepName.EMPTY:
            return (Read(What.COMPUTE, source), Read(What.TARGETS, source))
        case StepName.SHRINK:
            return (Read(What.COMPUTE, source),)
        case StepName.MOVE_OUT | StepName.MOVE_BACK:
            return (Read(What.WEIGHTS),)
        case _:
            raise AssertionError(f"nobody says what {name} is proven by")
