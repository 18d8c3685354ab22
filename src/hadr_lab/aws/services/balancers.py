"""Targets of the account's target groups with their health, and the views of its load balancers.

Registered, draining and gone are decided here by the clock and the group's deregistration delay; what is healthy is only ever
reported from outside.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from moto.elbv2.models import FakeAction, FakeListener, FakeLoadBalancer, FakeRule, FakeTargetGroup, elbv2_backends

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of
from hadr_lab.aws.views import Listener, LoadBalancer, Rule, Target, TargetGroup, TargetHealth

CROSS_ZONE = "load_balancing.cross_zone.enabled"
DELAY = "deregistration_delay.timeout_seconds"
CROSS_ZONE = "load_balancing.cross_zone.enabled"
LAST = 1_000_000
"""The priority of a listener's default action in its view: after every rule."""

Key = tuple[str, str, int]

UNUSED = TargetHealth(
    state="unused",
    reason="Target.NotInUse",
    description="Target group is not configured to receive traffic from the load balancer",
)
UNREGISTERED = TargetHealth(
    state="unused", reason="Target.NotRegistered", description="Target is not registered to the target group"
)
DRAINING = TargetHealth(
    state="draining", reason="Target.DeregistrationInProgress", description="Target deregistration is in progress"
)
INITIAL = TargetHealth(state="initial", reason="Elb.RegistrationInProgress", description="Target registration is in progress")


@dataclass(slots=True)
class Balancers:
    """Targets by group ARN, address and port; `speed` divides deregistration delays."""

    account: str
    speed: float = 1.0
    targets: dict[Key, float | None] = field(default_factory=dict)
    reports: dict[Key, TargetHealth] = field(default_factory=dict)

    def group(self, region: str, arn: str) -> FakeTargetGroup:
        """One target group. Raises TargetGroupNotFound."""
        found = elbv2_backends[self.account][region].target_groups.get(arn)
        if found is None:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found", 400)
        return found

    # --- targets

    def register(self, arn: str, address: str, port: int) -> None:
        """The target is registered; it starts over unless it was already."""
        if self.targets.get((arn, address, port), 0.0) is not None:
            self.reports.pop((arn, address, port), None)
        self.targets[arn, address, port] = None

    def deregister(self, group: FakeTargetGroup, address: str, port: int | None) -> None:
        """The target drains from now on; without a port, on every port. Raises InvalidTarget when it is not registered."""
        self._drop_drained()
        keys = [key for key in self.targets if key[:2] == (group.arn, address) and port in (None, key[2])]
        if not keys:
            raise AwsError("InvalidTarget", f"The following target is not registered with the target group: '{address}'", 400)
        for key in keys:
            if self.targets[key] is None:
                self.targets[key] = time.monotonic() + delay_of(group).total_seconds() / self.speed

    def _drop_drained(self) -> None:
        moment = time.monotonic()
        for key in [key for key, until in self.targets.items() if until is not None and until <= moment]:
            del self.targets[key]
            self.reports.pop(key, None)

    def forget(self, arn: str) -> None:
        """The target group is gone."""
        for key in [key for key in self.targets if key[0] == arn]:
            del self.targets[key]
            self.reports.pop(key, None)

    def registered(self, arn: str) -> list[tuple[str, int]]:
        """Addresses and ports that are registered or drain, in the order of registration."""
        self._drop_drained()
        return [(address, port) for group, address, port in self.targets if group == arn]

    def report(self, arn: str, address: str, port: int, health: TargetHealth) -> bool:
        """What a health check said. Returns whether it is news; of a target that is not registered, nothing is."""
        key = (arn, address, port)
        if key not in self.targets or self.reports.get(key) == health:
            return False
        self.reports[key] = health
        return True

    def health_of(self, group: FakeTargetGroup, address: str, port: int) -> TargetHealth:
        """What DescribeTargetHealth says of one target."""
        self._drop_drained()
        key = (group.arn, address, port)
        if key not in self.targets:
            return UNREGISTERED
        if self.targets[key] is not None:
            return DRAINING
        if not self._in_use(group):
            return UNUSED
        return self.reports.get(key, INITIAL)

    def _in_use(self, group: FakeTargetGroup) -> bool:
        backend = elbv2_backends[self.account][group.region_name]
        return backend._any_listener_using(group.arn)

    def attach(self, region: str) -> None:
        """Write into each target group which load balancers use it now (moto only ever adds)."""
        backend = elbv2_backends[self.account][region]
        for group in backend.target_groups.values():
            group.load_balancer_arns = [made.arn for made in backend.load_balancers.values() if _uses(made, group.arn)]

    def zone_of(self, region: str, vpc_id: str, address: str) -> str:
        """The zone an address of the VPC is in; nothing for one outside."""
        try:
            wanted = ipaddress.ip_address(address)
        except ValueError:
            return ""
        subnets = ec2_of(self.account, region).describe_subnets(filters={"vpc-id": vpc_id})
        return next((s.availability_zone for s in subnets if wanted in ipaddress.ip_network(s.cidr_block)), "")

    def await_nodes(self) -> None:
        """Every balancer is provisioning until its nodes listen, and no target was checked yet."""
        self.reports.clear()
        for backend in elbv2_backends[self.account].values():
            for made in backend.load_balancers.values():
                made.state = "provisioning"

    # --- views

    def ready(self, arn: str) -> bool:
        """Every node listens. Returns whether that is news."""
        made = elbv2_backends[self.account][arn.split(":")[3]].load_balancers.get(arn)
        if made is None or made.state != "provisioning":
            return False
        made.activate()
        return True

    def views(self, region: str, away: Mapping[str, str]) -> tuple[LoadBalancer, ...]:
        """The Region's application load balancers; `away` is ARN to the id of the zone that a zonal shift holds it away from."""
        made = elbv2_backends[self.account][region].load_balancers.values()
        return tuple(_balancer(region, balancer, away.get(balancer.arn)) for balancer in made if balancer.type == "application")

    def group_views(self, region: str) -> tuple[TargetGroup, ...]:
        """The Region's target groups of kind `ip`, with their targets."""
        groups = elbv2_backends[self.account][region].target_groups.values()
        return tuple(self._group(group) for group in groups if group.target_type == "ip")

    def _group(self, group: FakeTargetGroup) -> TargetGroup:
        port: Any = group.health_check_port
        return TargetGroup(
            arn=group.arn,
            name=group.name,
            port=int(group.port),
            check_path=group.health_check_path or "/",
            check_port=None if port in (None, "traffic-port") else int(port),
            check_interval=timedelta(seconds=int(group.health_check_interval_seconds)),
            check_timeout=timedelta(seconds=int(group.health_check_timeout_seconds)),
            healthy_threshold=int(group.healthy_threshold_count),
            unhealthy_threshold=int(group.unhealthy_threshold_count),
            matcher=str(group.matcher.get("HttpCode", "200")),
            deregistration_delay=delay_of(group),
            cross_zone=group.attributes.get(CROSS_ZONE) != "false",
            targets=tuple(
                Target(address=address, port=at, draining=self.targets[group.arn, address, at] is not None)
                for address, at in self.registered(group.arn)
            ),
        )


def delay_of(group: FakeTargetGroup) -> timedelta:
    """The group's deregistration delay."""
    return timedelta(seconds=int(str(group.attributes[DELAY])))


def _balancer(region: str, made: FakeLoadBalancer, away: str | None) -> LoadBalancer:
    return LoadBalancer(
        region=region,
        arn=made.arn,
        name=made.name,
        dns_name=made.dns_name,
        state=made.state,
        subnets={subnet.availability_zone: subnet.id for subnet in made.subnets},
        listeners=tuple(_listener(listener) for listener in made.listeners.values()),
        away_from=frozenset(subnet.availability_zone for subnet in made.subnets if subnet.availability_zone_id == away),
    )


def _uses(made: FakeLoadBalancer, arn: str) -> bool:
    actions = (a for listener in made.listeners.values() for rule in listener.rules.values() for a in rule.actions)
    return any(arn in _forward(action) for action in actions)


def _listener(made: FakeListener) -> Listener:
    rules = sorted((_rule(rule) for rule in made.rules.values()), key=lambda rule: rule.priority)
    return Listener(arn=made.arn, port=int(made.port), protocol=made.protocol, rules=tuple(rules))


def _rule(made: FakeRule) -> Rule:
    """The last action of a rule is what happens; authentication before it is not done here."""
    action = made.actions[-1]
    fixed: dict[str, Any] = action.data.get("FixedResponseConfig") or {}
    return Rule(
        priority=LAST if made.priority == "default" else int(made.priority),
        paths=_values(made, "path-pattern", "PathPatternConfig"),
        hosts=_values(made, "host-header", "HostHeaderConfig"),
        forward=_forward(action),
        fixed_status=int(fixed["StatusCode"]) if fixed else None,
        fixed_body=fixed.get("MessageBody", ""),
    )


def _values(made: FakeRule, field_name: str, config: str) -> tuple[str, ...]:
    found = (c for c in made.conditions if c.get("Field") == field_name)
    return tuple(value for c in found for value in (c.get(config) or c).get("Values", []))


def _forward(action: FakeAction) -> dict[str, int]:
    groups = (action.data.get("ForwardConfig") or {}).get("TargetGroups")
    if groups:
        return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    arn = action.data.get("TargetGroupArn")
    return {arn: 1} if arn else {}
