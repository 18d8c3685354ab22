"""A plan as a value: the steps that are still missing, in which order they depend on each other, and why not to do it.

Planning is pure: the same site and view give the same plan and the same digest. A step whose proof is already seen is not planned,
so planning from the end state gives a plan without steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from hadr.core import measure
from hadr.core.blueprints import BLUEPRINTS
from hadr.core.course import Course, Proof, State, Way
from hadr.core.drafting import Draft
from hadr.core.errors import UnsafePlan
from hadr.core.guards import Guard, Refusal, refusals
from hadr.core.proofs import prove
from hadr.core.roles import writer_of
from hadr.core.runbooks import FAILBACK, FAILOVER, PROTECT, SWITCHOVER, Runbook
from hadr.core.site import CONTROL_PLANE_REGION, Member, Site
from hadr.core.steps import Step, StepName
from hadr.core.view import FilesRole, Known, View
from hadr.core.zone_guards import zone_refusals

Proofs = dict[StepName, Proof]

OUTAGE = frozenset(
    {
        StepName.QUIESCE,
        StepName.CATCH_UP,
        StepName.SWITCH,
        StepName.SWITCHED,
        StepName.BREAK,
        StepName.WORKLOAD,
        StepName.TARGETS,
        StepName.MOVE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is missing to reach `goal`, and what speaks against it. `already` are the proofs that are there."""

    site: str
    verb: str
    goal: str
    course: Course
    reason: str
    steps: tuple[Step, ...]
    already: tuple[tuple[StepName, str], ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    made: datetime
    digest: str

    @property
    def estimate(self) -> measure.Path:
        """The longest chain of steps with the lengths to expect on AWS."""
        return measure.critical_path(self._timed())

    @property
    def sequential(self) -> timedelta:
        """The same steps one after the other."""
        return measure.sequential(self._timed())

    @property
    def outage(self) -> timedelta:
        """How long a planned change leaves clients without answers, from the end of writes until they are sent on; else nothing."""
        names = [step.name for step in self.steps]
        if StepName.QUIESCE not in names:
            return timedelta(0)
        return measure.critical_path([one for one in self._timed() if one.name in OUTAGE]).length

    def _timed(self) -> tuple[measure.Timed, ...]:
        return tuple(
            measure.Timed(name=step.name, requires=(*step.requires, *step.after), length=step.expected)
            for step in self.steps
            if not step.best_effort or any(step.name in other.after for other in self.steps)
        )

    def standing_refusals(self, allowed: Collection[Guard]) -> tuple[Refusal, ...]:
        """The refusals that `allowed` does not lift."""
        return tuple(refusal for refusal in self.refusals if refusal.guard not in allowed)

    def require_safe(self, allowed: Collection[Guard]) -> None:
        """Raises UnsafePlan when a refusal stands."""
        standing = self.standing_refusals(allowed)
        if standing:
            raise UnsafePlan(tuple((str(refusal.guard), str(refusal)) for refusal in standing))


def plan_failover(site: Site, view: View, target: str) -> Plan:
    """The plan that makes `target` serve, presuming the other member lost. Raises ConfigError for an unknown member."""
    return _moving(site, view, target, FAILOVER)


def plan_switchover(site: Site, view: View, target: str) -> Plan:
    """The plan that turns the roles round without loss while both members are well. Raises ConfigError for an unknown member."""
    return _moving(site, view, target, SWITCHOVER)


def plan_failback(site: Site, view: View, target: str) -> Plan:
    """As plan_switchover, but `target` is first made to follow again. Raises ConfigError for an unknown member."""
    return _moving(site, view, target, FAILBACK)


def plan_protect(site: Site, view: View, target: str) -> Plan:
    """The plan that makes `target` follow the other member. Raises ConfigError for an unknown member."""
    to, away = site.member(target), site.other(target)
    course = Course(target=to.name, source=away.name, way=Way.STAYS)
    return compose(site, view, PROTECT, course, "clients stay where they are")


def stand_by_of(site: Site, view: View) -> str | None:
    """The member that does not hold the writer; None while nobody can tell."""
    writer = writer_of(site, view)
    return None if writer is None else site.other(writer).name


def _moving(site: Site, view: View, target: str, runbook: Runbook) -> Plan:
    to, away = site.member(target), site.other(target)
    way, reason = choose_way(view, to, away)
    return compose(site, view, runbook, Course(target=to.name, source=away.name, way=way), reason)


def _as_it_is(step: Step) -> Step:
    return step


def compose(
    site: Site, view: View, runbook: Runbook, course: Course, reason: str, *, refine: Callable[[Step], Step] = _as_it_is
) -> Plan:
    """The plan of a runbook on a course: what is missing of it, and why not. `refine` completes a drafted step."""
    proofs = {name: prove(name, site, course, view) for name in runbook.requires}
    missing = _missing(runbook, proofs)
    draft = Draft(site=site, course=course, view=view, runbook=runbook, missing=missing)
    steps = tuple(refine(draft.step(name)) for name in missing)
    against = zone_refusals(site, course, missing, view) if course.zone else refusals(site, runbook.verb, course, missing, view)
    return Plan(
        site=site.name,
        verb=runbook.verb,
        goal=runbook.goal.format(target=course.target, source=course.source, zone=course.zone),
        course=course,
        reason=reason,
        steps=steps,
        already=tuple((name, proof.seen) for name, proof in proofs.items() if name not in missing and _there(proof)),
        refusals=against,
        notes=_notes(course, proofs, missing, view),
        made=view.at,
        digest=_digest(site, course, steps),
    )


def _missing(runbook: Runbook, proofs: Proofs) -> tuple[StepName, ...]:
    """The steps without proof, and those that will have none by then. Whatever is done to clients ends with a write of theirs."""
    missing = {name for name, proof in proofs.items() if not _there(proof)}
    missing |= {name for name, others in runbook.undone_by.items() if missing.intersection(others)}
    if all(BLUEPRINTS[name].best_effort for name in missing):
        return ()
    return tuple(name for name in proofs if name in missing or name is StepName.PROVE)


def choose_way(view: View, to: Member, away: Member) -> tuple[Way, str]:
    """How traffic will move, and why. Leaving the Region of Route 53's control plane never depends on that control plane."""
    if to.switch is not None and away.region == CONTROL_PLANE_REGION:
        why = f"{away.name} is in {away.region}, where Route 53's control plane is: health checks only, nothing there is needed"
        return Way.SWITCH, why
    if isinstance(view.weights(), Known):
        return Way.WEIGHTS, f"Route 53's control plane ({CONTROL_PLANE_REGION}) answers and is not what is being left"
    if to.switch is not None:
        return Way.SWITCH, "Route 53's control plane does not answer: health checks only"
    return Way.WEIGHTS, f"{to.name} has no switch, so weights are the only way"


def _there(proof: Proof) -> bool:
    return proof.state is State.PROVEN


def _notes(course: Course, proofs: Proofs, missing: Collection[StepName], view: View) -> tuple[str, ...]:
    return (*_about_fencing(course, proofs, missing), *_about_overwriting(course, missing, view), *_about_writes(missing))


def _about_fencing(course: Course, proofs: Proofs, missing: Collection[StepName]) -> tuple[str, ...]:
    fence = proofs.get(StepName.FENCE)
    if fence is None or fence.state is State.PROVEN:
        return ()
    if fence.state is State.UNSEEN:
        return (f"{course.source} cannot be reached, so whether it is fenced is unknown: {fence.seen}",)
    return () if missing else (f"{course.source} is not fenced: {fence.seen}",)


def _about_overwriting(course: Course, missing: Collection[StepName], view: View) -> tuple[str, ...]:
    """Once overwritten, what the old side alone had is gone: people have to know before they confirm."""
    files = view.files(course.target)
    if StepName.REPLICATE not in missing or (isinstance(files, Known) and files.value.role is FilesRole.DESTINATION):
        return ()
    return (f"{course.target}'s files are overwritten: what {course.target} wrote and {course.source} never got is lost with it",)


def _about_writes(missing: Collection[StepName]) -> tuple[str, ...]:
    """The one thing in leaving a healthy zone that clients can notice."""
    if StepName.WRITER_OUT not in missing:
        return ()
    return ("the database is away for some seconds while another instance takes over; no write is lost (--keep-writer leaves it)",)


def _digest(site: Site, course: Course, steps: Sequence[Step]) -> str:
    """What was decided, without moments or lengths: equal digests mean that the same would be done."""
    decided: dict[str, Any] = {
        "site": site.name,
        "course": asdict(course),
        "steps": [
            {
                "name": step.name,
                "action": None if step.action is None else [type(step.action).__name__, asdict(step.action)],
                "requires": step.requires,
                "after": step.after,
            }
            for step in steps
        ],
    }
    return hashlib.sha256(json.dumps(decided, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
