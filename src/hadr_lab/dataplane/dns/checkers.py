"""Route 53's health checkers: for each endpoint check several, from different places, each with its own count of results.

AWS has about fifteen; three tell as much here, for they all look from the same machine. A checker changes its mind after
`threshold` equal results in a row, and waits the interval from one answer to the next request.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hadr_lab.dataplane.dns.probe import Limits, Resolve, probe
from hadr_lab.dataplane.dns.zones import Check, Observation

PLACES = ("us-west-1", "us-west-2", "eu-west-1", "us-east-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1")
"""The Regions Route 53 checks from; a check may name some of them."""

CHECKERS = 3

ENDPOINT_TYPES = frozenset(("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"))


@dataclass(slots=True)
class Streak:
    """One checker's opinion: it follows `threshold` equal results in a row; None until the first such row."""

    threshold: int
    opinion: bool | None = None
    _last: bool | None = None
    _row: int = 0

    def add(self, *, well: bool) -> bool | None:
        """Count one result and return the opinion after it."""
        self._row = self._row + 1 if well == self._last else 1
        self._last = well
        if self._row >= self.threshold:
            self.opinion = well
        return self.opinion


@dataclass(slots=True)
class Checkers:
    """Runs the checkers of all endpoint checks. `told` gets every observation; `resolve` finds host names."""

    speed: float
    resolve: Resolve
    told: Callable[[Observation], None]
    verdicts: dict[str, list[bool | None]] = field(default_factory=dict)
    _known: dict[str, Check] = field(default_factory=dict)
    _running: dict[str, list[asyncio.Task[None]]] = field(default_factory=dict)

    def set(self, checks: Iterable[Check]) -> None:
        """Watch exactly these checks from now on. One whose endpoint changed starts afresh; the others go on undisturbed."""
        wanted = {check.check_id: check for check in checks if check.type in ENDPOINT_TYPES and not check.disabled}
        for check_id in [known for known, check in self._known.items() if wanted.get(known) != check]:
            self._stop(check_id)
        for check_id, check in wanted.items():
            if check_id not in self._known:
                self._start(check)

    def close(self) -> None:
        """Stop every checker."""
        self.set(())

    def _start(self, check: Check) -> None:
        places = (check.regions or PLACES)[:CHECKERS]
        self._known[check.check_id] = check
        self.verdicts[check.check_id] = [None] * len(places)
        self._running[check.check_id] = [
            asyncio.create_task(self._watch(check, index, place, len(places))) for index, place in enumerate(places)
        ]

    def _stop(self, check_id: str) -> None:
        for task in self._running.pop(check_id):
            task.cancel()
        del self._known[check_id], self.verdicts[check_id]

    async def _watch(self, check: Check, index: int, place: str, count: int) -> None:
        interval = timedelta(seconds=check.interval_s) / self.speed
        limits = Limits.at_speed(self.speed)
        streak = Streak(check.threshold)
        await asyncio.sleep((interval * index / count).total_seconds())
        while True:
            seen = await probe(check, self.resolve, limits)
            opinion = streak.add(well=seen.well)
            self.verdicts[check.check_id][index] = opinion
            now = datetime.now(UTC)
            self.told(Observation(check_id=check.check_id, checker=place, healthy=opinion, status=seen.status, at=now))
            await asyncio.sleep(interval.total_seconds())


def one_of(addresses: Callable[[str], tuple[str, ...]], rng: random.Random) -> Resolve:
    """A `Resolve` that takes any of a name's addresses."""

    def resolve(host: str) -> str | None:
        found = addresses(host)
        return rng.choice(found) if found else None

    return resolve


def verdicts_of(observations: Iterable[Observation]) -> Mapping[str, list[bool | None]]:
    """Observations (one for each checker) as the verdicts that statuses are computed from."""
    grouped: dict[str, list[bool | None]] = {}
    for observation in observations:
        grouped.setdefault(observation.check_id, []).append(observation.healthy)
    return grouped
