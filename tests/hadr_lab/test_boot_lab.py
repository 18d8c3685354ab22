"""Programs that an operator runs inside the lab: how they end."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from tests.hadr_lab.dataplane.stores_world import World, inside

from hadr_lab import boot

pytestmark = pytest.mark.lab

AN_HOUR = "echo begun; sleep 3600 & wait"


async def a_program_that_takes_too_long(world: World) -> None:
    """It is ended with what it started: a child that goes on would hold its output open, and the boot would wait for that."""
    began = time.monotonic()
    said = await boot.command("sh", "-c", AN_HOUR, env={}, log=world.logs / "program.log", timeout=timedelta(seconds=0.5))
    assert (said.code, said.out) == (None, "begun\n")
    assert time.monotonic() - began < 10


async def a_program_that_ends(world: World) -> None:
    """It is told its input, and its words on stderr are also in the log."""
    script = "cat; echo why >&2; exit 3"
    said = await boot.command("sh", "-c", script, env={}, log=world.logs / "program.log", told=b"in", timeout=timedelta(seconds=30))
    assert (said.code, said.out, said.err) == (3, "in", "why\n")
    assert (world.logs / "program.log").read_text() == "why\n"


@pytest.mark.parametrize("scenario", [a_program_that_takes_too_long, a_program_that_ends])
def test_a_program_of_the_boot(scenario: object) -> None:
    """Each scenario's own sentence says what must hold."""
    assert callable(scenario)
    inside(scenario, timeout=40)
