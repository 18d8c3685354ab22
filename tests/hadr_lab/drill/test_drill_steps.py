"""The act in numbers: critical path, sum, the floor of the waits, and the same path with AWS's figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hadr.core.journal import Chain
from hadr_lab.drill.steps import StepSpan, from_journal, lengths
from hadr_lab.waits import Waits

STEPS = (
    StepSpan(name="promote-database", started=0.0, ended=7.0),
    StepSpan(name="break-file-replication", started=0.0, ended=10.0),
    StepSpan(name="start-capacity", started=0.0, ended=1.0),
    StepSpan(name="nodes-ready", requires=("start-capacity",), started=1.0, ended=5.0),
    StepSpan(
        name="workload-ready",
        requires=("promote-database", "break-file-replication", "nodes-ready"),
        started=10.0,
        ended=11.0,
    ),
    StepSpan(name="prove", requires=("workload-ready",), started=11.0, ended=13.0),
    StepSpan(name="fence", started=0.0, ended=15.0, counts=False),
)


def test_the_path_is_the_longest_chain_and_leaves_the_proof_out() -> None:
    """Side by side: 11 s on the path, 23 s one after the other."""
    result = lengths(STEPS, Waits(speed=20.0))
    assert result.critical_path_s == pytest.approx(11.0)
    assert result.sequential_s == pytest.approx(23.0)
    assert result.path == ("break-file-replication", "workload-ready")


def test_the_floor_is_what_the_waits_alone_would_cost() -> None:
    """At speed 20 breaking the replication is 180 / 20 s, which is longer than promoting or booting."""
    assert lengths(STEPS, Waits(speed=20.0)).floor_s == pytest.approx(9.0)


def test_with_the_figures_of_aws_only_the_waits_grow() -> None:
    """1 s of real work beside the 9 s of simulated break, then 1 s of workload: 1 + 180 + 1."""
    assert lengths(STEPS, Waits(speed=20.0)).aws_critical_path_s == pytest.approx(182.0)


def test_at_full_length_both_paths_are_the_same() -> None:
    """With speed 1 there is nothing to replace."""
    steps = (StepSpan(name="break-file-replication", started=0.0, ended=181.0),)
    result = lengths(steps, Waits(speed=1.0))
    assert result.aws_critical_path_s == pytest.approx(result.critical_path_s)


def test_no_steps_cost_nothing() -> None:
    """Nobody acted."""
    assert lengths((), Waits()).critical_path_s == 0.0


def a_journal() -> str:
    """A run of one step that took two seconds, as hadr writes it."""
    chain, at = Chain(), datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
    step = {
        "name": "promote-database",
        "summary": "make two the writer",
        "requires": [],
        "after": [],
        "plane": "control",
        "best_effort": False,
    }
    opening = {
        "run": "r",
        "site": "s",
        "verb": "failover",
        "target": "two",
        "source": "one",
        "way": "switch",
        "digest": "d",
        "allowed": [],
    }
    lines = [
        chain.link(at, "run", step="", data={**opening, "steps": [step]}),
        chain.link(at, "step", step="promote-database", data={"status": "running"}),
        chain.link(at + timedelta(seconds=2), "step", step="promote-database", data={"status": "done", "seen": "writer is two"}),
        chain.link(at + timedelta(seconds=2), "end", step="", data={"status": "done", "why": "two serves"}),
    ]
    return "".join(lines)


def test_steps_come_out_of_the_journal(tmp_path: Path) -> None:
    """Name, length and what proved it."""
    path = tmp_path / "journal.jsonl"
    path.write_text(a_journal())
    (step,), doubt = from_journal(path)
    assert (step.name, step.length_s, step.proof, doubt) == ("promote-database", 2.0, "writer is two", "")


def test_an_altered_or_missing_journal_is_said_and_not_read(tmp_path: Path) -> None:
    """No step is taken from a journal whose chain is broken."""
    path = tmp_path / "journal.jsonl"
    assert from_journal(path)[0] == ()
    path.write_text(a_journal().replace("writer is two", "writer is one"))
    steps, doubt = from_journal(path)
    assert steps == ()
    assert "altered" in doubt


def test_on_aws_another_chain_may_be_the_longest() -> None:
    """Replacing pods is the lab's longest chain; AWS's 30 s for a new writer make that one the longest there."""
    steps = (StepSpan(name="move-writer", started=0.0, ended=2.0), StepSpan(name="replace-pods", started=0.0, ended=8.0))
    result = lengths(steps, Waits(speed=20.0))
    assert result.path == ("replace-pods",)
    assert result.aws_critical_path_s == pytest.approx(30.5)
