"""Would a failover work now? Every rule there is, about a member that stands by, each with its evidence and its fix.

Wider than `readiness.findings`, which failing over itself goes by: here also what would be lost, and whether clients would really
be sent on. The wiring of health checks is not compared with a pattern: it is worked out for each case what Route 53 would conclude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hadr.core.following import LAG_IS_OLD_AFTER
from hadr.core.readiness import Finding, findings
from hadr.core.roles import Verdict, active_members, writer_of
from hadr.core.site import Member, Site
from hadr.core.view import FilesRole, HealthCheck, Reading, Unknown, View

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def inspect(site: Site, view: View, target: str) -> tuple[Finding, ...]:
    """Every rule about `target` as the member to fail over to. Raises ConfigError for an unknown member."""
    to, away = site.member(target), site.other(target)
    kept = [_absent(view, finding, target) for finding in findings(site, view, target) if finding.rule != "files"]
    return (
        _roles(site, view, to, away),
        *kept,
        _database_lag(site, view, to),
        _files(site, view, to, away),
        _target_group(view, to),
        *_switch(view, to),
        *wiring(site, view, to, away),
    )


def worst(found: tuple[Finding, ...]) -> Verdict:
    """NO before UNKNOWN before YES."""
    verdicts = {finding.verdict for finding in found}
    return next((verdict for verdict in (NO, UNKNOWN) if verdict in verdicts), YES)


def _unknown(rule: str, reading: Unknown, fix: str) -> Finding:
    """What is not there is a definite no; what did not answer is unknown."""
    return Finding(rule=rule, verdict=NO if reading.absent else UNKNOWN, evidence=reading.why, fix=fix)


def _absent(view: View, finding: Finding, target: str) -> Finding:
    """A database, cluster or Deployment that is definitely not there is a no."""
    readings: dict[str, Reading[Any]] = {"database": view.database(target), "compute": view.compute(target)}
    reading = readings.get(finding.rule)
    gone = finding.verdict is UNKNOWN and isinstance(reading, Unknown) and reading.absent
    return replace(finding, verdict=NO) if gone else finding


def _roles(site: Site, view: View, to: Member, away: Member) -> Finding:
    writer, active = writer_of(site, view), active_members(site, view)
    if isinstance(active, Unknown):
        return Finding(rule="roles", verdict=UNKNOWN, evidence=active.why, fix=f"find out where {site.traffic.host} leads")
    evidence = f"clients are sent to {' and '.join(active.value)}, the database writer is {writer or 'unknown'}"
    if writer is None:
        return Finding(rule="roles", verdict=UNKNOWN, evidence=evidence, fix="find out why the Regions do not agree on the writer")
    if active.value != (away.name,) or writer != away.name:
        fix = f"finish what was begun: `hadr plan failover --to {writer}`, or ask about the other member"
        return Finding(rule="roles", verdict=NO, evidence=evidence, fix=fix)
    return Finding(rule="roles", verdict=YES, evidence=f"{evidence}; {to.name} stands by")


def _database_lag(site: Site, view: View, to: Member) -> Finding:
    reading, promised = view.lag(to.name), site.objectives.recovery_point
    fix = f"see that {site.global_database} replicates to {to.database}"
    if isinstance(reading, Unknown):
        return replace(_unknown("database-lag", reading, fix), verdict=UNKNOWN)
    lag, age = reading.value.value, view.at - reading.value.measured
    evidence = (
        f"{lag.total_seconds():.1f} s behind, measured {age.total_seconds():.0f} s ago, {promised.total_seconds():.0f} s promised"
    )
    if age > LAG_IS_OLD_AFTER:
        return Finding(rule="database-lag", verdict=UNKNOWN, evidence=evidence, fix=fix)
    behind = lag > promised
    return Finding(rule="database-lag", verdict=NO if behind else YES, evidence=evidence, fix=fix if behind else "")


def _files(site: Site, view: View, to: Member, away: Member) -> Finding:
    reading, promised = view.files(to.name), site.objectives.file_recovery_point
    if isinstance(reading, Unknown):
        return _unknown("file-replication", reading, "find out why EFS does not answer")
    state = reading.value
    if state.role is not FilesRole.DESTINATION or state.source != away.files:
        fix = f"hadr protect --to {to.name}"
        evidence = f"{to.name}'s files do not follow {away.name}'s ({state.role} {state.source})".replace(" )", ")")
        return Finding(rule="file-replication", verdict=NO, evidence=evidence, fix=fix)
    if state.synced is None:
        evidence, fix = f"{state.status}, never in sync yet", "wait for the first sync"
        return Finding(rule="file-replication", verdict=NO, evidence=evidence, fix=fix)
    behind = view.at - state.synced
    late = behind > promised
    evidence = f"{state.status}, in sync {behind.total_seconds():.0f} s ago, {promised.total_seconds():.0f} s promised"
    bad = late or state.status not in ("ENABLED", "ENABLING")
    return Finding(
        rule="file-replication", verdict=NO if bad else YES, evidence=evidence, fix="mend the replication" if bad else ""
    )


def _target_group(view: View, to: Member) -> Finding:
    reading = view.targets(to.name)
    if isinstance(reading, Unknown):
        return _unknown("target-group", reading, f"make the target group {to.target_group}, or name the right one in site.yaml")
    evidence = f"there, {reading.value.healthy}/{reading.value.total} targets healthy"
    return Finding(rule="target-group", verdict=YES, evidence=evidence)


def _switch(view: View, to: Member) -> Iterator[Finding]:
    """Of a member without a switch nothing is asked: its traffic moves by weights, which `traffic` judges."""
    if to.switch is None:
        return
    declared, trial = view.switch(to.name), view.switch_trial(to.name)
    place = f"{to.switch.key} in {to.switch.bucket}"
    if isinstance(declared, Unknown):
        yield _unknown("switch", declared, f"let hadr list {to.switch.bucket}")
    elif declared.value:
        fix = "remove it, unless it was meant: then its member is active"
        yield Finding(rule="switch", verdict=NO, evidence=f"{place} is there: {to.name} is declared active already", fix=fix)
    else:
        yield Finding(rule="switch", verdict=YES, evidence=f"{place} is not there, as it should be")
    if isinstance(trial, Unknown):
        yield _unknown("switch-writable", trial, f"let hadr put and delete objects in {to.switch.bucket} (`hadr policy`)")
    else:
        yield Finding(rule="switch-writable", verdict=YES, evidence=trial.value)


def wiring(site: Site, view: View, to: Member, away: Member) -> Iterator[Finding]:
    """Each record goes out of DNS when its member is not ready, and the active one also when the other is declared active."""
    for member in (away, to):
        rule = f"health-check-of-{member.name}"
        reading = view.checks(member.name)
        if isinstance(reading, Unknown):
            yield _unknown(rule, reading, "see that Route 53's records and health checks can be read")
            continue
        if reading.value is None:
            evidence = f"the record {member.record} of {site.traffic.host} has no health check"
            yield Finding(
                rule=rule, verdict=NO, evidence=evidence, fix="attach one: without it clients are sent there whatever happens"
            )
            continue
        yield _judged(rule, site, reading.value, member, switched=to if member is away and to.switch is not None else None)


def _judged(rule: str, site: Site, check: HealthCheck, member: Member, *, switched: Member | None) -> Finding:
    wrong = []
    if not healthy(check, _situation(site, member, ready=True, declared=None)):
        wrong.append("it fails although nothing is wrong")
    if healthy(check, _situation(site, member, ready=False, declared=None)):
        wrong.append(f"it does not see that {member.name}'s endpoint ({member.balancer}) is not ready")
    if switched is not None and healthy(check, _situation(site, member, ready=True, declared=switched)):
        wrong.append(f"it does not see that {switched.name} is declared active")
    evidence = f"record {member.record}, health check {check.name}: {_told(check)}"
    if wrong:
        fix = f"in the record of {site.traffic.host} for {member.name}: ready, and nobody declared the other one (docs/adr/0002)"
        return Finding(rule=rule, verdict=NO, evidence=f"{'; '.join(wrong)} ({evidence})", fix=fix)
    return Finding(rule=rule, verdict=YES, evidence=evidence)


def _situation(site: Site, member: Member, *, ready: bool, declared: Member | None) -> Callable[[HealthCheck], bool]:
    """What each endpoint answers when the member is ready or not, and one member or none is declared active."""

    def answers(leaf: HealthCheck) -> bool:
        asked = next((one for one in site.members if _asks_switch(leaf, one)), None)
        if asked is not None:
            return asked is declared
        return ready or not _asks_balancer(leaf, member)

    return answers


def healthy(check: HealthCheck, answers: Callable[[HealthCheck], bool]) -> bool:
    """What Route 53 concludes when `answers` tells of each endpoint whether it answers well. A disabled check counts as healthy."""
    if check.disabled:
        return not check.inverted
    if not check.calculated:
        return answers(check) != check.inverted
    enough = sum(healthy(child, answers) for child in check.children) >= check.threshold
    return enough != check.inverted


def _asks_balancer(leaf: HealthCheck, member: Member) -> bool:
    return leaf.host.rstrip(".").lower() == member.balancer.rstrip(".").lower()


def _asks_switch(leaf: HealthCheck, member: Member) -> bool:
    """By the bucket in the host's name, or in the path."""
    if member.switch is None:
        return False
    switch, host = member.switch, leaf.host.lower()
    if host.startswith(f"{switch.bucket}.s3"):
        return leaf.path == f"/{switch.key}"
    return host.startswith("s3") and leaf.path == f"/{switch.bucket}/{switch.key}"


def _told(check: HealthCheck) -> str:
    """The check in words, as deep as it goes."""
    if check.disabled:
        return "disabled"
    if check.calculated:
        inner = ", ".join(_told(child) for child in check.children)
        return f"{'not ' if check.inverted else ''}{check.threshold} of [{inner}]"
    return f"{'no ' if check.inverted else ''}{check.host}{check.path}"
