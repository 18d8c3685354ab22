"""What a view says about the site: a document with every reading, and a table of the members side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from rich.table import Table

from hadr.core.readiness import findings
from hadr.core.roles import Role, Standing, Verdict, role_of, standing
from hadr.core.site import Member, Site
from hadr.core.view import ABOUT_ZONES, ONLY_FOR_READINESS, SITE_WIDE, Known, Lag, Reading, Unknown, View, What
from hadr.report.words import length


def document(site: Site, view: View) -> dict[str, Any]:
    """Everything that was seen, for --json."""
    now = standing(site, view)
    return {
        "site": site.name,
        "at": view.at.isoformat(),
        "serving": now.serving,
        "why": now.why,
        "active": list(now.active),
        "writer": now.writer,
        "members": {member.name: _member(site, view, member) for member in site.members},
        "readings": {what: reading(view.get(what)) for what in SITE_WIDE},
    }


def _member(site: Site, view: View, member: Member) -> dict[str, Any]:
    of_member = [what for what in What if what not in (*SITE_WIDE, *ONLY_FOR_READINESS, *ABOUT_ZONES)]
    return {
        "region": member.region,
        "role": role_of(site, view, member.name),
        "serving": served_by(view, member.name),
        "can_take_over": can_take_over(site, view, member.name),
        "findings": [msgspec.to_builtins(finding) for finding in findings(site, view, member.name)],
        "readings": {what: reading(view.get(what, member.name)) for what in of_member},
    }


def reading(reading: Reading[Any]) -> dict[str, Any]:
    """One reading as plain values."""
    if isinstance(reading, Unknown):
        return {"known": False, "why": reading.why}
    value = reading.value
    if isinstance(value, Lag):
        plain: Any = {"lag_s": value.value.total_seconds(), "measured": value.measured.isoformat()}
    elif isinstance(value, frozenset):
        plain = sorted(value)
    else:
        plain = msgspec.to_builtins(value, enc_hook=_sorted)
    return {"known": True, "at": reading.at.isoformat(), "value": plain}


def _sorted(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    raise NotImplementedError(f"{type(value).__name__} has no plain form")


def served_by(view: View, member: str) -> Verdict:
    """Whether the member answers that it is ready, through its own load balancer."""
    reading = view.endpoint(member)
    if isinstance(reading, Unknown):
        return Verdict.UNKNOWN
    return Verdict.YES if reading.value.ok else Verdict.NO


def can_take_over(site: Site, view: View, member: str) -> Verdict:
    """The worst verdict of all findings."""
    verdicts = {finding.verdict for finding in findings(site, view, member)}
    for worst in (Verdict.NO, Verdict.UNKNOWN):
        if worst in verdicts:
            return worst
    return Verdict.YES


def answer(site: Site, view: View) -> str:
    """The first line."""
    now = standing(site, view)
    who = " and ".join(now.active) or "nobody known"
    match now.serving:
        case Verdict.YES:
            return f"{site.name}: served; active is {who}{_writer(now)}"
        case Verdict.NO:
            return f"{site.name}: NOT served; active is {who}{_writer(now)}; {site.traffic.host}: {now.why}"
        case _:
            return f"{site.name}: whether it is served is unknown; active is {who}{_writer(now)}; {now.why}"


def _writer(now: Standing) -> str:
    if now.writer is None:
        return ", database writer unknown"
    return "" if now.active == (now.writer,) else f", but the database writer is {now.writer}"


def table(site: Site, view: View) -> Table:
    """The members side by side."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("", no_wrap=True)
    for member in site.members:
        made.add_column(f"{member.name} ({member.region})", overflow="fold")
    rows: dict[str, Callable[[str], str]] = {
        "role": lambda name: str(role_of(site, view, name)),
        "ready for clients": lambda name: _said(view.endpoint(name)),
        "targets": lambda name: _targets(view, name),
        "node maker": lambda name: _node_maker(view, name),
        "workload": lambda name: _workload(view, name),
        "database": lambda name: _database(view, name),
        "database lag": lambda name: _lag(view, name),
        "files": lambda name: _files(view, name),
        "declared active": lambda name: _declared(site, view, name),
        "could take over": lambda name: _take_over(site, view, name),
    }
    for label, cell in rows.items():
        made.add_row(label, *(cell(member.name) for member in site.members))
    return made


def remarks(site: Site, view: View) -> list[str]:
    """The lines below the table: weights, what stands in the way, what to type next."""
    weights = view.weights()
    if isinstance(weights, Known):
        lines = ["DNS weights: " + " ".join(f"{name}={weight}" for name, weight in weights.value.items())]
    else:
        lines = [f"DNS weights: unknown, {weights.why}"]
    stand_by = [member.name for member in site.members if role_of(site, view, member.name) is not Role.ACTIVE]
    for name in stand_by:
        lines += [
            f"{name}: {finding.rule} {'unknown' if finding.verdict is Verdict.UNKNOWN else 'not ready'}: {finding.evidence}"
            for finding in findings(site, view, name)
            if finding.verdict is not Verdict.YES
        ]
    to = next(iter(stand_by), site.members[-1].name)
    return [*lines, f"Next: hadr plan failover --to {to}"]


def _said(reading: Reading[Any]) -> str:
    return f"unknown: {reading.why}" if isinstance(reading, Unknown) else str(reading.value)


def _targets(view: View, name: str) -> str:
    reading = view.targets(name)
    return _said(reading) if isinstance(reading, Unknown) else f"{reading.value.healthy}/{reading.value.total} healthy"


def _node_maker(view: View, name: str) -> str:
    reading = view.compute(name)
    if isinstance(reading, Unknown):
        return _said(reading)
    state = reading.value
    return f"{state.capacity_ready}/{state.capacity_desired} ready, {state.nodes_ready} service nodes"


def _workload(view: View, name: str) -> str:
    reading = view.compute(name)
    if isinstance(reading, Unknown):
        return "unknown"
    state = reading.value
    available = ", ".join(f"{d.name} {d.available}/{d.desired}" for d in state.deployments)
    return f"{available}; {state.pods_running}/{state.pods_wanted} pods"


def _database(view: View, name: str) -> str:
    reading = view.database(name)
    if isinstance(reading, Unknown):
        return _said(reading)
    state = reading.value
    role = "writer" if state.writer == name else "reader"
    switching = f", switching to {state.switching_to}" if state.switching_to else ""
    return f"{role}, {state.cluster_status}{switching}"


def _lag(view: View, name: str) -> str:
    database, reading = view.database(name), view.lag(name)
    if isinstance(database, Known) and database.value.writer == name:
        return "-"
    return _said(reading) if isinstance(reading, Unknown) else length(reading.value.value)


def _files(view: View, name: str) -> str:
    reading = view.files(name)
    if isinstance(reading, Unknown):
        return _said(reading)
    state = reading.value
    behind = f", in sync {length(view.at - state.synced)} ago" if state.synced is not None else ""
    return f"{state.role} {state.status}{behind}".replace(" ,", ",").strip()


def _declared(site: Site, view: View, name: str) -> str:
    if site.member(name).switch is None:
        return "no switch"
    reading = view.switch(name)
    return _said(reading) if isinstance(reading, Unknown) else ("yes" if reading.value else "no")


def _take_over(site: Site, view: View, name: str) -> str:
    return "-" if role_of(site, view, name) is Role.ACTIVE else str(can_take_over(site, view, name))
