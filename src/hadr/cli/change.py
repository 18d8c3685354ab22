"""Every verb that changes a site: plan, show, confirm, look again, apply. What was shown is what is done, or nothing is.

`carry_out` is one use of such a verb, `show` the plan alone of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from hadr.cli.context import Context
from hadr.cli.logged import logged
from hadr.cli.verdict import exit_code
from hadr.core.decide import Status
from hadr.core.errors import StepFailed, UnsafePlan
from hadr.core.guards import Guard
from hadr.core.journal import run_record, verify
from hadr.core.plan import Plan
from hadr.core.site import Site
from hadr.core.steps import Step
from hadr.core.view import Read, View
from hadr.engine import Run, observe
from hadr.ports import Ports, Runs
from hadr.report import plan as plan_report
from hadr.report import run as run_report
from hadr.report.words import clock

Planner = Callable[[Site, View, str], Plan]
Chooser = Callable[[Site, View], str]


def named(name: str, site: Site, view: View) -> str:  # noqa: ARG001 - what is seen does not matter when it is named
    """The chooser of what the command line names, given all but its first argument."""
    return name


def need_somebody_to_ask(*, yes: bool, json: bool) -> None:
    """Raises BadParameter when the verb would ask, and whoever reads JSON could not answer."""
    if json and not yes:
        raise typer.BadParameter("--json leaves nobody to ask: add --yes")


def carry_out(
    here: Context,
    site: Site,
    planner: Planner,
    choose: Chooser,
    runs: Path,
    allow: list[Guard] | None,
    *,
    yes: bool,
    json: bool,
    reads: tuple[Read, ...] = (),
) -> int:
    """Plan, show, confirm and apply; the exit code of `Change.carry_out`. Raises BadParameter when nobody could be asked."""
    need_somebody_to_ask(yes=yes, json=json)
    change = Change(
        context=here,
        site=site,
        ports=here.wire(site),
        runs=here.runs_at(runs),
        planner=planner,
        choose=choose,
        allowed=frozenset(allow or ()),
        sure=yes,
        json=json,
        reads=reads,
    )
    return change.carry_out()


def show(
    here: Context,
    site: Site,
    planner: Planner,
    choose: Chooser,
    allow: list[Guard] | None,
    *,
    json: bool,
    reads: tuple[Read, ...] = (),
) -> int:
    """The plan and what speaks against it; the exit code says whether it may be carried out."""
    view, allowed = observe(site, here.wire(site), reads=reads), frozenset(allow or ())
    plan = planner(site, view, choose(site, view))
    if json:
        here.tell(plan_report.document(plan, allowed))
    else:
        body = [plan_report.table(plan)] if plan.steps else []
        here.say(plan_report.answer(plan, allowed), *body, remarks=plan_report.remarks(plan, allowed))
    return exit_code(plan, allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One use of a verb. `choose` names the member or zone it is about; `planner` makes its plan from `reads` (none: all)."""

    context: Context
    site: Site
    ports: Ports
    runs: Runs
    planner: Planner
    choose: Chooser
    allowed: frozenset[Guard]
    sure: bool
    json: bool
    reads: tuple[Read, ...] = ()

    def carry_out(self) -> int:
        """Exit code 0 when the goal is reached, 1 when it was refused, not confirmed or failed."""
        plan = self._plan()
        if not plan.steps:
            return self._end(0, "nothing-to-do", plan)
        self._show(plan)
        if plan.standing_refusals(self.allowed):
            return self._end(1, "refused", plan, why="; ".join(map(str, plan.standing_refusals(self.allowed))))
        if not self.sure:
            if not self._confirmed(plan):
                return self._end(1, "not-confirmed", plan)
            plan = self._again(plan)
        return self._apply(plan)

    def _plan(self) -> Plan:
        view = observe(self.site, self.ports, reads=self.reads)
        return self.planner(self.site, view, self.choose(self.site, view))

    def _show(self, plan: Plan) -> None:
        if not self.json:
            remarks = plan_report.remarks(plan, self.allowed)
            self.context.say(plan_report.answer(plan, self.allowed), plan_report.table(plan), remarks=remarks)

    def _confirmed(self, plan: Plan) -> bool:
        question = f"\nType the site's name ({self.site.name}) to {plan_report.doing(plan)}"
        typed = typer.prompt(question, err=True, default="", show_default=False)
        return str(typed).strip() == self.site.name

    def _again(self, shown: Plan) -> Plan:
        """A person may have taken minutes to answer. Raises UnsafePlan when something else would be done now."""
        plan = self._plan()
        if plan.digest != shown.digest and Guard.STALE_VIEW not in self.allowed:
            what = "the situation changed since the plan was shown; start the command again"
            raise UnsafePlan(((str(Guard.STALE_VIEW), what),))
        return plan

    def _apply(self, plan: Plan) -> int:
        document = plan_report.document(plan, self.allowed)
        about = plan.course.zone or f"to-{plan.course.target}"
        journal = self.runs.begin(f"{plan.verb}-{about}", document, self.ports.clock.now())
        place = self.runs.place(journal.run)
        self.context.narrate(f"run {journal.run} in {place}")
        run = Run(site=self.site, ports=self.ports, plan=plan, journal=journal, allowed=self.allowed, told=self._narrate)
        try:
            with logged(Path(place)):
                run.carry_out()
        except StepFailed as failed:
            return self._end(1, "failed", plan, run=journal.run, why=str(failed))
        return self._end(0, "done", plan, run=journal.run)

    def _narrate(self, step: Step, status: Status, seen: str) -> None:
        self.context.narrate(f"{clock(self.ports.clock.now())}  {step.name:<25}  {status:<8}  {seen or step.summary}")

    def _end(self, code: int, answer: str, plan: Plan, *, run: str = "", why: str = "") -> int:
        verified = verify(self.runs.journal(run)) if run else None
        record = run_record(verified.entries) if verified else None
        lines, torn = (len(verified.entries), verified.torn) if verified else (0, False)
        if self.json:
            document: dict[str, Any] = {"answer": answer, "why": why, "plan": plan_report.document(plan, self.allowed)}
            document["run"] = run_report.document(record, lines=lines, torn=torn) if record else None
            document["place"] = self.runs.place(run) if run else None
            self.context.tell(document)
        elif record is not None:
            remarks = run_report.remarks(record, lines=lines, torn=torn)
            self.context.say(run_report.answer(record), run_report.table(record), remarks=remarks)
        elif answer == "nothing-to-do":
            self.context.say(plan_report.answer(plan), remarks=plan_report.remarks(plan))
        elif answer == "not-confirmed":
            self.context.complain("not confirmed; nothing was done")
        return code
