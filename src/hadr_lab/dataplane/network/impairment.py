"""Delay and loss on the wire, by place: which pair of namespaces suffers what, and through which queue it goes.

Pure. Impairments add up: a packet from a slow zone to the other Region waits for both. Pairs with the same impairment share a
queue, because a queue holds every packet for the same time and so stays in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from hadr_lab.dataplane.network.layout import Layout, Pair
from hadr_lab.errors import UsageError

QUEUES = 16
LONGEST = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """One direction's extra delay, and the share of packets that never arrive (0 to 1)."""

    delay: timedelta = timedelta(0)
    loss: float = 0.0

    def __post_init__(self) -> None:
        if not (timedelta(0) <= self.delay <= LONGEST and 0 <= self.loss <= 1):
            raise UsageError(f"delay {self.delay}, loss {self.loss}: want a delay up to {LONGEST} and a loss between 0 and 1")

    def plus(self, other: Impairment) -> Impairment:
        """One after the other."""
        survives = (1 - self.loss) * (1 - other.loss)
        return Impairment(delay=min(self.delay + other.delay, LONGEST), loss=round(1 - survives, 9))


NONE = Impairment()


def suffered(layout: Layout, impairments: Mapping[Pair, Impairment]) -> Mapping[Pair, Impairment]:
    """What each directed pair of namespaces suffers under `impairments` of (source place, target place)."""
    total: dict[Pair, Impairment] = {}
    for (source, target), impairment in impairments.items():
        for pair in layout.pairs(source, target):
            total[pair] = total.get(pair, NONE).plus(impairment)
    return {pair: impairment for pair, impairment in total.items() if impairment != NONE}


def queues(wanted: frozenset[Impairment], current: Mapping[int, Impairment]) -> Mapping[int, Impairment]:
    """A queue number for each of `wanted`; one that has a queue keeps it. Raises UsageError when there are too many."""
    kept = {number: impairment for number, impairment in current.items() if impairment in wanted}
    free = [number for number in range(1, QUEUES + 1) if number not in kept]
    new = sorted(wanted - set(kept.values()), key=lambda each: (each.delay, each.loss))
    if len(new) > len(free):
        raise UsageError(f"{len(wanted)} different delays and losses at once; the network has {QUEUES} queues")
    return kept | dict(zip(free, new, strict=False))
