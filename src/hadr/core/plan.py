"""A failover plan as a value: the steps that are still missing, in which order they depend on each other, and why not to do it.

Planning is pure: the same site and view give the same plan and the same digest. A step whose proof is already seen is not planned,
so planning from the end state gives a plan without steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from hadr.core import measure
from hadr.core.actions import (
    Action,
    BreakReplication,
    DeclareActive,
    FenceMember,
    MoveWeights,
    PromoteDatabase,
    StartCapacity,
    WriteThrough,
)
from hadr.core.errors import UnsafePlan
from hadr.core.guards import Guard, Refusal, refusals
from hadr.core.proofs import Course, Proof, State, Way, prove
from hadr.core.site import Member, Site
from hadr.core.steps import BLUEPRINTS, Blueprint, Plane, Step, StepName, reads_for
from hadr.core.view import FilesRole, Known, Read, View, What

CONTROL_PLANE_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is missing to have `course.target` serve, and what speaks against it. `already` are the proofs that are there."""

    site: str
    verb: str
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
    to, away = site.member(target), site.other(target)
    way, reason = choose_way(view, to, away)
    course = Course(target=to.name, source=away.name, way=way)
    proofs = {name: prove(name, site, course, view) for name in StepName}
    missing = tuple(name for name, proof in proofs.items() if proof.state is not State.PROVEN)
    if all(BLUEPRINTS[name].best_effort for name in missing):
        missing = ()
    elif StepName.PROVE not in missing:
        missing = (*missing, StepName.PROVE)
    steps = tuple(_step(name, site, course, view, missing) for name in missing)
    return Plan(
        site=site.name,
        verb="failover",
        course=course,
        reason=reason,
        steps=steps,
        already=tuple((name, proof.seen) for name, proof in proofs.items() if name not in missing and _there(proof)),
        refusals=refusals(site, course, missing, view),
        notes=_notes(course, proofs, missing),
        made=view.at,
        digest=_digest(site, course, steps),
    )


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


def _notes(course: Course, proofs: dict[StepName, Proof], missing: Collection[StepName]) -> tuple[str, ...]:
    fence = proofs[StepName.FENCE]
    if fence.state is State.PROVEN:
        return ()
    if fence.state is State.UNSEEN:
        return (f"{course.source} cannot be reached, so whether it is fenced is unknown: {fence.seen}",)
    return () if missing else (f"{course.source} is not fenced: {fence.seen}",)


def _step(name: StepName, site: Site, course: Course, view: View, missing: Sequence[StepName]) -> Step:
    blueprint = BLUEPRINTS[name]
    words = {
        "target": course.target,
        "source": course.source,
        "target_region": site.member(course.target).region,
        "host": site.traffic.host,
    }
    regions = _regions(name, site, course)
    return Step(
        name=name,
        summary=blueprint.summary.format(**words) + _how(name, course),
        action=_action(name, site, course, view),
        reads=_reads(name, course, view),
        requires=_requires(name, missing),
        after=_after(name, course, view, missing),
        plane=_plane(name, blueprint, course),
        needs=_needs(name, blueprint, site, course, words),
        regions=regions,
        budget=blueprint.budget,
        expected=blueprint.expected,
        undo=blueprint.undo.format(**words) or _undo_move(course),
        best_effort=blueprint.best_effort,
    )


def _reads(name: StepName, course: Course, view: View) -> tuple[Read, ...]:
    reads = reads_for(name, target=course.target, source=course.source, by_switch=course.way is Way.SWITCH)
    against = name is StepName.MOVE and course.way is Way.WEIGHTS and _declared(course, view)
    return (*reads, Read(What.SWITCH, course.source)) if against else reads


def _requires(name: StepName, missing: Sequence[StepName]) -> tuple[StepName, ...]:
    """The nearest planned steps that must be proven first; a requirement that is already proven hands on its own."""
    found: list[StepName] = []
    for required in BLUEPRINTS[name].requires:
        found += (required,) if required in missing else _requires(required, missing)
    return tuple(dict.fromkeys(found))


def _after(name: StepName, course: Course, view: View, missing: Sequence[StepName]) -> tuple[StepName, ...]:
    """Promotion lets a reachable old side be fenced first (a few seconds, bounded); an unreachable one is not waited for."""
    reachable = isinstance(view.compute(course.source), Known)
    if name is StepName.PROMOTE and reachable and StepName.FENCE in missing:
        return (StepName.FENCE,)
    return ()


def _action(name: StepName, site: Site, course: Course, view: View) -> Action | None:
    match name:
        case StepName.FENCE:
            return FenceMember(member=course.source)
        case StepName.PROMOTE:
            return PromoteDatabase(member=course.target)
        case StepName.BREAK:
            return _break(site, course, view)
        case StepName.CAPACITY:
            return StartCapacity(member=course.target)
        case StepName.MOVE if course.way is Way.SWITCH:
            return DeclareActive(member=course.target)
        case StepName.MOVE:
            return MoveWeights(member=course.target, withdraw=course.source if _declared(course, view) else None)
        case StepName.PROVE:
            return WriteThrough(member=course.target)
        case _:
            return None


def _declared(course: Course, view: View) -> bool:
    """Whether the old side is seen to be declared active. A declaration in a lost Region counts for nobody."""
    reading = view.switch(course.source)
    return isinstance(reading, Known) and reading.value


def _break(site: Site, course: Course, view: View) -> BreakReplication:
    """Deleting on both sides needs both Regions; when the source's Region does not answer only our own side is deleted."""
    here, there = view.files(course.target), view.files(course.source)
    source = site.member(course.source).files
    if isinstance(here, Known) and here.value.role is FilesRole.DESTINATION and here.value.source:
        source = here.value.source
    return BreakReplication(member=course.target, source=source, local_only=not isinstance(there, Known))


def _how(name: StepName, course: Course) -> str:
    if name is not StepName.MOVE:
        return ""
    return " by its health-check switch" if course.way is Way.SWITCH else " by DNS weights"


def _plane(name: StepName, blueprint: Blueprint, course: Course) -> Plane:
    return Plane.CONTROL if name is StepName.MOVE and course.way is Way.WEIGHTS else blueprint.plane


def _needs(name: StepName, blueprint: Blueprint, site: Site, course: Course, words: dict[str, str]) -> tuple[str, ...]:
    if name is not StepName.MOVE:
        return tuple(need.format(**words) for need in blueprint.needs)
    if course.way is Way.WEIGHTS:
        return (f"Route 53 control plane in {CONTROL_PLANE_REGION}", "DNS")
    switch = site.member(course.target).switch
    return (f"S3 objects in {switch.region}" if switch else "S3", "Route 53 health checks", "DNS")


def _regions(name: StepName, site: Site, course: Course) -> tuple[str, ...]:
    if name is StepName.FENCE:
        return (site.member(course.source).region,)
    if name is StepName.MOVE and course.way is Way.WEIGHTS:
        return tuple(dict.fromkeys((CONTROL_PLANE_REGION, site.member(course.target).region)))
    return (site.member(course.target).region,)


def _undo_move(course: Course) -> str:
    if course.way is Way.SWITCH:
        return f"remove {course.target}'s switch object"
    return f"give {course.source} its weight back"


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
    return hashlib.sha256(json.dumps(decided, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
