"""From evidence, history and the checker's judgement to a `Result`. Pure: it measures and compares, it neither waits nor acts.

Phases follow one another without a gap: detected, decided (the plan is made and its first step begins), acted, proven, and the
time clients still needed after that. `act` therefore excludes planning, a part of the decision, and the proof, which is a phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hadr_lab.checker import Books, Judgement, Store
from hadr_lab.drill.back import verb_back
from hadr_lab.drill.crossings import crossings, rates
from hadr_lab.drill.evidence import Evidence
from hadr_lab.drill.following import anew_after, drawn_by, stages_of
from hadr_lab.drill.outage import Outage, Sustained, errors, outage
from hadr_lab.drill.platform import platform_of
from hadr_lab.drill.ports import MemberPlace
from hadr_lab.drill.steps import PROOF, STEP_WAITS, Lengths, StepSpan, acting, lengths
from hadr_lab.history import UNABLE, History, Kind, Operation, Outcome
from hadr_lab.result import (
    SPANS,
    BackResult,
    CrossingResult,
    FaultResult,
    GroupResult,
    MemberResult,
    Result,
    ShareResult,
    SimulatedWait,
    StepResult,
    StoreResult,
)
from hadr_lab.scenario import Actor, Scenario, kind_of
from hadr_lab.waits import FIGURES, Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a drill ran on: the lab's members, zones and waits, the versions of its programs, and the memory it took at its peak."""

    members: Mapping[str, MemberPlace]
    zones: Sequence[str]
    waits: Waits
    versions: Mapping[str, str]
    peak_rss_mb: float


def sustained(scenario: Scenario) -> Sustained:
    """What the scenario calls sustained success."""
    return Sustained(success=scenario.steady.success, window_s=scenario.steady.window.total_seconds())


def able(operations: Iterable[Operation]) -> list[Operation]:
    """The operations of clients that can follow a moved name."""
    return [op for op in operations if op.population != UNABLE]


def result_of(evidence: Evidence, history: History, judgement: Judgement, setting: Setting, *, ended: float) -> Result:
    """The whole result; whatever the drill did not reach is null or empty."""
    scenario, onset, operations = evidence.scenario, evidence.onset, history.operations
    seen = _outage(evidence, able(operations))
    reached = moments(evidence, seen)
    measured = lengths(evidence.acted.steps, setting.waits)
    accounts = judgement.books.accounts.values() if judgement.books else ()
    return Result(
        scenario=scenario.name,
        architecture=scenario.architecture,
        seed=evidence.seed,
        speed=evidence.speed,
        started=_iso(evidence.started),
        verdict=judgement.verdict.value,
        phases=phases(reached),
        client_outage_s=_rounded(seen.length_s if seen else None),
        requests=len(operations),
        failed_requests=sum(not op.succeeded for op in operations),
        acked_writes=len({op.id for op in operations if op.kind is not Kind.READ and op.outcome is Outcome.OK}),
        lost_writes=tuple(key for account in accounts for key in account.lost),
        doubled_writes=tuple(key for account in accounts for key in account.doubled),
        rpo_s=_rounded(judgement.books.rpo_s) if judgement.books else None,
        critical_path_s=round(measured.critical_path_s, 3),
        floor_s=round(measured.floor_s, 3),
        peak_rss_mb=round(setting.peak_rss_mb, 1),
        simulated_waits=simulated(setting.waits),
        versions=dict(setting.versions),
        status=evidence.status,
        reasons=(*evidence.reasons, *judgement.reasons),
        actor=scenario.act.by.value,
        act_exit_code=evidence.acted.exit_code,
        act_said=evidence.acted.said,
        clients_recovered=_recovered(evidence, able(operations)),
        onset=_iso(onset) if onset is not None else "",
        ended=_iso(ended),
        length_s=round(ended - evidence.started, 3),
        moments=reached,
        unexpected_writes=tuple(key for account in accounts for key in account.unexpected),
        sequential_s=round(measured.sequential_s, 3),
        aws_critical_path_s=round(measured.aws_critical_path_s, 3),
        critical_path=measured.path,
        rpo_by_store={store.value: round(a.rpo_s, 3) for store, a in judgement.books.accounts.items()} if judgement.books else {},
        stores=_stores(judgement.books),
        kinds={kind.value: _group(evidence, [op for op in able(operations) if op.kind is kind]) for kind in Kind},
        populations=_populations(evidence, operations),
        steps=_steps(evidence.acted.steps, measured, onset or evidence.started),
        back=_back(evidence, operations, setting.waits),
        faults=_faults(evidence),
        members={name: MemberResult(region=place.region, networks=place.networks) for name, place in setting.members.items()},
        scheduling_lag_p99_s=history.summary.scheduling_lag_p99_s if history.summary else None,
        platform=platform_of(evidence, operations, setting.members),
        crossings=_crossings(evidence, operations, setting.zones),
        shares=_shares(evidence, operations, setting.members, setting.waits),
        stages=stages_of(evidence, operations, setting.members, setting.waits),
        weights_before=dict(evidence.before.weights) if evidence.before else {},
        weights_after=dict(evidence.weights_after),
        latency_before=latencies(op for op in able(operations) if onset is not None and op.finished < onset),
        latency_after=latencies(op for op in able(operations) if onset is not None and op.intended >= onset),
    )


def moments(evidence: Evidence, seen: Outage | None) -> dict[str, float | None]:
    """The moments between the phases in seconds after the onset; None where the drill did not get that far.

    Without a proof of its own (the reference has none) an act counts as proven when it ended; nobody's act takes no time. What a
    shift did before it was disturbed answers to nothing.
    """
    onset = evidence.onset
    counted = [
        s for s in evidence.acted.steps if s.counts and not (s.started is not None and onset is not None and s.started < onset)
    ]
    act = acting(counted)
    proof = next((s for s in counted if s.name == PROOF), None)
    acted = max((s.ended for s in act if s.ended is not None), default=None)
    reached = {
        "onset": evidence.onset,
        "failing": seen.began if seen else None,
        "detected": evidence.detected,
        "decided": min((s.started for s in act if s.started is not None), default=None),
        "acted": acted,
        "proven": acted if proof is None else proof.ended if proof.status == "done" else None,
        "recovered": seen.ended if seen else None,
    }
    if evidence.scenario.act.by is Actor.NOBODY:
        reached |= dict.fromkeys(("decided", "acted", "proven"), evidence.detected)
    return {name: None if at is None or onset is None else round(at - onset, 3) for name, at in reached.items()}


def _crossings(evidence: Evidence, operations: Sequence[Operation], zones: Sequence[str]) -> CrossingResult | None:
    """What crossed zones while nothing was harmed; None when it was not counted twice."""
    if len(evidence.counts) < 2:
        return None
    first, last = evidence.counts[0], evidence.counts[-1]
    answered = sum(first.at <= op.finished < last.at for op in operations if op.succeeded)
    idle = rates(*evidence.idle, zones=zones) if evidence.idle else None
    return crossings(first, last, zones=zones, requests=answered, idle=idle, speed=evidence.speed)


def _shares(
    evidence: Evidence, operations: Sequence[Operation], members: Mapping[str, MemberPlace], waits: Waits
) -> ShareResult | None:
    """Clients' draws before anything was harmed; None when no shares are expected, or there were too few draws to tell."""
    scenario, wanted = evidence.scenario, evidence.scenario.expect.shares
    until = evidence.onset if scenario.loss is not None and evidence.onset is not None else evidence.load_ended
    before = [op for op in operations if until is None or op.intended < until]
    return drawn_by(before, wanted, members, apart_s=anew_after(scenario.load, waits))


def latencies(operations: Iterable[Operation]) -> dict[str, float]:
    """Median and 99th percentile of the good answers, in seconds from the intended send; empty without any."""
    found = sorted(op.latency_s for op in operations if op.succeeded)
    if not found:
        return {}
    return {name: round(found[min(len(found) - 1, int(share * len(found)))], 4) for name, share in (("p50", 0.5), ("p99", 0.99))}


def phases(known: Mapping[str, float | None]) -> dict[str, float | None]:
    """The length of each phase; clients who recovered before the proof needed no time after it."""
    found: dict[str, float | None] = {}
    for name, (began, ended) in SPANS.items():
        start, stop = known[began], known[ended]
        found[name] = None if start is None or stop is None else round(max(0.0, stop - start), 3)
    return found


def simulated(waits: Waits) -> dict[str, SimulatedWait]:
    """Every wait that was taken, or that a step of a recovery contains, with both lengths."""
    relevant = {wait for steps in STEP_WAITS.values() for wait, _ in steps} | set(waits.taken)
    return {
        wait.value: SimulatedWait(
            lab_s=round(waits.scaled(wait).total_seconds(), 3),
            aws_s=figure.aws.total_seconds(),
            taken=waits.taken.get(wait, 0),
            source=figure.source,
        )
        for wait, figure in FIGURES.items()
        if wait in relevant
    }


def _outage(evidence: Evidence, operations: Sequence[Operation]) -> Outage | None:
    """The outage of the harm, or of the act: until the way back begins, where there is one."""
    if evidence.onset is None or evidence.load_ended is None:
        return None
    back = evidence.back.began if evidence.back else None
    before = [op for op in operations if back is None or op.finished < back]
    end = evidence.load_ended if back is None else back
    return outage(before, onset=evidence.onset, end=end, sustained=sustained(evidence.scenario))


def _outage_back(evidence: Evidence, operations: Sequence[Operation]) -> Outage | None:
    """The outage of the way back; None when it was not gone."""
    if evidence.back is None or evidence.back.began is None or evidence.load_ended is None:
        return None
    return outage(operations, onset=evidence.back.began, end=evidence.load_ended, sustained=sustained(evidence.scenario))


def _recovered(evidence: Evidence, operations: Sequence[Operation]) -> bool:
    """Whether success was sustained after the act, and again after the way back where one was gone."""
    out, back = _outage(evidence, operations), _outage_back(evidence, operations)
    return out is not None and out.recovered and (back is None or back.recovered)


def _back(evidence: Evidence, operations: Sequence[Operation], waits: Waits) -> BackResult | None:
    """The way back; None when nobody asked for it."""
    back, onset = evidence.back, evidence.onset
    if back is None or onset is None:
        return None
    healed = max((done.healed for done in evidence.injected if done.healed is not None), default=None)
    seen, measured = _outage_back(evidence, able(operations)), lengths(back.acted.steps, waits)
    began, ended = back.began, back.ended
    return BackResult(
        verb=verb_back(evidence.scenario.act),
        refused_s=None if began is None else round(began - (back.asked if healed is None else healed), 3),
        refused=back.refused,
        began_s=_rounded(None if began is None else began - onset),
        ended_s=_rounded(None if ended is None else ended - onset),
        exit_code=back.acted.exit_code,
        said=back.acted.said,
        client_outage_s=_rounded(seen.length_s if seen else None),
        failed_requests=sum(not op.succeeded and began is not None and op.finished >= began for op in operations),
        critical_path_s=round(measured.critical_path_s, 3),
        floor_s=round(measured.floor_s, 3),
        aws_critical_path_s=round(measured.aws_critical_path_s, 3),
        critical_path=measured.path,
        steps=_steps(back.acted.steps, measured, onset),
    )


def _group(evidence: Evidence, operations: Sequence[Operation]) -> GroupResult:
    seen = _outage(evidence, operations)
    recovered = _recovered(evidence, operations)
    last = (evidence.load_ended or float("inf")) - evidence.scenario.steady.window.total_seconds()
    return GroupResult(
        requests=len(operations),
        failed=sum(not op.succeeded for op in operations),
        recovered=recovered,
        outage_s=_rounded(seen.length_s if seen else None),
        errors=errors(operations),
        at_the_end="" if recovered else next(iter(errors(op for op in operations if op.intended >= last)), ""),
    )


def _populations(evidence: Evidence, operations: Sequence[Operation]) -> dict[str, GroupResult]:
    names = dict.fromkeys(op.population for op in operations)
    return {name: _group(evidence, [op for op in operations if op.population == name]) for name in sorted(names)}


def _stores(books: Books | None) -> dict[str, StoreResult]:
    if books is None:
        return {}
    return {
        store.value: StoreResult(
            acked=account.acked,
            present=account.present,
            lost=len(account.lost),
            indeterminate_landed=len(account.landed),
            indeterminate_vanished=len(account.vanished),
            refused=account.refused,
            rpo_s=round(account.rpo_s, 3),
        )
        for store, account in ((store, books.accounts[store]) for store in Store)
    }


def _steps(steps: Sequence[StepSpan], measured: Lengths, onset: float) -> tuple[StepResult, ...]:
    def result(step: StepSpan) -> StepResult:
        return StepResult(
            name=step.name,
            status=step.status,
            started_s=_rounded(None if step.started is None else step.started - onset),
            ended_s=_rounded(None if step.ended is None else step.ended - onset),
            requires=step.requires,
            plane=step.plane,
            counts=step.counts,
            on_critical_path=step.name in measured.path,
            summary=step.summary,
            proof=step.proof,
        )

    return tuple(map(result, steps))


def _faults(evidence: Evidence) -> tuple[FaultResult, ...]:
    onset = evidence.onset or evidence.started
    return tuple(
        FaultResult(
            fault=kind_of(done.fault),
            zones=done.zones,
            injected_s=round(done.began - onset, 3),
            healed_s=_rounded(None if done.healed is None else done.healed - onset),
        )
        for done in evidence.injected
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
