"""A zone with weighted alias records and the health checks that are the switch, as the DR root makes them. Not a test itself.

Member one's record is healthy while its endpoint is ready AND nobody has declared `two` active. The declaration is an object in
two's own Region, seen through an inverted check, so that failing over needs neither us-east-1 nor the Route 53 control plane, and
a revived Region one gets no traffic by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Clients = Callable[[str], Any]
"""A boto3 client of one Region, by the service's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A load balancer as an alias record needs it."""

    dns_name: str
    zone_id: str


def make_switch(s3: Any, bucket: str, region: str, key: str) -> None:
    """The switch bucket: one key of it may be read by anyone (health checkers are anyone), the rest by nobody."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    admitted = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False, "BlockPublicAcls": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=admitted)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/{key}"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


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
