"""However and whenever `hadr-lab` is ended, nothing of it is left. Sites that serve are ended in test_lab_site, side by side."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.hadr_lab.demo_process import Lab, assert_gone, started

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

INT, TERM, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGKILL
CODES = {INT: 130, TERM: 143, KILL: -9}


def end(lab: Lab, number: signal.Signals) -> None:
    """End it this way and see that all of it is gone."""
    spaces = lab.spaces()
    assert lab.end(number) == CODES[number], lab.said()
    assert_gone(spaces)
    assert "Traceback" not in lab.said()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("as Terraform made it", INT),
        ("EKS control planes up", KILL),
        ("members deployed", TERM),
    ],
)
def test_a_boot_that_is_ended_leaves_nothing(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    """While control planes start, while members are deployed, while the site comes up."""
    with started(tmp_path, "up") as lab:
        lab.until(moment)
        assert len(lab.spaces()) > 5
        end(lab, number)


@pytest.mark.parametrize("number", [INT, TERM, KILL])
def test_a_start_that_is_ended_at_once_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The first sign of life is the run folder: programs are still being looked for, namespaces being made."""
    with started(tmp_path, "up") as lab:
        while not (lab.runs / "latest").exists():
            assert lab.child.poll() is None, lab.said()
        spaces = lab.spaces()
        assert lab.end(number) in (CODES[number], -number)
        assert_gone(spaces)


@pytest.mark.parametrize(("moment", "number"), [("fault: lose-region", TERM), ("act: hadr", KILL)])
def test_a_drill_that_is_ended_leaves_nothing_but_what_is_known(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    """In the middle of the outage, with clients and an operator under way; a drill that could, wrote down how far it came."""
    with started(tmp_path, "demo") as lab:
        lab.until(moment)
        end(lab, number)
        assert len((lab.run / "history.jsonl").read_bytes().splitlines()) > 100
        if number is TERM:
            found = json.loads((lab.run / "result.json").read_bytes())
            assert (found["status"], found["verdict"]) == ("interrupted", "unknown")
            assert (lab.run / "report.html").exists()
