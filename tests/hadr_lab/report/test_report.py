"""The report: self-contained, well-formed, complete, and safe whatever a run says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from hadr_lab.drill.account import simulated
from hadr_lab.history import Kind, Operation, Outcome
from hadr_lab.report import page
from hadr_lab.report.chart import Frame, Line, Marker, line_chart, nice_ticks
from hadr_lab.report.series import NOBODY, slices
from hadr_lab.report.timeline import phase_spans, timeline
from hadr_lab.result import GroupResult, MemberResult, Result, StepResult, StoreResult
from hadr_lab.waits import Waits

ONSET = 1_767_600_000.0
MEMBERS = {
    "one": MemberResult(region="us-east-1", networks=("10.1.0.0/16",)),
    "two": MemberResult(region="us-east-2", networks=("10.2.0.0/16",)),
}


def an_attempt(at: float, **changes: Any) -> Operation:
    """A read `at` seconds after the onset, answered by one."""
    values: dict[str, Any] = {
        "id": f"w-{at}",
        "kind": Kind.READ,
        "client": "ttl-1",
        "intended": ONSET + at,
        "sent": ONSET + at,
        "finished": ONSET + at + 0.01,
        "outcome": Outcome.OK,
        "status": 200,
        "address": "10.1.0.4",
        "attempt": 1,
        "latency_s": 0.01,
    }
    return Operation(**(values | changes))


def a_history() -> list[Operation]:
    """Ten seconds before the loss, an outage of five, ten seconds by the other member."""
    good = [an_attempt(n / 10) for n in range(-100, 0)]
    bad = [an_attempt(n / 10, outcome=Outcome.FAIL, status=None, latency_s=2.0, error="timeout") for n in range(50)]
    back = [an_attempt(n / 10, address="10.2.0.4", kind=Kind.WRITE) for n in range(50, 150)]
    return [*good, *bad, *back]


def a_result(**changes: Any) -> Result:
    """A drill that went well."""
    group = GroupResult(requests=100, failed=50, recovered=True, outage_s=5.0, errors={"timeout": 50})
    moments = {"onset": 0.0, "failing": 0.0, "detected": 1.0, "decided": 2.0, "acted": 4.0, "proven": 4.5, "recovered": 5.0}
    steps = (
        StepResult(
            name="promote-database", status="done", started_s=2.0, ended_s=4.0, on_critical_path=True, proof="writer is two"
        ),
        StepResult(name="start-capacity", status="done", started_s=2.0, ended_s=3.0),
        StepResult(name="prove", status="done", started_s=4.0, ended_s=4.5, requires=("promote-database",)),
    )
    values: dict[str, Any] = {
        "scenario": "region-loss",
        "architecture": "dr-multi-region",
        "seed": 1,
        "speed": 20.0,
        "started": "2026-01-05T07:59:40.000Z",
        "onset": "2026-01-05T08:00:00.000Z",
        "verdict": "valid",
        "phases": {"onset_to_detected": 1.0, "detected_to_decided": 1.0, "act": 2.0, "prove": 0.5, "clients_recovered": 0.5},
        "client_outage_s": 5.0,
        "requests": 250,
        "failed_requests": 50,
        "acked_writes": 100,
        "lost_writes": ("w-17", "w-18"),
        "doubled_writes": (),
        "rpo_s": 0.035,
        "critical_path_s": 2.0,
        "floor_s": 1.0,
        "peak_rss_mb": 3000.0,
        "simulated_waits": simulated(Waits(speed=20.0)),
        "versions": {"kubernetes": "1.35"},
        "moments": moments,
        "steps": steps,
        "critical_path": ("promote-database",),
        "sequential_s": 3.0,
        "aws_critical_path_s": 300.0,
        "clients_recovered": True,
        "kinds": {"read": group, "write": group},
        "populations": {"ttl": group},
        "stores": {
            "database": StoreResult(
                acked=100, present=98, lost=2, indeterminate_landed=0, indeterminate_vanished=1, refused=2, rpo_s=0.035
            )
        },
        "members": MEMBERS,
    }
    return Result(**(values | changes))


class Outline(HTMLParser):
    """Notes the nesting and the attributes of a page."""

    VOID = ("meta", "br", "img", "link", "rect", "line", "path", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open and closed."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close; must be the last that was opened."""
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_one_file_that_loads_nothing() -> None:
    """No address of any kind, no style sheet, script, font or picture from elsewhere."""
    text = page(a_result(), a_history())
    outline = Outline(text)
    assert not re.search(r"https?://|@import|url\(", text)
    assert not [attrs for _, attrs in outline.tags if "src" in attrs or "href" in attrs]
    assert (outline.open, outline.wrong) == ([], [])
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_page_says_what_a_reader_needs() -> None:
    """Verdict, headline numbers, phases, steps and their proof, lost ids, waits with AWS's figures, versions."""
    text = page(a_result(), a_history())
    for words in (
        ">valid<",
        "Clients recovered after 5.0 s; 2 of 100 acknowledged writes lost",
        "promote-database",
        "writer is two",
        "one after the other",
        "w-17 w-18",
        "aurora failover",
        "5 min 00 s instead of 2.0 s",
        "us-east-2",
        "kubernetes",
    ):
        assert words in text, words


def test_the_page_says_what_did_not_come_back_and_why() -> None:
    """Reads returned, writes did not: the reason of the end, not the most frequent one of the outage."""
    write = GroupResult(requests=9, failed=9, recovered=False, outage_s=None, errors={"timeout": 9}, at_the_end="503 read-only")
    text = page(a_result(kinds={"write": write}, clients_recovered=False), a_history())
    assert "write requests did not recover: 503 read-only" in text


def test_every_chart_has_words_and_a_table_behind_it() -> None:
    """Four charts, each with a title and a description, none without an opening table; the table adds up to the history."""
    text = page(a_result(), a_history())
    charts = re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL)
    assert len(charts) == 4
    for chart in charts:
        drawn = ET.fromstring(chart)  # noqa: S314  our own text
        assert drawn.findtext("title")
        assert drawn.findtext("desc")
        assert drawn.get("role") == "img"
    assert text.count("As a table") == 3
    assert "Phases and steps as tables" in text


def test_what_a_run_says_cannot_become_markup() -> None:
    """Errors, ids, reasons and proofs come from outside; they are text."""
    evil = '<script>alert("x")</script>'
    step = StepResult(name=evil, status=evil, started_s=2.0, ended_s=3.0, proof=evil)
    group = GroupResult(requests=1, failed=1, recovered=False, outage_s=None, errors={evil: 1})
    result = a_result(
        reasons=(evil,),
        lost_writes=(evil,),
        steps=(step,),
        kinds={evil: group},
        versions={evil: evil},
        scenario=evil,
        verdict="invalid",
        act_exit_code=1,
        act_said=evil,
    )
    text = page(result, a_history())
    assert evil not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": (), "moments": {}, "phases": {}, "sequential_s": 0.0},
        {"onset": "", "moments": {}, "steps": ()},
        {"clients_recovered": False, "client_outage_s": None, "moments": {"onset": 0.0, "failing": 0.0, "recovered": None}},
        {"stores": {}, "rpo_s": None, "verdict": "unknown", "reasons": ("interrupted",)},
        {"steps": (StepResult(name="fence", status="running", started_s=2.0, ended_s=None, counts=False),)},
    ],
)
def test_a_drill_that_broke_off_has_a_page_too(changes: dict[str, Any]) -> None:
    """Whatever is missing, the page is whole."""
    for history in ([], a_history()[:1], a_history()):
        outline = Outline(page(a_result(**changes), history))
        assert (outline.open, outline.wrong) == ([], [])


def test_the_page_can_be_written_again_from_the_result_file() -> None:
    """A result that went through JSON gives the same page."""
    result = a_result()
    again = msgspec.json.decode(msgspec.json.encode(result), type=Result)
    assert page(again, a_history()) == page(result, a_history())


def test_slices_lose_no_request_and_know_who_answered() -> None:
    """Totals over all slices are the history's; failures without an answer belong to nobody."""
    parts = slices(a_history(), onset=ONSET, members=MEMBERS)
    assert sum(sum(part.total.values()) for part in parts) == 250
    answered = {name: sum(part.answered[name] for part in parts) for name in ("one", "two", NOBODY)}
    assert answered == {"one": 100, "two": 100, NOBODY: 50}
    assert [part.at for part in parts] == sorted(part.at for part in parts)
    assert slices([], onset=ONSET, members=MEMBERS) == ()
    outage = [part for part in parts if 0 < part.at < 5]
    assert {part.success("read") for part in outage} == {0.0}
    assert {part.quantile("read", 0.99) for part in outage} == {2.0}
    assert outage[0].success("write") is None


def test_phases_that_were_not_reached_are_not_drawn() -> None:
    """An undetected loss leaves a gap; what came after is where it was."""
    moments = {"onset": 0.0, "detected": None, "decided": 7.0, "acted": 9.0, "proven": None, "recovered": None}
    assert phase_spans(a_result(moments=moments)) == [("act", 7.0, 9.0)]
    assert timeline(a_result(moments={}, steps=(), sequential_s=0.0)) == ""


def test_lines_break_at_gaps_and_stay_inside() -> None:
    """A slice without requests is a gap, not a zero; values beyond the axis are drawn at its edge."""
    frame = Frame(title="t", description="d", start=0.0, end=4.0, low=0.0, high=1.0, ticks=(0.0, 1.0), unit=str)
    drawn = line_chart(
        frame, [Line(name="read", css="read", points=((0.0, 0.5), (1.0, None), (2.0, 5.0)))], [Marker(at=9.0, name="far")]
    )
    assert re.search(r'd="M[\d. ]+M[\d. ]+"', drawn)
    assert frame.y(5.0) == frame.y(1.0)
    assert "far" not in drawn


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-9.0, 43.0), (0.0, 0.003), (5.0, 5.0)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    """Between one and a dozen ticks, none outside the span."""
    ticks = nice_ticks(low, high)
    assert 1 <= len(ticks) <= 12
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)


def test_what_the_pointer_shows_is_in_the_page() -> None:
    """Each chart over time carries its slices as JSON."""
    outline = Outline(page(a_result(), a_history()))
    told = [json.loads(attrs["data-slices"] or "") for tag, attrs in outline.tags if tag == "svg" and "data-slices" in attrs]
    assert len(told) == 3
    assert any("read 100%" in words for _, words in told[0])
