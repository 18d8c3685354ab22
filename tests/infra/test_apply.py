"""The three roots, applied unchanged to the emulated AWS by the real provider: no diff afterwards, nothing left after destroy.

Each is applied once for each state of the code (`hadr_lab.applied`: what the lab boots from), and every test goes on from there.
Roles are state, not code: a failover, and turning back, leave nothing for Terraform to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.emulated import Emulator
from tests.hadr_lab.aws.services.cloud import until
from tests.infra.terraform import applied
from tests.infra.test_hcl import INFRA

from hadr.adapters.aws.policy import differences
from hadr.config import parse_site, site_text
from hadr.core.site import Layout, Site
from hadr_lab.terraform import Root
from infra import costs

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(3600)]

Record = Callable[[str, object], None]


def _as_told(aws: Emulator, made: Root) -> Site:
    """Nothing to change, as applied; hadr reads the site, its role is the generated one, the README counts and prices right."""
    assert made.plan() == ""
    site = parse_site(site_text(made.outputs()["site"]))
    role = aws.client("iam", "us-east-1").get_role_policy(RoleName=f"{site.name}-hadr", PolicyName="calls")
    assert differences(role["PolicyDocument"], site) == ()
    shown, readme = made.shown(), (INFRA / made.folder.name / "README.md").read_text()
    assert f"# {len(list(costs.resources(shown['values']['root_module'])))} resources" in readme
    table = costs.table(shown)
    assert table in readme, f"put this into the README:\n{table}"
    return site


def _emptied(aws: Emulator, made: Root, regions: tuple[str, ...], record: Record) -> None:
    """Destroyed to nothing; nothing that Terraform asked for was unknown to the emulator. Keeps the times."""
    assert made.destroy() == []
    assert _leftovers(aws, regions) == []
    assert "unsupported" not in aws.log.read_text()
    record("seconds", json.dumps(made.seconds))
    print(made.folder.name, made.seconds)


def test_dr_failover_and_back_leave_nothing_to_change(tmp_path: Path, record_property: Record) -> None:
    """dr-multi-region: no diff as applied, nor after roles were moved to two, nor after they came back; destroyed to nothing."""
    with applied("dr-multi-region", tmp_path) as (aws, made):
        assert _as_told(aws, made).layout is Layout.TWO_REGIONS
        site = made.outputs()["site"]
        zone = site["traffic"]["hosted_zone"]
        assert _weights(aws, zone) == {"one": 100, "two": 0}
        _protect(aws, _member(site, "one"), _member(site, "two"))
        _turn(aws, site, "two", lossy=True)
        assert made.plan() == ""
        assert _weights(aws, zone) == {"one": 0, "two": 100}
        _turn(aws, site, "one", lossy=False)
        assert made.plan() == ""
        _unprotect(aws, _member(site, "one"), _member(site, "two"))
        _emptied(aws, made, ("us-east-1", "us-east-2"), record_property)


def test_dr_is_destroyed_while_two_writes(tmp_path: Path, record_property: Record) -> None:
    """dr-multi-region with member two as the writer: after the one step that its README names, destroyed to nothing."""
    with applied("dr-multi-region", tmp_path) as (aws, made):
        site = made.outputs()["site"]
        one, name = _member(site, "one"), site["database"]["global_cluster"]
        _promote(aws, site, _member(site, "two"), lossy=True)
        rds = aws.client("rds", one["region"])
        (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=one["database"])["DBClusters"]
        rds.remove_from_global_cluster(GlobalClusterIdentifier=name, DbClusterIdentifier=cluster["DBClusterArn"])
        assert (
            f"aws rds remove-from-global-cluster --region {one['region']}" in (INFRA / made.folder.name / "README.md").read_text()
        )
        _emptied(aws, made, ("us-east-1", "us-east-2"), record_property)


def test_multi_cluster_weights_that_moved_leave_nothing_to_change(tmp_path: Path, record_property: Record) -> None:
    """ha-multi-cluster: no diff as applied, none after all traffic was moved to member two, destroyed to nothing."""
    with applied("ha-multi-cluster", tmp_path) as (aws, made):
        assert _as_told(aws, made).layout is Layout.ONE_REGION
        zone = made.outputs()["site"]["traffic"]["hosted_zone"]
        assert _weights(aws, zone) == {"one": 50, "two": 50}
        _weigh(aws, zone, {"one": 0, "two": 100})
        assert made.plan() == ""
        assert _weights(aws, zone) == {"one": 0, "two": 100}
        _emptied(aws, made, ("ap-southeast-1",), record_property)


def test_single_cluster_is_destroyed_to_nothing(tmp_path: Path, record_property: Record) -> None:
    """ha-single-cluster: no diff as applied, destroyed to nothing."""
    with applied("ha-single-cluster", tmp_path) as (aws, made):
        assert _as_told(aws, made).layout is Layout.ONE_MEMBER
        _emptied(aws, made, ("ap-northeast-1",), record_property)


# --- what hadr will do, asked of the API directly


def _turn(aws: Emulator, site: dict[str, Any], to: str, *, lossy: bool) -> None:
    """Move every role to a member: the writer, the files, the weights, and the switch."""
    member, other = _member(site, to), _member(site, "one" if to == "two" else "two")
    _promote(aws, site, member, lossy=lossy)
    _unprotect(aws, other, member)
    _weigh(aws, site["traffic"]["hosted_zone"], {other["record"]: 0, member["record"]: 100})
    switch = _member(site, "two")["switch"]
    s3 = aws.client("s3", switch["region"])
    if to == "two":
        s3.put_object(Bucket=switch["bucket"], Key=switch["key"], Body=b"")
    else:
        s3.delete_object(Bucket=switch["bucket"], Key=switch["key"])
    _protect(aws, member, other)


def _promote(aws: Emulator, site: dict[str, Any], member: dict[str, Any], *, lossy: bool) -> None:
    rds, name = aws.client("rds", member["region"]), site["database"]["global_cluster"]
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=member["database"])["DBClusters"]
    target = {"GlobalClusterIdentifier": name, "TargetDbClusterIdentifier": cluster["DBClusterArn"]}
    if lossy:
        rds.failover_global_cluster(**target, AllowDataLoss=True)
    else:
        rds.switchover_global_cluster(**target)

    def writers() -> list[str]:
        (found,) = rds.describe_global_clusters(GlobalClusterIdentifier=name)["GlobalClusters"]
        return [m["DBClusterArn"] for m in found["GlobalClusterMembers"] if m["IsWriter"] and found["Status"] == "available"]

    until(writers, lambda seen: seen == [cluster["DBClusterArn"]], seconds=30)


def _protect(aws: Emulator, source: dict[str, Any], copy: dict[str, Any]) -> None:
    """Files are copied from one member to the other."""
    aws.client("efs", copy["region"]).update_file_system_protection(
        FileSystemId=copy["files"], ReplicationOverwriteProtection="DISABLED"
    )
    aws.client("efs", source["region"]).create_replication_configuration(
        SourceFileSystemId=source["files"], Destinations=[{"Region": copy["region"], "FileSystemId": copy["files"]}]
    )


def _unprotect(aws: Emulator, source: dict[str, Any], copy: dict[str, Any]) -> None:
    """Files are copied no more; the copy can be written to."""
    efs = aws.client("efs", copy["region"])
    efs.delete_replication_configuration(SourceFileSystemId=source["files"])
    until(lambda: efs.describe_replication_configurations()["Replications"], lambda seen: seen == [], seconds=30)


def _weigh(aws: Emulator, zone: str, weights: dict[str, int]) -> None:
    changes = [
        {"Action": "UPSERT", "ResourceRecordSet": record | {"Weight": weights[record["SetIdentifier"]]}}
        for record in _records(aws, zone)
    ]
    aws.client("route53", "us-east-1").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _weights(aws: Emulator, zone: str) -> dict[str, int]:
    return {record["SetIdentifier"]: record["Weight"] for record in _records(aws, zone)}


def _records(aws: Emulator, zone: str) -> list[dict[str, Any]]:
    listed = aws.client("route53", "us-east-1").list_resource_record_sets(HostedZoneId=zone)
    return [record for record in listed["ResourceRecordSets"] if "Weight" in record]


def _member(site: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(member for member in site["members"] if member["name"] == name)
    return found


def _leftovers(aws: Emulator, regions: tuple[str, ...]) -> list[str]:
    """What an emptied account still has of the things that cost money or hold a name."""
    left = [bucket["Name"] for bucket in aws.client("s3", regions[0]).list_buckets()["Buckets"]]
    left += [zone["Name"] for zone in aws.client("route53", regions[0]).list_hosted_zones()["HostedZones"]]
    for region in regions:
        ec2 = aws.client("ec2", region)
        left += [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
        left += [address["PublicIp"] for address in ec2.describe_addresses()["Addresses"]]
        left += [face["NetworkInterfaceId"] for face in ec2.describe_network_interfaces()["NetworkInterfaces"]]
        left += aws.client("eks", region).list_clusters()["clusters"]
        left += [system["FileSystemId"] for system in aws.client("efs", region).describe_file_systems()["FileSystems"]]
        rds = aws.client("rds", region)
        left += [cluster["DBClusterIdentifier"] for cluster in rds.describe_db_clusters()["DBClusters"]]
        left += [found["GlobalClusterIdentifier"] for found in rds.describe_global_clusters()["GlobalClusters"]]
        left += [
            balancer["LoadBalancerName"] for balancer in aws.client("elbv2", region).describe_load_balancers()["LoadBalancers"]
        ]
    return left
