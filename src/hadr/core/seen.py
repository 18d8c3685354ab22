"""What a client saw while it watched, and when that has become worse: answers that fail, or that take clearly longer. Pure.

Slowness is judged by several answers against what answers took before anything was moved, never by one answer and never against a
fixed time: a machine stalls, a member far away is slow for everybody who asks from here, and both are no harm of the shift's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Self

from hadr.core.view import Answer

TOLERATED = 0.02
"""Failures' share may be so much above the one of before: one failed answer in fifty."""
IN_A_ROW = 3
"""So many failures one after the other are no accident."""
SLOW_IN_A_ROW = 5
"""So many slow answers one after the other are none either: more than of failures, which harm more. At an answer a second that is
longer than a busy machine stalls; Envoy ejects a host, and Flagger in its examples gives a release up, after five as well."""
KEPT = 20
"""Good answers whose length is remembered."""
SLOW_OF_KEPT = 10
"""So many slow ones among those kept are a member of which a half is slow, such as one pod of two. Where one answer in ten is slow
by chance they are as many seven times in a million."""
TIMES = 2
"""Slow is at least so many times the median of before: for a service whose answers take long, so that FLOOR is noise to it."""
FLOOR = timedelta(milliseconds=250)
"""And at least so much longer than it: a packet that is lost and sent again costs 200 ms on Linux, and that or a collection of
garbage is nothing to undo a shift for."""
FEWEST = 3
"""From so few answers on there is a median to compare with: that of two is made by one stray answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Answers, those that failed, failures at the end in a row, the words of the last; and what the last good ones took.

    `took` holds at most KEPT, oldest first. A failed answer is in none of them: how long it took to fail says nothing.
    """

    asked: int = 0
    failed: int = 0
    in_a_row: int = 0
    last: str = ""
    took: tuple[timedelta, ...] = ()

    def and_then(self, answer: Answer) -> Self:
        """One more answer."""
        measured = (answer.took,) if answer.ok and answer.took is not None else ()
        return type(self)(
            asked=self.asked + 1,
            failed=self.failed + (not answer.ok),
            in_a_row=0 if answer.ok else self.in_a_row + 1,
            last=self.last if answer.ok else str(answer),
            took=(*self.took, *measured)[-KEPT:],
        )

    def only_lengths(self) -> Self:
        """Without the failures, as of a member that no client was sent to: nobody is used to them."""
        return type(self)(took=self.took)

    @property
    def share(self) -> float:
        """Failed answers of all."""
        return self.failed / self.asked if self.asked else 0.0

    @property
    def median(self) -> timedelta | None:
        """Of what the good answers that are kept took; None without any."""
        return timedelta(seconds=median(took.total_seconds() for took in self.took)) if self.took else None

    def __str__(self) -> str:
        of = f" (of the last {KEPT})" if self.asked - self.failed > len(self.took) else ""
        length = f", median {_ms(self.median)}{of}" if self.median is not None else ""
        return f"{self.failed} of {self.asked} answers failed{length}" + (f", last: {self.last}" if self.last else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a good answer took before anything was moved (median), and beyond what one is slow now."""

    before: timedelta
    slow: timedelta


def pace(before: Seen) -> Pace | None:
    """What to hold answers against; None when too few were good before.

    Not less than the second longest of before: what happened twice within ten answers happens again, what happened once may not.
    """
    if before.median is None or len(before.took) < FEWEST:
        return None
    longest = sorted(before.took)[-2]
    return Pace(before=before.median, slow=max(TIMES * before.median, before.median + FLOOR, longest))


def slackest(paces: Iterable[Pace | None]) -> Pace | None:
    """The one that allows most; None when one of them is not known, for it might."""
    found = list(paces)
    known = [one for one in found if one is not None]
    return max(known, key=lambda one: one.slow) if known and len(known) == len(found) else None


def worse(before: Mapping[str, Seen], now: Mapping[str, Seen], *, name: str) -> Mapping[str, str]:
    """Where clients are worse off than before, and why in words. `name` is the service's, the other hosts are its members'.

    A member is slow when it is slower than it was and slower than what clients had through the name: who leaves an ill member for
    one that becomes slower under its new clients is not worse off. The name is slow when it is slower than each member that it now
    leads to was: a member that is farther away is no harm.
    """
    paces = {host: pace(before.get(host, Seen())) for host in now}
    through = slackest(paces.values())
    allowed = {host: through if host == name else slackest((paces[host], pace(before.get(name, Seen())))) for host in now}
    found = {host: failing(before.get(host, Seen()), one) or slower(allowed[host], one) for host, one in now.items()}
    return {host: why for host, why in found.items() if why}


def failing(before: Seen, now: Seen) -> str:
    """The words when answers fail as they did not before: several in a row, or a share clearly above what there was; else empty.

    Failures in a row say nothing where there was nothing else before, as at a lost member or a name that still leads to it.
    """
    in_a_row = now.in_a_row >= IN_A_ROW > before.in_a_row
    return str(now) if in_a_row or (now.failed >= 2 and now.share > before.share + TOLERATED) else ""


def slower(usual: Pace | None, now: Seen) -> str:
    """The words when good answers take clearly longer than is usual: several in a row, or half of those kept; else empty."""
    if usual is None:
        return ""
    slow = [took > usual.slow for took in now.took]
    beyond = f"took over {_ms(usual.slow)} ({_ms(usual.before)} before)"
    if len(slow) >= SLOW_IN_A_ROW and all(slow[-SLOW_IN_A_ROW:]):
        return f"{SLOW_IN_A_ROW} answers in a row {beyond}"
    return f"{sum(slow)} of the last {len(slow)} answers {beyond}" if sum(slow) >= SLOW_OF_KEPT else ""


def _ms(time: timedelta) -> str:
    return f"{time / timedelta(milliseconds=1):.0f} ms"
