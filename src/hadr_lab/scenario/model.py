"""What a scenario says: load, steady state, faults in time order with their heal, who acts and when, and what is expected.

Durations are ISO 8601 (`PT2S`) and lab time, except where a field says AWS's time: that is divided by the speed.
Unknown keys and wrong types are errors. Nothing here carries anything out.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

import msgspec

from hadr_lab.scenario.fault import PREPARATIONS, ZERO, Fault, Strict


class Actor(StrEnum):
    """Who recovers the site: our tool, the reference's published procedure, or nobody: the architecture heals itself."""

    HADR = "hadr"
    AS_PUBLISHED = "as-published"
    NOBODY = "nobody"


class Verb(StrEnum):
    """What hadr is told: to fail over or to switch over to the other member, to leave a zone, or to move DNS weight."""

    FAILOVER = "failover"
    SWITCHOVER = "switchover"
    EVACUATE = "evacuate"
    SHIFT = "shift"


class Losses(StrEnum):
    """How many acknowledged writes a scenario expects to be lost."""

    NONE = "none"
    SOME = "some"
    ANY = "any"


class Replicas(Strict, frozen=True):
    """So many pods of each Deployment of the workload."""

    app: int
    web: int

    def by_name(self) -> dict[str, int]:
        """By the Deployment's name."""
        return {"peccy-app": self.app, "peccy-web": self.web}


class LoadShape(Strict, frozen=True):
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


class Steady(Strict, frozen=True):
    """Measurable normal: this share of each kind of operation succeeds over the window. It must hold before anything is harmed."""

    success: float = 0.99
    window: timedelta = timedelta(seconds=4)
    within: timedelta = timedelta(seconds=45)


class Act(Strict, frozen=True):
    """Who acts, and how long after the loss was detected. `allow` names the guards that hadr is told to lift.

    A failover and a switchover need the `target` member, an evacuation the `zone`, a shift the weights `to` end with, over `stages`
    (shares in percent of the member that gains). Each stage of weights is held for `hold`. With `back` what was done is undone: the
    zone is returned to, the weights of before are shifted to, the roles are turned round once clients have recovered and harm is
    healed. With `keep_writer` the database's writer stays where it is.
    """

    by: Actor
    verb: Verb = Verb.FAILOVER
    target: str = ""
    zone: str = ""
    to: dict[str, int] = msgspec.field(default_factory=dict)
    stages: tuple[float, ...] = ()
    hold: timedelta = timedelta(seconds=15)
    back: bool = False
    keep_writer: bool = False
    delay: timedelta = timedelta(seconds=1)
    allow: tuple[str, ...] = ()

    @property
    def turns_back(self) -> bool:
        """Whether roles are moved to the target and, as an act of its own, back again."""
        return self.back and self.verb in (Verb.FAILOVER, Verb.SWITCHOVER)


class Expect(Strict, frozen=True):
    """What the scenario claims; each is compared with what was measured. Spans are lab time unless they say AWS's.

    `outage_at_most` bounds the clients' outage, `back_outage_at_most` that of the way back (which is then expected to end well),
    `failed_at_most` the failed requests. `spread_before`: in the steady state the workload has ready pods in every zone of the
    site. `refilled_within`: so long after the onset it has as many ready pods as before, none in a harmed zone. `whole`,
    `whole_within`: so long after the onset all members together have that many ready pods outside the harmed zones.
    `targets_gone_within` (AWS's time, divided by the speed): no target in a harmed zone counts as healthy after it. `shares`:
    while nothing is harmed clients draw the members by these weights. `traffic_on`, `traffic_within` (AWS's time): so long after
    the onset only this member is asked. `clients_follow`: wherever the weights stood still, clients drew the members by them.
    `weights_after`: what Route 53 holds at the end. `act_exit`, `act_says`: the tool's exit code, and what is among its words.
    """

    verdict: str = "valid"
    clients_recover: bool = True
    reads_recover: bool = True
    writes_recover: bool = True
    lost_writes: Losses = Losses.ANY
    rpo_at_least: timedelta = ZERO
    rpo_at_most: timedelta | None = None
    outage_at_most: timedelta | None = None
    back_outage_at_most: timedelta | None = None
    failed_at_most: int | None = None
    spread_before: bool = False
    refilled_within: timedelta | None = None
    whole: Replicas | None = None
    whole_within: timedelta | None = None
    targets_gone_within: timedelta | None = None
    shares: dict[str, float] = msgspec.field(default_factory=dict)
    traffic_on: str = ""
    traffic_within: timedelta = timedelta(seconds=90)
    clients_follow: bool = False
    weights_after: dict[str, int] = msgspec.field(default_factory=dict)
    act_exit: int | None = None
    act_says: str = ""


class Limits(Strict, frozen=True):
    """When to stop waiting. `act` is AWS's time, divided by the speed, and never less than `act_least`.

    `hold`: so long a harm that nobody acts upon is left to work before the clients' recovery is looked for. `back`: so long the way
    back may be refused because the other side is not well yet.
    """

    hold: timedelta = ZERO
    detection: timedelta = timedelta(seconds=45)
    act: timedelta = timedelta(minutes=20)
    act_least: timedelta = timedelta(minutes=2)
    recovery: timedelta = timedelta(seconds=30)
    back: timedelta = timedelta(minutes=2)
    after: timedelta = timedelta(seconds=2)


class Scenario(Strict, frozen=True):
    """A whole drill. `name` is the file's name, filled in when it is read. `serving` is the member whose data is judged.

    `replicas` is what each member is deployed with, when it is not what `deploy/member` takes by itself. The moments of `faults`
    count from the steady state, or, where hadr shifts weights, from the first change that it makes to them.

    `default` marks the architecture's own scenario: the one that is run when none is named.
    """

    architecture: str
    description: str
    act: Act
    faults: tuple[Fault, ...] = ()
    serving: str = "one"
    load: LoadShape = LoadShape()
    steady: Steady = Steady()
    expect: Expect = Expect()
    limits: Limits = Limits()
    replicas: Replicas | None = None
    default: bool = False
    name: str = ""

    @property
    def loss(self) -> Fault | None:
        """The fault that the clock of the drill starts at: the first that clients can feel. None: the clock starts with the act."""
        return next((fault for fault in self.faults if not isinstance(fault, PREPARATIONS)), None)
