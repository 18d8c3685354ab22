"""Health check configurations: validation, AWS's defaults, updates, and the form the checkers use. Pure.

A configuration is kept in AWS's shape, complete with the defaults that AWS fills in, so that it reads back as on AWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hadr_lab.aws.service import AwsError
from hadr_lab.dataplane.dns.zones import Check

Config = Mapping[str, Any]

HTTP = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH")
ENDPOINT = (*HTTP, "TCP")
MOST_CHILDREN = 256
FEWEST_REGIONS = 3

UPDATABLE = (
    "IPAddress",
    "Port",
    "ResourcePath",
    "FullyQualifiedDomainName",
    "SearchString",
    "FailureThreshold",
    "Inverted",
    "Disabled",
    "HealthThreshold",
    "ChildHealthChecks",
    "EnableSNI",
    "Regions",
)


def completed(config: Config, *, exists: Callable[[str], bool]) -> dict[str, Any]:
    """The configuration with AWS's defaults. Raises AwsError InvalidInput; NotImplementedError for types nothing here can check."""
    kind = config["Type"]
    if kind not in (*ENDPOINT, "CALCULATED"):
        raise NotImplementedError(f"health checks of type {kind}")
    full: dict[str, Any] = {"Inverted": False, "Disabled": False} | dict(config)
    if kind == "CALCULATED":
        _check_calculated(full, exists)
        return full
    defaults = {"RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": False}
    if kind != "TCP":
        defaults |= {"Port": 443 if kind.startswith("HTTPS") else 80, "EnableSNI": kind.startswith("HTTPS")}
    full = defaults | full
    _check_endpoint(full)
    return full


def _check_calculated(config: Config, exists: Callable[[str], bool]) -> None:
    children = config.get("ChildHealthChecks") or []
    _require(len(children) <= MOST_CHILDREN, f"A calculated health check can have at most {MOST_CHILDREN} children")
    _require(0 <= int(config.get("HealthThreshold", -1)) <= MOST_CHILDREN, "HealthThreshold must be between 0 and 256")
    for child in children:
        _require(exists(child), f"The health check {child} does not exist")
    for foreign in ("IPAddress", "Port", "FullyQualifiedDomainName", "ResourcePath", "SearchString"):
        _require(not config.get(foreign), f"{foreign} cannot be specified for a CALCULATED health check")


def _check_endpoint(config: Config) -> None:
    kind = config["Type"]
    _require(int(config["RequestInterval"]) in (10, 30), "RequestInterval must be 10 or 30")
    _require(1 <= int(config["FailureThreshold"]) <= 10, "FailureThreshold must be between 1 and 10")
    _require(1 <= int(config.get("Port") or 0) <= 65535, "Port must be between 1 and 65535")
    endpoint = config.get("IPAddress") or config.get("FullyQualifiedDomainName")
    _require(bool(endpoint), "Either IPAddress or FullyQualifiedDomainName must be specified")
    _require(
        bool(config.get("SearchString")) == kind.endswith("_STR_MATCH"),
        "SearchString belongs to the STR_MATCH types, which need it",
    )
    _require(kind != "TCP" or not config.get("ResourcePath"), "ResourcePath cannot be specified for a TCP health check")
    regions = config.get("Regions")
    _require(not regions or len(regions) >= FEWEST_REGIONS, f"At least {FEWEST_REGIONS} Regions must be specified")
    for foreign in ("ChildHealthChecks", "HealthThreshold"):
        _require(not config.get(foreign), f"{foreign} can be specified for a CALCULATED health check only")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AwsError("InvalidInput", message)


def updated(config: Config, given: Mapping[str, Any], *, exists: Callable[[str], bool]) -> dict[str, Any]:
    """The configuration after an update: what is not given stays; `ResetElements` removes. Raises as `completed` does."""
    new = dict(config) | {name: given[name] for name in UPDATABLE if given.get(name) is not None}
    for reset in given.get("ResetElements") or ():
        new.pop(reset, None)
    return completed(new, exists=exists)


def as_check(check_id: str, config: Config) -> Check:
    """The configuration in the form the name server's process uses."""
    return Check(
        check_id=check_id,
        type=config["Type"],
        address=config.get("IPAddress") or "",
        host=(config.get("FullyQualifiedDomainName") or "").lower().rstrip("."),
        port=int(config.get("Port") or 80),
        path=config.get("ResourcePath") or "/",
        search=config.get("SearchString") or "",
        interval_s=int(config.get("RequestInterval") or 30),
        threshold=int(config.get("FailureThreshold") or 3),
        inverted=bool(config.get("Inverted")),
        disabled=bool(config.get("Disabled")),
        sni=bool(config.get("EnableSNI")),
        regions=tuple(config.get("Regions") or ()),
        children=tuple(config.get("ChildHealthChecks") or ()),
        children_needed=int(config.get("HealthThreshold") or 0),
    )
