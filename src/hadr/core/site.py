"""The protected site: its members by identity, what ties them together, and what was promised.

Values only, as read from site.yaml. Which member is active or holds the writer is never written here: roles are observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hadr.core.errors import ConfigError

CONTROL_PLANE_REGION = "us-east-1"
"""Where Route 53's control plane is, whatever the site's Regions are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The Deployment (Karpenter) that makes nodes, and how many replicas of it a serving member runs."""

    namespace: str
    deployment: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The Deployments that serve, with the replicas to give one that stands at 0, and the label of the nodes they run on."""

    namespace: str
    deployments: Mapping[str, int]
    nodes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The object whose existence declares its member active; health checks read it, so writing it is a data-plane act."""

    bucket: str
    region: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One cluster with its data in one Region. `record` is the set identifier of its DNS record."""

    name: str
    region: str
    cluster: str
    capacity: Capacity
    workload: Workload
    database: str
    files: str
    target_group: str
    balancer: str
    record: str
    switch: Switch | None = None


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
    """The whole protected system. `global_database` names the Aurora global database that spans the members."""

    name: str
    members: tuple[Member, ...]
    global_database: str
    traffic: Traffic
    probe: ProbeSettings
    objectives: Objectives

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
