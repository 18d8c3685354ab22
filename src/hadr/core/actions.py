"""The typed changes hadr can ask for, and the three ways such a request can end.

An action is a value: it says what to change, never how. All are idempotent by observation: asking twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from hadr.core.stages import Stage
from hadr.core.view import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceMember:
    """Scale a member's workload and its node maker to 0, so that nothing there accepts writes."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteDatabase:
    """Make a member's cluster the global database's writer, accepting data loss; asked in that member's own Region."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakReplication:
    """Delete the file replication that ends at a member, so that its file system becomes writable."""

    member: str
    source: str
    local_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCapacity:
    """Scale a member's node maker to its serving size, and workload Deployments that stand at 0 to theirs."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclareActive:
    """Write a member's switch object: health checks then take the other member's record out of DNS."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWeights:
    """Give one member all DNS weight, and withdraw a declaration that says another one is active."""

    member: str
    withdraw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteThrough:
    """Write through the service's own name with a unique key, read it back, remove it."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWrites:
    """Scale a member's workload to 0; its node maker goes on and clears up its nodes."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDatabase:
    """Make a member's cluster the writer without loss; asked in the Region of `away`, whose cluster is the writer now."""

    member: str
    away: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowOverwrite:
    """Lift the overwrite protection of a member's file system, so that it can be a destination."""

    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicateFiles:
    """Replicate the files of `origin` to a member, over what is there; asked in the Region of `origin`."""

    member: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseZone:
    """Cordon a member's nodes in a zone and keep its node maker out of it."""

    member: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenZone:
    """Take back what closing a zone did, and nothing that somebody else did."""

    member: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvictZone:
    """Ask for a member's pods in a zone to leave, as far as their disruption budgets let them now."""

    member: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadInto:
    """Move pods from the fullest other zone, so that their replacements go into a zone that has none."""

    member: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWriter:
    """Make another instance of the member's database cluster the writer; nothing is lost, writes wait meanwhile."""

    member: str
    instance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveZone:
    """Shift a member's load balancer away from a zone, by the zone's id, until `expires` from now is over."""

    member: str
    zone_id: str
    expires: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnToZone:
    """End the shift of a member's load balancer away from a zone."""

    member: str
    zone_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleWorkload:
    """Give a member's Deployments these replicas. `only_up`: none gets fewer than it has."""

    member: str
    replicas: Mapping[str, int]
    only_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftWeights:
    """Move DNS weight to `member` in stages, each held and watched as a client; back to `before` when clients get worse off."""

    member: str
    before: Mapping[str, int]
    stages: tuple[Stage, ...]
    hold: timedelta


ZoneAction: TypeAlias = (
    CloseZone | OpenZone | EvictZone | SpreadInto | MoveWriter | LeaveZone | ReturnToZone | ScaleWorkload | ShiftWeights
)
Action: TypeAlias = (
    FenceMember
    | PromoteDatabase
    | BreakReplication
    | StartCapacity
    | DeclareActive
    | MoveWeights
    | WriteThrough
    | StopWrites
    | SwitchDatabase
    | AllowOverwrite
    | ReplicateFiles
    | ZoneAction
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The request was accepted. Whether it had its effect is for the proof to say."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request definitely changed nothing. `final`: asking again is useless."""

    why: str
    final: bool = False


Outcome: TypeAlias = Done | Refused | Unknown
