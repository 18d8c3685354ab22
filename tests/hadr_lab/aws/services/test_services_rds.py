"""Aurora: clusters that wait for their process, passwords, and global clusters whose roles change when they really do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, EAST_2, Cloud, refused, unique, until

from hadr_lab.aws.views import DatabaseCluster

ENGINE, VERSION = "aurora-mysql", "8.0.mysql_aurora.3.08.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A global cluster with its writer in us-east-1 and its reader in us-east-2."""

    name: str
    one: str
    two: str


def cluster(cloud: Cloud, region: str, **arguments: Any) -> Any:
    """An Aurora cluster in a subnet group over three zones, as CreateDBCluster answers it."""
    network = cloud.at(region)
    subnets = unique("subnets")
    rds = cloud("rds", region)
    rds.create_db_subnet_group(DBSubnetGroupName=subnets, DBSubnetGroupDescription="data", SubnetIds=list(network.subnets.values()))
    given = {"DBClusterIdentifier": unique("data"), "Engine": ENGINE, "EngineVersion": VERSION, "DBSubnetGroupName": subnets}
    return rds.create_db_cluster(**(given | arguments))["DBCluster"]


@pytest.fixture
def pair(cloud: Cloud) -> Iterator[Pair]:
    """Two clusters that serve, one following the other."""
    name = unique("global")
    cloud("rds").create_global_cluster(GlobalClusterIdentifier=name, Engine=ENGINE, EngineVersion=VERSION, DatabaseName="peccy")
    one = cluster(cloud, EAST_1, GlobalClusterIdentifier=name, MasterUsername="peccy", ManageMasterUserPassword=True)
    two = cluster(cloud, EAST_2, GlobalClusterIdentifier=name)
    for made in (one, two):
        cloud.state.database_ready(made["DBClusterArn"])
    yield Pair(name=name, one=one["DBClusterArn"], two=two["DBClusterArn"])
    for switch in cloud.state.global_switches():
        cloud.state.switch_failed(switch.global_cluster, "the test is over")


def view(cloud: Cloud, arn: str) -> DatabaseCluster:
    """The cluster as realizers see it."""
    return next(found for found in cloud.state.databases(arn.split(":")[3]) if found.arn == arn)


def described(cloud: Cloud, pair: Pair, region: str = EAST_2) -> Any:
    """The global cluster as one Region describes it."""
    return cloud("rds", region).describe_global_clusters(GlobalClusterIdentifier=pair.name)["GlobalClusters"][0]


def writer(cloud: Cloud, pair: Pair) -> str:
    """The ARN of the member that DescribeGlobalClusters calls the writer; there is exactly one."""
    arns = [m["DBClusterArn"] for m in described(cloud, pair)["GlobalClusterMembers"] if m["IsWriter"]]
    assert len(arns) == 1
    return str(arns[0])


def test_a_cluster_is_creating_until_its_process_serves(cloud: Cloud) -> None:
    """Reading the status does not change it, and the instance is available together with its cluster."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough")
    rds, identifier = cloud("rds"), made["DBClusterIdentifier"]
    rds.create_db_instance(
        DBInstanceIdentifier=f"{identifier}-0", DBClusterIdentifier=identifier, Engine=ENGINE, DBInstanceClass="db.r6g.large"
    )

    def statuses() -> tuple[str, str]:
        instance = rds.describe_db_instances(DBInstanceIdentifier=f"{identifier}-0")["DBInstances"][0]
        return rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]["Status"], instance["DBInstanceStatus"]

    assert [statuses(), statuses()] == [("creating", "creating")] * 2
    cloud.state.database_ready(made["DBClusterArn"])
    assert statuses() == ("available", "available")


def test_a_standalone_cluster_is_seen_as_a_writer(cloud: Cloud) -> None:
    """With its endpoints, its place, and the user that may log in."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough", DatabaseName="peccy")
    seen = view(cloud, made["DBClusterArn"])
    assert (seen.endpoint, seen.reader_endpoint) == (made["Endpoint"], made["ReaderEndpoint"])
    assert (seen.username, seen.password, seen.database) == ("admin", "longenough", "peccy")
    assert (seen.zone, len(seen.subnet_ids), seen.port) == ("us-east-1a", 3, 3306)
    assert (seen.is_writer, seen.replicates_from, seen.global_cluster) == (True, None, None)


def test_instances_of_a_cluster_are_spread_over_its_zones(cloud: Cloud) -> None:
    """An instance that names no zone goes where the cluster has fewest; the writer's zone is the cluster's."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough")
    identifier = made["DBClusterIdentifier"]
    zones = [
        cloud("rds").create_db_instance(
            DBInstanceIdentifier=f"{identifier}-{n}", DBClusterIdentifier=identifier, Engine=ENGINE, DBInstanceClass="db.r6g.large"
        )["DBInstance"]["AvailabilityZone"]
        for n in range(3)
    ]
    assert zones == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert view(cloud, made["DBClusterArn"]).zone == "us-east-1a"


def test_a_managed_password_is_in_its_secret(cloud: Cloud) -> None:
    """Random, with the user's own name; the view has the same."""
    made = cluster(cloud, EAST_1, MasterUsername="peccy", ManageMasterUserPassword=True)
    secret = cloud("secretsmanager").get_secret_value(SecretId=made["MasterUserSecret"]["SecretArn"])
    seen = view(cloud, made["DBClusterArn"])
    assert json.loads(secret["SecretString"]) == {"username": "peccy", "password": seen.password}
    other = cluster(cloud, EAST_1, MasterUsername="peccy", ManageMasterUserPassword=True)
    assert view(cloud, other["DBClusterArn"]).password != seen.password


def test_a_changed_password_is_every_members(cloud: Cloud, pair: Pair) -> None:
    """A follower has its writer's users."""
    identifier = pair.one.rsplit(":", 1)[-1]
    cloud("rds").modify_db_cluster(DBClusterIdentifier=identifier, MasterUserPassword="anotherone", ApplyImmediately=True)
    assert {view(cloud, pair.one).password, view(cloud, pair.two).password} == {"anotherone"}


def test_a_cluster_that_is_creating_cannot_be_modified(cloud: Cloud) -> None:
    """InvalidDBClusterStateFault, and it stays as it is."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough")
    with refused("InvalidDBClusterStateFault"):
        cloud("rds").modify_db_cluster(DBClusterIdentifier=made["DBClusterIdentifier"], BackupRetentionPeriod=3)
    assert view(cloud, made["DBClusterArn"]).status == "creating"


def test_a_secondary_follows_the_writer(cloud: Cloud, pair: Pair) -> None:
    """Same user and database, its writer's ARN, and one name for whoever writes."""
    one, two = view(cloud, pair.one), view(cloud, pair.two)
    assert (one.is_writer, one.replicates_from) == (True, None)
    assert (two.is_writer, two.replicates_from) == (False, pair.one)
    assert (two.username, two.password, two.database) == (one.username, one.password, "peccy")
    assert one.global_endpoint == two.global_endpoint == described(cloud, pair)["Endpoint"]


@pytest.mark.parametrize("region", [EAST_1, EAST_2])
def test_a_global_cluster_is_described_in_every_region(cloud: Cloud, pair: Pair, region: str) -> None:
    """Only the one asked for, with members, readers and synchronization, wherever it is asked."""
    found = described(cloud, pair, region)
    assert (found["GlobalClusterIdentifier"], found["Status"], found["DatabaseName"]) == (pair.name, "available", "peccy")
    assert "FailoverState" not in found
    members = {m["DBClusterArn"]: m for m in found["GlobalClusterMembers"]}
    assert members[pair.one]["Readers"] == [pair.two]
    assert members[pair.two]["Readers"] == []
    assert {m["SynchronizationStatus"] for m in members.values()} == {"connected"}


def test_a_failover_is_over_when_the_promotion_took_effect(cloud: Cloud, pair: Pair) -> None:
    """Asked in the surviving Region: failing-over with its state, no role flips before, then all of them."""
    answer = cloud("rds", EAST_2).failover_global_cluster(
        GlobalClusterIdentifier=pair.name, TargetDbClusterIdentifier=pair.two, AllowDataLoss=True
    )["GlobalCluster"]
    assert answer["FailoverState"]["Status"] == "pending"
    assert writer(cloud, pair) == pair.one
    during = described(cloud, pair)
    assert during["Status"] == "failing-over"
    assert during["FailoverState"] == {
        "Status": "failing-over",
        "FromDbClusterArn": pair.one,
        "ToDbClusterArn": pair.two,
        "IsDataLossAllowed": True,
    }
    switch = next(s for s in cloud.state.global_switches() if s.global_cluster == pair.name)
    assert (switch.from_arn, switch.to_arn, switch.allow_data_loss) == (pair.one, pair.two, True)
    cloud.state.switch_done(pair.name)
    after = described(cloud, pair)
    assert (after["Status"], writer(cloud, pair)) == ("available", pair.two)
    assert "FailoverState" not in after
    assert view(cloud, pair.one).replicates_from == pair.two
    members = {m["DBClusterArn"]: m["SynchronizationStatus"] for m in after["GlobalClusterMembers"]}
    assert members == {pair.one: "pending-resync", pair.two: "connected"}


@pytest.mark.parametrize("operation", ["switchover_global_cluster", "failover_global_cluster"])
def test_a_switchover_loses_nothing(cloud: Cloud, pair: Pair, operation: str) -> None:
    """Also FailoverGlobalCluster without AllowDataLoss is one. Both stay in sync."""
    asked = getattr(cloud("rds"), operation)
    asked(GlobalClusterIdentifier=pair.name, TargetDbClusterIdentifier=pair.two)
    assert described(cloud, pair)["Status"] == "switching-over"
    assert not next(s for s in cloud.state.global_switches() if s.global_cluster == pair.name).allow_data_loss
    cloud.state.switch_done(pair.name)
    assert writer(cloud, pair) == pair.two
    assert {m["SynchronizationStatus"] for m in described(cloud, pair)["GlobalClusterMembers"]} == {"connected"}


def test_a_failed_switch_changes_no_role(cloud: Cloud, pair: Pair) -> None:
    """The global cluster is available again, and can be asked again."""
    ask = {"GlobalClusterIdentifier": pair.name, "TargetDbClusterIdentifier": pair.two}
    cloud("rds").switchover_global_cluster(**ask)
    cloud.state.switch_failed(pair.name, "the target did not catch up")
    assert (described(cloud, pair)["Status"], writer(cloud, pair)) == ("available", pair.one)
    cloud("rds").switchover_global_cluster(**ask)
    cloud.state.switch_done(pair.name)
    assert writer(cloud, pair) == pair.two


def test_one_switch_at_a_time(cloud: Cloud, pair: Pair) -> None:
    """A second request, an unknown target, the writer itself, and contradicting arguments are refused."""
    rds, named = cloud("rds"), {"GlobalClusterIdentifier": pair.name}
    with refused("InvalidGlobalClusterStateFault"):
        rds.switchover_global_cluster(TargetDbClusterIdentifier=pair.one, **named)
    with refused("DBClusterNotFoundFault"):
        rds.switchover_global_cluster(TargetDbClusterIdentifier="arn:aws:rds:us-east-2:123456789012:cluster:none", **named)
    with refused("InvalidParameterCombination"):
        rds.failover_global_cluster(TargetDbClusterIdentifier=pair.two, AllowDataLoss=True, Switchover=True, **named)
    rds.failover_global_cluster(TargetDbClusterIdentifier=pair.two, AllowDataLoss=True, **named)
    for again in (rds.failover_global_cluster, rds.switchover_global_cluster):
        with refused("InvalidGlobalClusterStateFault"):
            again(TargetDbClusterIdentifier=pair.two, **named)


def test_a_reader_out_of_sync_takes_no_switchover(cloud: Cloud, pair: Pair) -> None:
    """Only a failover that may lose data; with a known lag it is connected again."""
    cloud.state.database_lag(pair.two, None)
    ask = {"GlobalClusterIdentifier": pair.name, "TargetDbClusterIdentifier": pair.two}
    with refused("InvalidDBClusterStateFault"):
        cloud("rds").switchover_global_cluster(**ask)
    cloud.state.database_lag(pair.two, timedelta(milliseconds=80))
    cloud("rds").switchover_global_cluster(**ask)


def test_the_lag_is_a_metric_of_the_reader(cloud: Cloud, pair: Pair) -> None:
    """AuroraGlobalDBReplicationLag in milliseconds, by GetMetricStatistics and GetMetricData, within two seconds."""
    cloud.state.database_lag(pair.two, timedelta(milliseconds=250))
    dimensions = [{"Name": "DBClusterIdentifier", "Value": pair.two.rsplit(":", 1)[-1]}]
    metric = {"Namespace": "AWS/RDS", "MetricName": "AuroraGlobalDBReplicationLag", "Dimensions": dimensions}

    def points() -> list[float]:
        span = {"StartTime": datetime.now(UTC) - timedelta(minutes=5), "EndTime": datetime.now(UTC)}
        watch = cloud("cloudwatch", EAST_2)
        found = watch.get_metric_statistics(Period=60, Statistics=["Average"], **metric, **span)["Datapoints"]
        query = {"Id": "lag", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
        data = watch.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]["Values"]
        return [*(point["Average"] for point in found), *data]

    assert until(points, lambda seen: len(seen) >= 2) == [250.0, 250.0]


def test_removing_a_member_makes_it_a_writer_of_its_own(cloud: Cloud, pair: Pair) -> None:
    """The writer cannot leave its readers; a member cannot be deleted; an empty global cluster can."""
    rds = cloud("rds", EAST_2)
    with refused("InvalidGlobalClusterStateFault"):
        rds.remove_from_global_cluster(GlobalClusterIdentifier=pair.name, DbClusterIdentifier=pair.one)
    with refused("InvalidDBClusterStateFault"):
        rds.delete_db_cluster(DBClusterIdentifier=pair.two.rsplit(":", 1)[-1], SkipFinalSnapshot=True)
    with refused("InvalidGlobalClusterStateFault"):
        rds.delete_global_cluster(GlobalClusterIdentifier=pair.name)
    rds.remove_from_global_cluster(GlobalClusterIdentifier=pair.name, DbClusterIdentifier=pair.two)
    with refused("InvalidParameterValue"):
        rds.remove_from_global_cluster(GlobalClusterIdentifier=pair.name, DbClusterIdentifier=pair.two)
    alone = view(cloud, pair.two)
    assert (alone.is_writer, alone.replicates_from, alone.global_cluster) == (True, None, None)
    rds.remove_from_global_cluster(GlobalClusterIdentifier=pair.name, DbClusterIdentifier=pair.one)
    rds.delete_global_cluster(GlobalClusterIdentifier=pair.name)
    with refused("GlobalClusterNotFoundFault"):
        described(cloud, pair)
    rds.delete_db_cluster(DBClusterIdentifier=pair.two.rsplit(":", 1)[-1], SkipFinalSnapshot=True)
    assert pair.two not in {seen.arn for seen in cloud.state.databases(EAST_2)}


def test_a_global_cluster_has_one_member_a_region(cloud: Cloud, pair: Pair) -> None:
    """And only of its engine; a secondary has no user of its own."""
    with refused("InvalidParameterCombination"):
        cluster(cloud, EAST_2, GlobalClusterIdentifier=pair.name)
    empty = unique("empty")
    cloud("rds").create_global_cluster(GlobalClusterIdentifier=empty, Engine="aurora-postgresql")
    with refused("InvalidParameterCombination"):
        cluster(cloud, EAST_1, GlobalClusterIdentifier=empty, MasterUsername="x", MasterUserPassword="longenough")
    with refused("GlobalClusterNotFoundFault"):
        cluster(cloud, EAST_1, GlobalClusterIdentifier=unique("none"), MasterUsername="x", MasterUserPassword="longenough")


def test_a_global_cluster_is_made_from_a_cluster_of_any_region(cloud: Cloud) -> None:
    """The source becomes its writer, and gives engine and database name."""
    source = cluster(cloud, EAST_2, MasterUsername="admin", MasterUserPassword="longenough", DatabaseName="peccy")
    name = unique("from")
    cloud("rds").create_global_cluster(GlobalClusterIdentifier=name, SourceDBClusterIdentifier=source["DBClusterArn"])
    made = described(cloud, Pair(name=name, one=source["DBClusterArn"], two=""))
    assert (made["Engine"], made["EngineVersion"], made["DatabaseName"]) == (ENGINE, VERSION, "peccy")
    assert [m["IsWriter"] for m in made["GlobalClusterMembers"]] == [True]
    with refused("GlobalClusterAlreadyExistsFault"):
        cloud("rds").create_global_cluster(GlobalClusterIdentifier=name, Engine=ENGINE)


def test_protection_and_tags_of_a_global_cluster(cloud: Cloud) -> None:
    """Both are echoed; a protected one cannot be deleted."""
    name, rds = unique("kept"), cloud("rds")
    tags = [{"Key": "team", "Value": "peccy"}]
    rds.create_global_cluster(GlobalClusterIdentifier=name, Engine=ENGINE, DeletionProtection=True, Tags=tags)
    assert rds.describe_global_clusters(GlobalClusterIdentifier=name)["GlobalClusters"][0]["TagList"] == tags
    with refused("InvalidGlobalClusterStateFault"):
        rds.delete_global_cluster(GlobalClusterIdentifier=name)
    rds.modify_global_cluster(GlobalClusterIdentifier=name, DeletionProtection=False, NewGlobalClusterIdentifier=f"{name}-2")
    rds.delete_global_cluster(GlobalClusterIdentifier=f"{name}-2")


def test_an_instance_tells_its_performance_insights_and_a_provisioned_cluster_no_scaling(cloud: Cloud) -> None:
    """Performance Insights and their key are echoed and can be switched off; ScalingConfigurationInfo is serverless v1's alone."""
    rds, key = cloud("rds"), "arn:aws:kms:us-east-1:123456789012:key/c2538682-9099-46fd-8807-6916f173caa1"
    made = cluster(cloud, EAST_1, MasterUsername="peccy", MasterUserPassword="longenough")
    name = unique("instance")
    given = {"DBClusterIdentifier": made["DBClusterIdentifier"], "DBInstanceClass": "db.r6g.large", "Engine": ENGINE}
    rds.create_db_instance(DBInstanceIdentifier=name, **given, EnablePerformanceInsights=True, PerformanceInsightsKMSKeyId=key)
    (told,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    assert (told["PerformanceInsightsEnabled"], told["PerformanceInsightsKMSKeyId"]) == (True, key)
    assert told["PerformanceInsightsRetentionPeriod"] == 7
    rds.modify_db_instance(DBInstanceIdentifier=name, EnablePerformanceInsights=False)
    (told,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    assert told["PerformanceInsightsEnabled"] is False
    assert "PerformanceInsightsKMSKeyId" not in told
    (described,) = rds.describe_db_clusters(DBClusterIdentifier=made["DBClusterIdentifier"])["DBClusters"]
    assert "ScalingConfigurationInfo" not in described


@pytest.fixture
def three(cloud: Cloud) -> Any:
    """A cluster that serves, with an instance in each of three zones; the writer is the first."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough")
    identifier = made["DBClusterIdentifier"]
    for n in range(3):
        cloud("rds").create_db_instance(
            DBInstanceIdentifier=f"{identifier}-{n}",
            DBClusterIdentifier=identifier,
            Engine=ENGINE,
            DBInstanceClass="db.r6g.large",
            PromotionTier=n,
        )
    cloud.state.database_ready(made["DBClusterArn"])
    return made


def told(cloud: Cloud, made: Any) -> tuple[str, str]:
    """The cluster's status and its writer instance as DescribeDBClusters tells them."""
    found = cloud("rds").describe_db_clusters(DBClusterIdentifier=made["DBClusterIdentifier"])["DBClusters"][0]
    writers = [member["DBInstanceIdentifier"] for member in found["DBClusterMembers"] if member["IsClusterWriter"]]
    assert len(writers) == 1
    return found["Status"], writers[0].removeprefix(made["DBClusterIdentifier"])


def test_a_failover_inside_a_cluster_moves_the_writer_when_it_really_moved(cloud: Cloud, three: Any) -> None:
    """The lowest promotion tier takes over; until it serves the cluster is failing over and the writer the old one."""
    arn, identifier = three["DBClusterArn"], three["DBClusterIdentifier"]
    cloud("rds").failover_db_cluster(DBClusterIdentifier=identifier)
    asked = cloud.state.writer_failovers()
    assert [(each.from_instance, each.to_instance, each.zone) for each in asked] == [
        (f"{identifier}-0", f"{identifier}-1", "us-east-1b")
    ]
    assert told(cloud, three) == ("failing-over", "-0")
    with refused("InvalidDBClusterStateFault"):
        cloud("rds").failover_db_cluster(DBClusterIdentifier=identifier)
    cloud.state.writer_moved(arn)
    assert told(cloud, three) == ("available", "-1")
    assert view(cloud, arn).zone == "us-east-1b"
    assert [each.zone for each in view(cloud, arn).instances if each.is_writer] == ["us-east-1b"]


def test_a_failover_goes_to_the_instance_that_was_named(cloud: Cloud, three: Any) -> None:
    """The writer itself, or an instance of nobody, is refused."""
    identifier = three["DBClusterIdentifier"]
    for wrong in (f"{identifier}-0", "nobody"):
        with refused("InvalidDBInstanceState"):
            cloud("rds").failover_db_cluster(DBClusterIdentifier=identifier, TargetDBInstanceIdentifier=wrong)
    cloud("rds").failover_db_cluster(DBClusterIdentifier=identifier, TargetDBInstanceIdentifier=f"{identifier}-2")
    cloud.state.writer_moved(three["DBClusterArn"])
    assert told(cloud, three) == ("available", "-2")


def test_a_lost_writer_is_replaced_outside_the_lost_zones(cloud: Cloud, three: Any) -> None:
    """By nobody when every other zone is lost too; a take-over that fails leaves everything as it was."""
    arn = three["DBClusterArn"]
    cloud.state.writer_lost(arn, frozenset({"us-east-1a", "us-east-1b", "us-east-1c"}))
    assert (cloud.state.writer_failovers(), told(cloud, three)) == ((), ("available", "-0"))
    cloud.state.writer_lost(arn, frozenset({"us-east-1a", "us-east-1b"}))
    assert [each.zone for each in cloud.state.writer_failovers()] == ["us-east-1c"]
    cloud.state.writer_stays(arn)
    assert (cloud.state.writer_failovers(), told(cloud, three)) == ((), ("available", "-0"))


def test_a_cluster_of_one_instance_cannot_fail_over(cloud: Cloud) -> None:
    """Neither when asked nor by itself."""
    made = cluster(cloud, EAST_1, MasterUsername="admin", MasterUserPassword="longenough")
    identifier = made["DBClusterIdentifier"]
    cloud("rds").create_db_instance(
        DBInstanceIdentifier=f"{identifier}-0", DBClusterIdentifier=identifier, Engine=ENGINE, DBInstanceClass="db.r6g.large"
    )
    cloud.state.database_ready(made["DBClusterArn"])
    with refused("InvalidDBClusterStateFault"):
        cloud("rds").failover_db_cluster(DBClusterIdentifier=identifier)
    cloud.state.writer_lost(made["DBClusterArn"], frozenset())
    assert cloud.state.writer_failovers() == ()
