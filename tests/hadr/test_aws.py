"""The AWS adapters against botocore's own service models: what is asked, what answers mean, what errors become."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import ANY, Stubber

from hadr.adapters.aws.aurora import Aurora
from hadr.adapters.aws.calls import CALLS, Caller
from hadr.adapters.aws.efs import Efs
from hadr.adapters.aws.eks import Eks
from hadr.adapters.aws.elb import Elb
from hadr.adapters.aws.errors import translate
from hadr.adapters.aws.route53 import Route53
from hadr.adapters.aws.session import Sessions
from hadr.adapters.aws.switch import S3Switch
from hadr.adapters.aws.zonal_shift import ZonalShifts
from hadr.adapters.memory import VirtualClock, example_site
from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, Throttled, Unreachable
from hadr.core.view import DatabaseState, FilesRole, FilesState, HealthCheck, Lag, Protection, TargetsState

SITE = example_site()
ONE, TWO = SITE.members
ACCOUNT = "123456789012"
ARN_ONE = f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:peccy-one"
ARN_TWO = f"arn:aws:rds:us-east-2:{ACCOUNT}:cluster:peccy-two"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Stubbed:
    """Real clients whose answers are prepared; every prepared call has to be made, in order, with valid arguments."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self._stubs: dict[tuple[str, str], Stubber] = {}

    def client(self, service: str, region: str, *, changes: bool = False) -> Any:
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=region)
            self._stubs[key] = Stubber(self._clients[key])
            self._stubs[key].activate()
        return self._clients[key]

    def answers(self, service: str, region: str, operation: str, expected: dict[str, Any] | None, answer: dict[str, Any]) -> None:
        self.client(service, region)
        self._stubs[(service, region)].add_response(operation, answer, expected)

    def fails(self, service: str, region: str, operation: str, code: str, status: int = 400) -> None:
        self.client(service, region)
        self._stubs[(service, region)].add_client_error(operation, code, "said so", status)

    def all_asked(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture(scope="module")
def session() -> Any:
    """One session, whose loaded service models all tests share."""
    return boto3.session.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="none")


@pytest.fixture
def aws(session: Any) -> Stubbed:
    return Stubbed(session)


def a_global_cluster(writer: str = ARN_ONE, **more: Any) -> dict[str, Any]:
    members = [{"DBClusterArn": arn, "IsWriter": arn == writer} for arn in (ARN_ONE, ARN_TWO)]
    return {
        "GlobalClusters": [
            {"GlobalClusterIdentifier": "other", "Status": "available"},
            {"GlobalClusterIdentifier": "peccy", "Status": "available", "GlobalClusterMembers": members, **more},
        ]
    }


def a_cluster(status: str = "available", instances: int = 1) -> dict[str, Any]:
    return {
        "DBClusters": [
            {
                "DBClusterIdentifier": "peccy-two",
                "DBClusterArn": ARN_TWO,
                "Status": status,
                "DBClusterMembers": [{"DBInstanceIdentifier": f"peccy-two-{n}"} for n in range(instances)],
            }
        ]
    }


def test_the_global_database_is_told_by_members_names(aws: Stubbed) -> None:
    """Asked in the member's own Region; ARNs become member names, even when the identifier filter is ignored."""
    aws.answers("rds", "us-east-2", "describe_global_clusters", {"GlobalClusterIdentifier": "peccy"}, a_global_cluster())
    aws.answers("rds", "us-east-2", "describe_db_clusters", {"DBClusterIdentifier": "peccy-two"}, a_cluster())
    assert Aurora(SITE, Caller(aws), VirtualClock()).observe(TWO) == DatabaseState(
        writer="one", status="available", switching_to=None, cluster_status="available", instances=1
    )
    aws.all_asked()


@pytest.mark.parametrize(
    ("state", "switching"),
    [
        ({"Status": "failing-over", "FromDbClusterArn": ARN_ONE, "ToDbClusterArn": ARN_TWO}, "two"),
        ({"Status": "pending", "ToDbClusterArn": "arn:aws:rds:eu-west-1:1:cluster:third"}, "arn:aws:rds:eu-west-1:1:cluster:third"),
        ({"Status": "switching-over"}, "unknown"),
        ({}, None),
    ],
)
def test_a_role_change_under_way_is_seen(aws: Stubbed, state: dict[str, Any], switching: str | None) -> None:
    """FailoverState says where to; a change to somewhere that is no member is not hidden."""
    aws.answers("rds", "us-east-2", "describe_global_clusters", None, a_global_cluster(FailoverState=state))
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, a_cluster())
    assert Aurora(SITE, Caller(aws), VirtualClock()).observe(TWO).switching_to == switching


@pytest.mark.parametrize(
    ("writer", "told", "unsynced"),
    [(ARN_ONE, "pending-resync", "pending-resync"), (ARN_ONE, "connected", ""), (ARN_TWO, "pending-resync", "")],
)
def test_a_reader_that_rds_calls_out_of_sync_is_told(aws: Stubbed, writer: str, told: str, unsynced: str) -> None:
    """In RDS's word, for the member's own cluster; a writer follows nobody."""
    whole = a_global_cluster(writer)
    whole["GlobalClusters"][1]["GlobalClusterMembers"][1]["SynchronizationStatus"] = told
    aws.answers("rds", "us-east-2", "describe_global_clusters", None, whole)
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, a_cluster())
    assert Aurora(SITE, Caller(aws), VirtualClock()).observe(TWO).unsynced == unsynced


def test_a_promotion_is_asked_in_the_targets_region_with_data_loss_allowed(aws: Stubbed) -> None:
    """The target is named by its ARN, as FailoverGlobalCluster needs it across Regions."""
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, a_cluster())
    expected = {"GlobalClusterIdentifier": "peccy", "TargetDbClusterIdentifier": ARN_TWO, "AllowDataLoss": True}
    aws.answers("rds", "us-east-2", "failover_global_cluster", expected, {})
    assert Aurora(SITE, Caller(aws), VirtualClock()).promote(TWO) == f"failing over to {ARN_TWO}"
    aws.all_asked()


def test_a_switchover_is_asked_in_the_writers_region(aws: Stubbed) -> None:
    """Without any word of data loss; the target is named by the ARN that its own Region tells."""
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, a_cluster())
    expected = {"GlobalClusterIdentifier": "peccy", "TargetDbClusterIdentifier": ARN_TWO}
    aws.answers("rds", "us-east-1", "switchover_global_cluster", expected, {})
    assert Aurora(SITE, Caller(aws), VirtualClock()).switch_over(TWO, away=ONE) == f"switching over to {ARN_TWO}"
    aws.all_asked()


def test_databases_that_are_not_there_are_gone(aws: Stubbed) -> None:
    """An empty list is no database of that name."""
    aurora = Aurora(SITE, Caller(aws), VirtualClock())
    aws.answers("rds", "us-east-2", "describe_global_clusters", None, {"GlobalClusters": []})
    with pytest.raises(Gone, match="no global database peccy"):
        aurora.observe(TWO)
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, {"DBClusters": []})
    with pytest.raises(Gone, match="no database cluster peccy-two"):
        aurora.promote(TWO)


def test_lag_is_the_newest_measurement_in_the_readers_region(aws: Stubbed) -> None:
    """Milliseconds become a length; the moment of the measurement is kept, so that an old one can be told."""
    points = [
        {"Timestamp": NOON - timedelta(minutes=2), "Maximum": 90000.0},
        {"Timestamp": NOON - timedelta(minutes=1), "Maximum": 420.0},
    ]
    clock = VirtualClock(NOON)
    expected = {
        "Namespace": "AWS/RDS",
        "MetricName": "AuroraGlobalDBReplicationLag",
        "Dimensions": [{"Name": "DBClusterIdentifier", "Value": "peccy-two"}],
        "StartTime": ANY,
        "EndTime": ANY,
        "Period": 60,
        "Statistics": ["Maximum"],
    }
    aws.answers("cloudwatch", "us-east-2", "get_metric_statistics", expected, {"Datapoints": points})
    aurora = Aurora(SITE, Caller(aws), clock)
    assert aurora.lag(TWO) == Lag(value=timedelta(seconds=0.42), measured=NOON - timedelta(minutes=1))
    aws.answers("cloudwatch", "us-east-2", "get_metric_statistics", None, {"Datapoints": []})
    with pytest.raises(Gone, match="no replication lag of peccy-two was measured in the last 15 minutes"):
        aurora.lag(TWO)


def a_replication(**destination: Any) -> dict[str, Any]:
    return {
        "Replications": [
            {
                "SourceFileSystemId": "fs-one",
                "SourceFileSystemRegion": "us-east-1",
                "SourceFileSystemArn": "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-one",
                "OriginalSourceFileSystemArn": "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-one",
                "CreationTime": NOON,
                "Destinations": [{"Status": "ENABLED", "FileSystemId": "fs-two", "Region": "us-east-2", **destination}],
            }
        ]
    }


def test_a_file_system_knows_its_side_of_a_replication(aws: Stubbed) -> None:
    """Destination, source, or alone, as the member's own Region tells it."""
    efs = Efs(Caller(aws))
    answer = a_replication(LastReplicatedTimestamp=NOON)
    aws.answers("efs", "us-east-2", "describe_replication_configurations", {"FileSystemId": "fs-two"}, answer)
    assert efs.observe(TWO) == FilesState(role=FilesRole.DESTINATION, status="ENABLED", source="fs-one", synced=NOON)
    aws.answers("efs", "us-east-1", "describe_replication_configurations", {"FileSystemId": "fs-one"}, a_replication())
    assert efs.observe(ONE).role is FilesRole.SOURCE
    aws.answers("efs", "us-east-2", "describe_replication_configurations", None, {"Replications": []})
    assert efs.observe(TWO) == FilesState(role=FilesRole.ALONE)
    aws.fails("efs", "us-east-2", "describe_replication_configurations", "ReplicationNotFound", 404)
    assert efs.observe(TWO) == FilesState(role=FilesRole.ALONE)
    aws.fails("efs", "us-east-2", "describe_replication_configurations", "FileSystemNotFound", 404)
    with pytest.raises(Gone, match="FileSystemNotFound"):
        efs.observe(TWO)


@pytest.mark.parametrize(("local_only", "mode"), [(True, "LOCAL_CONFIGURATION_ONLY"), (False, "ALL_CONFIGURATIONS")])
def test_a_replication_is_broken_on_the_destinations_side(aws: Stubbed, local_only: bool, mode: str) -> None:
    """Asked in the destination's Region; without the other Region only our own side is deleted."""
    expected = {"SourceFileSystemId": "fs-one", "DeletionMode": mode}
    aws.answers("efs", "us-east-2", "delete_replication_configuration", expected, {})
    Efs(Caller(aws)).break_replication(TWO, source="fs-one", local_only=local_only)
    aws.all_asked()


def a_file_system(protection: str) -> dict[str, Any]:
    described = {
        "OwnerId": ACCOUNT,
        "CreationToken": "t",
        "FileSystemId": "fs-two",
        "CreationTime": NOON,
        "LifeCycleState": "available",
        "NumberOfMountTargets": 3,
        "SizeInBytes": {"Value": 1},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
        "FileSystemProtection": {"ReplicationOverwriteProtection": protection},
    }
    return {"FileSystems": [described]}


@pytest.mark.parametrize("protection", list(Protection))
def test_overwrite_protection_is_read_where_the_files_are(aws: Stubbed, protection: Protection) -> None:
    """Enabled, disabled or replicating; a file system that is not there is gone."""
    efs = Efs(Caller(aws))
    aws.answers("efs", "us-east-2", "describe_file_systems", {"FileSystemId": "fs-two"}, a_file_system(protection.upper()))
    assert efs.protection(TWO) is protection
    aws.answers("efs", "us-east-2", "describe_file_systems", None, {"FileSystems": []})
    with pytest.raises(Gone, match="no file system fs-two"):
        efs.protection(TWO)


def test_a_replication_is_made_onto_the_existing_files(aws: Stubbed) -> None:
    """Protection is lifted in the replica's Region, the replication made in the origin's."""
    efs = Efs(Caller(aws))
    lifted = {"FileSystemId": "fs-two", "ReplicationOverwriteProtection": "DISABLED"}
    aws.answers("efs", "us-east-2", "update_file_system_protection", lifted, {})
    efs.allow_overwrite(TWO)
    made = {"SourceFileSystemId": "fs-one", "Destinations": [{"Region": "us-east-2", "FileSystemId": "fs-two"}]}
    aws.answers("efs", "us-east-1", "create_replication_configuration", made, a_replication()["Replications"][0])
    efs.replicate(TWO, origin=ONE)
    aws.all_asked()


def health(*states: str) -> dict[str, Any]:
    return {
        "TargetHealthDescriptions": [
            {"Target": {"Id": f"10.0.0.{n}", "Port": 8080}, "TargetHealth": {"State": state, "Reason": "Target.Timeout"}}
            if state == "unhealthy"
            else {"Target": {"Id": f"10.0.0.{n}", "Port": 8080}, "TargetHealth": {"State": state}}
            for n, state in enumerate(states)
        ]
    }


def test_targets_are_counted_without_the_draining_ones(aws: Stubbed) -> None:
    """The group's name is looked up once; what is not healthy is told with its reason."""
    arn = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:targetgroup/peccy-two/0123"
    elb = Elb(Caller(aws))
    aws.answers(
        "elbv2", "us-east-2", "describe_target_groups", {"Names": ["peccy-two"]}, {"TargetGroups": [{"TargetGroupArn": arn}]}
    )
    states = ("healthy", "healthy", "unhealthy", "draining")
    aws.answers("elbv2", "us-east-2", "describe_target_health", {"TargetGroupArn": arn}, health(*states))
    assert elb.targets(TWO) == TargetsState(healthy=2, total=3, reasons=("1 unhealthy Target.Timeout",))
    aws.answers("elbv2", "us-east-2", "describe_target_health", {"TargetGroupArn": arn}, health())
    assert elb.targets(TWO) == TargetsState(healthy=0, total=0)
    aws.all_asked()


def test_an_arn_is_not_looked_up(aws: Stubbed) -> None:
    """site.yaml may give the ARN itself."""
    arn = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:targetgroup/peccy-two/0123"
    aws.answers("elbv2", "us-east-2", "describe_target_health", {"TargetGroupArn": arn}, health("healthy"))
    assert Elb(Caller(aws)).targets(replace(TWO, target_group=arn)).healthy == 1
    aws.answers("elbv2", "us-east-2", "describe_target_groups", None, {"TargetGroups": []})
    with pytest.raises(Gone, match="no target group peccy-two"):
        Elb(Caller(aws)).targets(TWO)


MOUNT, FILES, SUBNET = "fsmt-0123456789abcdef0", "fs-0123456789abcdef0", "subnet-0123456789abcdef0"
BALANCER = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:loadbalancer/app/peccy-two/0123456789abcdef"


def a_balancer(aws: Stubbed) -> Elb:
    """Member two's, looked up by its target group; what is looked up once is kept."""
    arn = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:targetgroup/peccy-two/0123"
    group = {"TargetGroupArn": arn, "LoadBalancerArns": [BALANCER]}
    aws.answers("elbv2", "us-east-2", "describe_target_groups", {"Names": ["peccy-two"]}, {"TargetGroups": [group]})
    aws.answers("elbv2", "us-east-2", "describe_target_groups", {"TargetGroupArns": [arn]}, {"TargetGroups": [group]})
    return Elb(Caller(aws))


def test_a_balancers_addresses_are_told_by_zone(aws: Stubbed) -> None:
    """Its interfaces carry its name; clients are given the public address where there is one."""
    elb = a_balancer(aws)
    filters = [{"Name": "description", "Values": ["ELB app/peccy-two/0123456789abcdef"]}]
    found = [
        {"AvailabilityZone": "us-east-2a", "PrivateIpAddress": "10.2.48.9", "Association": {"PublicIp": "203.0.113.7"}},
        {"AvailabilityZone": "us-east-2b", "PrivateIpAddress": "10.2.64.9"},
    ]
    aws.answers("ec2", "us-east-2", "describe_network_interfaces", {"Filters": filters}, {"NetworkInterfaces": found})
    assert elb.addresses(TWO) == {"us-east-2a": frozenset({"203.0.113.7"}), "us-east-2b": frozenset({"10.2.64.9"})}
    aws.all_asked()


def test_a_target_group_without_balancer_is_told(aws: Stubbed) -> None:
    """Then nobody can be shifted."""
    arn = f"arn:aws:elasticloadbalancing:us-east-2:{ACCOUNT}:targetgroup/peccy-two/0123"
    aws.answers("elbv2", "us-east-2", "describe_target_groups", None, {"TargetGroups": [{"TargetGroupArn": arn}]})
    with pytest.raises(Gone, match="no load balancer sends to target group"):
        Elb(Caller(aws)).balancer(replace(TWO, target_group=arn))


def a_shift(**changes: Any) -> dict[str, Any]:
    kept = {
        "zonalShiftId": "shift-1",
        "resourceIdentifier": BALANCER,
        "awayFrom": "use2-az1",
        "status": "ACTIVE",
        "comment": "hadr run-1",
    }
    return kept | {"startTime": NOON, "expiryTime": NOON + timedelta(hours=1)} | changes


def test_a_zonal_shift_is_started_found_and_ended(aws: Stubbed) -> None:
    """By zone id, with its end and whose it is; ending ends the shift away from that zone alone."""
    elb, active = a_balancer(aws), {"status": "ACTIVE", "resourceIdentifier": BALANCER}
    shifts = ZonalShifts(Caller(aws), elb)
    asked = {"resourceIdentifier": BALANCER, "awayFrom": "use2-az1", "expiresIn": "720m", "comment": "hadr run-1"}
    aws.answers("arc-zonal-shift", "us-east-2", "start_zonal_shift", asked, a_shift())
    assert "shift-1" in shifts.start(TWO, zone_id="use2-az1", expires=timedelta(hours=12), run="run-1")
    both = {"items": [a_shift(), a_shift(zonalShiftId="shift-2", awayFrom="use2-az2", comment="console")]}
    aws.answers("arc-zonal-shift", "us-east-2", "list_zonal_shifts", active, both)
    assert [(shift.shift_id, shift.zone_id, shift.ours) for shift in shifts.active(TWO)] == [
        ("shift-1", "use2-az1", True),
        ("shift-2", "use2-az2", False),
    ]
    aws.answers("arc-zonal-shift", "us-east-2", "list_zonal_shifts", active, both)
    aws.answers("arc-zonal-shift", "us-east-2", "cancel_zonal_shift", {"zonalShiftId": "shift-1"}, a_shift(status="CANCELED"))
    assert shifts.cancel(TWO, zone_id="use2-az1") == "ended zonal shift shift-1"
    aws.answers("arc-zonal-shift", "us-east-2", "list_zonal_shifts", active, {"items": []})
    assert shifts.cancel(TWO, zone_id="use2-az1") == "no zonal shift away from use2-az1"
    aws.all_asked()


def test_a_second_zonal_shift_is_refused_for_now(aws: Stubbed) -> None:
    """ARC's conflict is definite: nothing changed, and it may go later."""
    shifts = ZonalShifts(Caller(aws), a_balancer(aws))
    aws.fails("arc-zonal-shift", "us-east-2", "start_zonal_shift", "ConflictException", 409)
    with pytest.raises(Rejected, match="ConflictException"):
        shifts.start(TWO, zone_id="use2-az1", expires=timedelta(hours=1), run="r")


def test_instances_are_told_with_their_zones_and_the_writer_is_moved(aws: Stubbed) -> None:
    """Who writes is the cluster's to say, where each is the instances'."""
    aurora = Aurora(SITE, Caller(aws), VirtualClock())
    members = [{"DBInstanceIdentifier": f"peccy-two-{n}", "IsClusterWriter": n == 0} for n in (0, 1)]
    cluster = {"DBClusterIdentifier": "peccy-two", "Status": "available", "DBClusterMembers": members}
    aws.answers("rds", "us-east-2", "describe_db_clusters", None, {"DBClusters": [cluster]})
    found = [
        {"DBInstanceIdentifier": f"peccy-two-{n}", "AvailabilityZone": f"us-east-2{'ab'[n]}", "DBInstanceStatus": "available"}
        for n in (1, 0)
    ]
    filters = {"Filters": [{"Name": "db-cluster-id", "Values": ["peccy-two"]}]}
    aws.answers("rds", "us-east-2", "describe_db_instances", filters, {"DBInstances": found})
    seen = aurora.instances(TWO)
    assert (seen.writer and seen.writer.zone, [one.name for one in seen.could_write(outside="us-east-2a")]) == (
        "us-east-2a",
        ["peccy-two-1"],
    )
    asked = {"DBClusterIdentifier": "peccy-two", "TargetDBInstanceIdentifier": "peccy-two-1"}
    aws.answers("rds", "us-east-2", "failover_db_cluster", asked, {})
    aurora.move_writer(TWO, instance="peccy-two-1")
    aws.all_asked()


def test_mount_targets_are_told_by_zone(aws: Stubbed) -> None:
    """Where files can be reached."""
    ids = {"MountTargetId": MOUNT, "FileSystemId": FILES, "SubnetId": SUBNET}
    found = [
        {**ids, "LifeCycleState": state, "AvailabilityZoneName": zone}
        for zone, state in (("us-east-2a", "available"), ("us-east-2b", "creating"))
    ]
    aws.answers("efs", "us-east-2", "describe_mount_targets", {"FileSystemId": "fs-two"}, {"MountTargets": found})
    assert Efs(Caller(aws)).mounts(TWO) == {"us-east-2a": "available", "us-east-2b": "creating"}


def a_record(member: str, weight: int, kind: str = "A") -> dict[str, Any]:
    return {
        "Name": "peccy.hadr.test.",
        "Type": kind,
        "SetIdentifier": member,
        "Weight": weight,
        "HealthCheckId": f"check-{member}",
        "AliasTarget": {"HostedZoneId": "ZELB", "DNSName": f"{member}.elb.test.", "EvaluateTargetHealth": True},
    }


OTHERS: list[dict[str, Any]] = [
    {"Name": "peccy.hadr.test.", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]},
    {
        "Name": "z.hadr.test.",
        "Type": "A",
        "SetIdentifier": "one",
        "Weight": 7,
        "TTL": 60,
        "ResourceRecords": [{"Value": "1.2.3.4"}],
    },
]


def listed(*records: dict[str, Any]) -> dict[str, Any]:
    return {"ResourceRecordSets": [*records, *OTHERS], "IsTruncated": False, "MaxItems": "300"}


def test_weights_are_those_of_the_services_own_records(aws: Stubbed) -> None:
    """Records of other names and kinds are left alone, and us-east-1 is where the control plane is."""
    expected = {"HostedZoneId": "Z1", "StartRecordName": "peccy.hadr.test."}
    answer = listed(a_record("one", 100), a_record("two", 0))
    aws.answers("route53", "us-east-1", "list_resource_record_sets", expected, answer)
    assert Route53(SITE, Caller(aws)).weights() == {"one": 100, "two": 0}


def test_weights_move_in_one_batch_and_nothing_else_changes(aws: Stubbed) -> None:
    """Every record goes back as it was read, but for its weight; the run is named in the comment."""
    answer = listed(a_record("one", 100), a_record("two", 0), a_record("one", 100, "AAAA"), a_record("two", 0, "AAAA"))
    aws.answers("route53", "us-east-1", "list_resource_record_sets", None, answer)
    wanted = [a_record("one", 0), a_record("two", 100), a_record("one", 0, "AAAA"), a_record("two", 100, "AAAA")]
    batch = {"Comment": "hadr run-1", "Changes": [{"Action": "UPSERT", "ResourceRecordSet": record} for record in wanted]}
    changed = {"ChangeInfo": {"Id": "C1", "Status": "PENDING", "SubmittedAt": NOON}}
    expected = {"HostedZoneId": "Z1", "ChangeBatch": batch}
    aws.answers("route53", "us-east-1", "change_resource_record_sets", expected, changed)
    Route53(SITE, Caller(aws)).give_all_weight(TWO, run="run-1")
    aws.all_asked()


def test_a_missing_record_is_told(aws: Stubbed) -> None:
    """Weights of a service with one record cannot be moved."""
    aws.answers("route53", "us-east-1", "list_resource_record_sets", None, listed(a_record("one", 100)))
    with pytest.raises(Gone, match=r"peccy\.hadr\.test\. has no weighted record two"):
        Route53(SITE, Caller(aws)).weights()


def test_the_switch_is_an_object_in_the_members_own_region(aws: Stubbed) -> None:
    """Listing tells whether it is there; declaring writes who, since when and by which run; withdrawing removes it."""
    switches = S3Switch(Caller(aws), VirtualClock(NOON))
    expected = {"Bucket": "switch-us-east-2", "Prefix": "active/two", "MaxKeys": 2}
    aws.answers("s3", "us-east-2", "list_objects_v2", expected, {"Contents": [{"Key": "active/two-not"}]})
    assert not switches.declared(TWO)
    aws.answers("s3", "us-east-2", "list_objects_v2", expected, {"Contents": [{"Key": "active/two"}]})
    assert switches.declared(TWO)
    written = {
        "Bucket": "switch-us-east-2",
        "Key": "active/two",
        "Body": b'{"active": "two", "since": "2026-01-05T12:00:00+00:00", "run": "run-1"}',
        "ContentType": "application/json",
        "CacheControl": "no-store",
    }
    aws.answers("s3", "us-east-2", "put_object", written, {})
    switches.declare(TWO, run="run-1")
    aws.answers("s3", "us-east-2", "delete_object", {"Bucket": "switch-us-east-2", "Key": "active/two"}, {})
    switches.withdraw(TWO)
    aws.all_asked()


def test_the_switch_is_tried_on_a_key_beside_it(aws: Stubbed) -> None:
    """What is written is removed again, and the switch's own key is not touched."""
    place = {"Bucket": "switch-us-east-2", "Key": "active/two.trial"}
    aws.answers("s3", "us-east-2", "put_object", {**place, "Body": b"{}", "ContentType": "application/json"}, {})
    aws.answers("s3", "us-east-2", "delete_object", place, {})
    assert S3Switch(Caller(aws), VirtualClock()).try_out(TWO) == "wrote and removed active/two.trial in switch-us-east-2"
    aws.all_asked()


def a_health_check(check: str, **config: Any) -> dict[str, Any]:
    return {
        "HealthCheck": {
            "Id": check,
            "CallerReference": check,
            "HealthCheckVersion": 1,
            "HealthCheckConfig": config,
        }
    }


def test_a_records_health_check_is_read_with_its_children(aws: Stubbed) -> None:
    """As deep as it is calculated; a record without one has none."""
    aws.answers("route53", "us-east-1", "list_resource_record_sets", None, listed(a_record("one", 100), a_record("two", 0)))
    calculated = a_health_check("check-one", Type="CALCULATED", HealthThreshold=2, ChildHealthChecks=["a", "b"])
    aws.answers("route53", "us-east-1", "get_health_check", {"HealthCheckId": "check-one"}, calculated)
    ready = a_health_check("a", Type="HTTP", FullyQualifiedDomainName="one.elb.test", ResourcePath="/readyz")
    aws.answers("route53", "us-east-1", "get_health_check", {"HealthCheckId": "a"}, ready)
    away = a_health_check("b", Type="HTTP", FullyQualifiedDomainName="s.s3.test", ResourcePath="/k", Inverted=True, Disabled=True)
    aws.answers("route53", "us-east-1", "get_health_check", {"HealthCheckId": "b"}, away)
    assert Route53(SITE, Caller(aws)).check(ONE) == HealthCheck(
        name="check-one",
        calculated=True,
        threshold=2,
        children=(
            HealthCheck(name="a", host="one.elb.test", path="/readyz"),
            HealthCheck(name="b", host="s.s3.test", path="/k", inverted=True, disabled=True),
        ),
    )
    bare = {key: value for key, value in a_record("one", 100, "AAAA").items() if key != "HealthCheckId"}
    records = listed(a_record("one", 100), a_record("two", 0), bare)
    aws.answers("route53", "us-east-1", "list_resource_record_sets", None, records)
    assert Route53(SITE, Caller(aws)).check(ONE) is None
    aws.all_asked()


def test_a_member_without_switch_is_never_declared(aws: Stubbed) -> None:
    """No call is made, and declaring it is refused."""
    plain = example_site(switches=False).member("two")
    switches = S3Switch(Caller(aws), VirtualClock())
    assert not switches.declared(plain)
    assert switches.withdraw(plain) == "two has no switch"
    with pytest.raises(Rejected, match=r"two has no switch in site\.yaml"):
        switches.declare(plain, run="run-1")


def test_a_cluster_is_asked_for_once(aws: Stubbed) -> None:
    """The endpoint and the authority are kept; a cluster that is still being made has none."""
    eks = Eks(Caller(aws), Sessions())
    aws.answers("eks", "us-east-2", "describe_cluster", {"name": "peccy-two"}, {"cluster": {"status": "CREATING"}})
    with pytest.raises(Rejected, match="peccy-two is CREATING, without endpoint yet"):
        eks.access(TWO)
    cluster = {"endpoint": "https://x.eks", "certificateAuthority": {"data": "Q0E="}}
    aws.answers("eks", "us-east-2", "describe_cluster", None, {"cluster": cluster})
    assert eks.access(TWO) == eks.access(TWO)
    assert eks.access(TWO).endpoint == "https://x.eks"
    aws.all_asked()


def test_a_token_is_a_presigned_question_to_the_regions_own_sts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `aws eks get-token` makes it: the cluster's name is a signed header, and no parameter."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    sessions = Sessions()
    eks = Eks(Caller(sessions), sessions)
    for _ in range(2):
        token = eks.token(TWO)
        prefix, encoded = token.split(".", 1)
        assert prefix == "k8s-aws-v1"
        assert "=" not in encoded
        url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        query = parse_qs(url.query)
        assert url.netloc == "sts.us-east-2.amazonaws.com"
        assert query["Action"] == ["GetCallerIdentity"]
        assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
        assert query["X-Amz-Expires"] == ["60"]
        assert "ClusterName" not in query


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("GlobalClusterNotFoundFault", 404, Gone),
        ("Throttling", 400, Throttled),
        ("AccessDenied", 403, Denied),
        ("EmulatorUnsupported", 400, Denied),
        ("InvalidGlobalClusterStateFault", 400, Rejected),
        ("InternalFailure", 500, Indefinite),
        ("Throttling", 503, Throttled),
    ],
)
def test_codes_become_our_errors(aws: Stubbed, code: str, status: int, kind: type[CallError]) -> None:
    """The message says which call, where, and what AWS said."""
    aws.fails("rds", "us-east-2", "describe_global_clusters", code, status)
    with pytest.raises(kind, match=f"rds describe_global_clusters in us-east-2: {code} said so"):
        Caller(aws)("rds", "describe_global_clusters", "us-east-2")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectTimeoutError(endpoint_url="https://x"), Unreachable),
        (EndpointConnectionError(endpoint_url="https://x"), Unreachable),
        (ReadTimeoutError(endpoint_url="https://x"), Indefinite),
        (NoCredentialsError(), Denied),
    ],
)
def test_broken_connections_tell_whether_anything_was_sent(error: Any, kind: type[CallError]) -> None:
    """A connection that was never made sent nothing; one that fell silent may have."""
    made = translate(error, "rds x in us-east-2")
    assert type(made) is kind
    assert str(made).startswith("rds x in us-east-2: ")


def test_a_call_that_is_not_permitted_is_not_made(aws: Stubbed) -> None:
    """The table is the whole truth."""
    with pytest.raises(LookupError):
        Caller(aws)("rds", "delete_db_cluster", "us-east-2")


def test_every_permitted_call_exists_and_has_its_reason(session: Any) -> None:
    """Operations are botocore's; actions belong to their service; nothing is listed twice."""
    assert len({(call.service, call.operation) for call in CALLS}) == len(CALLS)
    for call in CALLS:
        assert hasattr(session.client(call.service, region_name="us-east-2"), call.operation), call
        assert call.why
        reads = call.operation.startswith(("describe_", "list_", "get_"))
        assert reads != call.changes, call


def test_clients_are_made_once_with_short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost Region costs 2 s to a read, and reads are tried once."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    sessions = Sessions()
    client = sessions.client("rds", "us-east-2")
    assert sessions.client("rds", "us-east-2") is client
    assert sessions.client("rds", "us-east-1") is not client
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (2, 5)
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert sessions.client("rds", "us-east-2", changes=True).meta.config.retries["total_max_attempts"] == 2
    assert client.meta.region_name == "us-east-2"
