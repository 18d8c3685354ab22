"""Real time, and real threads for calls side by side.

The clock is the wall clock at start plus monotonic time, so it never jumps during a run. Threads are daemons: a call that hangs in
a lost Region must not keep the process from ending. Their number is bounded; calls beyond it wait their turn.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SystemClock:
    """UTC now, immune to changes of the wall clock while the process lives."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._ticks = time.monotonic()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=time.monotonic() - self._ticks)


class ThreadJob(Generic[T]):
    """A call that a thread carries out."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: T | None = None
        self._error: BaseException | None = None
        self._done = False

    @property
    def done(self) -> bool:
        return self._done

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # None only when T allows it

    def carry_out(self) -> None:
        try:
            self._value = self._call()
        except Exception as error:  # noqa: BLE001 - kept for result()
            self._error = error
        self._done = True


class ThreadWorkers:
    """At most `limit` daemon threads, started as they are needed."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._jobs: queue.SimpleQueue[ThreadJob[Any]] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._ended = 0
        self._seen = 0
        self._threads = 0
        self._idle = 0

    def submit(self, call: Callable[[], T]) -> ThreadJob[T]:
        job = ThreadJob(call)
        with self._changed:
            if self._idle == 0 and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._work, name=f"hadr-{self._threads}", daemon=True).start()
            else:
                self._idle = max(self._idle - 1, 0)
        self._jobs.put(job)
        return job

    def wait(self, timeout: timedelta) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ended != self._seen, timeout.total_seconds())
            self._seen = self._ended

    def _work(self) -> None:
        while True:
            self._jobs.get().carry_out()
            with self._changed:
                self._ended += 1
                self._idle += 1
                self._changed.notify_all()
