"""Targets and load balancers through ELB and EC2, in the member's own Region. Targets that drain are not counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Gone
from hadr.core.site import Member
from hadr.core.view import TargetsState


class Elb:
    """The members' target groups."""

    def __init__(self, call: Caller) -> None:
        self._call = call
        self._arns: dict[str, str] = {}
        self._balancers: dict[str, str] = {}

    def targets(self, member: Member) -> TargetsState:
        answer = self._call("elbv2", "describe_target_health", member.region, TargetGroupArn=self._arn(member))
        described = answer["TargetHealthDescriptions"]
        counted = [one["TargetHealth"] for one in described if one["TargetHealth"]["State"] != "draining"]
        healthy = (one["Target"] for one in described if one["TargetHealth"]["State"] == "healthy")
        zones = (target["AvailabilityZone"] for target in healthy if "AvailabilityZone" in target)
        why = Counter(f"{one['State']} {one.get('Reason', '')}".strip() for one in counted if one["State"] != "healthy")
        return TargetsState(
            healthy=sum(one["State"] == "healthy" for one in counted),
            total=len(counted),
            reasons=tuple(f"{count} {reason}" for reason, count in sorted(why.items())),
            zones=dict(Counter(zones)),
        )

    def balancer(self, member: Member) -> str:
        """The ARN of the load balancer that sends to the member's target group. Raises Gone when none does."""
        if member.name not in self._balancers:
            arn = self._arn(member)
            (group,) = self._call("elbv2", "describe_target_groups", member.region, TargetGroupArns=[arn])["TargetGroups"]
            if not group.get("LoadBalancerArns"):
                raise Gone(f"elbv2 in {member.region}: no load balancer sends to target group {member.target_group}")
            self._balancers[member.name] = str(group["LoadBalancerArns"][0])
        return self._balancers[member.name]

    def addresses(self, member: Member) -> Mapping[str, frozenset[str]]:
        """The addresses of the balancer's node in each zone: the public ones where it has such, else the private ones."""
        described = f"ELB {self.balancer(member).split(':loadbalancer/', 1)[1]}"
        filters = [{"Name": "description", "Values": [described]}]
        found = self._call("ec2", "describe_network_interfaces", member.region, Filters=filters)["NetworkInterfaces"]
        by_zone: dict[str, set[str]] = {}
        for one in found:
            public = (one.get("Association") or {}).get("PublicIp")
            by_zone.setdefault(str(one["AvailabilityZone"]), set()).add(str(public or one["PrivateIpAddress"]))
        return {zone: frozenset(addresses) for zone, addresses in by_zone.items()}

    def _arn(self, member: Member) -> str:
        """site.yaml gives a name or an ARN; a name is looked up once."""
        if member.target_group.startswith("arn:"):
            return member.target_group
        if member.name not in self._arns:
            found = self._call("elbv2", "describe_target_groups", member.region, Names=[member.target_group])["TargetGroups"]
            if not found:
                raise Gone(f"elbv2 in {member.region}: no target group {member.target_group}")
            self._arns[member.name] = str(found[0]["TargetGroupArn"])
        return self._arns[member.name]
