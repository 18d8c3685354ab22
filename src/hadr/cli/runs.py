"""The verbs that take up a run that ended before its goal: go on with it, or take back what it did.

Neither remembers anything: going on is planning the same goal from what is seen now. Where taking back is a plan of its own, that
plan is made; where it is not, each step that was taken is named with how a person undoes it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hadr import config
from hadr.cli.change import carry_out, named
from hadr.cli.changes import MOVING
from hadr.cli.context import Context
from hadr.cli.evacuate import evacuate
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, NO, YES, Allow, AsJson, RunsFolder, SiteFile, Sure
from hadr.cli.shift import shift
from hadr.core.errors import ConfigError, NoSuchRun
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.plan import plan_protect
from hadr.core.steps import StepName
from hadr.report import run as run_report

WhichRun = Annotated[str, typer.Argument(metavar="RUN", help="The run; the newest when left out.")]


def resume(
    context: typer.Context,
    run: WhichRun = "",
    site: SiteFile = DEFAULT_SITE,
    runs: RunsFolder = DEFAULT_RUNS,
    allow: Allow = None,
    yes: Sure = False,
    json: AsJson = False,
) -> int:
    """Go on with a run that failed or was interrupted: its goal is planned anew, and what is there already is not done twice."""
    here: Context = context.obj
    record = _record(here, run, site, runs)
    if record.status == "done":
        _tell(here, record, "was done; there is nothing to resume", json=json)
        return YES
    if record.zone:
        back = record.verb == "return"
        empty, keep = _has(record, StepName.EMPTY), not back and not _has(record, StepName.WRITER_OUT)
        return evacuate(
            context,
            zone=record.zone,
            back=back,
            keep_writer=keep,
            empty=empty,
            site=site,
            runs=runs,
            allow=allow,
            yes=yes,
            json=json,
        )
    if record.verb == "shift":
        return shift(context, to=record.target, site=site, runs=runs, allow=allow, yes=yes, json=json)
    planner = plan_protect if record.verb == "protect" else MOVING[record.verb][0]
    described = config.load_site(site)
    return carry_out(here, described, planner, partial(named, record.target), runs, allow, yes=yes, json=json)


def abort(
    context: typer.Context,
    run: WhichRun = "",
    site: SiteFile = DEFAULT_SITE,
    runs: RunsFolder = DEFAULT_RUNS,
    allow: Allow = None,
    yes: Sure = False,
    json: AsJson = False,
) -> int:
    """Take back what a run did: an evacuation by its return, a shift by the weights of before. Else say how each step is undone."""
    here: Context = context.obj
    record = _record(here, run, site, runs)
    if record.zone:
        back = record.verb == "evacuate"
        return evacuate(context, zone=record.zone, back=back, site=site, runs=runs, allow=allow, yes=yes, json=json)
    if record.verb == "shift":
        return shift(context, to=record.source, site=site, runs=runs, allow=allow, yes=yes, json=json)
    lines = [f"{step.name} ({step.status}): {step.undo}" for step in reversed(record.steps) if step.attempts]
    _tell(here, record, "is not taken back by itself; what was asked for, newest first, and how it is undone", *lines, json=json)
    return NO


def _has(record: RunRecord, name: StepName) -> bool:
    """Whether the run was to do a step; what had been asked for otherwise is asked for again."""
    return any(step.name == name for step in record.steps)


def _record(here: Context, run: str, site: SiteFile, runs: RunsFolder) -> RunRecord:
    """The run that is meant. Raises NoSuchRun, or ConfigError when it was about another site."""
    kept, described = here.runs_at(runs), config.load_site(site)
    name = run or next(reversed(kept.names()), "")
    if not name:
        raise NoSuchRun(f"there is no run below {runs} yet; name another folder with --runs")
    record = run_record(verify(kept.journal(name)).entries)
    if record.site != described.name:
        raise ConfigError(f"run {name} was about site {record.site}, and {site} describes {described.name}")
    return record


def _tell(here: Context, record: RunRecord, what: str, *lines: str, json: bool) -> None:
    if json:
        here.tell({"run": record.run, "status": record.status, "answer": what, "undo": list(lines)})
    else:
        here.say(f"{record.site}: {run_report.words(record)} {what}", remarks=lines)
