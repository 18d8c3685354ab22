"""What became of the platform in a drill, from what was seen of it and from whom the clients asked. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from hadr_lab.drill.evidence import Evidence
from hadr_lab.drill.ports import MemberPlace
from hadr_lab.drill.sight import let_go, machines, ready, refilled, spread, whole
from hadr_lab.history import UNABLE, Operation
from hadr_lab.result import PlatformResult


def as_expected(evidence: Evidence) -> bool:
    """Whether the platform is where the scenario expects it to get, so that nothing is waited for any more."""
    expect, onset = evidence.scenario.expect, evidence.onset
    if onset is None or evidence.before is None:
        return True
    if expect.refilled_within is not None and _refilled(evidence, onset) is None:
        return False
    if expect.whole_within is not None and _whole(evidence, onset) is None:
        return False
    return expect.targets_gone_within is None or let_go(evidence.sights, harmed=evidence.harmed, onset=onset) is not None


def platform_of(evidence: Evidence, operations: Iterable[Operation], members: Mapping[str, MemberPlace]) -> PlatformResult:
    """The platform's part of the result; whatever was not seen is null."""
    before, onset = evidence.before, evidence.onset
    if before is None:
        return PlatformResult()
    gone = let_go(evidence.sights, harmed=evidence.harmed, onset=onset) if onset is not None and evidence.harmed else None
    again = _refilled(evidence, onset) if onset is not None else None
    return PlatformResult(
        spread_before=dict(spread(before)),
        spread_after=dict(spread(evidence.sights[-1])) if evidence.sights else {},
        ready_before=dict(ready(before)),
        harmed=tuple(sorted(evidence.harmed)),
        refilled_s=_after(again, onset),
        whole_s=_whole(evidence, onset) if onset is not None else None,
        nodes_before=machines(before),
        nodes_after=machines(evidence.sights[-1]) if evidence.sights else {},
        targets_gone_s=_after(gone, onset),
        last_asked_s=last_asked(operations, members, onset=onset) if onset is not None else {},
    )


def last_asked(operations: Iterable[Operation], members: Mapping[str, MemberPlace], *, onset: float) -> dict[str, float | None]:
    """When each member was last asked by a client that can follow a moved name, in seconds after the onset; null: not after it."""
    asked: dict[str, float | None] = dict.fromkeys(members)
    for op in operations:
        if op.population == UNABLE or op.sent is None or op.sent < onset or op.address is None:
            continue
        member = member_of(op.address, members)
        if member:
            asked[member] = round(max(asked[member] or 0.0, op.sent - onset), 3)
    return asked


def member_of(address: str, members: Mapping[str, MemberPlace]) -> str:
    """The member that answers at an address; empty when none does."""
    at = ipaddress.ip_address(address)
    return next((name for name, place in members.items() if any(at in ipaddress.ip_network(net) for net in place.networks)), "")


def _refilled(evidence: Evidence, onset: float) -> float | None:
    if evidence.before is None:
        return None
    return refilled(evidence.sights, evidence.before, harmed=evidence.harmed, onset=onset)


def _whole(evidence: Evidence, onset: float) -> float | None:
    """Seconds after the onset; 0 where the pods were there before it."""
    wanted = evidence.scenario.expect.whole
    if wanted is None or evidence.before is None:
        return None
    after = (sight for sight in evidence.sights if sight.at >= onset)
    moment = whole((evidence.before, *after), wanted.by_name(), harmed=evidence.harmed)
    return None if moment is None else max(0.0, round(moment - onset, 3))


def _after(moment: float | None, onset: float | None) -> float | None:
    return None if moment is None or onset is None else round(moment - onset, 3)
