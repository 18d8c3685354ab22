"""Reasons not to leave a zone, or not to return to it yet. What cannot be seen counts against a plan, never for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hadr.core.course import Course, Way
from hadr.core.guards import STALE_AFTER, ForeignShift, LastZone, Refusal, StaleView, TargetNotReady
from hadr.core.placement import Placed
from hadr.core.readiness import Finding
from hadr.core.roles import Verdict
from hadr.core.site import Site
from hadr.core.steps import StepName
from hadr.core.view import Known, Unknown, View, What

SPREAD = (What.PLACED, What.BALANCER, What.ADDRESSES)
PINNED = (What.COMPUTE, What.TARGETS, What.ENDPOINT)


def zone_refusals(site: Site, course: Course, steps: Collection[StepName], view: View) -> tuple[Refusal, ...]:
    """Every reason not to carry out `steps`, which leave the course's zone or return to it."""
    if not steps:
        return ()
    found = [*_unseen(course, steps, view), *_shifts(site, course, steps, view)]
    if course.way is Way.ZONE and (StepName.CLOSE in steps or StepName.SHIFT_OUT in steps):
        found += _others(site, course, view)
    if StepName.WRITER_OUT in steps:
        found += _writers(site, course, view)
    if StepName.MOVE_OUT in steps:
        found += _other_member(course, view)
    return tuple(found)


def _unseen(course: Course, steps: Collection[StepName], view: View) -> Iterator[Refusal]:
    """What is acted on has to be seen, and lately."""
    needed = list({Way.ZONE: SPREAD, Way.WEIGHTS: PINNED}.get(course.way, ()))
    if course.way is Way.WEIGHTS and StepName.OPEN in steps:
        needed.append(What.PLACED)
    if StepName.WRITER_OUT in steps:
        needed.append(What.INSTANCES)
    for what in needed:
        reading = view.get(what, course.target)
        if isinstance(reading, Unknown):
            yield _not_ready(str(what), Verdict.UNKNOWN, reading.why, f"find out why {course.target} does not answer")
        elif view.at - reading.at > STALE_AFTER:
            age = (view.at - reading.at).total_seconds()
            yield StaleView(evidence=f"{what} of {course.target} was seen {age:.0f} s ago; plan again")
    if course.way is Way.WEIGHTS and isinstance(weights := view.weights(), Unknown):
        yield _not_ready("weights", Verdict.UNKNOWN, weights.why, "weights are moved through Route 53's control plane")


def _not_ready(rule: str, verdict: Verdict, evidence: str, fix: str) -> TargetNotReady:
    return TargetNotReady(finding=Finding(rule=rule, verdict=verdict, evidence=evidence, fix=fix))


def _shifts(site: Site, course: Course, steps: Collection[StepName], view: View) -> Iterator[Refusal]:
    """A balancer has one zonal shift at most; hadr ends only its own."""
    reading = view.balancer(course.target)
    if course.way is not Way.ZONE or isinstance(reading, Unknown):
        return
    mine = site.member(course.target).zones[course.zone]
    for shift in reading.value.shifts:
        said = (
            f"a zonal shift away from {shift.zone_id} holds until {shift.expires:%Y-%m-%d %H:%M} ({shift.comment or 'no comment'})"
        )
        if shift.zone_id != mine and StepName.SHIFT_OUT in steps:
            yield ForeignShift(evidence=f"{said}; a balancer has one at a time, so return to that zone first")
        elif shift.zone_id == mine and not shift.ours and StepName.SHIFT_BACK in steps:
            yield ForeignShift(evidence=f"{said}, which hadr did not ask for")


def _others(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    """Somewhere else there has to be a node for pods, somebody who makes more, and a balancer node that answers."""
    placed, balancer, answer = view.placed(course.target), view.balancer(course.target), view.addresses(course.target)
    if isinstance(placed, Known):
        yield from _rooms(site, course, placed.value)
    if isinstance(balancer, Known) and isinstance(answer, Known):
        here = balancer.value.addresses.get(course.zone, frozenset())
        if not answer.value - here:
            yield LastZone(evidence=f"{course.target}'s load balancer answers from no other zone than {course.zone}")


def _rooms(site: Site, course: Course, placed: Placed) -> Iterator[Refusal]:
    zones = sorted({n.zone for n in placed.nodes if n.zone != course.zone and n.ready and not n.cordoned})
    if not zones:
        yield LastZone(evidence=f"{course.target} has no ready node outside {course.zone} that takes pods")
    makers = [pod for pod in placed.makers if pod.ready and pod.zone != course.zone]
    if not makers and site.member(course.target).capacity.replicas:
        evidence = f"no pod of {site.member(course.target).capacity.deployment} is ready outside {course.zone}"
        yield _not_ready("node-maker", Verdict.NO, evidence, "without it no node is made for the pods that leave")


def _writers(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    reading = view.instances(course.target)
    if isinstance(reading, Known) and reading.value.writer and not reading.value.could_write(outside=course.zone):
        evidence = f"{site.member(course.target).database} has no available instance outside {course.zone}"
        yield _not_ready("database", Verdict.NO, evidence, "add a reader in another zone")


def _other_member(course: Course, view: View) -> Iterator[Refusal]:
    """The member that is to take all clients has to be one that is being sent clients, and ready for them while the other one is.

    When neither serves, what the plan does may help: the other grows, and the database that both share is written elsewhere.
    """
    endpoint, source, weights = view.endpoint(course.target), view.endpoint(course.source), view.weights()
    lost = isinstance(source, Known) and not source.value.ok
    if isinstance(endpoint, Known) and not endpoint.value.ok and not lost:
        yield _not_ready("endpoint", Verdict.NO, f"{course.target} answers {endpoint.value}", f"make {course.target} ready first")
    if isinstance(weights, Known) and not weights.value.get(course.target, 0):
        yield LastZone(evidence=f"{course.target} has no DNS weight: it was left itself, and would be the only one to serve")
