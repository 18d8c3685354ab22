"""The protected site: its members by identity, what ties them together, and what was promised.

Values only, as read from site.yaml. Which member is active or holds the writer is never written here: roles are observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from hadr.core.errors import ConfigError

CONTROL_PLANE_REGION = "us-east-1"
"""Where Route 53's control plane is, whatever the site's Regions are."""


class Layout(StrEnum):
    """How a site is built, told by its members: one; two in one Region with one database and file system; or a Region for each."""

    ONE_MEMBER = "one member"
    ONE_REGION = "two members in one Region"
    TWO_REGIONS = "two Regions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The Deployment (Karpenter) that makes nodes, and how many replicas of it a serving member runs."""

    namespace: str
    deployment: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The Deployments that serve, with the replicas to give one that stands at 0, and the label of the nodes they run on.

    `zone` is the one zone they are pinned to; None when they are spread over all zones of the member.
    """

    namespace: str
    deployments: Mapping[str, int]
    nodes: str
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The object whose existence declares its member active; health checks read it, so writing it is a data-plane act."""

    bucket: str
    region: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One cluster with its data in one Region.

    `record` is the set identifier of its weighted DNS record; None where no weights decide. `zones` are those of its network (load
    balancer, database, files, control nodes), name to id; empty when site.yaml does not name them.
    """

    name: str
    region: str
    cluster: str
    capacity: Capacity
    workload: Workload
    database: str
    files: str
    target_group: str
    balancer: str
    record: str | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    switch: Switch | None = None

    def lives_in(self, zone: str) -> bool:
        """Whether pods of its workload may run in the zone."""
        return self.workload.zone in (None, zone) and zone in self.zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The service's name and the hosted zone that holds the members' weighted records."""

    host: str
    hosted_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    """How the client's eye looks at the service."""

    scheme: Literal["http", "https"] = "http"
    port: int = 80
    read: str = "/hobbies"
    write: str = "/hobbies"
    ready: str = "/readyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objectives:
    """What was promised: longest outage, longest loss window of the database, longest of the files."""

    recovery_time: timedelta
    recovery_point: timedelta
    file_recovery_point: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The whole protected system. `global_database` names the Aurora global database that spans members in different Regions."""

    name: str
    members: tuple[Member, ...]
    global_database: str | None
    traffic: Traffic
    probe: ProbeSettings
    objectives: Objectives

    @property
    def layout(self) -> Layout:
        """How the site is built."""
        if len(self.members) == 1:
            return Layout.ONE_MEMBER
        return Layout.ONE_REGION if self.members[0].region == self.members[1].region else Layout.TWO_REGIONS

    @property
    def zones(self) -> tuple[str, ...]:
        """Every zone that site.yaml names, in order."""
        return tuple(sorted({zone for member in self.members for zone in member.zones}))

    def in_zone(self, zone: str) -> tuple[Member, ...]:
        """The members whose network is in the zone. Raises ConfigError naming the zones there are."""
        if zone not in self.zones:
            known = f"its zones are: {', '.join(self.zones)}" if self.zones else "its site.yaml names no zones"
            raise ConfigError(f"no zone {zone!r} in site {self.name}; {known}")
        return tuple(member for member in self.members if zone in member.zones)

    def require_stand_by(self, verb: str) -> None:
        """Raises ConfigError for a site in one Region, of which no member can stand by for another with data of its own."""
        if self.layout is Layout.TWO_REGIONS:
            return
        instead = "`hadr evacuate --zone ZONE` leaves a zone"
        if self.layout is Layout.ONE_REGION:
            instead += ", `hadr shift` moves clients"
        raise ConfigError(
            f"{verb} needs a stand-by in another Region, and site {self.name} is in {self.members[0].region}; {instead}"
        )

    def require_weights(self, verb: str) -> None:
        """Raises ConfigError for a site of one member, between which nothing can be divided."""
        if self.layout is Layout.ONE_MEMBER:
            raise ConfigError(f"{verb} divides clients between members, and site {self.name} has one; its zones: `hadr evacuate`")

    def member(self, name: str) -> Member:
        """The member called `name`. Raises ConfigError naming the members there are."""
        for member in self.members:
            if member.name == name:
                return member
        names = ", ".join(member.name for member in self.members)
        raise ConfigError(f"no member {name!r} in site {self.name}; its members are: {names}")

    def other(self, name: str) -> Member:
        """The member that is not `name`."""
        self.member(name)
        return next(member for member in self.members if member.name != name)
