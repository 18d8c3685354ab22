"""Route 53 through boto3: batches, paging, health checks and changes, each by AWS's rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hadr_lab.aws.local import Running, running
from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.route53_service import route53_service
from hadr_lab.dataplane.dns.zones import Observation
from hadr_lab.waits import Waits

BALANCER = "peccy-one-1.us-east-1.elb.amazonaws.com"
_numbers = itertools.count()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def state(clock: Clock) -> Route53State:
    return Route53State(Waits(), clock=clock)


@pytest.fixture(scope="module")
def aws(state: Route53State) -> Iterator[Running]:
    """A front whose Route 53 is our own, on a clock that the tests move."""
    with running({"route53": route53_service(state)}) as made:
        yield made


@pytest.fixture(scope="module")
def route53(aws: Running) -> Any:
    return aws.client("route53")


@pytest.fixture
def zone(route53: Any) -> str:
    """A fresh public zone `hadr.test`."""
    return zone_of(route53)


def zone_of(route53: Any, name: str = "hadr.test", **more: Any) -> str:
    made = route53.create_hosted_zone(Name=name, CallerReference=f"reference-{next(_numbers)}", **more)
    identifier: str = made["HostedZone"]["Id"].rpartition("/")[2]
    return identifier


def address(name: str, value: str = "192.0.2.1", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "A", "TTL": 5, "ResourceRecords": [{"Value": value}], **more}


def weighted(name: str, identifier: str, weight: int, **more: Any) -> dict[str, Any]:
    return address(name, SetIdentifier=identifier, Weight=weight, **more)


def change(route53: Any, zone: str, *changes: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    batch = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    answer: dict[str, Any] = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": batch})
    return answer["ChangeInfo"]  # type: ignore[no-any-return]


def listed(route53: Any, zone: str, page: int | None = None) -> list[tuple[str, str, str]]:
    """Every record but SOA and NS, through the paginator."""
    pages = route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone, PaginationConfig={"PageSize": page} if page else {}
    )
    records = [record for answer in pages for record in answer["ResourceRecordSets"]]
    return [(r["Name"], r["Type"], r.get("SetIdentifier", "")) for r in records if r["Type"] not in ("SOA", "NS")]


def refused(route53: Any, zone: str, *changes: tuple[str, dict[str, Any]]) -> str:
    """The code and message with which a batch is refused."""
    with pytest.raises(ClientError) as caught:
        change(route53, zone, *changes)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_a_zone_reads_back_with_its_apex(route53: Any) -> None:
    """A public zone has four name servers, an NS and an SOA record, and no VPC."""
    zone = zone_of(route53, "Apex.Test.", HostedZoneConfig={"Comment": "why"})
    found = route53.get_hosted_zone(Id=zone)
    assert found["HostedZone"]["Name"] == "apex.test."
    assert found["HostedZone"]["Config"] == {"Comment": "why", "PrivateZone": False}
    assert found["HostedZone"]["ResourceRecordSetCount"] == 2
    assert len(found["DelegationSet"]["NameServers"]) == 4
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert [(record["Name"], record["Type"]) for record in records] == [("apex.test.", "NS"), ("apex.test.", "SOA")]


def test_a_reference_makes_one_zone_only(route53: Any) -> None:
    """A repeated caller reference is an error, not a second zone."""
    route53.create_hosted_zone(Name="once.test", CallerReference="once")
    with pytest.raises(route53.exceptions.HostedZoneAlreadyExists):
        route53.create_hosted_zone(Name="once.test", CallerReference="once")


def test_a_vpc_makes_a_zone_private(route53: Any) -> None:
    """Privacy follows from the VPC, whether or not the caller says PrivateZone; the last VPC stays."""
    zone = zone_of(route53, VPC={"VPCRegion": "us-east-1", "VPCId": "vpc-1"})
    two = {"VPCRegion": "us-east-2", "VPCId": "vpc-2"}
    route53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=two)
    found = route53.get_hosted_zone(Id=zone)
    assert found["HostedZone"]["Config"]["PrivateZone"] is True
    assert [vpc["VPCId"] for vpc in found["VPCs"]] == ["vpc-1", "vpc-2"]
    assert [z["HostedZoneId"] for z in route53.list_hosted_zones_by_vpc(**two)["HostedZoneSummaries"]] == [zone]
    route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=two)
    with pytest.raises(route53.exceptions.LastVPCAssociation):
        route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC={"VPCRegion": "us-east-1", "VPCId": "vpc-1"})


def test_only_an_empty_zone_can_be_deleted(route53: Any, zone: str) -> None:
    """Records other than the apex keep the zone."""
    change(route53, zone, ("CREATE", address("a.hadr.test")))
    with pytest.raises(route53.exceptions.HostedZoneNotEmpty):
        route53.delete_hosted_zone(Id=zone)
    change(route53, zone, ("DELETE", address("a.hadr.test")))
    route53.delete_hosted_zone(Id=zone)
    with pytest.raises(route53.exceptions.NoSuchHostedZone):
        route53.get_hosted_zone(Id=zone)


def test_records_read_back_as_given(route53: Any, zone: str) -> None:
    """Every property of a record survives, alias targets with their evaluation included."""
    check = route53.create_health_check(
        CallerReference=f"check-{next(_numbers)}", HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80}
    )["HealthCheck"]["Id"]
    alias = {"HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": f"dualstack.{BALANCER}.", "EvaluateTargetHealth": True}
    records = [
        {"Name": "w.hadr.test.", "Type": "A", "SetIdentifier": "one", "Weight": 0, "AliasTarget": alias, "HealthCheckId": check},
        address("f.hadr.test.", SetIdentifier="one", Failover="PRIMARY", HealthCheckId=check),
        address("m.hadr.test.", SetIdentifier="one", MultiValueAnswer=True),
        address("l.hadr.test.", SetIdentifier="one", Region="us-east-1"),
        address("\\052.wild.hadr.test."),
    ]
    change(route53, zone, *(("CREATE", record) for record in records))
    found = {r["Name"]: r for r in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
    for record in records:
        assert found[record["Name"]] == record


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("CREATE", address("b.hadr.test", "192.0.2.9"))], "but it already exists"),
        ([("DELETE", address("absent.hadr.test"))], "but it was not found"),
        ([("DELETE", address("b.hadr.test", "192.0.2.9"))], "do not match the current values"),
        ([("UPSERT", address("b.other.test"))], "is not permitted in zone hadr.test."),
        ([("UPSERT", weighted("b.hadr.test", "one", 1))], "another routing policy"),
        ([("UPSERT", address("c.hadr.test")), ("UPSERT", address("c.hadr.test"))], "invalid set of changes"),
        ([("UPSERT", address("c.hadr.test", "300.1.1.1"))], "is not a valid value of an A record"),
        ([("UPSERT", {"Name": "b.hadr.test", "Type": "CNAME", "TTL": 5, "ResourceRecords": [{"Value": "x.y"}]})], "conflicts"),
        ([("UPSERT", {"Name": "hadr.test", "Type": "CNAME", "TTL": 5, "ResourceRecords": [{"Value": "x.y"}]})], "at apex"),
    ],
)
def test_a_refused_batch_changes_nothing(route53: Any, zone: str, changes: list[Any], message: str) -> None:
    """One wrong change refuses the whole batch; the good change before it is not applied either."""
    change(route53, zone, ("CREATE", address("b.hadr.test")))
    said = refused(route53, zone, ("UPSERT", address("good.hadr.test")), *changes)
    assert said.startswith("InvalidChangeBatch: [")
    assert message in said
    assert listed(route53, zone) == [("b.hadr.test.", "A", "")]


def test_every_broken_rule_is_named(route53: Any, zone: str) -> None:
    """The message lists all errors of a batch."""
    said = refused(route53, zone, ("DELETE", address("x.hadr.test")), ("UPSERT", address("x.elsewhere.test")))
    assert "was not found" in said
    assert "is not permitted" in said


def test_an_alias_into_its_own_zone_needs_a_target_there(route53: Any, zone: str) -> None:
    """A target made in the same batch counts; none at all does not."""
    alias = {
        "Name": "hadr.test",
        "Type": "A",
        "AliasTarget": {"HostedZoneId": zone, "DNSName": "w.hadr.test", "EvaluateTargetHealth": False},
    }
    assert "that target was not found" in refused(route53, zone, ("UPSERT", alias))
    change(route53, zone, ("UPSERT", alias), ("UPSERT", address("w.hadr.test")))
    assert len(listed(route53, zone)) == 2


@pytest.mark.parametrize(
    "record",
    [
        weighted("w.hadr.test", "one", 256),
        weighted("w.hadr.test", "one", -1),
        address("w.hadr.test", Weight=1),
        address("w.hadr.test", SetIdentifier="one"),
        weighted("w.hadr.test", "one", 1, Failover="PRIMARY"),
        {"Name": "w.hadr.test", "Type": "A"},
        {"Name": "w.hadr.test", "Type": "A", "ResourceRecords": [{"Value": "192.0.2.1"}]},
    ],
)
def test_malformed_records_are_invalid_input(aws: Running, zone: str, record: dict[str, Any]) -> None:
    """Weights are 0 to 255; a set identifier and one policy belong together; a record has values or an alias."""
    assert refused(aws.client("route53", parameter_validation=False), zone, ("UPSERT", record)).startswith("InvalidInput: ")


def test_an_unknown_health_check_is_refused(route53: Any, zone: str) -> None:
    """A record cannot refer to a health check that does not exist."""
    assert refused(route53, zone, ("UPSERT", address("a.hadr.test", HealthCheckId="absent"))).startswith("NoSuchHealthCheck")


def test_what_the_name_server_cannot_do_is_a_gap_not_a_lie(route53: Any, zone: str) -> None:
    """Geolocation routing is refused as unsupported instead of being stored and ignored."""
    record = address("g.hadr.test", SetIdentifier="eu", GeoLocation={"ContinentCode": "EU"})
    assert refused(route53, zone, ("UPSERT", record)).startswith("EmulatorUnsupported")


def test_deleting_one_of_a_set_leaves_the_others(route53: Any, zone: str) -> None:
    """A set identifier is part of the key, together with name and type."""
    records = [weighted("a.hadr.test", "one", 1), weighted("b.hadr.test", "one", 1), weighted("b.hadr.test", "two", 2)]
    change(route53, zone, *(("CREATE", record) for record in records))
    change(route53, zone, ("DELETE", records[0]))
    assert listed(route53, zone) == [("b.hadr.test.", "A", "one"), ("b.hadr.test.", "A", "two")]


def test_a_batch_can_replace_a_record_of_another_kind(route53: Any, zone: str) -> None:
    """Deleting a CNAME and creating an address of the same name is one step."""
    cname = {"Name": "x.hadr.test", "Type": "CNAME", "TTL": 5, "ResourceRecords": [{"Value": "y.hadr.test"}]}
    change(route53, zone, ("CREATE", cname))
    change(route53, zone, ("DELETE", cname), ("CREATE", address("x.hadr.test")))
    assert listed(route53, zone) == [("x.hadr.test.", "A", "")]


def test_pages_split_weighted_sets_without_losing_one(route53: Any, zone: str) -> None:
    """A page edge inside a set of equal name and type continues with the next identifier."""
    records = [weighted("w.hadr.test", f"s{n}", n) for n in range(7)] + [address("a.hadr.test"), address("z.a.hadr.test")]
    change(route53, zone, *(("CREATE", record) for record in records))
    expected = [("a.hadr.test.", "A", ""), ("z.a.hadr.test.", "A", "")] + [("w.hadr.test.", "A", f"s{n}") for n in range(7)]
    for page in (1, 2, 3, 300):
        assert listed(route53, zone, page) == expected


def test_more_than_a_thousand_changes_are_refused(route53: Any, zone: str) -> None:
    """UPSERT counts twice against the limit of 1,000 changes."""
    changes = [("UPSERT", address(f"h{n}.hadr.test")) for n in range(501)]
    assert "limit of 1000" in refused(route53, zone, *changes)


def test_a_change_is_pending_until_it_has_propagated(route53: Any, zone: str, state: Route53State, clock: Clock) -> None:
    """The API shows a change at once; the name servers, and with them GetChange and TestDNSAnswer, after the wait."""
    clock.now += 1000
    submitted = change(route53, zone, ("CREATE", address("late.hadr.test")))
    asked = {"HostedZoneId": zone, "RecordName": "late.hadr.test", "RecordType": "A"}
    assert submitted["Status"] == "PENDING"
    assert listed(route53, zone) == [("late.hadr.test.", "A", "")]
    clock.now += 59
    assert route53.get_change(Id=submitted["Id"])["ChangeInfo"]["Status"] == "PENDING"
    assert route53.test_dns_answer(**asked)["ResponseCode"] == "NXDOMAIN"
    clock.now += 2
    assert route53.get_change(Id=submitted["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    answer = route53.test_dns_answer(**asked)
    assert (answer["ResponseCode"], answer["RecordData"]) == ("NOERROR", ["192.0.2.1"])
    with pytest.raises(route53.exceptions.NoSuchChange):
        route53.get_change(Id="C0")


def a_check(route53: Any, **config: Any) -> dict[str, Any]:
    full = {"Type": "HTTP", "FullyQualifiedDomainName": "app.hadr.test", "ResourcePath": "/readyz"} | config
    full = {name: value for name, value in full.items() if value is not None}
    made: dict[str, Any] = route53.create_health_check(CallerReference=f"check-{next(_numbers)}", HealthCheckConfig=full)
    return made["HealthCheck"]  # type: ignore[no-any-return]


def test_a_health_check_gets_awss_defaults(route53: Any) -> None:
    """What is not given reads back with Route 53's defaults, as real booleans."""
    check = a_check(route53, Inverted=True)
    assert check["HealthCheckVersion"] == 1
    assert route53.get_health_check(HealthCheckId=check["Id"])["HealthCheck"]["HealthCheckConfig"] == {
        "Type": "HTTP",
        "FullyQualifiedDomainName": "app.hadr.test",
        "ResourcePath": "/readyz",
        "Port": 80,
        "RequestInterval": 30,
        "FailureThreshold": 3,
        "MeasureLatency": False,
        "Inverted": True,
        "Disabled": False,
        "EnableSNI": False,
    }


def test_a_check_reference_is_idempotent(route53: Any) -> None:
    """Same reference and settings: the same check; other settings, or a deleted check's reference: an error."""
    config = {"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 3306}
    first = route53.create_health_check(CallerReference="same", HealthCheckConfig=config)["HealthCheck"]["Id"]
    assert route53.create_health_check(CallerReference="same", HealthCheckConfig=config)["HealthCheck"]["Id"] == first
    with pytest.raises(route53.exceptions.HealthCheckAlreadyExists):
        route53.create_health_check(CallerReference="same", HealthCheckConfig=config | {"Port": 3307})
    route53.delete_health_check(HealthCheckId=first)
    with pytest.raises(route53.exceptions.HealthCheckAlreadyExists):
        route53.create_health_check(CallerReference="same", HealthCheckConfig=config)


def test_an_update_keeps_what_it_does_not_name(route53: Any) -> None:
    """Children and Regions stay, the version counts, and a stale version is refused."""
    children = [a_check(route53)["Id"] for _ in range(2)]
    parent = a_check(
        route53, Type="CALCULATED", FullyQualifiedDomainName=None, ResourcePath=None, ChildHealthChecks=children, HealthThreshold=2
    )
    new = route53.update_health_check(HealthCheckId=parent["Id"], HealthCheckVersion=1, HealthThreshold=1)["HealthCheck"]
    assert new["HealthCheckVersion"] == 2
    assert new["HealthCheckConfig"]["ChildHealthChecks"] == children
    with pytest.raises(route53.exceptions.HealthCheckVersionMismatch):
        route53.update_health_check(HealthCheckId=parent["Id"], HealthCheckVersion=1, Inverted=True)
    regions = ["us-east-1", "us-west-1", "eu-west-1"]
    check = a_check(route53, Regions=regions)
    route53.update_health_check(HealthCheckId=check["Id"], Disabled=True)
    config = route53.get_health_check(HealthCheckId=check["Id"])["HealthCheck"]["HealthCheckConfig"]
    assert (config["Regions"], config["Disabled"]) == (regions, True)
    reset = route53.update_health_check(HealthCheckId=check["Id"], ResetElements=["Regions"])["HealthCheck"]
    assert "Regions" not in reset["HealthCheckConfig"]


@pytest.mark.parametrize(
    "config",
    [
        {"RequestInterval": 20},
        {"FailureThreshold": 11},
        {"Port": 0},
        {"FullyQualifiedDomainName": None},
        {"SearchString": "x"},
        {"Type": "HTTP_STR_MATCH"},
        {"Type": "TCP", "Port": 80},
        {"Regions": ["us-east-1"]},
        {"ChildHealthChecks": ["x"]},
        {
            "Type": "CALCULATED",
            "FullyQualifiedDomainName": None,
            "ResourcePath": None,
            "ChildHealthChecks": ["x"],
            "HealthThreshold": 1,
        },
        {"Type": "CALCULATED", "FullyQualifiedDomainName": None, "ResourcePath": None, "ChildHealthChecks": []},
    ],
)
def test_a_wrong_check_is_invalid_input(aws: Running, config: dict[str, Any]) -> None:
    """Intervals, thresholds, ports and the fields of each type are checked."""
    with pytest.raises(ClientError) as caught:
        a_check(aws.client("route53", parameter_validation=False), **config)
    assert caught.value.response["Error"]["Code"] == "InvalidInput"


def test_status_is_what_the_checkers_saw(route53: Any, state: Route53State) -> None:
    """The status has one observation for each checker, the failure reason only the failed ones; a calculated check has none."""
    check = a_check(route53)["Id"]
    assert route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"] == []
    now = datetime.now(UTC)
    seen = {"us-west-1": "Success: HTTP Status Code 200, OK", "eu-west-1": "Failure: HTTP Status Code 503, Service Unavailable"}
    state.observed(
        Observation(check_id=check, checker=place, healthy=status.startswith("S"), status=status, at=now)
        for place, status in seen.items()
    )
    found = route53.get_health_check_status(HealthCheckId=check)["HealthCheckObservations"]
    assert {one["Region"]: one["StatusReport"]["Status"] for one in found} == seen
    failed = route53.get_health_check_last_failure_reason(HealthCheckId=check)["HealthCheckObservations"]
    assert [one["Region"] for one in failed] == ["eu-west-1"]
    assert state.healthy(check)
    parent = a_check(
        route53, Type="CALCULATED", FullyQualifiedDomainName=None, ResourcePath=None, ChildHealthChecks=[check], HealthThreshold=1
    )
    with pytest.raises(route53.exceptions.InvalidInput):
        route53.get_health_check_status(HealthCheckId=parent["Id"])


def test_a_turned_status_is_a_change_and_a_repeated_one_is_not(route53: Any, state: Route53State) -> None:
    """Whoever waits for changes hears when a check's status turns, also through a calculated check."""
    check = a_check(route53, Inverted=True)["Id"]

    def seen(healthy: bool | None) -> int:
        before = state.changes.count
        state.observed([Observation(check_id=check, checker="us-west-1", healthy=healthy, status="", at=datetime.now(UTC))])
        return state.changes.count - before

    assert [seen(None), seen(True), seen(False), seen(False), seen(True)] == [0, 0, 1, 0, 1]
    assert not state.healthy(check)


def test_checks_and_zones_page(route53: Any) -> None:
    """Paginators find every check and zone, whatever the page size."""
    for _ in range(3):
        a_check(route53)
        zone_of(route53)
    for operation, result in (("list_health_checks", "HealthChecks"), ("list_hosted_zones", "HostedZones")):
        everything = [x["Id"] for x in getattr(route53, operation)()[result]]
        pages = route53.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2})
        assert [x["Id"] for page in pages for x in page[result]] == everything
    assert route53.get_hosted_zone_count()["HostedZoneCount"] == len(everything)


def test_zones_are_found_by_name(route53: Any) -> None:
    """Listing by name starts at the name asked for."""
    zone_of(route53, "aaa.finder")
    wanted = zone_of(route53, "bbb.finder")
    found = route53.list_hosted_zones_by_name(DNSName="bbb.finder", MaxItems="1")["HostedZones"]
    assert [zone["Id"] for zone in found] == [f"/hostedzone/{wanted}"]


def test_tags_round_trip(route53: Any, zone: str) -> None:
    """Tags of a zone can be added, replaced and removed."""
    what = {"ResourceType": "hostedzone", "ResourceId": zone}
    route53.change_tags_for_resource(**what, AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    route53.change_tags_for_resource(**what, AddTags=[{"Key": "a", "Value": "3"}], RemoveTagKeys=["b"])
    assert route53.list_tags_for_resource(**what)["ResourceTagSet"]["Tags"] == [{"Key": "a", "Value": "3"}]


def test_a_lost_us_east_1_takes_the_control_plane_along(aws: Running) -> None:
    """Route 53's calls are answered in us-east-1, even when a client of us-east-2 makes them."""
    aws.client("route53", "us-east-2", front="us-east-2").list_hosted_zones()
    assert (aws.calls[-1].region, aws.calls[-1].operation) == ("us-east-1", "ListHostedZones")
