"""How each step about a zone is done: its action with the arguments of this situation. Pure; whether it is done is the plan's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from hadr.core.actions import (
    Action,
    CloseZone,
    EvictZone,
    LeaveZone,
    MoveWriter,
    OpenZone,
    ReturnToZone,
    ScaleWorkload,
    ShiftWeights,
    SpreadInto,
    StopWrites,
)
from hadr.core.course import Course
from hadr.core.site import CONTROL_PLANE_REGION, Site
from hadr.core.stages import Weights, stages
from hadr.core.steps import Step, StepName
from hadr.core.view import Unknown, View
from hadr.core.zone_proofs import both

BASELINE = timedelta(seconds=10)
FULL, HALF = 100, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How patiently: how long a zonal shift lasts, how long each stage of weights is held, and over which shares it goes.

    Without `shares` there is one stage half-way, or none when not `halves`. `traffic_first`: clients leave before the capacity they
    used has been replaced, because what they are given now is worse than less of it. `keep_writer`: the database is left alone.
    `empty`: a member whose only zone is left is stopped at the end, and with it clients that DNS cannot move.
    """

    expires: timedelta
    hold: timedelta
    shares: tuple[float, ...] = ()
    halves: bool = True
    traffic_first: bool = False
    keep_writer: bool = False
    empty: bool = False


def zone_step(site: Site, course: Course, view: View, manner: Manner, step: Step) -> Step:
    """The step with its action; a step that moves weights also with the time that its stages take."""
    action = _action(step.name, site, course, view, manner)
    if not isinstance(action, ShiftWeights):
        return step if action is None else replace(step, action=action)
    held = BASELINE + manner.hold * len(action.stages)
    regions = tuple(dict.fromkeys((CONTROL_PLANE_REGION, site.member(course.target).region)))
    return replace(step, action=action, budget=step.budget + held, expected=step.expected + held, regions=regions)


def _action(name: StepName, site: Site, course: Course, view: View, manner: Manner) -> Action | None:
    target, source, zone = course.target, course.source, course.zone
    match name:
        case StepName.CLOSE:
            return CloseZone(member=source, zone=zone)
        case StepName.OPEN:
            return OpenZone(member=target, zone=zone)
        case StepName.REPLACE:
            return EvictZone(member=target, zone=zone)
        case StepName.SPREAD:
            return SpreadInto(member=target, zone=zone)
        case StepName.WRITER_OUT:
            return _writer(view, course)
        case StepName.SHIFT_OUT:
            return LeaveZone(member=target, zone_id=site.member(target).zones[zone], expires=manner.expires)
        case StepName.SHIFT_BACK:
            return ReturnToZone(member=target, zone_id=site.member(target).zones[zone])
        case StepName.GROW:
            return ScaleWorkload(member=target, replicas=both(site), only_up=True)
        case StepName.SHRINK:
            return ScaleWorkload(member=source, replicas=dict(site.member(source).workload.deployments), only_up=False)
        case StepName.EMPTY:
            return StopWrites(member=source)
        case StepName.MOVE_OUT:
            return _weigh(view, course, {target: FULL, source: 0}, manner)
        case StepName.MOVE_BACK:
            return _weigh(view, course, {target: HALF, source: HALF}, manner)
        case _:
            return None


def _writer(view: View, course: Course) -> Action | None:
    """The first available instance elsewhere; without one the plan is refused."""
    reading = view.instances(course.target)
    found = () if isinstance(reading, Unknown) else reading.value.could_write(outside=course.zone)
    return MoveWriter(member=course.target, instance=found[0].name) if found else None


def _weigh(view: View, course: Course, wanted: Weights, manner: Manner) -> Action | None:
    reading = view.weights()
    if isinstance(reading, Unknown):
        return None
    before = dict(reading.value)
    shares: tuple[float, ...] = manner.shares
    if not shares and manner.halves:
        now, end = _share(before, course.target), _share(wanted, course.target)
        shares = (round((now + end) / 2),) if end - now > 1 else ()
    return ShiftWeights(member=course.target, before=before, stages=stages(before, wanted, shares), hold=manner.hold)


def _share(weights: Weights, name: str) -> float:
    total = sum(weights.values())
    return 100 * weights.get(name, 0) / total if total else 0.0
