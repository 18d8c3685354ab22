"""Virtual time: it stands still until someone waits, then jumps to the next thing that happens.

A call runs at once, and what it `spend`s decides when its answer arrives. So calls side by side take as long as the longest of
them, exactly and repeatably, without a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


class VirtualClock:
    """A clock that only its owner moves."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._spent: timedelta | None = None

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by

    def spend(self, time: timedelta) -> None:
        """Time that the call under way takes: its answer is late by it. Outside a job the clock itself moves."""
        if self._spent is None:
            self._now += time
        else:
            self._spent += time

    def timed(self, call: Callable[[], T]) -> tuple[T | None, BaseException | None, timedelta]:
        """Carry out `call` now; its value or error, and what it spent."""
        self._spent = timedelta(0)
        value, error = None, None
        try:
            value = call()
        except Exception as raised:  # noqa: BLE001 - kept for the job's result
            error = raised
        spent, self._spent = self._spent, None
        return value, error, spent


class VirtualJob(Generic[T]):
    """A call whose answer arrives at `due`."""

    def __init__(self, clock: VirtualClock, call: Callable[[], T]) -> None:
        self._clock = clock
        self._value, self._error, spent = clock.timed(call)
        self.due = clock.now() + spent

    @property
    def done(self) -> bool:
        return self._clock.now() >= self.due

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only when T allows it


class VirtualWorkers:
    """Workers under a virtual clock: waiting moves the clock to the next answer, or by the timeout."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._out: list[VirtualJob[Any]] = []

    def submit(self, call: Callable[[], T]) -> VirtualJob[T]:
        job = VirtualJob(self._clock, call)
        self._out.append(job)
        return job

    def wait(self, timeout: timedelta) -> None:
        until = self._clock.now() + timeout
        first = min((job.due for job in self._out), default=until)
        self._clock.advance(max(min(first, until) - self._clock.now(), timedelta(0)))
        self._out = [job for job in self._out if not job.done]
