"""DNS weights in stages: from those of now to the wanted ones, over shares of the member that gains. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadr.core.errors import ConfigError

Weights = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Weights that are held for a while, and the share of the member that gains, in percent."""

    name: str
    weights: Weights
    share: float


def stages(now: Weights, wanted: Weights, shares: Sequence[float]) -> tuple[Stage, ...]:
    """From the weights of now to the wanted ones, over these shares of the member that gains. None when they are alike already."""
    gaining = max(wanted, key=lambda name: _share(wanted, name) - _share(now, name))
    begin, end = _share(now, gaining), _share(wanted, gaining)
    if begin >= end:
        return ()
    kept = list(shares)
    if kept and kept[-1] == round(end, 9):
        kept.pop()
    if sorted(set(kept)) != kept or any(not begin < share < end for share in kept):
        between = f"between {begin:g} and {end:g}, rising"
        raise ConfigError(f"--stages: shares of {gaining} in percent have to be {between}; here are {_list(shares)}")
    other = next(name for name in wanted if name != gaining)
    steps = [Stage(name=f"{share:g}%", weights={gaining: round(share), other: 100 - round(share)}, share=share) for share in kept]
    return (*steps, Stage(name=f"{end:g}%", weights=dict(wanted), share=end))


def _share(weights: Weights, name: str) -> float:
    total = sum(weights.values())
    return 100 * weights.get(name, 0) / total if total else 0.0


def _list(shares: Sequence[float]) -> str:
    return ", ".join(f"{share:g}" for share in shares) or "none"
