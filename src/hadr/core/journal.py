"""The record of a run: one JSON object a line, each carrying the SHA-256 of the line before it. Pure: lines in, lines out.

The chain lets anyone show offline that no line was altered, taken out or put in. A last line that was cut off by a crash is told
apart from an altered one: the lines before it still count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hadr.core import measure
from hadr.core.errors import BrokenJournal

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `elapsed` counts from the first line; kinds: run, step, ask, outcome, seen, end."""

    seq: int
    at: datetime
    elapsed: timedelta
    kind: str
    step: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The entries whose chain holds. `torn`: a last, incomplete line was left out. `head` is the hash of the last line."""

    entries: tuple[Entry, ...]
    torn: bool
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What the journal tells of one step. `ended` is None when the run broke off before it did."""

    name: str
    summary: str
    requires: tuple[str, ...]
    plane: str
    best_effort: bool
    status: str
    started: datetime | None
    ended: datetime | None
    attempts: int
    outcome: str
    proof: str
    undo: str = ""

    @property
    def length(self) -> timedelta:
        """From start to end; nothing when either is missing."""
        if self.started is None or self.ended is None:
            return timedelta(0)
        return self.ended - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A whole run as its journal tells it. `status`: done, failed or interrupted."""

    run: str
    site: str
    verb: str
    target: str
    source: str
    way: str
    digest: str
    allowed: tuple[str, ...]
    started: datetime
    ended: datetime | None
    status: str
    why: str
    steps: tuple[StepRecord, ...]
    zone: str = ""

    @property
    def critical_path(self) -> measure.Path:
        """The longest chain of the steps that count, with the lengths that were measured."""
        return measure.critical_path(timed(self.steps))

    @property
    def sequential(self) -> timedelta:
        """What the steps that count would have taken one after the other."""
        return measure.sequential(timed(self.steps))

    @property
    def act(self) -> timedelta:
        """From the first start to the last end of the steps that count."""
        spans = ((s.started, s.ended) for s in counted(self.steps))
        return measure.act((start, end) for start, end in spans if start is not None and end is not None)


def encode(entry: Entry, previous: str) -> str:
    """The line for `entry` (with its newline) in a journal whose last line has the hash `previous`."""
    fields = {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "elapsed_s": round(entry.elapsed.total_seconds(), 6),
        "kind": entry.kind,
        "step": entry.step,
        "data": dict(entry.data),
        "previous": previous,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def digest(line: str) -> str:
    """The hash that the next line must carry."""
    return hashlib.sha256(line.encode()).hexdigest()


class Chain:
    """Makes the lines of one journal, each following from the last."""

    def __init__(self) -> None:
        self._previous = GENESIS
        self._seq = 0
        self._began: datetime | None = None

    def link(self, at: datetime, kind: str, *, step: str, data: Mapping[str, Any]) -> str:
        """The next line."""
        self._began = self._began or at
        self._seq += 1
        entry = Entry(seq=self._seq, at=at, elapsed=at - self._began, kind=kind, step=step, data=data)
        line = encode(entry, self._previous)
        self._previous = digest(line)
        return line


def verify(text: str) -> Verified:
    """Read a journal and check its chain. Raises BrokenJournal naming the first line that does not follow."""
    lines = text.splitlines(keepends=True)
    torn = bool(lines) and not lines[-1].endswith("\n")
    entries: list[Entry] = []
    previous = GENESIS
    for number, line in enumerate(lines[:-1] if torn else lines, start=1):
        entries.append(_decode(line, number, previous))
        previous = digest(line)
    return Verified(entries=tuple(entries), torn=torn, head=previous)


def _decode(line: str, number: int, previous: str) -> Entry:
    try:
        fields = json.loads(line)
        entry = Entry(
            seq=fields["seq"],
            at=datetime.fromisoformat(fields["at"]),
            elapsed=timedelta(seconds=fields["elapsed_s"]),
            kind=fields["kind"],
            step=fields["step"],
            data=fields["data"],
        )
        carried = fields["previous"]
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenJournal(f"journal line {number} cannot be read: {error}") from error
    if carried != previous:
        raise BrokenJournal(f"journal line {number} does not follow from line {number - 1}: the journal was altered there")
    if entry.seq != number:
        raise BrokenJournal(f"journal line {number} calls itself {entry.seq}: lines are missing or were moved")
    return entry


def run_record(entries: Sequence[Entry]) -> RunRecord:
    """The run that these entries tell. Raises BrokenJournal when they do not begin with a run."""
    if not entries or entries[0].kind != "run":
        raise BrokenJournal("the journal does not begin with a run")
    first, data = entries[0], entries[0].data
    end = next((entry for entry in entries if entry.kind == "end"), None)
    return RunRecord(
        run=data["run"],
        site=data["site"],
        verb=data["verb"],
        target=data["target"],
        source=data["source"],
        way=data["way"],
        digest=data["digest"],
        allowed=tuple(data["allowed"]),
        started=first.at,
        ended=end.at if end else None,
        status=end.data["status"] if end else "interrupted",
        why=end.data["why"] if end else f"the journal ends at {entries[-1].at.isoformat()}",
        steps=tuple(_step_record(step, entries) for step in data["steps"]),
        zone=data.get("zone", ""),
    )


def _step_record(planned: Mapping[str, Any], entries: Sequence[Entry]) -> StepRecord:
    mine = [entry for entry in entries if entry.step == planned["name"]]
    changes = [entry for entry in mine if entry.kind == "step"]
    status = changes[-1].data["status"] if changes else "pending"
    began = next((entry.at for entry in changes if entry.data["status"] == "running"), None)
    over = changes[-1] if status not in ("pending", "running") else None
    outcomes = [entry for entry in mine if entry.kind == "outcome"]
    seen = [entry.data["seen"] for entry in mine if "seen" in entry.data]
    return StepRecord(
        name=planned["name"],
        summary=planned["summary"],
        requires=(*planned["requires"], *planned["after"]),
        plane=planned["plane"],
        best_effort=planned["best_effort"],
        status=status,
        started=began,
        ended=over.at if over else None,
        attempts=sum(entry.kind == "ask" for entry in mine),
        outcome=f"{outcomes[-1].data['outcome']}: {outcomes[-1].data['detail']}" if outcomes else "",
        proof=seen[-1] if seen else "",
        undo=planned.get("undo", ""),
    )


def counted(steps: Sequence[StepRecord]) -> tuple[StepRecord, ...]:
    """The steps that others waited for, or that had to succeed: a best-effort step that nobody waited for does not count."""
    waited = {name for step in steps for name in step.requires}
    return tuple(step for step in steps if not step.best_effort or step.name in waited)


def timed(steps: Sequence[StepRecord]) -> tuple[measure.Timed, ...]:
    """The steps that count, as measured."""
    return tuple(measure.Timed(name=s.name, requires=s.requires, length=s.length) for s in counted(steps))
