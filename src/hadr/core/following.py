"""What proves that one member's data follows the other's: file replication, its protection, its age, and the database's lag.

Every judgement quotes what it saw. A member that is the database's writer follows nobody, and nothing may be made to overwrite it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hadr.core.course import Course, Proof, State, Way
from hadr.core.site import Site
from hadr.core.steps import StepName
from hadr.core.view import FilesRole, FilesState, Known, Lag, Protection, Reading, Unknown, View

LAG_IS_OLD_AFTER = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=5)
"""EFS tells when it was in sync by AWS's clock, the last write is known by ours."""


def prove_files(name: StepName, site: Site, course: Course, view: View, *, since: datetime | None) -> Proof:
    """Judge one step about files. `since`: when the step began."""
    target, source = course.target, course.source
    match name:
        case StepName.CATCH_UP:
            return _caught_up(site, course, view, since)
        case StepName.FREE_OLD:
            return _free(site, view, source, origin=target, replica=source)
        case StepName.LIFT_OLD:
            return _lifted(site, view, origin=target, replica=source)
        case StepName.REVERSE:
            return _replicating(site, view, origin=target, replica=source)
        case _ if course.way is not Way.STAYS and _at_target(view, target):
            return Proof(state=State.PROVEN, seen=f"{target} is the database writer: it follows nobody")
        case StepName.FREE_SOURCE:
            return _free(site, view, source, origin=source, replica=target)
        case StepName.FREE_TARGET:
            return _free(site, view, target, origin=source, replica=target)
        case StepName.LIFT:
            return _lifted(site, view, origin=source, replica=target)
        case StepName.REPLICATE:
            return _replicating(site, view, origin=source, replica=target)
        case StepName.FIRST_SYNC:
            return _in_sync(site, course, view)
        case _:
            raise AssertionError(f"{name} is no step about files")


def follows(site: Site, view: View, *, origin: str, replica: str) -> bool:
    """Whether the replica's own Region tells that its files come from the origin's."""
    reading = view.files(replica)
    return isinstance(reading, Known) and _from(site, reading.value, origin)


def _from(site: Site, state: FilesState, origin: str) -> bool:
    return state.role is FilesRole.DESTINATION and state.source == site.member(origin).files


def unsynced(view: View, member: str) -> str:
    """What RDS says of a member's database that does not follow the writer; empty when it does. A lag of before says nothing."""
    reading = view.database(member)
    if not isinstance(reading, Known) or not reading.value.unsynced:
        return ""
    return f"RDS says that {member}'s database is not in sync ({reading.value.unsynced})"


def _at_target(view: View, target: str) -> bool:
    """Whether the database writer is, or is on its way to, the target."""
    reading = view.database(target)
    return isinstance(reading, Known) and target in (reading.value.writer, reading.value.switching_to)


def _told(state: FilesState) -> str:
    return f"{state.role}{f' of {state.source}' if state.source else ''} {state.status}".strip()


def _free(site: Site, view: View, member: str, *, origin: str, replica: str) -> Proof:
    """No replication, or the wanted one; anything else stands in its way."""
    mine, theirs = view.files(member), view.files(replica)
    if isinstance(mine, Unknown):
        return Proof(state=State.UNSEEN, seen=mine.why)
    seen = f"{member}'s files are {_told(mine.value)}"
    if mine.value.role is FilesRole.ALONE or (mine.value.status != "ERROR" and follows(site, view, origin=origin, replica=replica)):
        return Proof(state=State.PROVEN, seen=seen)
    if isinstance(theirs, Unknown):
        return Proof(state=State.UNSEEN, seen=f"{seen}; {theirs.why}")
    return Proof(state=State.UNDERWAY if mine.value.status == "DELETING" else State.NOT_YET, seen=seen)


def _lifted(site: Site, view: View, *, origin: str, replica: str) -> Proof:
    if follows(site, view, origin=origin, replica=replica):
        return Proof(state=State.PROVEN, seen=f"{replica}'s files follow {origin}'s already")
    reading = view.protection(replica)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    seen = f"overwrite protection of {replica}'s files is {reading.value}"
    match reading.value:
        case Protection.OFF:
            return Proof(state=State.PROVEN, seen=seen)
        case Protection.REPLICATING:
            return Proof(state=State.UNDERWAY, seen=seen)
        case _:
            return Proof(state=State.NOT_YET, seen=seen)


def _replicating(site: Site, view: View, *, origin: str, replica: str) -> Proof:
    reading = view.files(replica)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    seen = f"{replica}'s files are {_told(reading.value)}"
    if not _from(site, reading.value, origin):
        return Proof(state=State.NOT_YET, seen=seen)
    return Proof(state=State.PROVEN if reading.value.status == "ENABLED" else State.UNDERWAY, seen=seen)


def _in_sync(site: Site, course: Course, view: View) -> Proof:
    reading = view.files(course.target)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    synced = reading.value.synced
    if synced is None:
        return Proof(state=State.UNDERWAY, seen=f"{_told(reading.value)}, never in sync yet")
    behind = view.at - synced
    seen = f"{_told(reading.value)}, {behind.total_seconds():.0f} s behind"
    mine = _from(site, reading.value, course.source)
    return Proof(state=State.PROVEN if mine and behind <= site.objectives.file_recovery_point else State.UNDERWAY, seen=seen)


def _caught_up(site: Site, course: Course, view: View, since: datetime | None) -> Proof:
    """A sync that is younger than the last write; or, afterwards, a writer that was only asked for once that was seen."""
    reading = view.files(course.target)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    state = reading.value
    if not _from(site, state, course.source):
        if _at_target(view, course.target):
            return Proof(state=State.PROVEN, seen=f"{_told(state)}, and the writer was moved after that")
        return Proof(state=State.UNDERWAY, seen=f"no replication from {course.source} ends here ({_told(state)})")
    if state.synced is None or since is None or state.synced < since + CLOCKS_DIFFER:
        last = "never" if state.synced is None else f"last at {state.synced:%H:%M:%S}"
        wanted = "" if since is None else f", has to be after {since:%H:%M:%S}"
        return Proof(state=State.UNDERWAY, seen=f"{_told(state)}, in sync {last}{wanted}")
    return Proof(state=State.PROVEN, seen=f"{_told(state)}, in sync at {state.synced:%H:%M:%S}, after the last write")


def prove_lag(site: Site, course: Course, view: View) -> Proof:
    """The target's database follows within the objective; a writer needs to follow nobody."""
    if course.way is not Way.STAYS and _at_target(view, course.target):
        return Proof(state=State.PROVEN, seen=f"{course.target} is the database writer")
    if told := unsynced(view, course.target):
        return Proof(state=State.UNDERWAY, seen=told)
    reading: Reading[Lag] = view.lag(course.target)
    if isinstance(reading, Unknown):
        return Proof(state=State.UNSEEN, seen=reading.why)
    age, lag = view.at - reading.value.measured, reading.value.value
    seen = f"{lag.total_seconds():.1f} s behind, measured {age.total_seconds():.0f} s ago"
    fine = age <= LAG_IS_OLD_AFTER and lag <= site.objectives.recovery_point
    return Proof(state=State.PROVEN if fine else State.UNDERWAY, seen=seen)
