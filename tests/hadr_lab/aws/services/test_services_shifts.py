"""arc-zonal-shift and service-quotas: one shift a resource, and the quota that launches are held to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, EAST_2, Cloud, Network, refused, unique

from hadr_lab.aws.services.capacity import Capacity
from hadr_lab.aws.services.serial import now

VCPUS = "L-1216C47A"


@pytest.fixture(autouse=True)
def real_time(cloud: Cloud) -> Iterator[None]:
    """The clock is the real one again after a test that moved it."""
    yield
    cloud.state.shifts.clock = now
    cloud.state.capacity.vcpu_quota.clear()


@pytest.fixture
def resource(cloud: Cloud, network: Network) -> str:
    """The ARN of a cluster that takes part in zonal shifts."""
    name = cloud.cluster(network, zonalShiftConfig={"enabled": True})
    return str(cloud("eks").describe_cluster(name=name)["cluster"]["arn"])


def start(cloud: Cloud, resource: str, **changes: Any) -> Any:
    """StartZonalShift away from us-east-1a for an hour."""
    given = {"resourceIdentifier": resource, "awayFrom": "use1-az1", "expiresIn": "1h", "comment": "drill"}
    return cloud("arc-zonal-shift").start_zonal_shift(**(given | changes))


def test_a_shift_takes_a_zone_away(cloud: Cloud, resource: str) -> None:
    """Active for as long as asked; the zone's weight is 0, the others' 1."""
    shift = start(cloud, resource)
    assert (shift["status"], shift["awayFrom"]) == ("ACTIVE", "use1-az1")
    assert shift["expiryTime"] - shift["startTime"] == timedelta(hours=1)
    managed = cloud("arc-zonal-shift").get_managed_resource(resourceIdentifier=resource)
    assert managed["appliedWeights"] == {"use1-az1": 0.0, "use1-az2": 1.0, "use1-az3": 1.0}
    assert [s["zonalShiftId"] for s in managed["zonalShifts"]] == [shift["zonalShiftId"]]


def test_a_resource_has_one_active_shift(cloud: Cloud, resource: str) -> None:
    """A second one conflicts until the first is cancelled."""
    shift = start(cloud, resource)
    with refused("ConflictException"):
        start(cloud, resource, awayFrom="use1-az2")
    cancelled = cloud("arc-zonal-shift").cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
    assert cancelled["status"] == "CANCELED"
    with refused("ConflictException"):
        cloud("arc-zonal-shift").cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
    start(cloud, resource, awayFrom="use1-az2")


def test_realizers_see_which_zone_a_balancer_is_shifted_away_from(cloud: Cloud, network: Network) -> None:
    """By its name, as long as the shift holds; and whether a group may be sent to across zones."""
    elb, name = cloud("elbv2"), unique("shifted")
    arn = elb.create_load_balancer(Name=name, Subnets=list(network.subnets.values()))["LoadBalancers"][0]["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "zonal_shift.config.enabled", "Value": "true"}])

    def away() -> frozenset[str]:
        return next(view.away_from for view in cloud.state.load_balancers(EAST_1) if view.arn == arn)

    assert away() == frozenset()
    shift = start(cloud, arn)
    assert away() == {"us-east-1a"}
    cloud.state.shifts.clock = lambda: now() + timedelta(minutes=61)
    assert away() == frozenset()
    cloud.state.shifts.clock = now
    cloud("arc-zonal-shift").cancel_zonal_shift(zonalShiftId=shift["zonalShiftId"])
    assert away() == frozenset()
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=network.vpc, TargetType="ip")["TargetGroups"][0]
    for value, crosses in (("false", False), ("use_load_balancer_configuration", True)):
        attributes = [{"Key": "load_balancing.cross_zone.enabled", "Value": value}]
        elb.modify_target_group_attributes(TargetGroupArn=made["TargetGroupArn"], Attributes=attributes)
        (view,) = [group for group in cloud.state.target_groups(EAST_1) if group.arn == made["TargetGroupArn"]]
        assert view.cross_zone is crosses


def test_a_shift_expires_by_itself(cloud: Cloud, resource: str) -> None:
    """And can be prolonged before that, counted from now."""
    arc, shift = cloud("arc-zonal-shift"), start(cloud, resource, expiresIn="30m")
    cloud.state.shifts.clock = lambda: now() + timedelta(minutes=20)
    arc.update_zonal_shift(zonalShiftId=shift["zonalShiftId"], expiresIn="30m", comment="longer")
    cloud.state.shifts.clock = lambda: now() + timedelta(minutes=45)
    listed = arc.list_zonal_shifts(resourceIdentifier=resource, status="ACTIVE")["items"]
    assert [(s["zonalShiftId"], s["comment"]) for s in listed] == [(shift["zonalShiftId"], "longer")]
    cloud.state.shifts.clock = lambda: now() + timedelta(minutes=51)
    assert arc.list_zonal_shifts(resourceIdentifier=resource, status="ACTIVE")["items"] == []
    assert [s["status"] for s in arc.list_zonal_shifts(resourceIdentifier=resource)["items"]] == ["EXPIRED"]
    with refused("ConflictException"):
        arc.update_zonal_shift(zonalShiftId=shift["zonalShiftId"], expiresIn="30m")


@pytest.mark.parametrize("wrong", [{"awayFrom": "use2-az1"}, {"expiresIn": "4d"}, {"expiresIn": "100h"}, {"expiresIn": "0m"}])
def test_a_shift_that_makes_no_sense_is_refused(cloud: Cloud, resource: str, wrong: dict[str, str]) -> None:
    """A zone that the resource is not in, a length that is none or more than three days."""
    with refused("ValidationException"):
        start(cloud, resource, **wrong)


def test_only_resources_that_take_part_can_be_shifted(cloud: Cloud, network: Network, resource: str) -> None:
    """A cluster without zonalShiftConfig cannot, a balancer with the attribute can, and other Regions do not know of either."""
    arc, elb = cloud("arc-zonal-shift"), cloud("elbv2")
    name = cloud.cluster(network)
    with refused("ResourceNotFoundException"):
        start(cloud, cloud("eks").describe_cluster(name=name)["cluster"]["arn"])
    made = elb.create_load_balancer(Name=name[:32], Subnets=list(network.subnets.values()))["LoadBalancers"][0]["LoadBalancerArn"]
    on = [{"Key": "zonal_shift.config.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=made, Attributes=on)
    assert start(cloud, made)["status"] == "ACTIVE"
    assert {resource, made} <= {item["arn"] for item in arc.list_managed_resources()["items"]}
    assert cloud("arc-zonal-shift", EAST_2).list_managed_resources()["items"] == []
    with refused("ResourceNotFoundException"):
        cloud("arc-zonal-shift", EAST_2).get_managed_resource(resourceIdentifier=made)


def test_the_vcpu_quota_is_the_one_that_holds(cloud: Cloud) -> None:
    """What GetServiceQuota says is what launches are measured by, per Region."""
    cloud.state.capacity.vcpu_quota[EAST_1] = 24.0
    quota = cloud("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode=VCPUS)["Quota"]
    assert (quota["Value"], quota["QuotaCode"], quota["Adjustable"]) == (24.0, VCPUS, True)
    listed = cloud("service-quotas", EAST_2).list_service_quotas(ServiceCode="ec2")["Quotas"]
    assert next(q["Value"] for q in listed if q["QuotaCode"] == VCPUS) == 128.0
    assert (
        cloud("service-quotas").get_aws_default_service_quota(ServiceCode="eks", QuotaCode="L-1194D53C")["Quota"]["Value"] == 100.0
    )


@pytest.mark.parametrize(("service", "code"), [("ec2", "L-00000000"), ("nothing", VCPUS)])
def test_an_unknown_quota_is_not_found(cloud: Cloud, service: str, code: str) -> None:
    """NoSuchResourceException for the quota and for the service."""
    with refused("NoSuchResourceException"):
        cloud("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)


@pytest.mark.parametrize(
    ("instance_type", "in_use", "code"),
    [
        ("m6i.large", 6, None),
        ("m6i.large", 7, "VcpuLimitExceeded"),
        ("m6i.2xlarge", 0, None),
        ("p4d.24xlarge", 7, None),
    ],
)
def test_the_standard_quota_counts_standard_types(instance_type: str, in_use: int, code: str | None) -> None:
    """Up to the quota and not beyond; other families have quotas of their own."""
    capacity = Capacity(vcpu_quota={EAST_1: 8.0})
    refusal = capacity.refusal(EAST_1, "us-east-1a", instance_type, vcpus_in_use=in_use)
    assert (refusal.code if refusal else None) == code


def test_allowing_a_zone_takes_back_every_refusal_of_it() -> None:
    """A single type can be allowed alone; another zone is untouched."""
    capacity = Capacity()
    for zone, kind in (("us-east-1a", "*"), ("us-east-1a", "m6i.large"), ("us-east-1b", "m6i.large")):
        capacity.refuse(EAST_1, zone, kind)
    capacity.allow(EAST_1, "us-east-1b", "m6i.large")
    assert capacity.refusal(EAST_1, "us-east-1b", "m6i.large", vcpus_in_use=0) is None
    assert capacity.refusal(EAST_1, "us-east-1a", "c6i.large", vcpus_in_use=0) is not None
    capacity.allow(EAST_1, "us-east-1a")
    assert capacity.refused == set()
