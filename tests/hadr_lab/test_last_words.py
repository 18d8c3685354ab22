"""What is told of something that does not end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.hadr_lab.last_words import STUCK, completed

STUCK_PROGRAM = """
import asyncio, pathlib, sys, threading, time
from tests.hadr_lab import last_words
async def keeping(): await asyncio.Event().wait()
async def case():
    print("got this far")
    if sys.argv[2] == "ended": return "ended"
    if sys.argv[2] == "left": threading.Thread(target=time.sleep, args=(60,)).start()
    if sys.argv[2] == "blocked": time.sleep(60)
    if sys.argv[2] == "waiting": await asyncio.create_task(keeping(), name="keeper")
print(last_words.run(case(), within=0.2, logs=pathlib.Path(sys.argv[1]), grace=30 if sys.argv[2] == "waiting" else 0.5))
"""


def stuck(tmp_path: Path, how: str) -> tuple[int, str, str]:
    """How a program ends that waits for ever: in its loop, without letting it turn, or after it; or that ends by itself."""
    (tmp_path / "server.log").write_text("accepts connections\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = completed([sys.executable, "-c", STUCK_PROGRAM, str(tmp_path), how], timeout=30, env=env)
    return done.returncode, done.stdout, done.stderr


def test_a_case_that_waits_for_ever_says_where(tmp_path: Path) -> None:
    """Each task with every frame down to what it waits for, what was printed, and the ends of the logs."""
    code, printed, told = stuck(tmp_path, "waiting")
    assert (code, printed) == (STUCK, "got this far\n")
    assert "not at its end after 0.2 s" in told
    assert "--- keeper" in told
    assert "Event.wait" in told.split("--- keeper")[1].split("---")[0]
    assert "--- server.log\naccepts connections" in told


def test_a_case_that_blocks_its_loop_is_ended_too(tmp_path: Path) -> None:
    """Nothing of its own can speak any more, so its threads' stacks are told from outside."""
    code, _, told = stuck(tmp_path, "blocked")
    assert code == 1
    assert "in case" in told


def test_a_thread_that_outlives_the_case_is_ended_too(tmp_path: Path) -> None:
    """Python waits for its threads before it exits; the case had its result long before."""
    code, _, told = stuck(tmp_path, "left")
    assert code == 1
    assert "in _shutdown" in told


def test_a_case_that_ends_gives_its_result(tmp_path: Path) -> None:
    """Within its limit nothing is told."""
    assert stuck(tmp_path, "ended") == (0, "got this far\nended\n", "")


def test_a_command_that_does_not_end_fails_with_what_it_said() -> None:
    """Both streams and the command itself."""
    with pytest.raises(AssertionError, match=r"(?s)still there after 0\.5 s: sh -c .*out of it.*err of it"):
        completed(["sh", "-c", "echo out of it; echo err of it >&2; exec sleep 60"], timeout=0.5)
