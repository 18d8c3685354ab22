"""Which steps each verb takes, and what each of them requires to be proven first; the others run side by side.

A requirement is there for one of two reasons: the step could not have its effect earlier, or it would do harm earlier. Order of
entries is the order in which people read a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hadr.core.steps import StepName as S


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook:
    """One verb's steps. `after` steps are given time to end, however they end, when they can be begun at all.

    `undone_by`: a step that is proven now, and will not be once one of these was done, is planned together with it.
    """

    verb: str
    goal: str
    requires: Mapping[S, tuple[S, ...]]
    after: Mapping[S, tuple[S, ...]] = field(default_factory=dict)
    undone_by: Mapping[S, tuple[S, ...]] = field(default_factory=dict)


SERVING: Mapping[S, tuple[S, ...]] = {S.TARGETS: (S.WORKLOAD,), S.MOVE: (S.TARGETS,), S.PROVE: (S.MOVE,)}

REPLICATING: Mapping[S, tuple[S, ...]] = {
    S.FREE_SOURCE: (),
    S.FREE_TARGET: (),
    S.LIFT: (S.FREE_SOURCE, S.FREE_TARGET),
    S.REPLICATE: (S.LIFT,),
}

# Capacity first, while the source still serves: pods that the balancer found by asking them, because a cluster which came back a
# moment ago still tells of its nodes and pods as they were. The database is asked only once every file is over, and the replication
# is broken only once the database is on its way: so a target that is on its way, without replication, is known to have all files.
TURNING: Mapping[S, tuple[S, ...]] = {
    S.LAG: (),
    S.CAPACITY: (),
    S.NODES: (S.CAPACITY,),
    S.FOUND: (S.NODES,),
    S.QUIESCE: (S.FOUND, S.LAG),
    S.CATCH_UP: (S.QUIESCE,),
    S.SWITCH: (S.CATCH_UP,),
    S.SWITCHED: (S.SWITCH,),
    S.BREAK: (S.SWITCH,),
    S.WORKLOAD: (S.SWITCHED, S.BREAK, S.NODES),
    **SERVING,
    S.FREE_OLD: (S.PROVE, S.BREAK),
    S.LIFT_OLD: (S.FREE_OLD,),
    S.REVERSE: (S.LIFT_OLD,),
}

FAILOVER = Runbook(
    verb="failover",
    goal="{target} serves",
    requires={
        S.FENCE: (),
        S.PROMOTE: (),
        S.BREAK: (),
        S.CAPACITY: (),
        S.NODES: (S.CAPACITY,),
        S.WORKLOAD: (S.PROMOTE, S.BREAK, S.NODES),
        **SERVING,
    },
    after={S.PROMOTE: (S.FENCE,)},
)
PROTECT = Runbook(
    verb="protect",
    goal="{target} follows {source}",
    requires={**REPLICATING, S.LAG: ()},
)
SWITCHOVER = Runbook(
    verb="switchover",
    goal="{target} serves, {source} follows",
    requires=TURNING,
    undone_by={S.FREE_OLD: (S.BREAK,)},
)
FAILBACK = Runbook(
    verb="failback",
    goal="{target} serves, {source} follows",
    requires={
        **REPLICATING,
        S.FIRST_SYNC: (S.REPLICATE,),
        **TURNING,
        S.QUIESCE: (S.FOUND, S.LAG, S.FIRST_SYNC),
    },
    undone_by={S.BREAK: (S.REPLICATE,), S.FREE_OLD: (S.BREAK, S.REPLICATE)},
)
