"""The harms a scenario can do, each with the moment of its heal. Values only: who carries them out is `hadr_lab.faults`.

The kind of harm decides more than its place: a dead process refuses at once, a silent zone makes clients wait, a frozen one takes
their connections and says nothing, a slow or lossy one passes every health check.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

import msgspec

ZERO = timedelta(0)
WRITER = "writer"
"""In place of a zone: the zone in which the database's writer is at that moment."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a scenario file: a key that is not a field is an error."""


class ZoneHarm(StrEnum):
    """What becomes of a zone.

    `lost`: silent first, then without power, as when an Availability Zone fails. `killed`: everything that runs there ends and
    stays ended, its addresses refuse. `blackholed`: it runs on, but nothing gets in or out. `frozen`: everything stands still.
    `slow` and `lossy`: what goes in and out is delayed, or lost by chance.
    """

    LOST = "lost"
    KILLED = "killed"
    BLACKHOLED = "blackholed"
    FROZEN = "frozen"
    SLOW = "slow"
    LOSSY = "lossy"


class WriterHarm(StrEnum):
    """What becomes of the writer's server alone."""

    KILLED = "killed"
    FROZEN = "frozen"


class _Fault(Strict, frozen=True, kw_only=True):
    """When it is done, and when it is taken back (none: only at the end of the drill), both after the first fault may be done."""

    at: timedelta = ZERO
    heal: timedelta | None = None


class LoseRegion(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="lose-region"):
    """The Region goes silent (its links are cut first), then everything in it is killed. It comes back empty-handed at `heal`."""

    region: str


class StallReplication(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="stall-replication"):
    """Replication stops without the writer noticing; what is acknowledged from then on is on one side only."""

    database: bool = True
    files: bool = False


class HarmZone(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="harm-zone"):
    """One zone is harmed, with all that is in it: nodes, pods, balancer node, database. `delay` is each way, `loss` a share."""

    zone: str
    how: ZoneHarm = ZoneHarm.LOST
    delay: timedelta = timedelta(milliseconds=150)
    loss: float = 0.2


class LoseWriter(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="lose-writer"):
    """The server of the database's writer ends or stands still; its zone is well."""

    member: str = "one"
    how: WriterHarm = WriterHarm.KILLED


class ReadOnlyDatabase(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="read-only-database"):
    """The writer of the member's database refuses every write, and answers reads."""

    member: str = "one"


class LoseBalancerNode(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="lose-balancer-node"):
    """The load balancer's node of one zone ends and is not started again; its targets are well."""

    zone: str


class LoseMountTarget(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="lose-mount-target"):
    """The file system cannot be used from one zone: every access from its pods fails."""

    zone: str


class RefuseCapacity(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="refuse-capacity"):
    """EC2 has no instances to give in one zone, of one type or of any ("*")."""

    zone: str
    instance_type: str = "*"


class OverloadMember(_Fault, frozen=True, kw_only=True, tag_field="fault", tag="overload-member"):
    """The member's pods get only this share of the processor, as when a quota throttles them."""

    member: str
    share: float = 0.1


Fault: TypeAlias = (
    LoseRegion
    | StallReplication
    | HarmZone
    | LoseWriter
    | ReadOnlyDatabase
    | LoseBalancerNode
    | LoseMountTarget
    | RefuseCapacity
    | OverloadMember
)
PREPARATIONS = (StallReplication, RefuseCapacity)
"""Faults that clients do not feel by themselves; the clock of a drill starts at the first of the others."""


def kind_of(fault: Fault) -> str:
    """The fault's name in scenario files and on the command line, with the way a zone or a writer is harmed."""
    tag = str(fault.__struct_config__.tag)
    return f"{tag} {fault.how}" if isinstance(fault, HarmZone | LoseWriter) else tag


def place_of(fault: Fault) -> str:
    """Where it strikes, in one word or two."""
    match fault:
        case LoseRegion(region=region):
            return region
        case StallReplication(database=database, files=files):
            return " and ".join(store for store, stalled in (("database", database), ("files", files)) if stalled)
        case HarmZone(zone=zone) | LoseBalancerNode(zone=zone) | LoseMountTarget(zone=zone) | RefuseCapacity(zone=zone):
            return zone
        case LoseWriter(member=member) | ReadOnlyDatabase(member=member) | OverloadMember(member=member):
            return member
