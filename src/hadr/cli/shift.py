"""The verb that moves DNS weight in stages: options in, refusals or a run out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hadr import config
from hadr.cli.change import need_somebody_to_ask
from hadr.cli.context import Context
from hadr.cli.logged import logged
from hadr.cli.options import DEFAULT_RUNS, DEFAULT_SITE, NO, YES, Allow, AsJson, RunsFolder, SiteFile, Sure
from hadr.core.decide import Status
from hadr.core.errors import ConfigError, StepFailed, UnsafePlan
from hadr.core.journal import run_record, verify
from hadr.core.shift import refusals, wanted_weights
from hadr.core.site import Site
from hadr.core.stages import Stage, Weights, stages
from hadr.core.view import Unknown, View
from hadr.engine import observe
from hadr.engine.shift import Shift
from hadr.ports import Ports, Runs
from hadr.report import run as run_report
from hadr.report.words import clock, duration, length

To = Annotated[str, typer.Option("--to", metavar="MEMBER=WEIGHT,…", help="The weights to end with; every member has one.")]
Stages = Annotated[str, typer.Option("--stages", metavar="PERCENT,…", help="Shares of the member that gains, on the way.")]
Hold = Annotated[str, typer.Option("--hold", metavar="TIME", help="How long each stage is held and watched, such as 60s or 5m.")]


def shift(
    context: typer.Context,
    to: To,
    by: Stages = "",
    hold: Hold = "60s",
    site: SiteFile = DEFAULT_SITE,
    runs: RunsFolder = DEFAULT_RUNS,
    allow: Allow = None,
    yes: Sure = False,
    json: AsJson = False,
) -> int:
    """Move DNS weight in stages, watching as a client, and back by itself when clients get worse off."""
    here: Context = context.obj
    need_somebody_to_ask(yes=yes, json=json)
    described = config.load_site(site)
    described.require_weights("shift")
    wanted, held = wanted_weights(described, to), duration(hold, "--hold")
    ports = here.wire(described)
    view = observe(described, ports)
    before = _weights(view)
    way = stages(before, wanted, shares(by))
    if not way:
        here.tell({"answer": "nothing-to-do"}) if json else here.say(f"{described.name}: clients are shared like that already")
        return YES
    against = [(guard, what) for guard, what in refusals(described, view, wanted) if guard not in (allow or ())]
    if against:
        raise UnsafePlan(tuple((str(guard), what) for guard, what in against))
    if not json:
        plan = [f"{stage.name:>6}  {' '.join(f'{k}={v}' for k, v in stage.weights.items())}  held {length(held)}" for stage in way]
        here.say(f"{described.name}: can shift from {_words(before)} to {_words(wanted)} in {len(way)} stages", remarks=plan)
    if not yes and typer.prompt(
        f"\nType the site's name ({described.name}) to shift", err=True, default="", show_default=False
    ) != (described.name):
        here.complain("not confirmed; nothing was done")
        return NO
    return _carry_out(here, described, ports, here.runs_at(runs), before, way, hold=hold, json=json)


def _weights(view: View) -> Weights:
    reading = view.weights()
    if isinstance(reading, Unknown):
        raise UnsafePlan((("stale-view", f"the weights of now cannot be read: {reading.why}"),))
    return reading.value


def shares(text: str) -> list[float]:
    """10,30,70 or 10%,30%,70%. Raises ConfigError."""
    try:
        return [float(part.strip().removesuffix("%")) for part in text.split(",") if part.strip()]
    except ValueError:
        raise ConfigError(f"--stages: {text!r} is no list of percentages such as 10,30,70") from None


def _carry_out(
    here: Context, site: Site, ports: Ports, kept: Runs, before: Weights, way: tuple[Stage, ...], *, hold: str, json: bool
) -> int:
    plan = {"verb": "shift", "from": dict(before), "stages": [dict(stage.weights) for stage in way], "hold": hold}
    journal = kept.begin("shift", plan, ports.clock.now())

    def told(name: str, status: Status, seen: str) -> None:
        here.narrate(f"{clock(ports.clock.now())}  {name:<8}  {status:<8}  {seen}")

    held = duration(hold, "--hold")
    run = Shift(site=site, ports=ports, before=before, stages=way, hold=held, journal=journal, told=told)
    code = YES
    try:
        with logged(Path(kept.place(journal.run))):
            run.carry_out()
    except StepFailed:
        code = NO
    verified = verify(kept.journal(journal.run))
    record, lines = run_record(verified.entries), len(verified.entries)
    if json:
        document: dict[str, Any] = {"answer": record.status, "why": record.why, "plan": plan}
        here.tell(document | {"run": run_report.document(record, lines=lines, torn=verified.torn)})
    else:
        figures = run_report.remarks(record, lines=lines, torn=verified.torn)
        here.say(run_report.answer(record), run_report.table(record), remarks=figures)
    return code


def _words(weights: Weights) -> str:
    return " ".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
