"""The API by itself: every Region through one address, and nothing that waits for a data plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.emulated import an_emulator
from tests.hadr_lab.aws.services.cloud import until

Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Clients of `python -m hadr_lab.aws`, which ends at TERM with nothing to say."""
    with an_emulator(tmp_path_factory.mktemp("aws")) as aws:
        yield aws.client
    assert aws.log.read_text() == ""


def _subnets(client: Client, region: str) -> list[str]:
    ec2 = client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    assert len(zones) == 3
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.1.{16 * i}.0/20", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for i, zone in enumerate(zones)
    ]


@pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-1"])
def test_a_cluster_and_its_nodes_become_active_by_themselves_in_any_region(client: Client, region: str) -> None:
    """EKS says ACTIVE without a control plane, and a node group has its instances."""
    subnets = _subnets(client, region)
    eks = client("eks", region)
    role = "arn:aws:iam::123456789012:role/any"
    eks.create_cluster(name="peccy", roleArn=role, resourcesVpcConfig={"subnetIds": subnets}, version="1.35")
    until(lambda: eks.describe_cluster(name="peccy")["cluster"]["status"], lambda status: status == "ACTIVE")
    eks.create_nodegroup(clusterName="peccy", nodegroupName="control", nodeRole=role, subnets=subnets)
    group = {"clusterName": "peccy", "nodegroupName": "control"}
    until(lambda: eks.describe_nodegroup(**group)["nodegroup"]["status"], lambda status: status == "ACTIVE")


def test_a_global_database_changes_its_writer_when_asked(client: Client) -> None:
    """A cluster becomes available, and a failover takes effect, without a database server."""
    one, two = client("rds"), client("rds", "us-east-2")
    one.create_global_cluster(GlobalClusterIdentifier="peccy", Engine="aurora-mysql")
    made = {"Engine": "aurora-mysql", "GlobalClusterIdentifier": "peccy"}
    user = {"MasterUsername": "peccy", "MasterUserPassword": "not-a-secret"}
    for rds, region in ((one, "us-east-1"), (two, "us-east-2")):
        rds.create_db_subnet_group(DBSubnetGroupName="data", DBSubnetGroupDescription="data", SubnetIds=_subnets(client, region))
    one.create_db_cluster(DBClusterIdentifier="peccy-one", DBSubnetGroupName="data", **made, **user)
    two.create_db_cluster(DBClusterIdentifier="peccy-two", DBSubnetGroupName="data", **made)
    (second,) = two.describe_db_clusters(DBClusterIdentifier="peccy-two")["DBClusters"]
    until(lambda: two.describe_db_clusters()["DBClusters"][0]["Status"], lambda status: status == "available")
    two.failover_global_cluster(
        GlobalClusterIdentifier="peccy", TargetDbClusterIdentifier=second["DBClusterArn"], AllowDataLoss=True
    )
    until(lambda: _writers(one), lambda writers: writers == [second["DBClusterArn"]])


def _writers(rds: Any) -> list[str]:
    (found,) = rds.describe_global_clusters(GlobalClusterIdentifier="peccy")["GlobalClusters"]
    return [member["DBClusterArn"] for member in found["GlobalClusterMembers"] if member["IsWriter"]]


def test_a_balancer_becomes_active_and_a_record_is_everywhere_at_once(client: Client) -> None:
    """ELB says active without a balancer node, and Route 53 says INSYNC without a name server."""
    subnets = _subnets(client, "us-east-2")
    elb, route53 = client("elbv2", "us-east-2"), client("route53")
    elb.create_load_balancer(Name="peccy", Subnets=subnets)
    until(lambda: elb.describe_load_balancers()["LoadBalancers"][0]["State"]["Code"], lambda state: state == "active")
    change = route53.create_hosted_zone(Name="hadr.test", CallerReference="1")["ChangeInfo"]["Id"]
    until(lambda: route53.get_change(Id=change)["ChangeInfo"]["Status"], lambda status: status == "INSYNC")


def test_a_replication_ends_and_its_destination_protects_itself_again(client: Client) -> None:
    """EFS forgets a deleted replication without anybody copying files."""
    one, two = client("efs"), client("efs", "us-east-2")
    source = one.create_file_system(CreationToken="one")["FileSystemId"]
    made = one.create_replication_configuration(SourceFileSystemId=source, Destinations=[{"Region": "us-east-2"}])
    one.delete_replication_configuration(SourceFileSystemId=source)
    copy = made["Destinations"][0]["FileSystemId"]
    until(
        lambda: two.describe_file_systems(FileSystemId=copy)["FileSystems"][0]["FileSystemProtection"],
        lambda protection: protection["ReplicationOverwriteProtection"] == "ENABLED",
    )
