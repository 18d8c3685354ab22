"""The contract of what the ports say and do about zones, run against the in-memory Region and against the emulated AWS.

Nodes and pods need real parts: the adapter's own tests and the drills show them. So do the addresses of a balancer's nodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import boto3
import pytest
from tests.emulated import CREDENTIALS

from hadr.adapters.memory import ZoneWorld, zonal_site
from hadr.bootstrap import aws_ports
from hadr.core.errors import CallError, Rejected
from hadr.core.site import Member
from hadr.ports import Ports
from hadr_lab.emulator import emulator

REGION, A, B, C = "ap-southeast-1", "ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"


class Subject(Protocol):
    """A Region under test: one member over three zones, the database's writer in the first, a reader in the second."""

    @property
    def member(self) -> Member: ...

    @property
    def ports(self) -> Ports: ...

    def pass_time(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InMemory:
    """The in-memory Region as a subject."""

    world: ZoneWorld
    ports: Ports
    member: Member

    def pass_time(self) -> None:
        self.world.clock.advance(timedelta(seconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """The emulated AWS as a subject."""

    ports: Ports
    member: Member

    def pass_time(self) -> None:
        time.sleep(0.1)


@pytest.fixture(params=["memory", pytest.param("aws", marks=pytest.mark.lab)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        world = ZoneWorld(site=zonal_site())
        yield InMemory(world=world, ports=world.ports(), member=world.site.members[0])
    else:
        yield from emulated(request.getfixturevalue("monkeypatch"))


def emulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    """An AWS of its own, in which the member's parts are made through the API."""
    with emulator() as url:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        site = zonal_site()
        made = a_member(site.members[0], lambda service: boto3.client(service, region_name=REGION))
        yield Emulated(ports=aws_ports(replace(site, members=(made,))), member=made)


def a_member(member: Member, client: Callable[[str], Any]) -> Member:
    """The member with what was made for it: network, balancer with zonal shift, database in two zones, files in three."""
    ec2, elb, rds, efs = (client(service) for service in ("ec2", "elbv2", "rds", "efs"))
    vpc = ec2.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    subnets = {
        zone: ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.3.{number}.0/24", AvailabilityZone=zone)["Subnet"]
        for number, zone in enumerate((A, B, C))
    }
    ids = [subnet["SubnetId"] for subnet in subnets.values()]
    balancer = elb.create_load_balancer(Name="peccy-one", Subnets=ids)["LoadBalancers"][0]
    on = [{"Key": "zonal_shift.config.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"], Attributes=on)
    group = elb.create_target_group(Name="peccy-one", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward)
    rds.create_db_subnet_group(DBSubnetGroupName="peccy", DBSubnetGroupDescription="data", SubnetIds=ids)
    owner = {"MasterUsername": "peccy", "ManageMasterUserPassword": True, "DBSubnetGroupName": "peccy"}
    rds.create_db_cluster(DBClusterIdentifier="peccy", Engine="aurora-mysql", **owner)
    for name, zone in (("peccy-0", A), ("peccy-1", B)):
        where = {"DBClusterIdentifier": "peccy", "AvailabilityZone": zone, "DBInstanceClass": "db.r6g.large"}
        rds.create_db_instance(DBInstanceIdentifier=name, Engine="aurora-mysql", **where)
    files = efs.create_file_system(CreationToken="peccy")["FileSystemId"]
    for subnet in ids:
        efs.create_mount_target(FileSystemId=files, SubnetId=subnet)
    zones = {zone: str(subnet["AvailabilityZoneId"]) for zone, subnet in subnets.items()}
    return replace(member, target_group=str(group["TargetGroupArn"]), balancer=str(balancer["DNSName"]), files=files, zones=zones)


def until(subject: Subject, what: Callable[[], bool], seconds: int = 200) -> bool:
    """Whether `what` becomes true within so many of the subject's moments."""
    for _ in range(seconds):
        if what():
            return True
        subject.pass_time()
    return False


def test_the_writer_moves_to_the_instance_that_is_named(subject: Subject) -> None:
    """Two instances, each in its zone; after the move the other one writes, and the cluster is available."""
    database, member = subject.ports.database, subject.member
    assert until(subject, lambda: database.instances(member).status == "available")
    before = database.instances(member)
    assert before.writer is not None
    assert (before.writer.zone, [one.zone for one in before.instances]) == (A, [A, B])
    (reader,) = before.could_write(outside=A)
    database.move_writer(member, instance=reader.name)
    assert until(subject, lambda: (database.instances(member).writer or before.writer) == replace(reader, writer=True))
    assert until(subject, lambda: database.instances(member).status == "available")
    with pytest.raises(Rejected):
        database.move_writer(member, instance=reader.name)


def test_files_have_a_mount_target_in_each_zone(subject: Subject) -> None:
    """Zone by zone, in EFS's word."""
    assert subject.ports.files.mounts(subject.member) == {A: "available", B: "available", C: "available"}


def test_a_zone_is_left_by_one_shift_at_a_time(subject: Subject) -> None:
    """The shift is seen as ours with its end; a second one is refused; ending it twice is the same as once."""
    traffic, member = subject.ports.traffic, subject.member
    assert traffic.balancer(member).shifts == ()
    traffic.leave_zone(member, zone_id=member.zones[A], expires=timedelta(hours=2), run="contract")
    balancer = traffic.balancer(member)
    shift = balancer.away_from(member.zones[A])
    assert shift is not None
    assert (shift.ours, shift.comment, balancer.away_from(member.zones[B])) == (True, "hadr contract", None)
    left = shift.expires - subject.ports.clock.now()
    assert timedelta(minutes=115) < left <= timedelta(minutes=120)
    with pytest.raises(CallError):
        traffic.leave_zone(member, zone_id=member.zones[B], expires=timedelta(hours=2), run="contract")
    for _ in range(2):
        traffic.return_to_zone(member, zone_id=member.zones[A])
        assert traffic.balancer(member).shifts == ()
