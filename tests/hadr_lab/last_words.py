"""What a part of a lab test that does not come to its end was doing, and what it had said. Not a test itself.

A limit that says only that it was exceeded cannot be acted on. Whatever is waited for here is waited for with a limit, and when
that passes, the failure tells where each task and thread stood, what came out, and how the logs end.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

STUCK = 3
Result = TypeVar("Result")


def run(case: Coroutine[Any, Any, Result], *, within: float, logs: Path | None = None, grace: float = 5) -> Result:
    """Run `case` in an event loop of its own. After `within` seconds this process tells where it stood and exits with STUCK.

    A loop that does not turn any more, or a thread that outlives the case, is ended `grace` seconds later, with every stack told.
    `logs` is the folder whose logs' last lines are told too. For the first process of the lab's namespaces only: they end with it.
    """
    faulthandler.dump_traceback_later(within + grace, exit=True)

    async def limited() -> Result:
        asyncio.get_running_loop().call_later(within, _give_up, within, logs)
        return await case

    return asyncio.run(limited())


def completed(
    command: Sequence[str | Path], *, timeout: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A command to its end, whatever its exit code. Fails with all it said when it is still there after `timeout` seconds."""
    try:
        return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as late:
        said = [(part or b"").decode(errors="replace") for part in (late.stdout, late.stderr)]
        words = " ".join(map(str, command))
        raise AssertionError(f"still there after {timeout:g} s: {words}\n--- stdout\n{said[0]}\n--- stderr\n{said[1]}") from None


def tails(logs: Path, *, size: int = 3000) -> Iterator[str]:
    """How each log of a folder ends, under its name."""
    for log in sorted(logs.rglob("*.log")):
        yield f"--- {log.name}\n{log.read_text(errors='replace')[-size:]}"


def _give_up(within: float, logs: Path | None) -> None:
    told = [f"not at its end after {within:g} s; where each task waits:"]
    for task in asyncio.all_tasks():
        told += [f"--- {task.get_name()}", *_where(task)]
    print(*told, *(tails(logs) if logs else ()), sep="\n", file=sys.stderr, flush=True)
    faulthandler.dump_traceback(all_threads=True)
    sys.stdout.flush()
    os._exit(STUCK)


def _where(task: asyncio.Task[Any]) -> Iterator[str]:
    """The chain of what awaits what, from the task's own coroutine down; a task itself knows only its outermost frame."""
    waiting: Any = task.get_coro()
    while waiting is not None:
        frame = next((f for kind in ("cr", "gi", "ag") if (f := getattr(waiting, f"{kind}_frame", None))), None)
        yield f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}" if frame else repr(waiting)
        waiting = next(
            (w for name in ("cr_await", "gi_yieldfrom", "ag_await") if (w := getattr(waiting, name, None)) is not None), None
        )
