"""Whether clients are shared out as the DNS weights say: independent draws out of a history, and Pearson's test. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hadr_lab.history import Operation

ABLE = "ttl"
"""The population that asks for a name anew when its answer is old."""

REJECT_BELOW = 0.001
"""A fair share is called unfair once in a thousand runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How often each was drawn, the statistic, and the chance of one at least as large when the weights hold."""

    drawn: Mapping[str, int]
    statistic: float
    chance: float

    @property
    def fair(self) -> bool:
        """Whether the draws are no evidence against the weights."""
        return self.chance >= REJECT_BELOW


def draws(operations: Iterable[Operation], member_at: Mapping[str, str], *, apart_s: float) -> Counter[str]:
    """One draw for each client and span of `apart_s`, by the member that was asked; `member_at` names it by address.

    A client keeps an answer for its TTL and a connection for its age: only what lies further apart was drawn anew. Clients that
    keep either for ever drew once and are left out.
    """
    drawn: Counter[str] = Counter()
    last: dict[str, float] = {}
    for op in sorted(operations, key=lambda op: op.intended):
        if op.population != ABLE or op.address not in member_at:
            continue
        if op.intended - last.get(op.client, -math.inf) >= apart_s:
            last[op.client] = op.intended
            drawn[member_at[op.address or ""]] += 1
    return drawn


def compared(drawn: Mapping[str, int], weights: Mapping[str, float]) -> Shares:
    """The draws against the weights. Raises ValueError without a weight above 0, or for too few draws to say anything.

    A member of weight 0 that was drawn at all cannot be by chance.
    """
    total, weight = sum(drawn.values()), sum(weights.values())
    expected = {name: total * share / weight for name, share in weights.items() if share > 0} if weight > 0 else {}
    if not expected or min(expected.values()) < 5:
        raise ValueError(f"{total} draws over weights {dict(weights)}: want at least 5 expected of each")
    statistic = sum((drawn.get(name, 0) - wanted) ** 2 / wanted for name, wanted in expected.items())
    if any(count and name not in expected for name, count in drawn.items()):
        statistic = math.inf
    return Shares(drawn=dict(drawn), statistic=statistic, chance=_tail(statistic, len(expected) - 1))


def _tail(statistic: float, freedom: int) -> float:
    """The chance that a chi-squared variable of so many degrees of freedom is at least `statistic`.

    By its recurrence in steps of two degrees: Q(k+2) = Q(k) + (x/2)^(k/2) e^(-x/2) / gamma(k/2 + 1).
    """
    if math.isinf(statistic):
        return 0.0
    if freedom <= 0:
        return 1.0
    half = statistic / 2
    chance, at = (math.erfc(math.sqrt(half)), 1) if freedom % 2 else (math.exp(-half), 2)
    while at < freedom:
        chance += math.exp(at / 2 * math.log(half) - half - math.lgamma(at / 2 + 1)) if half else 0.0
        at += 2
    return min(1.0, chance)
