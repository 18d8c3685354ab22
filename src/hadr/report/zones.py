"""What a view says about a site in one Region: zone by zone, with whether the site would survive the loss of each."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.table import Table

from hadr.core.inspection import wiring, worst
from hadr.core.readiness import Finding
from hadr.core.roles import Verdict, standing
from hadr.core.site import Layout, Site
from hadr.core.survival import survives, zone_findings
from hadr.core.view import ABOUT_ZONES, SITE_WIDE, Known, Unknown, View, What
from hadr.report.readiness import WORDS
from hadr.report.readiness import table as rules
from hadr.report.status import reading, served_by

WOULD = {Verdict.YES: "yes", Verdict.NO: "NO", Verdict.UNKNOWN: "unknown"}


def document(site: Site, view: View) -> dict[str, Any]:
    """Everything that was seen, for --json."""
    now = standing(site, view)
    asked = (What.COMPUTE, *ABOUT_ZONES, What.TARGETS, What.ENDPOINT, What.ADDRESSES)
    return {
        "site": site.name,
        "at": view.at.isoformat(),
        "serving": now.serving,
        "why": now.why,
        "active": list(now.active),
        "writer_zone": _writer_zone(site, view),
        "zones": {zone: _zone(site, view, zone) for zone in site.zones},
        "members": {
            member.name: {
                "region": member.region,
                "zone": member.workload.zone,
                "serving": served_by(view, member.name),
                "readings": {what: reading(view.get(what, member.name)) for what in asked},
            }
            for member in site.members
        },
        "readings": {what: reading(view.get(what)) for what in SITE_WIDE},
    }


def _zone(site: Site, view: View, zone: str) -> dict[str, Any]:
    return {
        "id": next(member.zones[zone] for member in site.in_zone(zone)),
        "survives_its_loss": survives(site, view, zone),
        "findings": [msgspec.to_builtins(finding) for finding in zone_findings(site, view, zone)],
    }


def answer(site: Site, view: View) -> str:
    """The first line."""
    now = standing(site, view)
    word = {Verdict.YES: "served", Verdict.NO: "NOT served", Verdict.UNKNOWN: "whether it is served is unknown"}[now.serving]
    why = "" if now.serving is Verdict.YES else f" ({site.traffic.host}: {now.why})"
    losses = ", ".join(f"{zone} {WOULD[survives(site, view, zone)]}" for zone in site.zones)
    return f"{site.name}: {word}{why}; would survive the loss of {losses}"


def _writer_zone(site: Site, view: View) -> str | None:
    instances = view.instances(site.members[0].name)
    return instances.value.writer.zone if isinstance(instances, Known) and instances.value.writer else None


def table(site: Site, view: View) -> Table:
    """The zones side by side."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("", no_wrap=True)
    for zone in site.zones:
        made.add_column(zone, overflow="fold")
    several = len(site.members) > 1
    for member in site.members:
        name = member.name
        of = f" of {name}" if several else ""
        made.add_row(f"nodes{of}", *(_nodes(view, name, zone) for zone in site.zones))
        made.add_row(f"pods ready{of}", *(_pods(view, name, zone) for zone in site.zones))
        made.add_row(f"targets healthy{of}", *(_targets(view, name, zone) for zone in site.zones))
        made.add_row(f"balancer answers{of}", *(_answers(view, name, zone) for zone in site.zones))
    first = site.members[0].name
    made.add_row("database", *(_database(view, first, zone) for zone in site.zones))
    made.add_row("files", *(_files(view, first, zone) for zone in site.zones))
    made.add_row("would survive its loss", *(WOULD[survives(site, view, zone)] for zone in site.zones))
    return made


def remarks(site: Site, view: View) -> list[str]:
    """Weights, what holds traffic away from a zone, what stands against a loss, and what to type next."""
    weights = view.weights()
    lines = []
    if site.layout is Layout.ONE_REGION:
        shown = " ".join(f"{n}={w}" for n, w in weights.value.items()) if isinstance(weights, Known) else f"unknown, {weights.why}"
        lines.append(f"DNS weights: {shown}")
    for member in site.members:
        balancer = view.balancer(member.name)
        for shift in balancer.value.shifts if isinstance(balancer, Known) else ():
            until = f"{shift.expires:%Y-%m-%d %H:%M} UTC"
            lines.append(f"{member.name} is shifted away from {shift.zone_id} until {until} ({shift.comment or 'no comment'})")
    for zone in site.zones:
        bad = [finding for finding in zone_findings(site, view, zone) if finding.verdict is not Verdict.YES]
        lines += [f"{zone}: {finding.rule} {WORDS[finding.verdict]}: {finding.evidence}" for finding in bad]
    return [*lines, f"Next: hadr plan evacuate --zone {site.zones[0]}"]


def _nodes(view: View, member: str, zone: str) -> str:
    placed = view.placed(member)
    if isinstance(placed, Unknown):
        return "unknown"
    nodes = placed.value.nodes_in(zone)
    cordoned = sum(node.cordoned for node in nodes)
    ready = f"{sum(node.ready for node in nodes)}/{len(nodes)} ready" if nodes else "-"
    return ready + (f", {cordoned} cordoned" if cordoned else "")


def _pods(view: View, member: str, zone: str) -> str:
    placed = view.placed(member)
    if isinstance(placed, Unknown):
        return "unknown"
    ready = placed.value.ready_in(zone)
    counts = {name: sum(pod.deployment == name for pod in ready) for name in placed.value.wanted}
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "-"


def _targets(view: View, member: str, zone: str) -> str:
    targets = view.targets(member)
    return "unknown" if isinstance(targets, Unknown) else str(targets.value.zones.get(zone, 0))


def _answers(view: View, member: str, zone: str) -> str:
    balancer, answer = view.balancer(member), view.addresses(member)
    if isinstance(balancer, Unknown) or isinstance(answer, Unknown):
        return "unknown"
    return "yes" if balancer.value.addresses.get(zone, frozenset()) & answer.value else "no"


def _database(view: View, member: str, zone: str) -> str:
    reading = view.instances(member)
    if isinstance(reading, Unknown):
        return "unknown"
    here = [one for one in reading.value.instances if one.zone == zone]
    return ", ".join(f"{'writer' if one.writer else 'reader'} {one.status}" for one in here) or "-"


def _files(view: View, member: str, zone: str) -> str:
    mounts = view.mounts(member)
    return "unknown" if isinstance(mounts, Unknown) else mounts.value.get(zone, "-")


def readiness_document(site: Site, view: View) -> dict[str, Any]:
    """The findings about each zone's loss, for --json."""
    found = {zone: zone_findings(site, view, zone) for zone in site.zones}
    return {
        "site": site.name,
        "at": view.at.isoformat(),
        "ready": verdict(site, view),
        "zones": {
            zone: {"ready": worst(rows), "findings": [msgspec.to_builtins(row) for row in rows]} for zone, rows in found.items()
        },
        "findings": [msgspec.to_builtins(row) for row in _wired(site, view)],
    }


def verdict(site: Site, view: View) -> Verdict:
    """Whether the site would survive the loss of any one of its zones."""
    rows = [row for zone in site.zones for row in zone_findings(site, view, zone)]
    return worst((*rows, *_wired(site, view)))


def _wired(site: Site, view: View) -> tuple[Finding, ...]:
    """Of weighted members: whether health checks would take each out of DNS."""
    if site.layout is not Layout.ONE_REGION:
        return ()
    one, two = site.members
    return tuple(wiring(site, view, two, one))


def readiness_answer(site: Site, view: View) -> str:
    """The first line."""
    losses = ", ".join(f"{zone} {WOULD[survives(site, view, zone)]}" for zone in site.zones)
    match verdict(site, view):
        case Verdict.YES:
            return f"{site.name}: would survive the loss of any one zone: {losses}"
        case Verdict.NO:
            return f"{site.name}: would NOT survive the loss of every zone as promised: {losses}"
        case _:
            return f"{site.name}: whether it would survive the loss of every zone is unknown: {losses}"


def readiness_table(site: Site, view: View) -> Table:
    """The rules of each zone, one a line."""
    rows = [(zone, finding) for zone in site.zones for finding in zone_findings(site, view, zone)]
    return rules([_named(zone, finding) for zone, finding in rows] + list(_wired(site, view)))


def _named(zone: str, finding: Finding) -> Finding:
    return Finding(rule=f"{zone} {finding.rule}", verdict=finding.verdict, evidence=finding.evidence, fix=finding.fix)


def readiness_remarks(site: Site, view: View) -> list[str]:
    """What mends what is not right."""
    lines = [f"Mend {zone} {one.rule}: {one.fix}" for zone in site.zones for one in zone_findings(site, view, zone) if one.fix]
    return [*lines, *(f"Mend {one.rule}: {one.fix}" for one in _wired(site, view) if one.fix)]
