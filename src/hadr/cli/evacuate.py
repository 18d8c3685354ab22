"""The verb that leaves a zone and returns to it, and `plan` for it: options in, a plan or a run out."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hadr import config
from hadr.cli.change import Change, Planner
from hadr.cli.context import Context
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, Allow, AsJson, RunsFolder, SiteFile, Sure
from hadr.cli.shift import shares
from hadr.cli.verdict import exit_code
from hadr.core.leaving import planner, turn_of, zone_reads
from hadr.core.site import Site
from hadr.core.view import View
from hadr.engine import observe
from hadr.report import plan as plan_report
from hadr.report.words import duration

Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="The zone, by its name.")]
Back = Annotated[bool, typer.Option("--return", help="Return to the zone instead of leaving it.")]
Expires = Annotated[str, typer.Option("--expires", metavar="TIME", help="When a zonal shift ends by itself, at most 72h.")]
Hold = Annotated[str, typer.Option("--hold", metavar="TIME", help="How long each stage of weights is held and watched.")]
First = Annotated[bool, typer.Option("--traffic-first", help="Clients leave before pods do: for a zone that serves badly.")]
Keep = Annotated[bool, typer.Option("--keep-writer", help="Leave the database's writer where it is: no write waits.")]
Stages = Annotated[str, typer.Option("--stages", metavar="PERCENT,…", help="Shares of the member that gains, on the way.")]


def evacuate(
    context: typer.Context,
    zone: Zone,
    back: Back = False,
    traffic_first: First = False,
    keep_writer: Keep = False,
    expires: Expires = "12h",
    hold: Hold = "60s",
    by: Stages = "",
    site: SiteFile = DEFAULT_SITE,
    runs: RunsFolder = DEFAULT_RUNS,
    allow: Allow = None,
    yes: Sure = False,
    json: AsJson = False,
) -> int:
    """Leave a zone before or after it fails, capacity first and traffic after; with --return, come back to it."""
    here: Context = context.obj
    if json and not yes:
        raise typer.BadParameter("--json leaves nobody to ask: add --yes")
    described = config.load_site(site)
    turn_of(described, zone)
    make = _planner(hold, expires, by, back=back, traffic_first=traffic_first, keep_writer=keep_writer)
    change = Change(
        context=here,
        site=described,
        ports=here.wire(described),
        runs=here.runs_at(runs),
        planner=make,
        choose=partial(_named, zone),
        allowed=frozenset(allow or ()),
        sure=yes,
        json=json,
        reads=zone_reads(described, zone),
    )
    return change.carry_out()


def plan_evacuating(
    context: typer.Context,
    zone: Zone,
    back: Back = False,
    traffic_first: First = False,
    keep_writer: Keep = False,
    expires: Expires = "12h",
    hold: Hold = "60s",
    by: Stages = "",
    site: SiteFile = DEFAULT_SITE,
    allow: Allow = None,
    json: AsJson = False,
) -> int:
    """What `hadr evacuate` would do, how long it would take, and what speaks against it."""
    here: Context = context.obj
    described = config.load_site(site)
    reads = zone_reads(described, zone)
    make = _planner(hold, expires, by, back=back, traffic_first=traffic_first, keep_writer=keep_writer)
    plan = make(described, observe(described, here.wire(described), reads=reads), zone)
    allowed = frozenset(allow or ())
    if json:
        here.tell(plan_report.document(plan, allowed))
    else:
        body = [plan_report.table(plan)] if plan.steps else []
        here.say(plan_report.answer(plan, allowed), *body, remarks=plan_report.remarks(plan, allowed))
    return exit_code(plan, allowed)


def _planner(hold: str, expires: str, by: str, *, back: bool, traffic_first: bool, keep_writer: bool) -> Planner:
    """Raises ConfigError for a time or a share that is none."""
    held, ends = duration(hold, "--hold"), duration(expires, "--expires")
    return planner(back=back, hold=held, expires=ends, shares=shares(by), traffic_first=traffic_first, keep_writer=keep_writer)


def _named(zone: str, site: Site, view: View) -> str:  # noqa: ARG001 - the zone is named, whatever is seen
    return zone
