"""Route 53's operations: AWS-shaped inputs to `Route53State`, its values to AWS-shaped outputs. No rules of its own but paging."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from moto.core.responses import ActionResult, EmptyResult

from hadr_lab.aws.route53 import Change, HealthCheck, HostedZone, Route53State
from hadr_lab.aws.route53_records import order, parsed, plain, position, shaped, written
from hadr_lab.aws.service import AwsError, AwsService
from hadr_lab.dataplane.dns.answers import Rcode
from hadr_lab.dataplane.dns.checkers import ENDPOINT_TYPES, PLACES
from hadr_lab.dataplane.dns.zones import Observation

T = TypeVar("T")

PAGE = 100
RECORDS_PAGE = 300


class Route53Operations(AwsService):
    """Every operation of Route 53 that the lab has. `state` is set by `route53_service`."""

    name = "route53"
    state: ClassVar[Route53State]

    # -- hosted zones

    def create_hosted_zone(self) -> ActionResult:
        given = self.inputs()
        vpc = given.get("VPC")
        config = given.get("HostedZoneConfig") or {}
        if config.get("PrivateZone") and not vpc:
            raise AwsError("InvalidInput", "When you're creating a private hosted zone, you must specify a VPC.")
        vpcs = ((vpc["VPCRegion"], vpc["VPCId"]),) if vpc else ()
        zone, change = self.state.create_zone(given["Name"], given["CallerReference"], config.get("Comment") or "", vpcs)
        return ActionResult(
            _zone_answer(zone) | {"ChangeInfo": self._change(change), "Location": f"/2013-04-01/hostedzone/{zone.zone_id}"}
        )

    def get_hosted_zone(self) -> ActionResult:
        return ActionResult(_zone_answer(self.state.zone(self.inputs()["Id"])))

    def list_hosted_zones(self) -> ActionResult:
        given = self.inputs()
        zones = sorted(self.state.zones.values(), key=lambda zone: zone.zone_id)
        page, following = _page(zones, given, lambda zone: zone.zone_id)
        answer: dict[str, Any] = {"HostedZones": [_zone(zone) for zone in page], "IsTruncated": following is not None}
        answer |= {"MaxItems": str(_most(given)), "Marker": given.get("Marker") or ""}
        return ActionResult(answer | ({"NextMarker": following.zone_id} if following else {}))

    def list_hosted_zones_by_name(self) -> ActionResult:
        given = self.inputs()
        zones = sorted(self.state.zones.values(), key=lambda zone: (position(zone.name), zone.zone_id))
        start = given.get("DNSName")
        if start:
            first = (position(start), (given.get("HostedZoneId") or "").rpartition("/")[2])
            zones = [zone for zone in zones if (position(zone.name), zone.zone_id) >= first]
        page, rest = zones[: _most(given)], zones[_most(given) :]
        answer: dict[str, Any] = {"HostedZones": [_zone(zone) for zone in page], "IsTruncated": bool(rest)}
        answer |= {"MaxItems": str(_most(given))} | ({"DNSName": start} if start else {})
        return ActionResult(answer | ({"NextDNSName": written(rest[0].name), "NextHostedZoneId": rest[0].zone_id} if rest else {}))

    def list_hosted_zones_by_vpc(self) -> ActionResult:
        given = self.inputs()
        vpc = (given["VPCRegion"], given["VPCId"])
        zones = [zone for zone in self.state.zones.values() if vpc in zone.vpcs]
        summaries = [
            {"HostedZoneId": zone.zone_id, "Name": written(zone.name), "Owner": {"OwningAccount": self.current_account}}
            for zone in zones
        ]
        return ActionResult({"HostedZoneSummaries": summaries, "MaxItems": str(_most(given))})

    def get_hosted_zone_count(self) -> ActionResult:
        return ActionResult({"HostedZoneCount": len(self.state.zones)})

    def update_hosted_zone_comment(self) -> ActionResult:
        given = self.inputs()
        return ActionResult({"HostedZone": _zone(self.state.set_comment(given["Id"], given.get("Comment") or ""))})

    def delete_hosted_zone(self) -> ActionResult:
        return ActionResult({"ChangeInfo": self._change(self.state.delete_zone(self.inputs()["Id"]))})

    def associate_vpc_with_hosted_zone(self) -> ActionResult:
        zone, vpc = self._zone_and_vpc()
        return ActionResult(
            {"ChangeInfo": self._change(self.state.set_vpcs(zone.zone_id, (*(v for v in zone.vpcs if v != vpc), vpc)))}
        )

    def disassociate_vpc_from_hosted_zone(self) -> ActionResult:
        zone, vpc = self._zone_and_vpc()
        if zone.vpcs and vpc not in zone.vpcs:
            raise AwsError("VPCAssociationNotFound", "The specified VPC is not associated with the hosted zone.", 404)
        return ActionResult(
            {"ChangeInfo": self._change(self.state.set_vpcs(zone.zone_id, tuple(v for v in zone.vpcs if v != vpc)))}
        )

    def _zone_and_vpc(self) -> tuple[HostedZone, tuple[str, str]]:
        given = self.inputs()
        return self.state.zone(given["HostedZoneId"]), (given["VPC"]["VPCRegion"], given["VPC"]["VPCId"])

    def get_dnssec(self) -> ActionResult:
        self.state.zone(self.inputs()["HostedZoneId"])
        return ActionResult({"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []})

    # -- records

    def change_resource_record_sets(self) -> ActionResult:
        given = self.inputs()
        changes = [(change["Action"], parsed(change["ResourceRecordSet"])) for change in given["ChangeBatch"]["Changes"]]
        change = self.state.change_records(given["HostedZoneId"], changes)
        comment = given["ChangeBatch"].get("Comment")
        return ActionResult({"ChangeInfo": self._change(change) | ({"Comment": comment} if comment else {})})

    def list_resource_record_sets(self) -> ActionResult:
        given = self.inputs()
        name, kind = given.get("StartRecordName"), given.get("StartRecordType")
        if kind and not name:
            raise AwsError("InvalidInput", "StartRecordType needs StartRecordName")
        records = self.state.zone(given["HostedZoneId"]).records
        if name:
            first = (*position(name, kind or ""), given.get("StartRecordIdentifier") or "")
            records = tuple(record for record in records if order(record) >= first)
        most = min(int(given.get("MaxItems") or RECORDS_PAGE), RECORDS_PAGE)
        page, rest = records[:most], records[most:]
        answer: dict[str, Any] = {"ResourceRecordSets": [shaped(r) for r in page], "IsTruncated": bool(rest), "MaxItems": str(most)}
        if rest:
            answer |= {"NextRecordName": written(rest[0].name), "NextRecordType": rest[0].type}
            answer |= {"NextRecordIdentifier": rest[0].set_identifier} if rest[0].set_identifier else {}
        return ActionResult(answer)

    def get_change(self) -> ActionResult:
        change, _ = self.state.change(self.inputs()["Id"])
        return ActionResult({"ChangeInfo": self._change(change)})

    def test_dns_answer(self) -> ActionResult:
        given = self.inputs()
        zone = self.state.zone(given["HostedZoneId"])
        name, kind = plain(given["RecordName"]), given["RecordType"]
        if name != zone.name and not name.endswith(f".{zone.name}"):
            raise AwsError("InvalidInput", f"{written(name)} is not in the hosted zone {written(zone.name)}")
        answer = self.state.view(zone).answer(name, kind, zone.vpcs[0][0] if zone.vpcs else "")
        return ActionResult(
            {
                "Nameserver": (zone.name_servers or ("ns-0.awsdns-00.com",))[0],
                "RecordName": given["RecordName"],
                "RecordType": kind,
                "RecordData": [resource.value for resource in answer.resources if resource.type == kind],
                "ResponseCode": Rcode(answer.rcode).name,
                "Protocol": "UDP",
            }
        )

    # -- health checks

    def create_health_check(self) -> ActionResult:
        given = self.inputs()
        check = self.state.create_check(given["CallerReference"], given["HealthCheckConfig"])
        return ActionResult({"HealthCheck": _check(check), "Location": f"/2013-04-01/healthcheck/{check.check_id}"})

    def get_health_check(self) -> ActionResult:
        return ActionResult({"HealthCheck": _check(self.state.check(self.inputs()["HealthCheckId"]))})

    def update_health_check(self) -> ActionResult:
        given = self.inputs()
        return ActionResult({"HealthCheck": _check(self.state.update_check(given["HealthCheckId"], given))})

    def delete_health_check(self) -> ActionResult:
        self.state.delete_check(self.inputs()["HealthCheckId"])
        return EmptyResult()

    def list_health_checks(self) -> ActionResult:
        given = self.inputs()
        checks = sorted(self.state.checks.values(), key=lambda check: check.check_id)
        page, following = _page(checks, given, lambda check: check.check_id)
        answer: dict[str, Any] = {"HealthChecks": [_check(check) for check in page], "IsTruncated": following is not None}
        answer |= {"MaxItems": str(_most(given)), "Marker": given.get("Marker") or ""}
        return ActionResult(answer | ({"NextMarker": following.check_id} if following else {}))

    def get_health_check_count(self) -> ActionResult:
        return ActionResult({"HealthCheckCount": len(self.state.checks)})

    def get_health_check_status(self) -> ActionResult:
        return ActionResult({"HealthCheckObservations": [_observed(seen) for seen in self._observations()]})

    def get_health_check_last_failure_reason(self) -> ActionResult:
        failed = [seen for seen in self._observations() if seen.status.startswith("Failure")]
        return ActionResult({"HealthCheckObservations": [_observed(seen) for seen in failed]})

    def get_checker_ip_ranges(self) -> ActionResult:
        return ActionResult({"CheckerIpRanges": ["198.18.0.0/24"]})

    def _observations(self) -> Sequence[Observation]:
        """What the checkers saw last; nothing before they have looked."""
        check = self.state.check(self.inputs()["HealthCheckId"])
        if check.config["Type"] not in ENDPOINT_TYPES:
            raise AwsError("InvalidInput", f"The status of a {check.config['Type']} health check cannot be asked for.")
        return self.state.observations(check.check_id)

    # -- tags

    def change_tags_for_resource(self) -> ActionResult:
        given = self.inputs()
        tags = self._tags(given["ResourceType"], given["ResourceId"])
        for name in given.get("RemoveTagKeys") or ():
            tags.pop(name, None)
        tags |= {tag["Key"]: tag.get("Value") or "" for tag in given.get("AddTags") or ()}
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        given = self.inputs()
        return ActionResult({"ResourceTagSet": self._tag_set(given["ResourceType"], given["ResourceId"])})

    def list_tags_for_resources(self) -> ActionResult:
        given = self.inputs()
        return ActionResult({"ResourceTagSets": [self._tag_set(given["ResourceType"], one) for one in given["ResourceIds"]]})

    def _tags(self, kind: str, identifier: str) -> dict[str, str]:
        if kind == "hostedzone":
            self.state.zone(identifier)
        else:
            self.state.check(identifier)
        return self.state.tags.setdefault((kind, identifier), {})

    def _tag_set(self, kind: str, identifier: str) -> dict[str, Any]:
        tags = [{"Key": name, "Value": value} for name, value in self._tags(kind, identifier).items()]
        return {"ResourceType": kind, "ResourceId": identifier, "Tags": tags}

    def _change(self, change: Change) -> dict[str, Any]:
        _, everywhere = self.state.change(change.change_id)
        status = "INSYNC" if everywhere else "PENDING"
        return {"Id": f"/change/{change.change_id}", "Status": status, "SubmittedAt": change.submitted}


def route53_service(state: Route53State) -> type[AwsService]:
    """The service class for `Front`, on this state."""
    return type("Route53", (Route53Operations,), {"state": state})


def _zone(zone: HostedZone) -> dict[str, Any]:
    return {
        "Id": f"/hostedzone/{zone.zone_id}",
        "Name": written(zone.name),
        "CallerReference": zone.reference,
        "Config": {"PrivateZone": bool(zone.vpcs)} | ({"Comment": zone.comment} if zone.comment else {}),
        "ResourceRecordSetCount": len(zone.records),
    }


def _zone_answer(zone: HostedZone) -> dict[str, Any]:
    if not zone.vpcs:
        return {"HostedZone": _zone(zone), "DelegationSet": {"NameServers": list(zone.name_servers)}}
    vpcs = [{"VPCRegion": region, "VPCId": vpc} for region, vpc in zone.vpcs]
    return {"HostedZone": _zone(zone), "VPCs": vpcs, "VPC": vpcs[0]}


def _check(check: HealthCheck) -> dict[str, Any]:
    return {
        "Id": check.check_id,
        "CallerReference": check.reference,
        "HealthCheckConfig": dict(check.config),
        "HealthCheckVersion": check.version,
    }


def _observed(seen: Observation) -> dict[str, Any]:
    place = PLACES.index(seen.checker) if seen.checker in PLACES else 0
    report = {"Status": seen.status, "CheckedTime": seen.at}
    return {"Region": seen.checker, "IPAddress": f"198.18.0.{200 + place}", "StatusReport": report}


def _most(given: dict[str, Any]) -> int:
    return min(int(given.get("MaxItems") or PAGE), PAGE)


def _page(everything: Iterable[T], given: dict[str, Any], key: Callable[[T], str]) -> tuple[list[T], T | None]:
    """One page from the marker on, and the first item of the next."""
    marker = given.get("Marker") or ""
    left = [one for one in everything if key(one) >= marker]
    most = _most(given)
    return left[:most], left[most] if len(left) > most else None
