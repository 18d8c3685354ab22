"""What a scenario says: load, steady state, faults in time order with their heal, who acts and when, and what is expected.

Durations are ISO 8601 (`PT2S`) and lab time, except where a field says AWS's time: that is divided by the speed.
Unknown keys and wrong types are errors. Nothing here carries anything out.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

import msgspec

ZERO = timedelta(0)


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a scenario file: a key that is not a field is an error."""


class Actor(StrEnum):
    """Who recovers the site: our tool, the published procedure of the reference system, or nobody."""

    HADR = "hadr"
    AS_PUBLISHED = "as-published"
    NOBODY = "nobody"


class Losses(StrEnum):
    """How many acknowledged writes a scenario expects to be lost."""

    NONE = "none"
    SOME = "some"
    ANY = "any"


class LoadShape(_Strict, frozen=True):
    """The clients. `connection_max_age` is AWS's time: it is divided by the speed, as the TTL is."""

    rate: float = 100.0
    reads: float = 70.0
    writes: float = 25.0
    files: float = 5.0
    clients: int = 60
    ttl: float = 80.0
    pinned: float = 15.0
    forever: float = 5.0
    timeout: timedelta = timedelta(seconds=2)
    attempts: int = 3
    connection_max_age: timedelta = timedelta(seconds=60)
    scheduling_lag: timedelta = timedelta(milliseconds=250)


class Steady(_Strict, frozen=True):
    """Measurable normal: this share of each kind of operation succeeds over the window. It must hold before anything is harmed."""

    success: float = 0.99
    window: timedelta = timedelta(seconds=4)
    within: timedelta = timedelta(seconds=45)


class LoseRegion(_Strict, frozen=True, tag_field="fault", tag="lose-region"):
    """The Region goes silent (its links are cut first), then everything in it is killed. It comes back empty-handed at `heal`."""

    region: str
    at: timedelta = ZERO
    heal: timedelta | None = None


class StallReplication(_Strict, frozen=True, tag_field="fault", tag="stall-replication"):
    """Replication stops without the writer noticing; what is acknowledged from then on is on one side only."""

    database: bool = True
    files: bool = False
    at: timedelta = ZERO
    heal: timedelta | None = None


Fault: TypeAlias = LoseRegion | StallReplication


class Act(_Strict, frozen=True):
    """Who acts, towards which member, how long after the loss was detected. `allow` names the guards that hadr is told to lift."""

    by: Actor
    target: str
    delay: timedelta = timedelta(seconds=1)
    allow: tuple[str, ...] = ()


class Expect(_Strict, frozen=True):
    """What the scenario claims; each is compared with what was measured."""

    verdict: str = "valid"
    clients_recover: bool = True
    reads_recover: bool = True
    writes_recover: bool = True
    lost_writes: Losses = Losses.ANY
    rpo_at_least: timedelta = ZERO
    rpo_at_most: timedelta | None = None


class Limits(_Strict, frozen=True):
    """When to stop waiting. `act` is AWS's time, divided by the speed, and never less than `act_least`."""

    detection: timedelta = timedelta(seconds=45)
    act: timedelta = timedelta(minutes=20)
    act_least: timedelta = timedelta(minutes=2)
    recovery: timedelta = timedelta(seconds=30)
    after: timedelta = timedelta(seconds=2)


class Scenario(_Strict, frozen=True):
    """A whole drill. `name` is the file's name, filled in when it is read."""

    architecture: str
    description: str
    faults: tuple[Fault, ...]
    act: Act
    serving: str = "one"
    load: LoadShape = LoadShape()
    steady: Steady = Steady()
    expect: Expect = Expect()
    limits: Limits = Limits()
    name: str = ""

    @property
    def loss(self) -> LoseRegion:
        """The fault that the clock of the drill starts at: the first loss of a Region."""
        return next(fault for fault in self.faults if isinstance(fault, LoseRegion))
