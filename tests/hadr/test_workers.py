"""Calls side by side: in threads, and under the virtual clock."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path

import pytest

import hadr
from hadr.adapters.clock import SystemClock, ThreadWorkers
from hadr.adapters.memory import VirtualClock, VirtualWorkers
from hadr.ports import Workers

SECOND = timedelta(seconds=1)
SOURCES = Path(hadr.__file__).parents[1]


def drain(workers: Workers, done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done() and time.monotonic() < end:
        workers.wait(SECOND)


def test_threads_carry_out_calls_side_by_side() -> None:
    """Two calls that wait for each other both end."""
    workers, meeting = ThreadWorkers(), threading.Barrier(2, timeout=5)
    jobs = [workers.submit(meeting.wait) for _ in range(2)]
    drain(workers, lambda: all(job.done for job in jobs))
    assert sorted(job.result() for job in jobs) == [0, 1]


def test_more_calls_than_threads_wait_their_turn() -> None:
    """A bounded number of threads does any number of calls."""
    before = set(threading.enumerate())
    workers = ThreadWorkers(limit=2)
    jobs = [workers.submit(lambda number=number: number * 2) for number in range(20)]  # type: ignore[misc]
    drain(workers, lambda: all(job.done for job in jobs))
    assert [job.result() for job in jobs] == [number * 2 for number in range(20)]
    assert len(set(threading.enumerate()) - before) == 2


@pytest.mark.parametrize("make", [ThreadWorkers, lambda: VirtualWorkers(VirtualClock())])
def test_an_error_is_raised_where_the_result_is_asked_for(make: Callable[[], Workers]) -> None:
    """The caller decides what an error means."""

    def fails() -> None:
        raise KeyError("here")

    workers = make()
    job = workers.submit(fails)
    drain(workers, lambda: job.done)
    with pytest.raises(KeyError, match="here"):
        job.result()


def test_waiting_ends_with_its_timeout() -> None:
    """Nobody waits for a call that does not come back."""
    workers, release = ThreadWorkers(), threading.Event()
    job = workers.submit(release.wait)
    began = time.monotonic()
    workers.wait(timedelta(seconds=0.05))
    assert time.monotonic() - began > 0.04
    assert not job.done
    release.set()
    drain(workers, lambda: job.done)


def test_a_hanging_call_does_not_keep_the_process() -> None:
    """A process whose calls hang in a lost Region ends at once all the same."""
    script = (
        "import threading\nfrom hadr.adapters.clock import ThreadWorkers\nfrom datetime import timedelta\n"
        "w = ThreadWorkers()\nw.submit(threading.Event().wait)\nw.wait(timedelta(seconds=0.01))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=20, check=False, env={"PYTHONPATH": str(SOURCES)})
    assert ended.returncode == 0


def test_the_system_clock_is_utc_and_goes_forward() -> None:
    """Moments can be compared with those that AWS gives."""
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second


def test_virtual_calls_take_as_long_as_the_longest() -> None:
    """Effects come at once, answers after the time that was spent, and the clock never waits for real."""
    clock = VirtualClock()
    workers = VirtualWorkers(clock)
    began = clock.now()
    jobs = [workers.submit(lambda s=s: clock.spend(s * SECOND)) for s in (3, 1)]  # type: ignore[misc]
    workers.wait(10 * SECOND)
    assert ([job.done for job in jobs], clock.now() - began) == ([False, True], SECOND)
    workers.wait(SECOND)
    assert ([job.done for job in jobs], clock.now() - began) == ([False, True], 2 * SECOND)
    workers.wait(10 * SECOND)
    assert ([job.done for job in jobs], clock.now() - began) == ([True, True], 3 * SECOND)
    workers.wait(10 * SECOND)
    assert clock.now() - began == 13 * SECOND
