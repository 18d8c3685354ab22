"""The verbs and their options. Each parses, calls the engine, renders, and returns an exit code."""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from hadr import __version__, config
from hadr.cli import changes
from hadr.cli.config import app as config_app
from hadr.cli.context import Context
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, NO, UNKNOWN, YES, AsJson, Onto, RunsFolder, SiteFile
from hadr.cli.policy import policy
from hadr.cli.runs import abort, resume
from hadr.cli.shift import shift
from hadr.core.errors import NoSuchRun
from hadr.core.inspection import inspect, worst
from hadr.core.journal import RunRecord, Verified, run_record, verify
from hadr.core.plan import stand_by_of
from hadr.core.roles import Verdict, readiness_reads, standing
from hadr.core.site import Layout, Site
from hadr.core.view import View
from hadr.engine import observe
from hadr.report import readiness as readiness_report
from hadr.report import run as run_report
from hadr.report import status as status_report
from hadr.report import zones as zones_report
from hadr.report.words import length, moment

CODES = {Verdict.YES: YES, Verdict.NO: NO, Verdict.UNKNOWN: UNKNOWN}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Says whether a failover would work now, plans it, performs it, proves its effect and measures it.",
)
plan_app = typer.Typer(no_args_is_help=True, help="Show what a verb would do, and change nothing.")
app.add_typer(plan_app, name="plan")
app.add_typer(config_app, name="config")
app.command()(policy)
changes.add(app, plan_app)
app.command()(shift)
app.command()(resume)
app.command()(abort)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hadr {__version__}")
        raise typer.Exit(YES)


@app.callback()
def common(
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Show the version and stop.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Options of all verbs."""
    level = os.environ.get("HADR_LOG", "").upper()
    if level in ("DEBUG", "INFO", "WARNING"):
        logging.basicConfig(format="%(asctime)s level=%(levelname)s %(message)s")
        logging.getLogger("hadr").setLevel(level)


@app.command()
def status(context: typer.Context, site: SiteFile = DEFAULT_SITE, json: AsJson = False) -> int:
    """Is the service served, by whom, and could the other member take over, or a zone be lost?"""
    here: Context = context.obj
    described = config.load_site(site)
    view = observe(described, here.wire(described))
    report = status_report if described.layout is Layout.TWO_REGIONS else zones_report
    if json:
        here.tell(report.document(described, view))
    else:
        here.say(report.answer(described, view), report.table(described, view), remarks=report.remarks(described, view))
    return CODES[standing(described, view).serving]


@app.command()
def readiness(context: typer.Context, to: Onto = "", site: SiteFile = DEFAULT_SITE, json: AsJson = False) -> int:
    """Would a failover to the stand-by work now, and lose no more than promised? In one Region: would any zone's loss be survived?

    Changes nothing but one trial object beside the switch, which it writes and removes.
    """
    here: Context = context.obj
    described = config.load_site(site)
    if to:
        described.require_stand_by("readiness --to")
        described.member(to)
    view = observe(described, here.wire(described), reads=readiness_reads(described))
    if described.layout is not Layout.TWO_REGIONS:
        return _zones_readiness(here, described, view, json=json)
    target = to or stand_by_of(described, view) or described.members[-1].name
    found = inspect(described, view, target)
    if json:
        here.tell(readiness_report.document(described, view, target, found))
    else:
        remarks = readiness_report.remarks(target, found)
        here.say(readiness_report.answer(described, target, found), readiness_report.table(found), remarks=remarks)
    return CODES[worst(found)]


def _zones_readiness(here: Context, site: Site, view: View, *, json: bool) -> int:
    if json:
        here.tell(zones_report.readiness_document(site, view))
    else:
        remarks = zones_report.readiness_remarks(site, view)
        here.say(zones_report.readiness_answer(site, view), zones_report.readiness_table(site, view), remarks=remarks)
    return CODES[zones_report.verdict(site, view)]


@app.command()
def report(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="The run; the newest when left out.")] = "",
    runs: RunsFolder = DEFAULT_RUNS,
    json: AsJson = False,
) -> int:
    """What a run did, how long each step took, and whether its journal is untouched."""
    here: Context = context.obj
    kept = here.runs_at(runs)
    name = run or next(reversed(kept.names()), "")
    if not name:
        raise NoSuchRun(f"there is no run below {runs} yet; name another folder with --runs")
    verified, record = _read(kept.journal(name))
    lines = len(verified.entries)
    if json:
        here.tell(run_report.document(record, lines=lines, torn=verified.torn))
    else:
        figures = run_report.remarks(record, lines=lines, torn=verified.torn)
        here.say(run_report.answer(record), run_report.table(record), remarks=figures)
    return {"done": YES, "failed": NO}.get(record.status, UNKNOWN)


@app.command("runs")
def list_runs(context: typer.Context, runs: RunsFolder = DEFAULT_RUNS, json: AsJson = False) -> int:
    """The runs there were, newest last."""
    here: Context = context.obj
    kept = here.runs_at(runs)
    records = [_read(kept.journal(name))[1] for name in kept.names()]
    if json:
        listed = [
            {"run": r.run, "site": r.site, "verb": r.verb, "to": r.target, "status": r.status, "act_s": r.act.total_seconds()}
            for r in records
        ]
        here.tell(listed)
        return YES
    lines = [f"{r.run}  {run_report.words(r)}: {r.status}, {length(r.act)}, began {moment(r.started)}" for r in records]
    here.say(f"{len(records)} runs below {runs}", remarks=lines)
    return YES


def _read(text: str) -> tuple[Verified, RunRecord]:
    verified = verify(text)
    return verified, run_record(verified.entries)
