"""Whether clients followed the DNS weights as these were moved: the stages in which weights stood still, and clients' draws. Pure.

A stage counts from when the slowest client that honours TTLs can have followed: the change has propagated, the answer of before
has expired, and the connection that was made with it is at its age.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hadr_lab.drill.evidence import Evidence
from hadr_lab.drill.platform import member_of
from hadr_lab.drill.ports import MemberPlace
from hadr_lab.drill.shares import compared, draws
from hadr_lab.drill.sight import Sight
from hadr_lab.history import Operation
from hadr_lab.result import ShareResult, StageResult
from hadr_lab.scenario import LoadShape
from hadr_lab.waits import Wait, Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Weights that stood still, from the first look that saw them to the last (seconds since the epoch)."""

    weights: Mapping[str, int]
    since: float
    until: float


def held(sights: Iterable[Sight]) -> Iterator[Held]:
    """The stages in the order in which they were seen."""
    now: Held | None = None
    for sight in sights:
        if now is not None and now.weights == sight.weights:
            now = Held(weights=now.weights, since=now.since, until=sight.at)
            continue
        if now is not None:
            yield now
        now = Held(weights=sight.weights, since=sight.at, until=sight.at)
    if now is not None:
        yield now


def anew_after(load: LoadShape, waits: Waits) -> float:
    """After so many seconds a client that honours the TTL has drawn a member anew: its answer and its connection are old."""
    return (waits.scaled(Wait.DNS_TTL) + load.connection_max_age / waits.speed).total_seconds()


def drawn_by(
    operations: Iterable[Operation], weights: Mapping[str, float], members: Mapping[str, MemberPlace], *, apart_s: float
) -> ShareResult | None:
    """Clients' draws against the weights; None when there were too few to tell."""
    known = list(operations)
    member_at = {address: member_of(address, members) for address in {op.address for op in known if op.address}}
    try:
        found = compared(draws(known, {a: m for a, m in member_at.items() if m}, apart_s=apart_s), weights)
    except ValueError:
        return None
    statistic = None if math.isinf(found.statistic) else round(found.statistic, 3)
    return ShareResult(drawn=dict(found.drawn), statistic=statistic, chance=round(found.chance, 6), fair=found.fair)


def stages_of(
    evidence: Evidence, operations: Sequence[Operation], members: Mapping[str, MemberPlace], waits: Waits
) -> tuple[StageResult, ...]:
    """Every stage with its draws; none when the weights never moved."""
    sights = [*([evidence.before] if evidence.before else []), *evidence.sights]
    stages, onset = tuple(held(sights)), evidence.onset or evidence.started
    if len(stages) < 2:
        return ()
    anew = anew_after(evidence.scenario.load, waits)
    settled = waits.scaled(Wait.DNS_PROPAGATION).total_seconds() + anew

    def result(stage: Held) -> StageResult:
        since = stage.since if stage is stages[0] else stage.since + settled
        within = [op for op in operations if since <= op.intended < stage.until]
        return StageResult(
            weights=dict(stage.weights),
            since_s=round(stage.since - onset, 3),
            until_s=round(stage.until - onset, 3),
            shares=drawn_by(within, stage.weights, members, apart_s=anew),
        )

    return tuple(map(result, stages))
