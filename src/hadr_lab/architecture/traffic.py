"""DNS of the site: the zone, weighted alias records, and the health checks that are the switch.

Member one's record is healthy while its endpoint is ready AND nobody has declared `two` active. The declaration is an object in
two's own Region, seen through an inverted check, so that failing over needs neither us-east-1 nor the Route 53 control plane, and
a revived Region one gets no traffic by itself.
"""

from __future__ import annotations

from typing import Any

from hadr_lab.architecture.clients import Clients
from hadr_lab.architecture.member import Balancer


def make_zone(clients: Clients, name: str) -> str:
    """The public hosted zone; returns its id."""
    zone: str = clients("route53").create_hosted_zone(Name=name, CallerReference=name)["HostedZone"]["Id"]
    return zone.rsplit("/", 1)[-1]


def _check(clients: Clients, reference: str, config: dict[str, Any]) -> str:
    made = clients("route53").create_health_check(CallerReference=reference, HealthCheckConfig=config)
    check: str = made["HealthCheck"]["Id"]
    return check


def endpoint_check(clients: Clients, member: str, dns_name: str) -> str:
    """Is the member's endpoint ready: its load balancer answers /readyz with 2xx or 3xx, asked every 10 s, three in a row."""
    return _check(
        clients,
        f"{member}-ready",
        {
            "Type": "HTTP",
            "FullyQualifiedDomainName": dns_name,
            "Port": 80,
            "ResourcePath": "/readyz",
            "RequestInterval": 10,
            "FailureThreshold": 3,
        },
    )


def switched_check(clients: Clients, member: str, ready: str, bucket_host: str, key: str) -> str:
    """Ready AND NOT declared away: a calculated check over the endpoint's check and an inverted one on the switch object."""
    switch = _check(
        clients,
        f"{member}-not-declared-away",
        {
            "Type": "HTTP",
            "FullyQualifiedDomainName": bucket_host,
            "Port": 80,
            "ResourcePath": f"/{key}",
            "RequestInterval": 10,
            "FailureThreshold": 1,
            "Inverted": True,
        },
    )
    return _check(
        clients,
        f"{member}-serves",
        {"Type": "CALCULATED", "HealthThreshold": 2, "ChildHealthChecks": [ready, switch]},
    )


def make_records(clients: Clients, zone: str, host: str, members: dict[str, tuple[int, Balancer, str]]) -> None:
    """One weighted alias record for each member, in one batch: (weight, balancer, health check)."""
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": host,
                "Type": "A",
                "SetIdentifier": member,
                "Weight": weight,
                "HealthCheckId": check,
                "AliasTarget": {
                    "HostedZoneId": balancer.zone_id,
                    "DNSName": balancer.dns_name,
                    "EvaluateTargetHealth": True,
                },
            },
        }
        for member, (weight, balancer, check) in members.items()
    ]
    clients("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
