"""Which of the records of one name and type are answered: Route 53's routing policies, pure.

One rule holds for all of them: when every record is unhealthy, Route 53 answers as if every record were healthy, for some answer
is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from hadr_lab.dataplane.dns.zones import Record

MULTIVALUE_MOST = 8

Health = Callable[[Record], bool]


def choose(records: Sequence[Record], health: Health, rng: Random, origin: str = "") -> tuple[Record, ...]:
    """The records to answer with, of `records` that share name, type and policy. `origin` is the Region that asks."""
    if not records:
        return ()
    first = records[0]
    if first.weight is not None:
        return _weighted(records, health, rng)
    if first.failover:
        return _failover(records, health)
    if first.multivalue:
        well = [record for record in records if health(record)] or list(records)
        return tuple(rng.sample(well, min(MULTIVALUE_MOST, len(well))))
    if first.latency_region:
        return _nearest(records, health, origin)
    return tuple(records)


def _weighted(records: Sequence[Record], health: Health, rng: Random) -> tuple[Record, ...]:
    """One record by weight. Zero-weight records are considered only when every other one is unhealthy; all zero means equal."""
    positive = [record for record in records if record.weight]
    zero = [record for record in records if not record.weight]
    for group in (positive, zero):
        if well := [record for record in group if health(record)]:
            return (_drawn(well, rng),)
    return (_drawn(positive or zero, rng),)


def _drawn(records: Sequence[Record], rng: Random) -> Record:
    weights = [record.weight or 0 for record in records]
    return rng.choices(records, weights if any(weights) else None)[0]


def _failover(records: Sequence[Record], health: Health) -> tuple[Record, ...]:
    """The primary while it is healthy, else a healthy secondary, else the primary all the same."""
    by_role = {record.failover: record for record in reversed(records)}
    primary, secondary = by_role.get("PRIMARY"), by_role.get("SECONDARY")
    if primary is None or (not health(primary) and secondary is not None and health(secondary)):
        primary = secondary
    return (primary,) if primary is not None else ()


def _nearest(records: Sequence[Record], health: Health, origin: str) -> tuple[Record, ...]:
    """The healthy record of the asking Region, else the first healthy one by name: the lab has no latency table."""
    well = [record for record in records if health(record)] or list(records)
    return (min(well, key=lambda record: (record.latency_region != origin, record.latency_region)),)
