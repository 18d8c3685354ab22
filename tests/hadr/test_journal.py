"""The journal: its chain, what breaks it, what it tells of a run, and its file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr.adapters.journal import FolderRuns
from hadr.core.errors import BrokenJournal, ConfigError, NoSuchRun
from hadr.core.journal import GENESIS, Chain, run_record, verify

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_journal(*, ended: bool = True) -> str:
    """A run of two steps, the second after the first, and a best-effort one."""
    steps = [
        {"name": "fence", "summary": "f", "requires": [], "after": [], "plane": "control", "best_effort": True},
        {"name": "promote", "summary": "p", "requires": [], "after": [], "plane": "control", "best_effort": False},
        {"name": "prove", "summary": "q", "requires": ["promote"], "after": [], "plane": "data", "best_effort": False},
    ]
    opening = {"run": "r1", "site": "peccy", "verb": "failover", "target": "two", "source": "one", "way": "switch"}
    chain = Chain()
    lines = [
        chain.link(at(0), "run", step="", data={**opening, "digest": "d", "allowed": ["data-loss"], "steps": steps}),
        chain.link(at(0), "step", step="fence", data={"status": "running"}),
        chain.link(at(1), "step", step="promote", data={"status": "running"}),
        chain.link(at(1), "ask", step="promote", data={"action": "PromoteDatabase", "attempt": 1}),
        chain.link(at(2), "outcome", step="promote", data={"outcome": "unknown", "detail": "timed out"}),
        chain.link(at(3), "seen", step="promote", data={"seen": "writer one"}),
        chain.link(at(9), "step", step="promote", data={"status": "done", "seen": "writer two"}),
        chain.link(at(9), "step", step="prove", data={"status": "running"}),
    ]
    if ended:
        lines += [
            chain.link(at(12), "step", step="prove", data={"status": "done", "seen": "written"}),
            chain.link(at(12), "step", step="fence", data={"status": "unknown", "seen": "no connection"}),
            chain.link(at(12.5), "end", step="", data={"status": "done", "why": "two serves"}),
        ]
    return "".join(lines)


def test_every_line_carries_the_hash_of_the_line_before() -> None:
    """The first carries zeros; the chain verifies as a whole."""
    text = a_journal()
    first = json.loads(text.splitlines()[0])
    assert first["previous"] == GENESIS
    verified = verify(text)
    assert not verified.torn
    assert [entry.seq for entry in verified.entries] == list(range(1, 12))
    assert verified.entries[6].elapsed == timedelta(seconds=9)


@given(st.data())
def test_any_altered_byte_is_found(data: st.DataObject) -> None:
    """Whatever single character is changed, no line after it is believed, and the last line cannot become another one unseen."""
    text = a_journal()
    place = data.draw(st.integers(0, len(text.rsplit("\n", 2)[0]) - 1))
    other = data.draw(st.characters(codec="ascii", exclude_characters=text[place] + "\n\r\x0b\x0c\x1c\x1d\x1e"))
    with pytest.raises(BrokenJournal):
        verify(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize("change", ["drop", "swap", "repeat"])
def test_lines_taken_out_moved_or_repeated_are_found(change: str) -> None:
    """The error names the line at which the chain ends."""
    lines = a_journal().splitlines(keepends=True)
    if change == "drop":
        del lines[3]
    elif change == "swap":
        lines[3], lines[4] = lines[4], lines[3]
    else:
        lines.insert(3, lines[2])
    with pytest.raises(BrokenJournal, match="line 4 does not follow from line 3"):
        verify("".join(lines))


def test_a_journal_that_numbers_itself_wrongly_is_broken() -> None:
    """A chain that was made anew over fewer lines still gives itself away."""
    chain = Chain()
    chain._seq = 4
    with pytest.raises(BrokenJournal, match="line 1 calls itself 5"):
        verify(chain.link(NOON, "run", step="", data={}))


def test_a_torn_last_line_is_left_out() -> None:
    """A crash in the middle of a write leaves the lines before it valid."""
    text = a_journal()
    verified = verify(text[:-7])
    assert verified.torn
    assert len(verified.entries) == 10


def test_a_run_is_told_from_its_entries() -> None:
    """Starts, ends, lengths, attempts, last outcome and last proof of each step, and the figures of the run."""
    record = run_record(verify(a_journal()).entries)
    assert (record.status, record.target, record.allowed) == ("done", "two", ("data-loss",))
    fence, promote, prove = record.steps
    assert (fence.status, fence.proof) == ("unknown", "no connection")
    assert (promote.length, promote.attempts, promote.outcome) == (timedelta(seconds=8), 1, "unknown: timed out")
    assert promote.proof == "writer two"
    assert prove.requires == ("promote",)
    assert record.act == timedelta(seconds=11)
    assert record.critical_path.steps == ("promote", "prove")
    assert record.critical_path.length == record.sequential == timedelta(seconds=11)


def test_an_unfinished_run_is_interrupted() -> None:
    """Without an end the run tells where its journal stops."""
    record = run_record(verify(a_journal(ended=False)).entries)
    assert (record.status, record.ended) == ("interrupted", None)
    assert record.why == f"the journal ends at {at(9).isoformat()}"
    assert (record.steps[2].status, record.steps[2].ended, record.steps[2].length) == ("running", None, timedelta(0))


def test_a_journal_without_a_run_is_refused() -> None:
    """An empty file tells no run."""
    with pytest.raises(BrokenJournal, match="does not begin with a run"):
        run_record(verify("").entries)


def test_a_file_journal_reads_back_what_was_appended(tmp_path: Path) -> None:
    """Lines on disk verify; the plan lies beside them."""
    runs = FolderRuns(tmp_path / "runs")
    journal = runs.begin("failover-to-two", {"digest": "d"}, NOON)
    journal.append(NOON, "run", data={"a": 1})
    journal.append(at(1), "end", data={"b": "ü"})
    assert journal.run == "20260105T120000Z-failover-to-two"
    assert runs.names() == (journal.run,)
    assert [entry.kind for entry in verify(runs.journal(journal.run)).entries] == ["run", "end"]
    assert json.loads((tmp_path / "runs" / journal.run / "plan.json").read_text()) == {"digest": "d"}
    assert runs.place(journal.run) == str(tmp_path / "runs" / journal.run)


def test_two_runs_of_the_same_second_have_their_own_folders(tmp_path: Path) -> None:
    """Nobody writes into another run's journal."""
    runs = FolderRuns(tmp_path)
    names = {runs.begin("failover-to-two", {}, NOON).run for _ in range(3)}
    assert len(names) == 3


def test_a_run_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    """The error names the file that was looked for."""
    with pytest.raises(NoSuchRun, match=r"nothing/journal\.jsonl: no such run"):
        FolderRuns(tmp_path).journal("nothing")
    assert FolderRuns(tmp_path / "absent").names() == ()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    """A file in the way is told with the flag that helps."""
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be made.*--runs"):
        FolderRuns(tmp_path / "runs").begin("x", {}, NOON)
