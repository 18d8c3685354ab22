"""A plan as a document and as a table."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from rich.table import Table

from hadr.core.course import Way
from hadr.core.guards import Guard
from hadr.core.plan import Plan
from hadr.core.steps import Step, StepName
from hadr.report.words import length


def document(plan: Plan, allowed: Collection[Guard] = ()) -> dict[str, Any]:
    """The plan for --json and for plan.json."""
    return {
        "site": plan.site,
        "verb": plan.verb,
        "to": plan.course.target,
        "from": plan.course.source,
        "zone": plan.course.zone,
        "made": plan.made.isoformat(),
        "digest": plan.digest,
        "traffic": {"way": plan.course.way, "why": plan.reason},
        "steps": [_step(step) for step in plan.steps],
        "already": [{"step": name, "seen": seen} for name, seen in plan.already],
        "critical_path": {"steps": list(plan.estimate.steps), "estimate_s": plan.estimate.length.total_seconds()},
        "sequential_estimate_s": plan.sequential.total_seconds(),
        "outage_estimate_s": plan.outage.total_seconds(),
        "refusals": [
            {"guard": refusal.guard, "what": str(refusal), "lifted": refusal.guard in allowed} for refusal in plan.refusals
        ],
        "notes": list(plan.notes),
    }


def _step(step: Step) -> dict[str, Any]:
    action = None if step.action is None else {"type": type(step.action).__name__, **msgspec.to_builtins(step.action)}
    return {
        "name": step.name,
        "summary": step.summary,
        "action": action,
        "requires": list(step.requires),
        "after": list(step.after),
        "plane": step.plane,
        "needs": list(step.needs),
        "regions": list(step.regions),
        "proof": [str(read) for read in step.reads],
        "budget_s": step.budget.total_seconds(),
        "expected_s": step.expected.total_seconds(),
        "undo": step.undo,
        "best_effort": step.best_effort,
    }


DOING = {
    "failover": ("fail over to {target}", "failing over to {target}", "{target} serves already"),
    "switchover": ("switch over to {target}", "switching over to {target}", "{target} serves and {source} follows already"),
    "failback": ("fail back to {target}", "failing back to {target}", "{target} serves and {source} follows already"),
    "evacuate": ("leave {zone}", "leaving {zone}", "{zone} is left already"),
    "return": ("return to {zone}", "returning to {zone}", "{zone} serves already"),
    "protect": ("protect {source} by {target}", "protecting {source} by {target}", "{target} follows {source} already"),
}


def doing(plan: Plan) -> str:
    """What the plan does, as in "to fail over to two"."""
    return _words(plan)[0]


def _words(plan: Plan) -> tuple[str, ...]:
    return tuple(
        text.format(target=plan.course.target, source=plan.course.source, zone=plan.course.zone) for text in DOING[plan.verb]
    )


def answer(plan: Plan, allowed: Collection[Guard] = ()) -> str:
    """The first line."""
    do, ing, done = _words(plan)
    if not plan.steps:
        return f"{plan.site}: {done}; there is nothing to do"
    standing = plan.standing_refusals(allowed)
    if standing:
        names = ", ".join(dict.fromkeys(refusal.guard for refusal in standing))
        return f"{plan.site}: {ing} is refused by {names}"
    estimate, one_by_one = length(plan.estimate.length), length(plan.sequential)
    return f"{plan.site}: can {do} in {len(plan.steps)} steps, about {estimate} ({one_by_one} one after the other)"


def table(plan: Plan) -> Table:
    """The steps, one a line."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("step", no_wrap=True)
    made.add_column("waits for", overflow="fold")
    made.add_column("plane", no_wrap=True)
    made.add_column("needs", overflow="fold")
    made.add_column("about", justify="right", no_wrap=True)
    made.add_column("at most", justify="right", no_wrap=True)
    for step in plan.steps:
        waits = ", ".join((*step.requires, *step.after)) or "-"
        needs = ", ".join(step.needs)
        made.add_row(step.name, waits, step.plane, needs, length(step.expected), length(step.budget))
    return made


def remarks(plan: Plan, allowed: Collection[Guard] = ()) -> list[str]:
    """The lines below the table: why this way, what speaks against it, what is there already, what to type next."""
    lines = []
    if plan.steps:
        way = "" if plan.course.way is Way.STAYS else f" by {plan.course.way}"
        lines += [f"Traffic{way}: {plan.reason}.", f"Longest chain: {' > '.join(plan.estimate.steps)}."]
    if plan.outage:
        lines.append(f"Clients get no answer for about {length(plan.outage)}: from stop-writes until traffic has moved.")
    lines += [f"Already there: {name} ({seen})" for name, seen in plan.already if plan.steps]
    lines += [f"Note: {note}" for note in plan.notes]
    for refusal in plan.refusals:
        verb = "Lifted" if refusal.guard in allowed else "Refused"
        lines.append(f"{verb} [{refusal.guard}]: {refusal}")
    if plan.steps:
        lines += [f"Digest {plan.digest[:12]}.", f"Next: {_next(plan, allowed)}"]
    return lines


def _next(plan: Plan, allowed: Collection[Guard]) -> str:
    standing = plan.standing_refusals(allowed)
    names = dict.fromkeys(refusal.guard for refusal in standing)
    flags = "".join(f" --allow {name}" for name in (*sorted(allowed), *names))
    about = f"{plan.verb} --to {plan.course.target}"
    if plan.course.zone:
        about = f"evacuate --zone {plan.course.zone}" + (" --return" if plan.verb == "return" else "")
        about += " --empty" if any(step.name is StepName.EMPTY for step in plan.steps) else ""
    command = f"hadr {about}{flags}"
    return f"mend what is refused, or accept it: {command}" if standing else command
