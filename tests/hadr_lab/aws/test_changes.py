"""The change signal: no lost wake-up, no spurious one, callable from threads."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

from hadr_lab.aws.changes import Changes

LONG = timedelta(hours=1)
SHORT = timedelta(milliseconds=50)


async def elapsed(changes: Changes, timeout: timedelta) -> float:
    started = time.monotonic()
    await changes.wait(timeout)
    return time.monotonic() - started


def test_a_thread_wakes_every_waiter() -> None:
    """A notification from another thread ends all waits at once."""

    async def scenario() -> list[float]:
        changes = Changes()
        threading.Timer(0.05, changes.notify).start()
        async with asyncio.timeout(60):
            return list(await asyncio.gather(elapsed(changes, LONG), elapsed(changes, LONG)))

    assert len(asyncio.run(scenario())) == 2


def test_without_a_change_the_timeout_ends_the_wait() -> None:
    """Silence ends a wait after its timeout, not before."""

    async def scenario() -> float:
        return await elapsed(Changes(), SHORT)

    assert asyncio.run(scenario()) >= 0.045


def test_a_change_while_the_waiter_was_busy_is_not_lost() -> None:
    """A change between two waits of one task ends the second at once, and only once."""

    async def scenario() -> float:
        changes = Changes()
        await changes.wait(SHORT)
        changes.notify()
        async with asyncio.timeout(60):
            await changes.wait(LONG)
        return await elapsed(changes, SHORT)

    assert asyncio.run(scenario()) >= 0.045


def test_a_new_task_counts_from_now() -> None:
    """Old changes do not end the first wait of a task, so waiting in a fresh task each time cannot spin."""

    async def scenario() -> float:
        changes = Changes()
        changes.notify()
        return await elapsed(changes, SHORT)

    assert asyncio.run(scenario()) >= 0.045
