"""What was seen of a site: one reading for each question, each either known (value, moment) or unknown (why).

A view never guesses: a question that was not answered in time stays Unknown with its reason. `Known.at` is the moment at
which the reading was begun, so that "seen after X happened" is never claimed too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from hadr.core.placement import Balancer, Instances, Placed

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[T]):
    """An answer and the moment at which it was asked for."""

    value: T
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No answer, and why. As the outcome of an action: it may or may not have taken effect.

    `absent`: the answer was that the thing that was asked about is not there.
    """

    why: str
    absent: bool = False


Reading: TypeAlias = Known[T] | Unknown


class What(StrEnum):
    """The questions: of each member, then three of the site, then two that only readiness asks, then four about zones."""

    COMPUTE = "compute"
    DATABASE = "database"
    LAG = "lag"
    FILES = "files"
    PROTECTION = "protection"
    TARGETS = "targets"
    ENDPOINT = "endpoint"
    SWITCH = "switch"
    ADDRESSES = "addresses"
    ANSWER = "answer"
    WEIGHTS = "weights"
    SERVICE = "service"
    CHECKS = "checks"
    SWITCH_TRIAL = "switch-trial"
    PLACED = "placed"
    INSTANCES = "instances"
    MOUNTS = "mount-targets"
    BALANCER = "balancer"


SITE_WIDE = (What.ANSWER, What.WEIGHTS, What.SERVICE)
ONLY_FOR_READINESS = (What.CHECKS, What.SWITCH_TRIAL)
ABOUT_ZONES = (What.PLACED, What.INSTANCES, What.MOUNTS, What.BALANCER)


@dataclass(frozen=True, slots=True, order=True)
class Read:
    """One question: what, and of which member ("" for the site)."""

    what: What
    member: str = ""

    def __str__(self) -> str:
        return f"{self.what}({self.member})" if self.member else str(self.what)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentState:
    """One Deployment of the workload: replicas asked for and available."""

    name: str
    desired: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeState:
    """A member's cluster: the node maker's replicas, its service nodes that are Ready, the workload's pods and Deployments."""

    capacity_desired: int
    capacity_ready: int
    nodes_ready: int
    pods_wanted: int
    pods_running: int
    deployments: tuple[DeploymentState, ...]

    @property
    def serving(self) -> bool:
        """Whether any pod of the workload is available."""
        return any(deployment.available for deployment in self.deployments)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """The global database as one Region tells it. `writer` and `switching_to` are member names.

    `unsynced`: RDS's word for it when the member's own cluster does not follow the writer; empty when it does, or is the writer.
    """

    writer: str | None
    status: str
    switching_to: str | None
    cluster_status: str
    instances: int
    unsynced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a database reader was behind, and when that was measured."""

    value: timedelta
    measured: datetime


class FilesRole(StrEnum):
    """A file system's place in replication; ALONE is writable and in no replication."""

    SOURCE = "source"
    DESTINATION = "destination"
    ALONE = "alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesState:
    """A member's file system as its own Region tells it. `source` is the replication's source file system, when there is one."""

    role: FilesRole
    status: str = ""
    source: str = ""
    synced: datetime | None = None


class Protection(StrEnum):
    """Whether a file system may be made a replication's destination; OFF says it may."""

    ON = "enabled"
    OFF = "disabled"
    REPLICATING = "replicating"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsState:
    """The load balancer's own opinion of its targets. `zones` are the healthy ones by zone."""

    healthy: int
    total: int
    reasons: tuple[str, ...] = ()
    zones: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client got: an HTTP status, or None when nothing answered, with the words that came with it.

    `took`: from the question to the whole answer; None when nothing answered or nobody measured. No part of what was said, so two
    answers that differ in it alone are equal.
    """

    status: int | None
    detail: str = ""
    took: timedelta | None = field(default=None, compare=False)

    @property
    def ok(self) -> bool:
        """A 2xx answer."""
        return self.status is not None and 200 <= self.status < 300

    def __str__(self) -> str:
        said = "no answer" if self.status is None else str(self.status)
        return f"{said} ({self.detail})" if self.detail else said


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A health check with those that it is calculated from. One that is neither asks `host` for `path`, when it has a host."""

    name: str
    calculated: bool = False
    threshold: int = 0
    children: tuple[HealthCheck, ...] = ()
    host: str = ""
    path: str = ""
    inverted: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that was seen, as of `at`."""

    at: datetime
    readings: Mapping[Read, Reading[Any]] = field(default_factory=dict)

    def get(self, what: What, member: str = "") -> Reading[Any]:
        """The reading of one question; Unknown when it was never asked."""
        return self.readings.get(Read(what, member), Unknown(why="not observed"))

    def since(self, moment: datetime) -> View:
        """The same view with every answer that was asked for before `moment` taken out."""
        kept = {r: v for r, v in self.readings.items() if not (isinstance(v, Known) and v.at < moment)}
        return View(at=self.at, readings=kept)

    def compute(self, member: str) -> Reading[ComputeState]:
        return self.get(What.COMPUTE, member)

    def database(self, member: str) -> Reading[DatabaseState]:
        return self.get(What.DATABASE, member)

    def lag(self, member: str) -> Reading[Lag]:
        return self.get(What.LAG, member)

    def files(self, member: str) -> Reading[FilesState]:
        return self.get(What.FILES, member)

    def protection(self, member: str) -> Reading[Protection]:
        return self.get(What.PROTECTION, member)

    def targets(self, member: str) -> Reading[TargetsState]:
        return self.get(What.TARGETS, member)

    def endpoint(self, member: str) -> Reading[Answer]:
        return self.get(What.ENDPOINT, member)

    def switch(self, member: str) -> Reading[bool]:
        return self.get(What.SWITCH, member)

    def switch_trial(self, member: str) -> Reading[str]:
        return self.get(What.SWITCH_TRIAL, member)

    def checks(self, member: str) -> Reading[HealthCheck | None]:
        return self.get(What.CHECKS, member)

    def addresses(self, member: str) -> Reading[frozenset[str]]:
        return self.get(What.ADDRESSES, member)

    def placed(self, member: str) -> Reading[Placed]:
        return self.get(What.PLACED, member)

    def instances(self, member: str) -> Reading[Instances]:
        return self.get(What.INSTANCES, member)

    def mounts(self, member: str) -> Reading[Mapping[str, str]]:
        return self.get(What.MOUNTS, member)

    def balancer(self, member: str) -> Reading[Balancer]:
        return self.get(What.BALANCER, member)

    def answer(self) -> Reading[frozenset[str]]:
        return self.get(What.ANSWER)

    def weights(self) -> Reading[Mapping[str, int]]:
        return self.get(What.WEIGHTS)

    def service(self) -> Reading[Answer]:
        return self.get(What.SERVICE)
