"""The verb that leaves a zone and returns to it, and `plan` for it: options in, a plan or a run out."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hadr import config
from hadr.cli.change import Planner, carry_out, named, show
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, Allow, AsJson, RunsFolder, SiteFile, Sure
from hadr.cli.shift import Stages, shares
from hadr.core.leaving import planner, zone_reads
from hadr.report.words import duration

Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="The zone, by its name.")]
Back = Annotated[bool, typer.Option("--return", help="Return to the zone instead of leaving it.")]
Expires = Annotated[str, typer.Option("--expires", metavar="TIME", help="When a zonal shift ends by itself, at most 72h.")]
Hold = Annotated[str, typer.Option("--hold", metavar="TIME", help="How long each stage of weights is held and watched.")]
First = Annotated[bool, typer.Option("--traffic-first", help="Clients leave before pods do: for a zone that serves badly.")]
Keep = Annotated[bool, typer.Option("--keep-writer", help="Leave the database's writer where it is: no write waits.")]
Empty = Annotated[bool, typer.Option("--empty", help="Stop the member in the end: who never asks DNS again is refused by it.")]


def evacuate(
    context: typer.Context,
    zone: Zone,
    back: Back = False,
    traffic_first: First = False,
    keep_writer: Keep = False,
    empty: Empty = False,
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
    described = config.load_site(site)
    reads = zone_reads(described, zone)
    make = _planner(hold, expires, by, back=back, traffic_first=traffic_first, keep_writer=keep_writer, empty=empty)
    return carry_out(context.obj, described, make, partial(named, zone), runs, allow, yes=yes, json=json, reads=reads)


def plan_evacuating(
    context: typer.Context,
    zone: Zone,
    back: Back = False,
    traffic_first: First = False,
    keep_writer: Keep = False,
    empty: Empty = False,
    expires: Expires = "12h",
    hold: Hold = "60s",
    by: Stages = "",
    site: SiteFile = DEFAULT_SITE,
    allow: Allow = None,
    json: AsJson = False,
) -> int:
    """What `hadr evacuate` would do, how long it would take, and what speaks against it."""
    described = config.load_site(site)
    make = _planner(hold, expires, by, back=back, traffic_first=traffic_first, keep_writer=keep_writer, empty=empty)
    return show(context.obj, described, make, partial(named, zone), allow, json=json, reads=zone_reads(described, zone))


def _planner(hold: str, expires: str, by: str, *, back: bool, traffic_first: bool, keep_writer: bool, empty: bool) -> Planner:
    """Raises ConfigError for a time or a share that is none."""
    held, ends = duration(hold, "--hold"), duration(expires, "--expires")
    return planner(
        back=back, hold=held, expires=ends, shares=shares(by), traffic_first=traffic_first, keep_writer=keep_writer, empty=empty
    )
