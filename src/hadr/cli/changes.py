"""The verbs that change a site, and `plan` for each of them: options in, a plan or a run out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import typer

from hadr import config
from hadr.cli.change import Chooser, Planner, carry_out, named, show
from hadr.cli.evacuate import evacuate, plan_evacuating
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, Allow, AsJson, Onto, RunsFolder, SiteFile, Sure, To
from hadr.core.errors import UnsafePlan
from hadr.core.guards import Guard
from hadr.core.plan import plan_failback, plan_failover, plan_protect, plan_switchover, stand_by_of
from hadr.core.site import Site
from hadr.core.view import View

MOVING: dict[str, tuple[Planner, str]] = {
    "failover": (plan_failover, "Make MEMBER serve, presuming the other one lost: plan, show, confirm, apply, prove."),
    "switchover": (
        plan_switchover,
        "Make MEMBER serve while both are well, without losing a write: plan, show, confirm, apply, prove.",
    ),
    "failback": (plan_failback, "As switchover, after making MEMBER follow again: the way back after a failover."),
}


def add(app: typer.Typer, plan_app: typer.Typer) -> None:
    """Put every verb on the command line, each also below `plan`."""
    for name, (planner, words) in MOVING.items():
        app.command(name, help=words)(_moving(name, planner))
        plan_app.command(name, help=f"What `hadr {name}` would do, how long it would take, and what speaks against it.")(
            _planning(name, planner)
        )
    app.command("protect")(protect)
    plan_app.command("protect")(plan_protecting)
    app.command("evacuate")(evacuate)
    plan_app.command("evacuate")(plan_evacuating)


def _moving(name: str, planner: Planner) -> Callable[..., int]:
    def verb(
        context: typer.Context,
        to: To,
        site: SiteFile = DEFAULT_SITE,
        runs: RunsFolder = DEFAULT_RUNS,
        allow: Allow = None,
        yes: Sure = False,
        json: AsJson = False,
    ) -> int:
        described = config.load_site(site)
        described.require_stand_by(name)
        described.member(to)
        return carry_out(context.obj, described, planner, partial(named, to), runs, allow, yes=yes, json=json)

    return verb


def _planning(name: str, planner: Planner) -> Callable[..., int]:
    def verb(context: typer.Context, to: To, site: SiteFile = DEFAULT_SITE, allow: Allow = None, json: AsJson = False) -> int:
        described = config.load_site(site)
        described.require_stand_by(name)
        described.member(to)
        return show(context.obj, described, planner, partial(named, to), allow, json=json)

    return verb


def protect(
    context: typer.Context,
    to: Onto = "",
    site: SiteFile = DEFAULT_SITE,
    runs: RunsFolder = DEFAULT_RUNS,
    allow: Allow = None,
    yes: Sure = False,
    json: AsJson = False,
) -> int:
    """Make the stand-by follow: replicate the active member's files to it, over what is there, and see the database replicate."""
    described = config.load_site(site)
    described.require_stand_by("protect")
    return carry_out(context.obj, described, plan_protect, _onto(described, to), runs, allow, yes=yes, json=json)


def plan_protecting(
    context: typer.Context, to: Onto = "", site: SiteFile = DEFAULT_SITE, allow: Allow = None, json: AsJson = False
) -> int:
    """What `hadr protect` would do, how long it would take, and what speaks against it."""
    described = config.load_site(site)
    described.require_stand_by("protect")
    return show(context.obj, described, plan_protect, _onto(described, to), allow, json=json)


def _onto(site: Site, to: str) -> Chooser:
    if to:
        site.member(to)
        return partial(named, to)
    return _stand_by


def _stand_by(site: Site, view: View) -> str:
    found = stand_by_of(site, view)
    if found is None:
        told = "which member holds the database writer is not known, so neither is who is to follow; name it with --to"
        raise UnsafePlan(((str(Guard.ROLES_UNCLEAR), told),))
    return found
