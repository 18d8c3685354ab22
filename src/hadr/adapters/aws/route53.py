"""DNS weights through Route 53's control plane, which is in us-east-1 whatever the client's Region is.

hadr owns the weights of the service's records and nothing else of them: a record is sent back as it was read, with its weight
changed, and all records in one batch, so that no moment has two answers or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Gone
from hadr.core.site import CONTROL_PLANE_REGION, Member, Site
from hadr.core.view import HealthCheck

FULL = 100
DEEPEST = 3


class Route53:
    """The weighted records of the service's name."""

    def __init__(self, site: Site, call: Caller) -> None:
        self._site = site
        self._call = call

    def weights(self) -> Mapping[str, int]:
        by_record = {str(member.record): member.name for member in self._site.members}
        return {by_record[one["SetIdentifier"]]: int(one["Weight"]) for one in self._records()}

    def check(self, member: Member) -> HealthCheck | None:
        """Of the record's checks when it has several address types, none as soon as one has none."""
        ids = [one.get("HealthCheckId") for one in self._records() if one["SetIdentifier"] == member.record]
        return None if not all(ids) else self._check(str(ids[0]), depth=0)

    def _check(self, check_id: str, *, depth: int) -> HealthCheck:
        found = self._call("route53", "get_health_check", CONTROL_PLANE_REGION, HealthCheckId=check_id)["HealthCheck"]
        config = found["HealthCheckConfig"]
        calculated = config["Type"] == "CALCULATED"
        children = config.get("ChildHealthChecks", []) if calculated and depth < DEEPEST else []
        return HealthCheck(
            name=check_id,
            calculated=calculated,
            threshold=int(config.get("HealthThreshold", 0)),
            children=tuple(self._check(child, depth=depth + 1) for child in children),
            host=str(config.get("FullyQualifiedDomainName", "")),
            path=str(config.get("ResourcePath", "")),
            inverted=bool(config.get("Inverted", False)),
            disabled=bool(config.get("Disabled", False)),
        )

    def give_all_weight(self, member: Member, *, run: str) -> str:
        self.set_weights({one.name: FULL if one.name == member.name else 0 for one in self._site.members}, run=run)
        return f"{member.record} has all weight of {self._site.traffic.host}"

    def set_weights(self, weights: Mapping[str, int], *, run: str) -> str:
        by_record = {member.record: weights[member.name] for member in self._site.members}
        changes = [
            {"Action": "UPSERT", "ResourceRecordSet": {**one, "Weight": by_record[one["SetIdentifier"]]}} for one in self._records()
        ]
        batch = {"Comment": f"hadr {run}", "Changes": changes}
        self._call(
            "route53",
            "change_resource_record_sets",
            CONTROL_PLANE_REGION,
            HostedZoneId=self._site.traffic.hosted_zone,
            ChangeBatch=batch,
        )
        return f"weights of {self._site.traffic.host}: " + " ".join(f"{name}={weight}" for name, weight in by_record.items())

    def _records(self) -> list[Any]:
        """The members' weighted records, of every address type. Raises Gone when a member has none."""
        host = self._site.traffic.host.rstrip(".").lower() + "."
        answer = self._call(
            "route53",
            "list_resource_record_sets",
            CONTROL_PLANE_REGION,
            HostedZoneId=self._site.traffic.hosted_zone,
            StartRecordName=host,
        )
        wanted = {member.record for member in self._site.members if member.record is not None}
        found = [
            one
            for one in answer["ResourceRecordSets"]
            if one["Name"].lower() == host and "Weight" in one and one.get("SetIdentifier") in wanted
        ]
        missing = sorted(wanted - {one["SetIdentifier"] for one in found})
        if missing:
            raise Gone(f"route53 zone {self._site.traffic.hosted_zone}: {host} has no weighted record {', '.join(missing)}")
        return found
