"""Reasons to refuse a plan, each a type with a name; `--allow NAME` lifts the refusals of that name and nothing else.

A guard judges a view and may only add refusals. What cannot be seen counts against a plan, never for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

from hadr.core.course import Course, Way
from hadr.core.following import LAG_IS_OLD_AFTER, follows, unsynced
from hadr.core.readiness import Finding, findings
from hadr.core.roles import Verdict, active_members, writer_of, writers_told
from hadr.core.site import Site
from hadr.core.steps import StepName
from hadr.core.view import FilesRole, Known, Read, Unknown, View, What

STALE_AFTER = timedelta(seconds=60)


class Guard(StrEnum):
    """The guards by the name that lifts them."""

    DATA_LOSS = "data-loss"
    TARGET_NOT_READY = "target-not-ready"
    TWO_WRITERS = "two-writers"
    STALE_VIEW = "stale-view"
    SOURCE_NOT_READY = "source-not-ready"
    ROLES_UNCLEAR = "roles-unclear"
    LAST_ZONE = "last-zone"
    FOREIGN_SHIFT = "foreign-shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal in the words of its evidence."""

    evidence: str

    def __str__(self) -> str:
        return self.evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class LagAboveObjective:
    """More would be lost than was promised."""

    guard: ClassVar[Guard] = Guard.DATA_LOSS
    unknown: ClassVar[bool] = False
    store: str
    lag: timedelta
    objective: timedelta

    def __str__(self) -> str:
        behind, promised = self.lag.total_seconds(), self.objective.total_seconds()
        return f"the {self.store} is {behind:.1f} s behind, more than the {promised:.0f} s promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class LagUnknown:
    """Nobody knows how much would be lost."""

    guard: ClassVar[Guard] = Guard.DATA_LOSS
    unknown: ClassVar[bool] = True
    store: str
    why: str

    def __str__(self) -> str:
        return f"how far the {self.store} is behind is unknown: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNotReady:
    """The target lacks something that the failover needs."""

    guard: ClassVar[Guard] = Guard.TARGET_NOT_READY
    finding: Finding

    @property
    def unknown(self) -> bool:
        """Whether it is refused for want of knowledge."""
        return self.finding.verdict is Verdict.UNKNOWN

    def __str__(self) -> str:
        found = self.finding
        state = "unknown" if found.verdict is Verdict.UNKNOWN else "not ready"
        return f"{found.rule} is {state} ({found.evidence}); {found.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoWritersPossible:
    """The old side still takes writes, so promoting the target would leave two writers."""

    guard: ClassVar[Guard] = Guard.TWO_WRITERS
    unknown: ClassVar[bool] = False
    member: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.member} may still accept writes: {self.evidence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleView(Told):
    """What the plan was made from is too old to act on."""

    guard: ClassVar[Guard] = Guard.STALE_VIEW
    unknown: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNotReady:
    """A planned change needs both sides, and the side that is left cannot be seen to be well."""

    guard: ClassVar[Guard] = Guard.SOURCE_NOT_READY
    unknown: ClassVar[bool] = True
    member: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.member} is needed for a planned change and cannot be seen: {self.evidence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesUnclear(Told):
    """Files would be overwritten, and it is not beyond doubt which side holds the truth."""

    guard: ClassVar[Guard] = Guard.ROLES_UNCLEAR
    unknown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LastZone(Told):
    """What would be left serves nobody."""

    guard: ClassVar[Guard] = Guard.LAST_ZONE
    unknown: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignShift(Told):
    """Somebody else has shifted traffic, or hadr has from another zone."""

    guard: ClassVar[Guard] = Guard.FOREIGN_SHIFT
    unknown: ClassVar[bool] = False


Refusal = (
    LagAboveObjective
    | LagUnknown
    | TargetNotReady
    | TwoWritersPossible
    | StaleView
    | SourceNotReady
    | RolesUnclear
    | LastZone
    | ForeignShift
)


def refusals(site: Site, verb: str, course: Course, steps: Collection[StepName], view: View) -> tuple[Refusal, ...]:
    """Every reason not to carry out `steps` of the verb on this course."""
    if not steps:
        return ()
    found: list[Refusal] = []
    if StepName.REPLICATE in steps:
        found += _roles(site, course, view)
    if verb == "protect":
        return (*found, *_stale(course, view), *_source(course, view, (What.FILES, What.DATABASE)))
    if verb != "failover":
        found += [*_source(course, view, (What.COMPUTE, What.DATABASE, What.FILES)), *_one_writer(site, view)]
        found += _following(site, course, steps, view)
    return (*found, *_failing_over(site, course, steps, view))


def _failing_over(site: Site, course: Course, steps: Collection[StepName], view: View) -> tuple[Refusal, ...]:
    found: list[Refusal] = [*_stale(course, view), *_not_ready(site, course, view)]
    if StepName.PROMOTE in steps:
        found += [*_database_lag(site, course, view), *_two_writers(site, course, view)]
    if StepName.BREAK in steps and StepName.FIRST_SYNC not in steps:  # a plan that waits for the first sync loses no file
        found += _file_lag(site, course, view)
    return tuple(found)


def _roles(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    """Overwriting needs one truth: the source is the writer and serves, and its files are no replica."""
    writer, active, files = writer_of(site, view), active_members(site, view), view.files(course.source)
    if writer != course.source:
        told = "the database writer is unknown" if writer is None else f"the database writer is {writer}"
        yield RolesUnclear(unknown=writer is None, evidence=f"{told}: files of {course.target} may be the newer ones")
    if isinstance(active, Unknown):
        yield RolesUnclear(unknown=True, evidence=f"who serves is unknown: {active.why}")
    elif active.value != (course.source,):
        names = " and ".join(active.value)
        yield RolesUnclear(unknown=False, evidence=f"clients are sent to {names}, so {course.target}'s files may be the newer ones")
    if isinstance(files, Known) and files.value.role is FilesRole.DESTINATION:
        evidence = f"{course.source}'s files are themselves a replica of {files.value.source}"
        yield RolesUnclear(unknown=False, evidence=evidence)


def _source(course: Course, view: View, needed: Collection[What]) -> Iterator[Refusal]:
    for what in needed:
        for member in (course.source, course.target):
            reading = view.get(what, member)
            if isinstance(reading, Unknown):
                yield SourceNotReady(member=member, evidence=f"{what}: {reading.why}")


def _one_writer(site: Site, view: View) -> Iterator[Refusal]:
    if told := _dissent(site, view):
        yield RolesUnclear(unknown=False, evidence=told)


def _following(site: Site, course: Course, steps: Collection[StepName], view: View) -> Iterator[Refusal]:
    """Nothing may be lost: the database is within its objective, and files are followed before writes stop."""
    if StepName.SWITCH not in steps:
        return
    if told := unsynced(view, course.target):
        yield LagUnknown(store="database", why=told)
    else:
        yield from _database_lag(site, course, view)
    if StepName.REPLICATE not in steps and not follows(site, view, origin=course.source, replica=course.target):
        why = f"no replication from {course.source} ends at {course.target}; `hadr failback --to {course.target}` makes one first"
        yield LagUnknown(store="file system", why=why)


def _stale(course: Course, view: View) -> Iterator[Refusal]:
    essential = (Read(What.DATABASE, course.target), Read(What.COMPUTE, course.target), Read(What.FILES, course.target))
    for read in essential:
        reading = view.get(read.what, read.member)
        if isinstance(reading, Known) and view.at - reading.at > STALE_AFTER:
            age = (view.at - reading.at).total_seconds()
            yield StaleView(evidence=f"{read} was seen {age:.0f} s ago; plan again")


def _not_ready(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    for finding in findings(site, view, course.target):
        if finding.verdict is not Verdict.YES:
            yield TargetNotReady(finding=finding)
    if course.way is Way.SWITCH and isinstance(reading := view.switch(course.target), Unknown):
        fix = "make the switch bucket readable"
        finding = Finding(rule="switch", verdict=Verdict.UNKNOWN, evidence=reading.why, fix=fix)
        yield TargetNotReady(finding=finding)


def _database_lag(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    reading = view.lag(course.target)
    if isinstance(reading, Unknown):
        yield LagUnknown(store="database", why=reading.why)
    elif view.at - reading.value.measured > LAG_IS_OLD_AFTER:
        age = (view.at - reading.value.measured).total_seconds()
        yield LagUnknown(store="database", why=f"last measured {age:.0f} s ago")
    elif reading.value.value > site.objectives.recovery_point:
        yield LagAboveObjective(store="database", lag=reading.value.value, objective=site.objectives.recovery_point)


def _file_lag(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    reading = view.files(course.target)
    if isinstance(reading, Unknown):
        yield LagUnknown(store="file system", why=reading.why)
    elif reading.value.role is FilesRole.DESTINATION:
        synced = reading.value.synced
        if synced is None:
            yield LagUnknown(store="file system", why="it was never in sync")
        elif view.at - synced > site.objectives.file_recovery_point:
            objective = site.objectives.file_recovery_point
            yield LagAboveObjective(store="file system", lag=view.at - synced, objective=objective)


def _two_writers(site: Site, course: Course, view: View) -> Iterator[Refusal]:
    endpoint = view.endpoint(course.source)
    if isinstance(endpoint, Known) and endpoint.value.ok:
        yield TwoWritersPossible(member=course.source, evidence="it answers that it is ready for writes")
    if told := _dissent(site, view):
        yield TwoWritersPossible(member=course.source, evidence=told)


def _dissent(site: Site, view: View) -> str:
    """How the Regions differ about who is the writer; empty when they do not."""
    told = writers_told(site, view)
    if len(set(told.values())) < 2:
        return ""
    words = ", ".join(f"{region} says {writer}" for region, writer in sorted(told.items()))
    return f"the Regions name different writers ({words})"
