"""The steps of whoever acted, as measured: their critical path, its floor by the waits alone, and the same path with AWS's waits.

Pure. The same shape serves hadr's journal and the reference's three steps, so that both are measured by one yardstick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hadr.core import journal, measure
from hadr.core.errors import BrokenJournal
from hadr_lab.waits import FIGURES, Wait, Waits

PROOF = "prove"
RETURN = "return"
"""A shift's last step, which puts the weights back: it counts where it was taken, and not where it was not needed."""

TARGET_THRESHOLD = 2
"""HealthyThresholdCount of the target groups."""
CHECK_THRESHOLD = 3
"""FailureThreshold of the endpoint health checks: as many good answers make a record healthy again."""

STEP_WAITS: dict[str, tuple[tuple[Wait, int], ...]] = {
    "promote-database": ((Wait.AURORA_FAILOVER, 1),),
    "break-file-replication": ((Wait.EFS_BREAK, 1),),
    "database-switched": ((Wait.AURORA_FAILOVER, 1),),
    "nodes-ready": ((Wait.INSTANCE_BOOT, 1), (Wait.IMAGE_PULL, 1)),
    "pods-found": ((Wait.TARGET_CHECK_INTERVAL, TARGET_THRESHOLD - 1),),
    "move-traffic": ((Wait.HEALTH_CHECK_INTERVAL, CHECK_THRESHOLD - 1),),
    "grow-other": ((Wait.INSTANCE_BOOT, 1), (Wait.IMAGE_PULL, 1), (Wait.TARGET_CHECK_INTERVAL, TARGET_THRESHOLD - 1)),
    "wait-for-workload": ((Wait.INSTANCE_BOOT, 1), (Wait.IMAGE_PULL, 1)),
    "move-writer": ((Wait.AURORA_WRITER, 1),),
    "change-weights": ((Wait.DNS_PROPAGATION, 1),),
}
"""The simulated waits inside each step that nothing can shorten, one after the other, and how often each is waited for.

N good checks in a row lie N - 1 intervals apart: the first may come at once. The balancer's checks in a failover are no wait of
their own: it finds pods by what is theirs alone (/readyz/local), while database and files are still on their way.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpan:
    """One step as it happened; times are seconds since the epoch, None where it never began or never ended."""

    name: str
    summary: str = ""
    requires: tuple[str, ...] = ()
    plane: str = "control"
    status: str = "done"
    counts: bool = True
    started: float | None = None
    ended: float | None = None
    proof: str = ""

    @property
    def length_s(self) -> float:
        """From start to end; 0 when either is missing."""
        return 0.0 if self.started is None or self.ended is None else max(0.0, self.ended - self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The act in numbers, all in seconds. `path` names the steps of the measured critical path."""

    critical_path_s: float
    sequential_s: float
    floor_s: float
    aws_critical_path_s: float
    path: tuple[str, ...]


def from_journal(path: Path) -> tuple[tuple[StepSpan, ...], str]:
    """The steps in hadr's journal, and what is wrong with it (empty: its chain holds and the run ended)."""
    try:
        verified = journal.verify(path.read_text())
        record = journal.run_record(verified.entries)
    except (OSError, BrokenJournal) as error:
        return (), f"hadr's journal: {error}"
    counted = {step.name for step in journal.counted(record.steps)}
    steps = tuple(_span(step, step.name in counted or _taken_back(step)) for step in record.steps)
    return steps, "hadr's journal: its last line is torn" if verified.torn else ""


def _taken_back(step: journal.StepRecord) -> bool:
    return step.name == RETURN and step.status == "done"


def acting(steps: Sequence[StepSpan]) -> tuple[StepSpan, ...]:
    """The steps of the act itself: those that count, without the proof and what waits for it (a new stand-by is made to follow)."""
    after = {PROOF}
    while more := {step.name for step in steps if step.name not in after and after.intersection(step.requires)}:
        after |= more
    return tuple(step for step in steps if step.counts and step.name not in after)


def lengths(steps: Sequence[StepSpan], waits: Waits) -> Lengths:
    """Measure the act, without the proof that follows it."""
    counted = acting(steps)
    path = _path(counted, lambda step: timedelta(seconds=step.length_s))
    return Lengths(
        critical_path_s=path.length.total_seconds(),
        sequential_s=sum(step.length_s for step in counted),
        floor_s=_path(counted, lambda step: _waited(step, waits)).length.total_seconds(),
        aws_critical_path_s=_path(counted, lambda step: _on_aws(step, waits)).length.total_seconds(),
        path=path.steps,
    )


def _span(step: journal.StepRecord, counts: bool) -> StepSpan:
    return StepSpan(
        name=step.name,
        summary=step.summary,
        requires=step.requires,
        plane=step.plane,
        status=step.status,
        counts=counts,
        started=step.started.timestamp() if step.started else None,
        ended=step.ended.timestamp() if step.ended else None,
        proof=step.proof or step.outcome,
    )


def _path(steps: Sequence[StepSpan], length: Callable[[StepSpan], timedelta]) -> measure.Path:
    return measure.critical_path([measure.Timed(name=s.name, requires=s.requires, length=length(s)) for s in steps])


def _waited(step: StepSpan, waits: Waits) -> timedelta:
    return sum((times * waits.scaled(wait) for wait, times in STEP_WAITS.get(step.name, ())), timedelta(0))


def _on_aws(step: StepSpan, waits: Waits) -> timedelta:
    """The measured length with its share of simulated waiting replaced by AWS's figures."""
    measured = timedelta(seconds=step.length_s)
    aws = sum((times * FIGURES[wait].aws for wait, times in STEP_WAITS.get(step.name, ())), timedelta(0))
    return measured - min(measured, _waited(step, waits)) + aws
