"""The page's part about the way back: nothing without one, the refusal, or what it cost."""

from __future__ import annotations

import msgspec
from tests.hadr_lab.drill.test_drill_expectations import a_result

from hadr_lab.report.back import way_back
from hadr_lab.report.page import page
from hadr_lab.result import BackResult, StepResult

GONE = BackResult(
    verb="failback",
    refused_s=21.5,
    refused="data-loss: pending-resync <now>",
    began_s=80.0,
    ended_s=101.5,
    exit_code=0,
    said="done",
    client_outage_s=17.0,
    failed_requests=1234,
    critical_path_s=16.0,
    floor_s=9.0,
    aws_critical_path_s=187.0,
    critical_path=("stop-writes", "files-caught-up"),
    steps=(StepResult(name="stop-writes", status="done", started_s=82.0, ended_s=82.5, proof="0 available"),),
)


def test_nothing_is_told_where_nobody_goes_back() -> None:
    """As in every drill whose roles stay where they were moved to."""
    assert way_back(None) == ""


def test_what_a_way_back_cost_is_told() -> None:
    """How long it was refused and why, its length, the clients' outage, its steps; words of the run are escaped."""
    said = way_back(GONE)
    for words in ("refused for 21.5 s", "pending-resync &lt;now&gt;", "ended 0 after 21.5 s", "for 17.0 s", "1,234", "3 min 07 s"):
        assert words in said
    assert "<td>stop-writes</td>" in said
    assert said in page(a_result(back=GONE, started="2026-01-05T08:00:00Z"), ())


def test_a_way_back_that_was_refused_is_told() -> None:
    """It has no length."""
    said = way_back(msgspec.structs.replace(GONE, began_s=None, ended_s=None))
    assert "refused for as long as the drill asked: data-loss" in said
    assert "ended" not in said
