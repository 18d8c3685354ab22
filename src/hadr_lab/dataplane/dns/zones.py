"""What the name server knows: hosted zones, health checks and AWS's own host names, as one immutable snapshot.

These values cross a process boundary (msgpack). Names are lower case without the final dot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Where an alias record points: a name in a hosted zone of ours, or a host name that AWS publishes."""

    zone_id: str
    name: str
    evaluate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A resource record set. At most one of `weight`, `failover`, `multivalue` and `latency_region` says how it is chosen."""

    name: str
    type: str
    ttl: int = 0
    values: tuple[str, ...] = ()
    alias: Alias | None = None
    set_identifier: str = ""
    weight: int | None = None
    failover: str = ""
    multivalue: bool = False
    latency_region: str = ""
    health_check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A hosted zone. A private one is seen from the Regions of its VPCs only."""

    zone_id: str
    name: str
    records: tuple[Record, ...]
    private_regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A health check: of an endpoint (HTTP, HTTPS, TCP, with `_STR_MATCH` forms), or CALCULATED from others."""

    check_id: str
    type: str
    address: str = ""
    host: str = ""
    port: int = 80
    path: str = "/"
    search: str = ""
    interval_s: int = 30
    threshold: int = 3
    inverted: bool = False
    disabled: bool = False
    sni: bool = True
    regions: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    children_needed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the name server answers from. `balancers`: load balancer host name to whether it has a healthy target."""

    zones: tuple[Zone, ...] = ()
    checks: tuple[Check, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    balancers: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one checker last saw of an endpoint. `healthy` is None until it has seen enough to say."""

    check_id: str
    checker: str
    healthy: bool | None
    status: str
    at: datetime
