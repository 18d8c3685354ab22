"""The direction of a plan, and the form of a proof: words that planning and proving share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """PROVEN: the effect is there. UNDERWAY: asked for and coming. NOT_YET: neither. UNSEEN: nobody can tell."""

    PROVEN = "proven"
    UNDERWAY = "underway"
    NOT_YET = "not yet"
    UNSEEN = "unseen"


class Way(StrEnum):
    """How traffic moves: by health checks (data plane), DNS weights (Route 53's control plane), a zonal shift, or not at all."""

    SWITCH = "switch"
    WEIGHTS = "weights"
    ZONE = "zonal shift"
    STAYS = "stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A judgement and the words for what was seen."""

    state: State
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The direction of a plan: to `target`, away from `source`, traffic by `way`. In protecting, `target` is to follow `source`.

    `zone` is the one that is left or returned to. On the way out the member in it is `source`, on the way back `target`; one whose
    workload is in other zones too is both at once.
    """

    target: str
    source: str
    way: Way
    zone: str = ""
