"""What is told of something that does not end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.hadr_lab.last_words import STUCK, completed, run

STUCK_PROGRAM = """
import asyncio, pathlib, sys, time
from tests.hadr_lab import last_words
async def keeping(): await asyncio.Event().wait()
async def case():
    print("got this far")
    kept = asyncio.create_task(keeping(), name="keeper")
    if sys.argv[2] == "blocked": time.sleep(60)
    await kept
last_words.run(case(), within=0.2, logs=pathlib.Path(sys.argv[1]), grace=0.5 if sys.argv[2] == "blocked" else 30)
"""


def stuck(tmp_path: Path, how: str) -> tuple[int, str, str]:
    """How a program ends that waits for ever: in its loop, or without letting it turn."""
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


def test_a_case_that_ends_gives_its_result() -> None:
    """Within its limit nothing is told."""

    async def case() -> int:
        return 5

    assert run(case(), within=60) == 5


def test_a_command_that_does_not_end_fails_with_what_it_said() -> None:
    """Both streams and the command itself."""
    with pytest.raises(AssertionError, match=r"(?s)still there after 0\.5 s: sh -c .*out of it.*err of it"):
        completed(["sh", "-c", "echo out of it; echo err of it >&2; exec sleep 60"], timeout=0.5)
