"""What the clients went through, computed from their history alone. Pure.

The outage runs from the intended time of the first failed request to the start of sustained success: the first success from which
on every window of the given length, to the end of the history, holds at least the given share of successes. A service that blinks
has not recovered, and a history that ends inside the first good window proves nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter

from hadr_lab.history import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustained:
    """What counts as sustained success."""

    success: float = 0.99
    window_s: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """`began` is None when nothing failed after the onset; `ended` is None when success was never sustained."""

    began: float | None
    ended: float | None

    @property
    def recovered(self) -> bool:
        """Whether success was sustained at the end."""
        return self.ended is not None

    @property
    def length_s(self) -> float | None:
        """Its length; 0 without a failure, None without an end."""
        if self.ended is None:
            return None
        return 0.0 if self.began is None else max(0.0, self.ended - self.began)


def outage(operations: Iterable[Operation], *, onset: float, end: float, sustained: Sustained) -> Outage:
    """The outage after `onset` in a history that was offered until `end`. Attempts under way at the onset belong to it."""
    after = sorted((op for op in operations if op.finished >= onset), key=attrgetter("intended"))
    began = next((op.intended for op in after if not op.succeeded), None)
    return Outage(began=began, ended=_recovered(after, onset, end, sustained))


def success_rate(operations: Sequence[Operation]) -> float | None:
    """Share of attempts that succeeded; None of none."""
    return sum(op.succeeded for op in operations) / len(operations) if operations else None


def errors(operations: Iterable[Operation]) -> dict[str, int]:
    """Why attempts failed, most frequent first."""
    return dict(Counter(op.error or op.outcome.value for op in operations if not op.succeeded).most_common(8))


def _recovered(after: Sequence[Operation], onset: float, end: float, sustained: Sustained) -> float | None:
    times = [op.intended for op in after]
    good = [0, *accumulate(op.succeeded for op in after)]

    def holds(first: int, last: int) -> bool:
        return last > first and (good[last] - good[first]) >= sustained.success * (last - first)

    latest_start = end - sustained.window_s
    if latest_start < onset or not holds(bisect_left(times, latest_start), len(after)):
        return None
    last_start = bisect_left(times, latest_start)
    first = next(
        (n + 1 for n in range(last_start - 1, -1, -1) if not holds(n, bisect_left(times, times[n] + sustained.window_s))),
        0,
    )
    return next((op.intended for op in after[first:] if op.succeeded), None) if first else _unbroken(after, onset)


def _unbroken(after: Sequence[Operation], onset: float) -> float:
    """No window was ever bad: recovery is right after the last of the few failures, or at the onset when there was none."""
    failed = [n for n, op in enumerate(after) if not op.succeeded]
    if not failed:
        return onset
    return next((op.intended for op in after[failed[-1] :] if op.succeeded), onset)
