"""Target health through ELB, asked in the member's own Region. Draining targets are on their way out and are not counted."""

from __future__ import annotations

from collections import Counter

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Gone
from hadr.core.site import Member
from hadr.core.view import TargetsState


class Elb:
    """The members' target groups."""

    def __init__(self, call: Caller) -> None:
        self._call = call
        self._arns: dict[str, str] = {}

    def targets(self, member: Member) -> TargetsState:
        answer = self._call("elbv2", "describe_target_health", member.region, TargetGroupArn=self._arn(member))
        health = [one["TargetHealth"] for one in answer["TargetHealthDescriptions"]]
        counted = [one for one in health if one["State"] != "draining"]
        why = Counter(f"{one['State']} {one.get('Reason', '')}".strip() for one in counted if one["State"] != "healthy")
        return TargetsState(
            healthy=sum(one["State"] == "healthy" for one in counted),
            total=len(counted),
            reasons=tuple(f"{count} {reason}" for reason, count in sorted(why.items())),
        )

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
