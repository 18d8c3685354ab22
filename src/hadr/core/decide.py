"""What to do next with a plan under way: begin, ask, settle, or wait. Pure, and asked again after everything that happens.

It never asks for a change that is already seen, under way, or possibly still taking effect: after an indefinite outcome nothing
is asked again before a reading begun later shows that it did not happen. A step is settled by its proof, not by an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hadr.core.actions import Done, EvictZone, Outcome, Refused, ShiftWeights, SpreadInto, WriteThrough
from hadr.core.course import Proof, State
from hadr.core.plan import Plan
from hadr.core.proofs import prove
from hadr.core.site import Site
from hadr.core.steps import Step, StepName
from hadr.core.view import Read, Unknown, View

SETTLE = timedelta(seconds=10)
"""How long an accepted or indefinite request may stay without visible effect before it is asked again."""

RETRY_WRITE = timedelta(seconds=1)
"""The proving write carries a key and counts once however often it is sent, so it is tried again soon."""


RETRY_EVICTION = timedelta(seconds=2)
"""A disruption budget lets the next pod go as soon as the last one has been replaced."""


FIRST_LOOK = timedelta(seconds=10)
"""So long at most a shift waits for the first look at what goes on beside it; a lost zone's clients should not wait for longer."""


class Status(StrEnum):
    """A step's life. UNKNOWN is the end of a best-effort step that could not be observed."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def over(self) -> bool:
        """Whether this status is final."""
        return self not in (Status.PENDING, Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one step is. `asking`: a request is out and has not come back."""

    status: Status = Status.PENDING
    began: datetime | None = None
    asking: bool = False
    attempts: int = 0
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A step that has just ended, and what was last seen of it."""

    step: StepName
    status: Status
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows from the view: steps to begin, steps to ask for, steps that ended, the words last seen of the others."""

    begin: tuple[StepName, ...] = ()
    ask: tuple[StepName, ...] = ()
    settle: tuple[Settled, ...] = ()
    seen: tuple[tuple[StepName, str], ...] = ()
    over: bool = False


def decide(site: Site, plan: Plan, view: View, progress: Mapping[StepName, Progress], now: datetime) -> Decision:
    """The next move. `over` when every step that counts has ended."""
    begin: list[StepName] = []
    ask: list[Step] = []
    settle: list[Settled] = []
    seen: list[tuple[StepName, str]] = []
    unseen = False
    for step in plan.steps:
        state = progress[step.name]
        if state.status is Status.PENDING:
            if _hopeless(step, progress):
                settle.append(Settled(step=step.name, status=Status.SKIPPED, seen="a step that it requires did not succeed"))
            elif _may_begin(step, progress):
                begin.append(step.name)
        elif state.status is Status.RUNNING:
            proof = _judge(site, plan, step, state, view)
            ended = _ended(step, state, proof, now)
            if ended is not None:
                settle.append(ended)
            elif _should_ask(step, state, proof, now):
                ask.append(step)
            unseen = unseen or _unasked(step, state, proof)
            seen.append((step.name, proof.seen))
    over = all(progress[step.name].status.over or step.best_effort for step in plan.steps)
    ready = [step for step in ask if not (unseen and _waits_for_looks(step, progress[step.name], now))]
    due = sorted(ready, key=_alone)  # what leaves nothing beside it comes last
    return Decision(begin=tuple(begin), ask=tuple(step.name for step in due), settle=tuple(settle), seen=tuple(seen), over=over)


def _unasked(step: Step, state: Progress, proof: Proof) -> bool:
    """Whether a change is still to be asked for that only a first look holds up."""
    return step.action is not None and not step.best_effort and state.attempts == 0 and proof.state is State.UNSEEN


def _alone(step: Step) -> bool:
    """Whether the step, once asked for, takes the run's whole attention while it lasts."""
    return isinstance(step.action, ShiftWeights)


def _waits_for_looks(step: Step, state: Progress, now: datetime) -> bool:
    """What is to go on beside a step that takes the whole attention is asked for first."""
    return _alone(step) and state.began is not None and now - state.began < FIRST_LOOK


def watched(plan: Plan, progress: Mapping[StepName, Progress]) -> tuple[Read, ...]:
    """The questions whose answers matter now: those of the steps that run. A lost Region is asked only for fencing."""
    running = (step for step in plan.steps if progress[step.name].status is Status.RUNNING)
    return tuple(dict.fromkeys(read for step in running for read in step.reads))


def conclude(plan: Plan, progress: Mapping[StepName, Progress]) -> tuple[Settled, ...]:
    """The ends of best-effort steps that nobody waits for any longer."""
    return tuple(
        Settled(step=step.name, status=Status.UNKNOWN, seen=progress[step.name].seen or "not observed")
        for step in plan.steps
        if step.best_effort and not progress[step.name].status.over
    )


def _may_begin(step: Step, progress: Mapping[StepName, Progress]) -> bool:
    proven = all(progress[name].status is Status.DONE for name in step.requires)
    return proven and all(progress[name].status.over for name in step.after)


def _hopeless(step: Step, progress: Mapping[StepName, Progress]) -> bool:
    return any(progress[name].status.over and progress[name].status is not Status.DONE for name in step.requires)


def _latest(moments: Iterable[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _judge(site: Site, plan: Plan, step: Step, state: Progress, view: View) -> Proof:
    """The proof from readings begun after the step began and after its last request came back, once all of them are there."""
    if isinstance(step.action, WriteThrough | ShiftWeights):
        return _written(state)
    moment = _latest((state.began, state.outcome_at))
    seen = view if moment is None else view.since(moment)
    if any(read not in seen.readings for read in step.reads):
        return Proof(state=State.UNSEEN, seen="not observed")
    return prove(step.name, site, plan.course, seen, since=state.began)


def _written(state: Progress) -> Proof:
    """A write that was read back, or weights that clients were watched under, are their own proof: that eye is the client's."""
    match state.outcome:
        case Done(detail=detail):
            return Proof(state=State.PROVEN, seen=detail)
        case Refused(why=why) | Unknown(why=why):
            return Proof(state=State.NOT_YET, seen=why)
        case _:
            return Proof(state=State.NOT_YET, seen="not tried")


def _ended(step: Step, state: Progress, proof: Proof, now: datetime) -> Settled | None:
    if proof.state is State.PROVEN:
        return Settled(step=step.name, status=Status.DONE, seen=proof.seen)
    failed = Status.UNKNOWN if step.best_effort and proof.state is State.UNSEEN else Status.FAILED
    refused = _refused_for_good(state, proof, now)
    if refused is not None:
        return Settled(step=step.name, status=failed, seen=f"refused: {refused}; last seen: {proof.seen}")
    if state.began is not None and now - state.began >= step.budget:
        spent = f"not proven within {step.budget.total_seconds():.0f} s; last seen: {proof.seen}"
        return Settled(step=step.name, status=failed, seen=spent + _last_answer(state))
    return None


def _refused_for_good(state: Progress, proof: Proof, now: datetime) -> str | None:
    """Why, once a look taken after the refusal shows that the effect is not there; or when no look comes back for long."""
    outcome = state.outcome
    if state.asking or not isinstance(outcome, Refused) or not outcome.final or state.outcome_at is None:
        return None
    seen = proof.state is State.NOT_YET or (proof.state is State.UNSEEN and now - state.outcome_at >= SETTLE)
    return outcome.why if seen else None


def _last_answer(state: Progress) -> str:
    match state.outcome:
        case Refused(why=why):
            return f"; last answer: refused, {why}"
        case Unknown(why=why):
            return f"; last answer: none, {why}"
        case _:
            return ""


def _should_ask(step: Step, state: Progress, proof: Proof, now: datetime) -> bool:
    if step.action is None or state.asking or proof.state is State.UNDERWAY:
        return False
    if isinstance(step.action, WriteThrough):
        return state.outcome_at is None or now - state.outcome_at >= RETRY_WRITE
    if isinstance(step.action, ShiftWeights):
        return state.attempts == 0
    if isinstance(step.action, EvictZone | SpreadInto) and proof.state is State.NOT_YET and state.outcome_at is not None:
        return now - state.outcome_at >= RETRY_EVICTION
    if proof.state is State.UNSEEN:
        return step.best_effort and _again(state, now)
    return _again(state, now)


def _again(state: Progress, now: datetime) -> bool:
    """Whether the last request is long enough ago, by how it ended: nothing happened, nobody knows, or no effect yet."""
    if state.outcome is None or state.outcome_at is None:
        return state.attempts == 0
    waited = now - state.outcome_at
    if isinstance(state.outcome, Refused):
        return waited >= timedelta(seconds=min(2 ** (state.attempts - 1), 30))
    return waited >= SETTLE
