"""A run as its journal tells it: a document, a table of its steps, and the figures that come out of it."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from hadr.core.journal import RunRecord, StepRecord
from hadr.report.words import clock, length, moment


def document(record: RunRecord, *, lines: int, torn: bool) -> dict[str, Any]:
    """The run for --json. `lines` of the journal were verified."""
    return {
        "run": record.run,
        "site": record.site,
        "verb": record.verb,
        "to": record.target,
        "from": record.source,
        "zone": record.zone,
        "way": record.way,
        "digest": record.digest,
        "allowed": list(record.allowed),
        "status": record.status,
        "why": record.why,
        "started": record.started.isoformat(),
        "ended": record.ended.isoformat() if record.ended else None,
        "act_s": record.act.total_seconds(),
        "critical_path_s": record.critical_path.length.total_seconds(),
        "critical_path": list(record.critical_path.steps),
        "sequential_s": record.sequential.total_seconds(),
        "steps": [_step(step, record) for step in record.steps],
        "journal": {"lines": lines, "torn": torn},
    }


def _step(step: StepRecord, record: RunRecord) -> dict[str, Any]:
    return {
        "name": step.name,
        "summary": step.summary,
        "status": step.status,
        "requires": list(step.requires),
        "plane": step.plane,
        "best_effort": step.best_effort,
        "started": step.started.isoformat() if step.started else None,
        "started_s": (step.started - record.started).total_seconds() if step.started else None,
        "ended": step.ended.isoformat() if step.ended else None,
        "length_s": step.length.total_seconds() if step.ended else None,
        "attempts": step.attempts,
        "outcome": step.outcome,
        "proof": step.proof,
    }


def words(record: RunRecord) -> str:
    """What the run was about."""
    return f"{record.verb} of {record.zone}" if record.zone else f"{record.verb} to {record.target}"


def answer(record: RunRecord) -> str:
    """The first line."""
    what = f"{record.site}: {words(record)}"
    match record.status:
        case "done":
            return f"{what} done in {length(record.act)}"
        case "failed":
            return f"{what} FAILED: {record.why}"
        case _:
            return f"{what} was interrupted: {record.why}"


def table(record: RunRecord) -> Table:
    """The steps, one a line, with what was last seen of each."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("step", no_wrap=True)
    made.add_column("from", justify="right", no_wrap=True)
    made.add_column("at", no_wrap=True)
    made.add_column("took", justify="right", no_wrap=True)
    made.add_column("status", no_wrap=True)
    made.add_column("seen", overflow="fold")
    for step in record.steps:
        since = f"+{(step.started - record.started).total_seconds():.1f} s" if step.started else "-"
        at = clock(step.started) if step.started else "-"
        made.add_row(step.name, since, at, length(step.length) if step.ended else "-", step.status, step.proof)
    return made


def remarks(record: RunRecord, *, lines: int, torn: bool) -> list[str]:
    """The figures, and whether the journal can be believed."""
    chain = f"{length(record.critical_path.length)} ({' > '.join(record.critical_path.steps)})"
    said = [
        f"Started {moment(record.started)}, traffic by {record.way}, plan {record.digest[:12]}.",
        f"Act {length(record.act)}; longest chain {chain}; one after the other {length(record.sequential)}.",
    ]
    if record.allowed:
        said.append(f"Guards lifted: {', '.join(record.allowed)}.")
    end = "; its last line was cut off and is left out" if torn else ""
    return [*said, f"Journal: {lines} lines, chain intact{end}."]
