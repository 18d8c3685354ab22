"""Builders of load balancer views for the tests of balancers. Not a test itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hadr_lab.aws.views import Listener, LoadBalancer, Rule, Target, TargetGroup

GROUP = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/peccy-one/0123"
OTHER = "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/other/4567"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/peccy-one/89ab"
NAME = "peccy-one-89ab.us-east-1.elb.amazonaws.com"


def a_group(*targets: Target, arn: str = GROUP, **changes: object) -> TargetGroup:
    """A target group with the architectures' health check."""
    made = TargetGroup(
        arn=arn,
        name=arn.split("/")[1],
        port=8080,
        check_path="/readyz",
        check_port=None,
        check_interval=timedelta(seconds=10),
        check_timeout=timedelta(seconds=5),
        healthy_threshold=3,
        unhealthy_threshold=2,
        matcher="200",
        deregistration_delay=timedelta(seconds=30),
        targets=targets,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def a_listener(*rules: Rule, port: int = 80) -> Listener:
    """A listener whose default action forwards to GROUP."""
    default = Rule(priority=1_000_000, forward={GROUP: 1})
    return Listener(arn=f"{BALANCER}/{port}", port=port, protocol="HTTP", rules=(*rules, default))


def a_balancer(*listeners: Listener, zones: tuple[str, ...] = ("us-east-1a", "us-east-1b")) -> LoadBalancer:
    """A balancer with a node in each of `zones`."""
    return LoadBalancer(
        region="us-east-1",
        arn=BALANCER,
        name="peccy-one",
        dns_name=NAME,
        state="provisioning",
        subnets={zone: f"subnet-{zone}" for zone in zones},
        listeners=listeners,
    )
