"""Would the site survive the loss of a zone with what it has now? One finding for each rule: verdict, evidence, what would mend it.

A loss may take no more than its share: with three zones, two thirds of the pods have to be ready elsewhere. Whether that carries
the load is for a load test to say; that it is there, is seen here. What does not answer is unknown, never well.
"""

from __future__ import annotations

from collections.abc import Iterator

from hadr.core.inspection import worst
from hadr.core.readiness import Finding
from hadr.core.roles import Verdict
from hadr.core.site import Member, Site
from hadr.core.view import Known, Unknown, View

YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN


def zone_findings(site: Site, view: View, zone: str) -> tuple[Finding, ...]:
    """Every rule about the loss of `zone`. Raises ConfigError for a zone that the site does not name."""
    members = site.in_zone(zone)
    living = [member for member in members if member.lives_in(zone)]
    found = [_database(view, members[0], zone), _files(view, members[0], zone)]
    if living:
        left = [member for member in site.members if _elsewhere(member, zone)]
        found = [_pods(site, view, zone), _maker(view, left, zone), *_way_in(view, living[0], left, zone), *found]
    return tuple(found)


def survives(site: Site, view: View, zone: str) -> Verdict:
    """The worst of the findings."""
    return worst(zone_findings(site, view, zone))


def _elsewhere(member: Member, zone: str) -> bool:
    """Whether the member's workload may run in another zone."""
    return any(member.lives_in(other) for other in member.zones if other != zone)


def _unknown(rule: str, reading: Unknown, whose: str) -> Finding:
    """What is definitely not there is a no."""
    fix = f"find out why {whose} does not answer"
    return Finding(rule=rule, verdict=NO if reading.absent else UNKNOWN, evidence=reading.why, fix=fix)


def _pods(site: Site, view: View, zone: str) -> Finding:
    """Over all members: the ready pods that the loss would leave, against the share that it may take."""
    zones = {name for member in site.members for name in member.zones if member.lives_in(name)}
    wanted: dict[str, int] = {}
    left: dict[str, int] = {}
    for member in site.members:
        reading = view.placed(member.name)
        if isinstance(reading, Unknown):
            return _unknown("pods", reading, f"the API server of {member.cluster}")
        for name, count in reading.value.wanted.items():
            wanted[name] = wanted.get(name, 0) + count
            left[name] = left.get(name, 0) + reading.value.ready_outside(zone, name)
    needed = {name: -(-count * (len(zones) - 1) // len(zones)) for name, count in wanted.items()}
    evidence = (
        ", ".join(f"{name} {left[name]}/{count} ready elsewhere" for name, count in sorted(wanted.items())) or "no Deployment"
    )
    short = sorted(name for name in wanted if left[name] < max(needed[name], 1))
    if short or not wanted:
        needs = ", ".join(f"{name} {needed[name]}" for name in short)
        return Finding(rule="pods", verdict=NO, evidence=evidence, fix=f"have more of it in other zones (needed there: {needs})")
    return Finding(rule="pods", verdict=YES, evidence=evidence)


def _maker(view: View, left: list[Member], zone: str) -> Finding:
    """Somebody has to be left who makes nodes for the pods that were lost."""
    for member in left:
        reading = view.placed(member.name)
        if isinstance(reading, Unknown):
            return _unknown("node-maker", reading, f"the API server of {member.cluster}")
        zones = sorted({pod.zone for pod in reading.value.makers if pod.ready and pod.zone != zone})
        if not zones:
            evidence = f"no pod of {member.capacity.deployment} of {member.name} is ready outside {zone}"
            return Finding(rule="node-maker", verdict=NO, evidence=evidence, fix="give it a second replica in another zone")
    names = ", ".join(member.name for member in left)
    return Finding(rule="node-maker", verdict=YES if left else NO, evidence=f"ready outside {zone}: {names or 'nobody'}")


def _way_in(view: View, lives: Member, left: list[Member], zone: str) -> Iterator[Finding]:
    if lives.workload.zone is None:
        yield _balancer(view, lives, zone)
        return
    for other in left:
        yield _other_member(view, other)


def _balancer(view: View, member: Member, zone: str) -> Finding:
    balancer, answer = view.balancer(member.name), view.addresses(member.name)
    if isinstance(balancer, Unknown):
        return _unknown("way-in", balancer, "ELB")
    if isinstance(answer, Unknown):
        return _unknown("way-in", answer, member.balancer)
    others = {name: found & answer.value for name, found in balancer.value.addresses.items() if name != zone}
    answering = sorted(name for name, found in others.items() if found)
    evidence = f"balancer answers from {', '.join(answering) or 'nowhere'} beside {zone}"
    fix = "" if answering else "see why the balancer answers from one zone only: a zonal shift, or targets in one zone"
    return Finding(rule="way-in", verdict=YES if answering else NO, evidence=evidence, fix=fix)


def _other_member(view: View, other: Member) -> Finding:
    endpoint, weights = view.endpoint(other.name), view.weights()
    if isinstance(endpoint, Unknown):
        return _unknown("way-in", endpoint, other.balancer)
    weight = weights.value.get(other.name, 0) if isinstance(weights, Known) else None
    evidence = f"{other.name} answers {endpoint.value}, DNS weight {'unknown' if weight is None else weight}"
    if not endpoint.value.ok or weight == 0:
        return Finding(rule="way-in", verdict=NO, evidence=evidence, fix=f"have {other.name} ready and sent clients")
    verdict = UNKNOWN if weight is None else YES
    return Finding(rule="way-in", verdict=verdict, evidence=evidence, fix="" if weight else "see that Route 53 answers")


def _database(view: View, member: Member, zone: str) -> Finding:
    reading = view.instances(member.name)
    if isinstance(reading, Unknown):
        return _unknown("database", reading, "RDS")
    state = reading.value
    where = "nobody writes" if state.writer is None else f"writer {state.writer.name} in {state.writer.zone}"
    others = ", ".join(f"{one.name} in {one.zone}" for one in state.could_write(outside=zone))
    evidence = f"{where}, {state.status}; outside {zone}: {others or 'nothing available'}"
    if state.writer is None or not others:
        return Finding(rule="database", verdict=NO, evidence=evidence, fix=f"add an instance of {member.database} in another zone")
    return Finding(rule="database", verdict=YES, evidence=evidence)


def _files(view: View, member: Member, zone: str) -> Finding:
    reading = view.mounts(member.name)
    if isinstance(reading, Unknown):
        return _unknown("files", reading, "EFS")
    there = sorted(name for name, state in reading.value.items() if state == "available")
    others = [name for name in there if name != zone]
    evidence = f"mount targets available in {', '.join(there) or 'no zone'}"
    fix = "" if others else f"make a mount target of {member.files} in another zone"
    return Finding(rule="files", verdict=YES if others else NO, evidence=evidence, fix=fix)
