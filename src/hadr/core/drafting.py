"""One line of a plan from its blueprint: the action with its arguments, what it reads, waits for and needs, in this situation.

Pure. It decides how a step is done, never whether: that is the plan's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hadr.core.actions import (
    Action,
    AllowOverwrite,
    BreakReplication,
    DeclareActive,
    FenceMember,
    MoveWeights,
    PromoteDatabase,
    ReplicateFiles,
    StartCapacity,
    StopWrites,
    SwitchDatabase,
    WriteThrough,
)
from hadr.core.blueprints import BLUEPRINTS
from hadr.core.course import Course, Way
from hadr.core.runbooks import Runbook
from hadr.core.site import CONTROL_PLANE_REGION, Site
from hadr.core.steps import Plane, Step, StepName, reads_for
from hadr.core.view import FilesRole, Known, Read, View, What

IN_SOURCE = frozenset(
    {
        StepName.FENCE,
        StepName.QUIESCE,
        StepName.FREE_SOURCE,
        StepName.FREE_OLD,
        StepName.LIFT_OLD,
        StepName.CLOSE,
        StepName.EMPTY,
        StepName.SHRINK,
    }
)
IN_BOTH = frozenset({StepName.REPLICATE, StepName.REVERSE, StepName.SWITCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a step is made from. `missing` are the steps that are planned."""

    site: Site
    course: Course
    view: View
    runbook: Runbook
    missing: Collection[StepName]

    def step(self, name: StepName) -> Step:
        """The line for one step."""
        blueprint, words = BLUEPRINTS[name], self._words()
        return Step(
            name=name,
            summary=blueprint.summary.format(**words) + self._how(name),
            action=self._action(name),
            reads=self._reads(name),
            requires=self._requires(name),
            after=self._after(name),
            plane=Plane.CONTROL if self._by_weights(name) else blueprint.plane,
            needs=self._needs(name, words),
            regions=self._regions(name),
            budget=blueprint.budget,
            expected=blueprint.expected,
            undo=blueprint.undo.format(**words) or self._undo_move(),
            best_effort=blueprint.best_effort,
        )

    def _words(self) -> dict[str, str]:
        course = self.course
        return {
            "target": course.target,
            "source": course.source,
            "target_region": self.site.member(course.target).region,
            "source_region": self.site.member(course.source).region,
            "host": self.site.traffic.host,
            "zone": course.zone,
        }

    def _by_weights(self, name: StepName) -> bool:
        return name is StepName.MOVE and self.course.way is Way.WEIGHTS

    def _how(self, name: StepName) -> str:
        if name is not StepName.MOVE:
            return ""
        return " by its health-check switch" if self.course.way is Way.SWITCH else " by DNS weights"

    def _reads(self, name: StepName) -> tuple[Read, ...]:
        course = self.course
        reads = reads_for(name, target=course.target, source=course.source, by_switch=course.way is Way.SWITCH)
        against = self._by_weights(name) and self._declared()
        return (*reads, Read(What.SWITCH, course.source)) if against else reads

    def _requires(self, name: StepName) -> tuple[StepName, ...]:
        """The nearest planned steps that must be proven first; a requirement that is already proven hands on its own."""
        found: list[StepName] = []
        for required in self.runbook.requires[name]:
            found += (required,) if required in self.missing else self._requires(required)
        return tuple(dict.fromkeys(found))

    def _after(self, name: StepName) -> tuple[StepName, ...]:
        """Promotion lets a reachable old side be fenced first (a few seconds, bounded); an unreachable one is not waited for."""
        reachable = isinstance(self.view.compute(self.course.source), Known)
        return tuple(one for one in self.runbook.after.get(name, ()) if reachable and one in self.missing)

    def _action(self, name: StepName) -> Action | None:
        target, source = self.course.target, self.course.source
        match name:
            case StepName.FENCE:
                return FenceMember(member=source)
            case StepName.QUIESCE:
                return StopWrites(member=source)
            case StepName.PROMOTE:
                return PromoteDatabase(member=target)
            case StepName.SWITCH:
                return SwitchDatabase(member=target, away=source)
            case StepName.CAPACITY:
                return StartCapacity(member=target)
            case StepName.MOVE if self.course.way is Way.SWITCH:
                return DeclareActive(member=target)
            case StepName.MOVE:
                return MoveWeights(member=target, withdraw=source if self._declared() else None)
            case StepName.PROVE:
                return WriteThrough(member=target)
            case _:
                return self._file_action(name)

    def _file_action(self, name: StepName) -> Action | None:
        target, source = self.course.target, self.course.source
        match name:
            case StepName.BREAK:
                return self._break()
            case StepName.FREE_SOURCE | StepName.FREE_OLD:
                return self._free(source)
            case StepName.FREE_TARGET:
                return self._free(target)
            case StepName.LIFT:
                return AllowOverwrite(member=target)
            case StepName.LIFT_OLD:
                return AllowOverwrite(member=source)
            case StepName.REPLICATE:
                return ReplicateFiles(member=target, origin=source)
            case StepName.REVERSE:
                return ReplicateFiles(member=source, origin=target)
            case _:
                return None

    def _declared(self) -> bool:
        """Whether the old side is seen to be declared active. A declaration in a lost Region counts for nobody."""
        reading = self.view.switch(self.course.source)
        return isinstance(reading, Known) and reading.value

    def _break(self) -> BreakReplication:
        """Deleting on both sides needs both Regions; when the source's Region does not answer only our own side is deleted."""
        here, there = self.view.files(self.course.target), self.view.files(self.course.source)
        source = self.site.member(self.course.source).files
        if isinstance(here, Known) and here.value.role is FilesRole.DESTINATION and here.value.source:
            source = here.value.source
        return BreakReplication(member=self.course.target, source=source, local_only=not isinstance(there, Known))

    def _free(self, member: str) -> BreakReplication:
        """What is left on one side after the other side was deleted alone can only be deleted there."""
        here = self.view.files(member)
        source = here.value.source if isinstance(here, Known) and here.value.source else self.site.member(member).files
        return BreakReplication(member=member, source=source, local_only=True)

    def _needs(self, name: StepName, words: dict[str, str]) -> tuple[str, ...]:
        if name is not StepName.MOVE:
            return tuple(need.format(**words) for need in BLUEPRINTS[name].needs)
        if self.course.way is Way.WEIGHTS:
            return (f"Route 53 control plane in {CONTROL_PLANE_REGION}", "DNS")
        switch = self.site.member(self.course.target).switch
        return (f"S3 objects in {switch.region}" if switch else "S3", "Route 53 health checks", "DNS")

    def _regions(self, name: StepName) -> tuple[str, ...]:
        there, here = self.site.member(self.course.source).region, self.site.member(self.course.target).region
        if name in IN_SOURCE:
            return (there,)
        if name in IN_BOTH:
            return (there, here)
        if self._by_weights(name):
            return tuple(dict.fromkeys((CONTROL_PLANE_REGION, here)))
        return (here,)

    def _undo_move(self) -> str:
        if self.course.way is Way.SWITCH:
            return f"remove {self.course.target}'s switch object"
        return f"give {self.course.source} its weight back"
