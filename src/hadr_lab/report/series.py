"""A history cut into equal slices of time: rates, latencies and who answered, for charts and tables. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hadr_lab.history import Kind, Operation
from hadr_lab.result import MemberResult

WIDTHS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
MOST_SLICES = 240
NOBODY = "no answer"


@dataclass(slots=True, kw_only=True)
class Slice:
    """Everything that was due in one slice; `at` is its middle in seconds after the onset."""

    at: float
    total: Counter[str] = field(default_factory=Counter)
    good: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, list[float]] = field(default_factory=dict)

    def success(self, kind: str) -> float | None:
        """Share of this kind that succeeded; None when none was due."""
        return self.good[kind] / self.total[kind] if self.total[kind] else None

    def quantile(self, kind: str, q: float) -> float | None:
        """A quantile of this kind's latencies in seconds, failures included: what clients waited."""
        known = sorted(self.latencies.get(kind, ()))
        return known[min(len(known) - 1, int(len(known) * q))] if known else None


def width_for(length: float) -> float:
    """A slice width that gives a readable number of slices."""
    return next((width for width in WIDTHS if length / width <= MOST_SLICES), WIDTHS[-1])


def slices(operations: Sequence[Operation], *, onset: float, members: Mapping[str, MemberResult]) -> tuple[Slice, ...]:
    """The history in slices from its first to its last intended time, none left out."""
    if not operations:
        return ()
    times = [op.intended - onset for op in operations]
    width = width_for(max(times) - min(times))
    first = int(min(times) // width)
    found = [Slice(at=(first + n + 0.5) * width) for n in range(int(max(times) // width) - first + 1)]
    place = placed(members)
    for op, time in zip(operations, times, strict=True):
        into = found[int(time // width) - first]
        into.total[op.kind.value] += 1
        into.good[op.kind.value] += op.succeeded
        into.answered[place(op.address) if op.status else NOBODY] += 1
        into.latencies.setdefault(op.kind.value, []).append(op.latency_s)
    return tuple(found)


def placed(members: Mapping[str, MemberResult]) -> Callable[[str | None], str]:
    """A function from an address to the member whose network it is in."""
    networks = [(ipaddress.ip_network(n), name) for name, member in members.items() for n in member.networks]
    known: dict[str | None, str] = {None: NOBODY}

    def place(address: str | None) -> str:
        if address not in known:
            parsed = ipaddress.ip_address(address or "")
            known[address] = next((name for network, name in networks if parsed in network), "elsewhere")
        return known[address]

    return place


def kinds(parts: Iterable[Slice]) -> tuple[str, ...]:
    """The kinds that occur, in their usual order."""
    seen = {kind for part in parts for kind in part.total}
    return tuple(kind.value for kind in Kind if kind.value in seen)
