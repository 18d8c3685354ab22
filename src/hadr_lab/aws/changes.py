"""The one signal "some AWS call changed state" that every realizer waits on.

It carries no content: realizers are level-triggered, they read the views again and act on the difference. It must never lose
a change that happened while a waiter was busy, and never wake anybody without one.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(slots=True)
class Changes:
    """Counts changes; `notify` may be called from any thread, `wait` from any event loop."""

    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: WeakKeyDictionary[asyncio.Task[Any], int] = field(default_factory=WeakKeyDictionary)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def notify(self) -> None:
        """Something changed: wake every waiter now, and let busy ones return from their next `wait` at once."""
        with self._lock:
            self.count += 1
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    async def wait(self, timeout: timedelta) -> None:
        """Return as soon as there is a change that the calling task has not waited past yet, or after `timeout`.

        A task's first call knows no earlier wait and counts from now.
        """
        task = asyncio.current_task()
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            if task is not None and self._seen.get(task, self.count) != self.count:
                self._seen[task] = self.count
                return
            self._waiting.append(future)
        try:
            await asyncio.wait((future,), timeout=timeout.total_seconds())
        finally:
            with self._lock:
                if future in self._waiting:
                    self._waiting.remove(future)
                if task is not None:
                    self._seen[task] = self.count


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
