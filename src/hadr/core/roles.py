"""Who is what, judged from a view: where DNS sends clients, who holds the writer, who serves. Unknown stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hadr.core.site import Layout, Site
from hadr.core.view import ABOUT_ZONES, Known, Read, Reading, Unknown, View, What

APART = (What.DATABASE, What.LAG, What.FILES, What.PROTECTION)
"""What is asked of members whose data is apart."""


class Role(StrEnum):
    """A member's role in this moment. Both may be ACTIVE (weighted sites); neither may be, when nobody can tell."""

    ACTIVE = "active"
    STANDBY = "stand-by"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """The three values of every answer hadr gives."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The site's situation in one value: active members by DNS, the database writer, and whether clients are served."""

    active: tuple[str, ...]
    writer: str | None
    serving: Verdict
    why: str


def active_members(site: Site, view: View) -> Reading[tuple[str, ...]]:
    """The members whose load balancer addresses the service's name resolves to."""
    answer = view.answer()
    if isinstance(answer, Unknown):
        return answer
    found = []
    for member in site.members:
        addresses = view.addresses(member.name)
        if isinstance(addresses, Known) and addresses.value & answer.value:
            found.append(member.name)
    if not found:
        shown = ", ".join(sorted(answer.value)) or "nothing"
        return Unknown(why=f"{site.traffic.host} resolves to {shown}, which is no member's load balancer")
    return Known(value=tuple(found), at=answer.at)


def role_of(site: Site, view: View, member: str) -> Role:
    """ACTIVE when DNS sends clients there, STANDBY when it sends them elsewhere."""
    active = active_members(site, view)
    if isinstance(active, Unknown):
        return Role.UNKNOWN
    return Role.ACTIVE if member in active.value else Role.STANDBY


def writers_told(site: Site, view: View) -> dict[str, str]:
    """For each Region that answers: member whose Region it is -> the member it calls the writer."""
    told = {}
    for member in site.members:
        reading = view.database(member.name)
        if isinstance(reading, Known) and reading.value.writer is not None:
            told[member.name] = reading.value.writer
    return told


def writer_of(site: Site, view: View) -> str | None:
    """The database writer when every Region that answers agrees on it."""
    named = set(writers_told(site, view).values())
    return named.pop() if len(named) == 1 else None


def standing(site: Site, view: View) -> Standing:
    """Is the service served, by whom: through its own name, as a client would ask."""
    active = active_members(site, view)
    names = active.value if isinstance(active, Known) else ()
    service = view.service()
    if isinstance(service, Unknown):
        verdict, why = Verdict.UNKNOWN, service.why
    else:
        verdict, why = (Verdict.YES if service.value.ok else Verdict.NO), str(service.value)
    return Standing(active=names, writer=writer_of(site, view), serving=verdict, why=why)


def all_reads(site: Site) -> tuple[Read, ...]:
    """Every question there is about this site."""
    more = APART if site.layout is Layout.TWO_REGIONS else ABOUT_ZONES
    of_member = (What.COMPUTE, *more, What.TARGETS, What.ENDPOINT, What.ADDRESSES)
    reads = [Read(what, member.name) for member in site.members for what in of_member]
    reads += [Read(What.SWITCH, member.name) for member in site.members if member.switch is not None]
    weights = () if site.layout is Layout.ONE_MEMBER else (Read(What.WEIGHTS),)
    return (*reads, Read(What.ANSWER), *weights, Read(What.SERVICE))


def readiness_reads(site: Site) -> tuple[Read, ...]:
    """Every question, with those that only readiness asks: they cost more, or write something."""
    checks = [Read(What.CHECKS, member.name) for member in site.members if member.record is not None]
    trials = [Read(What.SWITCH_TRIAL, member.name) for member in site.members if member.switch is not None]
    return (*all_reads(site), *checks, *trials)
