"""Leaving a zone and returning to it: which member does what, in which order, and the plan for it. Pure.

Capacity comes first and traffic after; a zone that serves nothing any more is taken out of traffic at once. A member that is spread
over zones moves its pods and shifts its balancer; a member that is pinned to the zone hands its clients to the other one. Its pods
go on, for clients that never ask DNS again, unless it is to be emptied; nothing new begins beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from hadr.core.course import Course, Way
from hadr.core.errors import ConfigError
from hadr.core.guards import TargetNotReady
from hadr.core.plan import Plan, compose
from hadr.core.roles import Verdict
from hadr.core.runbooks import Runbook
from hadr.core.site import Member, Site
from hadr.core.steps import StepName as S
from hadr.core.survival import zone_findings
from hadr.core.view import Known, Read, View, What
from hadr.core.zone_actions import Manner, zone_step

SPREAD_OUT = Runbook(
    verb="evacuate",
    goal="{target} serves without {zone}",
    requires={
        S.CLOSE: (),
        S.REPLACE: (S.CLOSE,),
        S.WRITER_OUT: (),
        S.SHIFT_OUT: (S.REPLACE,),
        S.PROVE: (S.SHIFT_OUT, S.WRITER_OUT),
    },
)
SPREAD_LOST = Runbook(
    verb="evacuate",
    goal="{target} serves without {zone}",
    requires={
        S.SHIFT_OUT: (),
        S.CLOSE: (),
        S.REPLACE: (S.CLOSE,),
        S.WRITER_OUT: (),
        S.PROVE: (S.SHIFT_OUT, S.REPLACE, S.WRITER_OUT),
    },
)
SPREAD_BACK = Runbook(
    verb="return",
    goal="{target} serves from {zone} too",
    requires={S.OPEN: (), S.SPREAD: (S.OPEN,), S.SHIFT_BACK: (S.SPREAD,), S.PROVE: (S.SHIFT_BACK,)},
)
PINNED_OUT = Runbook(
    verb="evacuate",
    goal="{target} serves for {source}, which is in {zone}",
    requires={
        S.GROW: (),
        S.WRITER_OUT: (),
        S.MOVE_OUT: (S.GROW, S.WRITER_OUT),
        S.CLOSE: (S.MOVE_OUT,),
        S.EMPTY: (S.MOVE_OUT,),
        S.PROVE: (S.CLOSE, S.EMPTY, S.WRITER_OUT),
    },
)
"""A member that clients are sent to, or back to because they were worse off elsewhere, has to be able to replace its pods: it is
closed once they have left. And whether they are worse off cannot be told while nobody is ready, for want of a writer."""
PINNED_FIRST = Runbook(
    verb="evacuate",
    goal="{target} serves for {source}, which is in {zone}",
    requires={
        S.MOVE_OUT: (),
        S.GROW: (),
        S.WRITER_OUT: (S.MOVE_OUT,),
        S.CLOSE: (S.MOVE_OUT,),
        S.EMPTY: (S.MOVE_OUT,),
        S.PROVE: (S.MOVE_OUT, S.GROW, S.WRITER_OUT),
    },
)
PINNED_LOST = replace(PINNED_FIRST, requires={**PINNED_FIRST.requires, S.WRITER_OUT: (), S.MOVE_OUT: (S.WRITER_OUT,), S.CLOSE: ()})
"""Health checks have taken clients off a member that is lost already, and without a writer nobody is ready for them. That no node
is made in a lost zone waits for nothing."""
PINNED_BACK = Runbook(
    verb="return",
    goal="{target} serves from {zone} again",
    requires={
        S.OPEN: (),
        S.CAPACITY: (S.OPEN,),
        S.NODES: (S.CAPACITY,),
        S.WORKLOAD: (S.NODES,),
        S.TARGETS: (S.WORKLOAD,),
        S.MOVE_BACK: (S.TARGETS,),
        S.SHRINK: (S.MOVE_BACK,),
        S.PROVE: (S.SHRINK,),
    },
)
DATA_OUT = Runbook(verb="evacuate", goal="nothing is written in {zone}", requires={S.WRITER_OUT: (), S.PROVE: (S.WRITER_OUT,)})
DATA_BACK = Runbook(verb="return", goal="{zone} may be used", requires={})

ABOUT = (What.PLACED, What.INSTANCES, What.MOUNTS, What.BALANCER, What.COMPUTE, What.TARGETS, What.ENDPOINT, What.ADDRESSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Who leaves the zone and who serves afterwards; the same member when its workload is in other zones too.

    `data_only`: no member's workload is in the zone.
    """

    leaves: Member
    serves: Member
    pinned: bool = False
    data_only: bool = False


def turn_of(site: Site, zone: str) -> Turn:
    """Raises ConfigError for a zone that the site does not name."""
    members = site.in_zone(zone)
    living = [member for member in members if member.lives_in(zone)]
    if not living:
        return Turn(leaves=members[0], serves=members[0], data_only=True)
    (member,) = living
    if member.workload.zone is None:
        return Turn(leaves=member, serves=member)
    return Turn(leaves=member, serves=site.other(member.name), pinned=True)


def zone_reads(site: Site, zone: str) -> tuple[Read, ...]:
    """The questions that leaving the zone, or returning to it, goes by."""
    turn = turn_of(site, zone)
    members = dict.fromkeys((turn.leaves.name, turn.serves.name))
    reads = [Read(what, member) for member in members for what in ABOUT]
    if turn.pinned:
        reads.append(Read(What.WEIGHTS))
    return (*reads, Read(What.ANSWER), Read(What.SERVICE))


def serves_clients(site: Site, view: View, zone: str) -> bool:
    """Whether clients are answered from the zone, as far as is known; what is not known counts as serving.

    The load balancer's opinion goes first: a zone that stands still looks well to Kubernetes for most of a minute.
    """
    turn = turn_of(site, zone)
    if turn.pinned:
        endpoint = view.endpoint(turn.leaves.name)
        return not (isinstance(endpoint, Known) and not endpoint.value.ok)
    targets, placed = view.targets(turn.leaves.name), view.placed(turn.leaves.name)
    if isinstance(targets, Known):
        return bool(targets.value.zones.get(zone, 0))
    return not isinstance(placed, Known) or bool(placed.value.ready_in(zone))


def plan_evacuation(site: Site, view: View, zone: str, *, manner: Manner) -> Plan:
    """The plan that leaves the zone. Raises ConfigError for an unknown zone, impossible stages, or nothing to empty."""
    turn, lost = turn_of(site, zone), not serves_clients(site, view, zone)
    _require_emptiable(turn, zone, manner)
    plan = _leaving(site, view, turn, zone, manner, lost=lost)
    if not turn.pinned or not plan.steps:
        return plan
    return replace(plan, notes=(*plan.notes, _remains(turn, zone, manner, lost=lost)))


def _leaving(site: Site, view: View, turn: Turn, zone: str, manner: Manner, *, lost: bool) -> Plan:
    if turn.data_only:
        return _plan(site, view, DATA_OUT, turn, zone, manner, reason="no member's workload is there", way=Way.STAYS)
    if not lost and not manner.traffic_first:
        return _patiently(site, view, turn, zone, manner)
    why = "clients leave first, as asked" if not lost else f"nothing in {zone} serves, so clients leave at once"
    if turn.pinned:
        at_once = replace(manner, shares=(), halves=False) if lost else manner
        runbook = PINNED_LOST if lost else PINNED_FIRST
        plan = _plan(site, view, runbook, turn, zone, at_once, reason=why, way=Way.WEIGHTS)
    else:
        plan = _plan(site, view, SPREAD_LOST, turn, zone, manner, reason=why, way=Way.ZONE)
    short = () if lost or not plan.steps else _headroom(site, view, zone)
    return replace(plan, refusals=(*plan.refusals, *short))


def _patiently(site: Site, view: View, turn: Turn, zone: str, manner: Manner) -> Plan:
    """Capacity first, traffic after."""
    if turn.pinned:
        reason = f"{turn.serves.name} grows first, then clients follow in stages"
        return _plan(site, view, PINNED_OUT, turn, zone, manner, reason=reason, way=Way.WEIGHTS)
    return _plan(site, view, SPREAD_OUT, turn, zone, manner, reason=f"pods leave {zone} first, then traffic", way=Way.ZONE)


def _require_emptiable(turn: Turn, zone: str, manner: Manner) -> None:
    """Raises ConfigError when a member is to be stopped that has no need of it: its pods go to other zones."""
    if manner.empty and not turn.pinned:
        why = f"no member's workload is in {zone}" if turn.data_only else f"{turn.leaves.name}'s pods go from {zone} to its others"
        raise ConfigError(f"--empty stops a member that lives in one zone only, and {why}")


def _remains(turn: Turn, zone: str, manner: Manner, *, lost: bool) -> str:
    """What becomes of clients that DNS cannot move: people have to know before they confirm."""
    name = turn.leaves.name
    if manner.empty:
        return f"{name} is stopped at the end: clients that keep a connection to it or its address are refused from then on"
    if lost:
        return f"should {zone} come back by itself, {name} is sent no clients until `hadr evacuate --zone {zone} --return`"
    return f"clients that never ask DNS again stay with {name}, which goes on serving them (--empty stops it, and refuses them)"


def _headroom(site: Site, view: View, zone: str) -> tuple[TargetNotReady, ...]:
    """Traffic may go first only where the others have, now, what the loss of the zone would leave to them."""
    found = (finding for finding in zone_findings(site, view, zone) if finding.rule == "pods")
    return tuple(TargetNotReady(finding=finding) for finding in found if finding.verdict is not Verdict.YES)


def plan_return(site: Site, view: View, zone: str, *, manner: Manner) -> Plan:
    """The plan that returns to the zone. Raises ConfigError for an unknown zone, impossible stages, or when asked to empty it."""
    turn = turn_of(site, zone)
    if manner.empty:
        raise ConfigError("--empty is for leaving a zone; returning to it starts what was stopped")
    if turn.data_only:
        return _plan(site, view, DATA_BACK, turn, zone, manner, reason="no member's workload is there", way=Way.STAYS)
    if turn.pinned:
        back = Turn(leaves=turn.serves, serves=turn.leaves, pinned=True)
        return _plan(site, view, PINNED_BACK, back, zone, manner, reason="capacity first, then clients in stages", way=Way.WEIGHTS)
    return _plan(site, view, SPREAD_BACK, turn, zone, manner, reason="pods first, then traffic", way=Way.ZONE)


def _plan(site: Site, view: View, runbook: Runbook, turn: Turn, zone: str, manner: Manner, *, reason: str, way: Way) -> Plan:
    if manner.keep_writer:
        runbook = _without(runbook, S.WRITER_OUT)
    if not manner.empty:
        runbook = _without(runbook, S.EMPTY)
    course = Course(target=turn.serves.name, source=turn.leaves.name, way=way, zone=zone)
    return compose(site, view, runbook, course, reason, refine=partial(zone_step, site, course, view, manner))


def _without(runbook: Runbook, left_out: S) -> Runbook:
    """The same without one step, which nothing waits for any more."""
    kept = {
        name: tuple(one for one in needs if one is not left_out) for name, needs in runbook.requires.items() if name is not left_out
    }
    return replace(runbook, requires=kept)


def planner(
    *,
    back: bool,
    hold: timedelta,
    expires: timedelta,
    shares: Sequence[float],
    traffic_first: bool = False,
    keep_writer: bool = False,
    empty: bool = False,
) -> Callable[[Site, View, str], Plan]:
    """A planner with its manner filled in: of a zone's evacuation, or of the return to it."""
    manner = Manner(
        expires=expires, hold=hold, shares=tuple(shares), traffic_first=traffic_first, keep_writer=keep_writer, empty=empty
    )
    return partial(plan_return if back else plan_evacuation, manner=manner)
