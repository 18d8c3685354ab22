"""What crosses from zone to zone: bytes on the lab's links, by tier and by request, and what AWS would ask for them. Pure.

Counted is what goes between two zones of one Region. The client's own way to a balancer node is none of that in any architecture:
it comes from outside. What pods and AWS's own side of the Region say to each other (API servers, names) is counted neither. What a
database sends to its readers is told apart and is in no sum: Aurora's storage, not the architecture, carries it (`REPLICATED`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hadr_lab.errors import UsageError
from hadr_lab.result import CrossingResult, Result

Pair = tuple[str, str]
Flow = tuple[str, str, int]

USD_PER_GB = 0.02
PRICE = (
    "0.01 USD per GB out of one zone and 0.01 into the other, so 0.02 for each GB that crosses (Amazon EC2 on-demand pricing, "
    "data transfer within the same AWS Region)"
)
"""The one place of the figure."""
GB = 1_000_000_000
UNCHARGED = (
    "between an Application Load Balancer and its targets nothing is charged (Elastic Load Balancing user guide, cross-zone load "
    "balancing); files are reached through the mount target of the pod's own zone, so they cross no zone"
)
REPLICATED = (
    "what a database sends to its readers is in no sum: here a reader follows its writer over the network; on AWS both have the "
    "same storage, which is written to three zones whatever the architecture, and it is not charged (Amazon Aurora pricing)"
)


class Tier(StrEnum):
    """Who speaks with whom, told by the port of the service."""

    BALANCER = "balancer to web"
    APP = "web to app"
    DATABASE = "app to database"
    REPLICATION = "database to its readers"
    OTHER = "other"


TIER_OF = {8080: Tier.BALANCER, 8000: Tier.APP, 3306: Tier.DATABASE}
FREE = frozenset({Tier.BALANCER, Tier.REPLICATION})
"""What crosses zones without a charge."""
SUMMED: tuple[Tier, ...] = tuple(tier for tier in Tier if tier is not Tier.REPLICATION)
"""What an architecture moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counters of the lab's links at one moment."""

    at: float
    pairs: Mapping[Pair, int] = field(default_factory=dict)
    flows: Mapping[Flow, int] = field(default_factory=dict)
    replicated: Mapping[Pair, int] = field(default_factory=dict)


def crossings(
    before: Counts,
    after: Counts,
    *,
    zones: Iterable[str],
    requests: int,
    idle: Mapping[Tier, float] | None = None,
    speed: float = 1.0,
) -> CrossingResult:
    """What crossed between zones of one Region from `before` to `after`, while so many requests were answered.

    `idle` are bytes a second without a load: health checks, which come `speed` times as often here as on AWS; what they are too
    many is taken off.
    """
    known, span = set(zones), after.at - before.at
    pairs = {pair: after.pairs[pair] - before.pairs.get(pair, 0) for pair in after.pairs if _crosses(pair, known)}
    surplus = {tier: (idle or {}).get(tier, 0.0) * span * (1 - 1 / speed) for tier in SUMMED}
    tiers = {
        tier: max(0, round(count - surplus.get(tier, 0.0)))
        for tier, count in _tiers(before, after, known, sum(pairs.values())).items()
    }
    charged = sum(count for tier, count in tiers.items() if tier not in FREE)
    total = sum(tiers[tier] for tier in SUMMED)
    return CrossingResult(
        seconds=round(span, 3),
        requests=requests,
        bytes=total,
        checks_left_out=round(sum(surplus.values())),
        by_pair={f"{source} -> {target}": count for (source, target), count in sorted(pairs.items()) if count},
        by_tier={tier.value: tiers[tier] for tier in SUMMED},
        replicated=tiers[Tier.REPLICATION],
        bytes_per_request=round(total / requests, 1) if requests else None,
        usd_per_million_requests=round(charged / requests * 1_000_000 / GB * USD_PER_GB, 4) if requests else None,
        price=PRICE,
        uncharged=f"{UNCHARGED}; {REPLICATED}",
    )


def rates(before: Counts, after: Counts, *, zones: Iterable[str]) -> Mapping[Tier, float]:
    """Bytes a second between zones of one Region, by tier."""
    known = set(zones)
    total = sum(after.pairs[pair] - before.pairs.get(pair, 0) for pair in after.pairs if _crosses(pair, known))
    span = max(after.at - before.at, 1e-9)
    return {tier: count / span for tier, count in _tiers(before, after, known, total).items()}


def _tiers(before: Counts, after: Counts, zones: set[str], total: int) -> dict[Tier, int]:
    tiers = dict.fromkeys(Tier, 0)
    for (source, target, port), count in after.flows.items():
        if _crosses((source, target), zones) and port in TIER_OF:
            tiers[TIER_OF[port]] += count - before.flows.get((source, target, port), 0)
    tiers[Tier.REPLICATION] = sum(
        count - before.replicated.get(pair, 0) for pair, count in after.replicated.items() if _crosses(pair, zones)
    )
    tiers[Tier.OTHER] = max(0, total - sum(tiers.values()))
    return tiers


def saving(one: CrossingResult, other: CrossingResult) -> float | None:
    """The share by which `other` moves fewer bytes between zones per request than `one`; None when either is not known or none."""
    if not one.bytes_per_request or other.bytes_per_request is None:
        return None
    return 1 - other.bytes_per_request / one.bytes_per_request


def comparison(one: Result, other: Result) -> str:
    """Two drills' crossings side by side, as text. Raises UsageError when one of them counted none."""
    columns = [(found.architecture, found.crossings) for found in (one, other)]
    rows = [("", [name for name, _ in columns])]
    counted = [found for _, found in columns if found is not None and found.requests]
    if len(counted) < 2:
        raise UsageError("one of these drills did not count what crossed zones, or answered nothing meanwhile")
    rows += [
        (f"{tier}, bytes per request", [f"{each.by_tier.get(tier, 0) / each.requests:,.1f}" for each in counted]) for tier in SUMMED
    ]
    rows.append(("all, bytes per request", [f"{found.bytes_per_request:,.1f}" for found in counted]))
    rows.append((f"{Tier.REPLICATION}, apart", [f"{each.replicated / each.requests:,.1f}" for each in counted]))
    rows.append(("USD per million requests", [f"{found.usd_per_million_requests:.4f}" for found in counted]))
    rows.append(("over", [f"{found.seconds:.0f} s, {found.requests:,} requests" for found in counted]))
    lines = [f"{name:<36}" + "".join(f"{value:>28}" for value in values) for name, values in rows]
    less = saving(counted[0], counted[1])
    said = "" if less is None else f"{columns[1][0]} moves {less:.1%} fewer bytes between zones per request than {columns[0][0]}\n"
    return f"{said}\n" + "\n".join(lines) + f"\n\nprice: {PRICE}\nnot charged: {UNCHARGED}\napart: {REPLICATED}\n"


def _crosses(pair: Pair, zones: set[str]) -> bool:
    """Whether both ends are zones of the same Region (a zone's name is its Region's and a letter)."""
    source, target = pair
    return source in zones and target in zones and source[:-1] == target[:-1]
