"""EFS: mount targets, policies, and replication that ends only when the destination is writable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, EAST_2, Cloud, Network, refused, unique

from hadr_lab.aws.services.file_replication import Files, Replication
from hadr_lab.aws.views import FileReplication, FileSystem

LOCAL = "LOCAL_CONFIGURATION_ONLY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A file system in us-east-1, replicated onto one in us-east-2."""

    source: str
    destination: str


@pytest.fixture(autouse=True)
def reachable(cloud: Cloud) -> Iterator[None]:
    """Every Region can be reached again after a test that lost one."""
    yield
    cloud.state.efs.reachable = lambda _region: True


def file_system(cloud: Cloud, region: str = EAST_1, **arguments: Any) -> str:
    """A new file system's id."""
    return str(cloud("efs", region).create_file_system(CreationToken=unique("files"), **arguments)["FileSystemId"])


@pytest.fixture
def pair(cloud: Cloud) -> Pair:
    """Two file systems, the second a replica of the first."""
    source, destination = file_system(cloud), file_system(cloud, EAST_2)
    cloud("efs", EAST_2).update_file_system_protection(FileSystemId=destination, ReplicationOverwriteProtection="DISABLED")
    replicate(cloud, source, destination)
    return Pair(source=source, destination=destination)


def replicate(cloud: Cloud, source: str, destination: str | None, *, from_region: str = EAST_1, to_region: str = EAST_2) -> Any:
    """CreateReplicationConfiguration onto an existing file system, or a new one."""
    onto: dict[str, Any] = {"Region": to_region} | ({"FileSystemId": destination} if destination else {})
    return cloud("efs", from_region).create_replication_configuration(SourceFileSystemId=source, Destinations=[onto])


def status(cloud: Cloud, file_system_id: str, region: str) -> str:
    """The replication's status as that Region tells it."""
    found = cloud("efs", region).describe_replication_configurations(FileSystemId=file_system_id)["Replications"]
    return str(found[0]["Destinations"][0]["Status"])


def protection(cloud: Cloud, file_system_id: str, region: str) -> str:
    """The overwrite protection that DescribeFileSystems tells."""
    found = cloud("efs", region).describe_file_systems(FileSystemId=file_system_id)["FileSystems"][0]
    return str(found["FileSystemProtection"]["ReplicationOverwriteProtection"])


def seen(cloud: Cloud, source: str) -> list[FileReplication]:
    """The replications of a source as realizers see them."""
    return [r for r in cloud.state.file_replications() if r.source_id == source]


def view(cloud: Cloud, file_system_id: str, region: str = EAST_1) -> FileSystem:
    """The file system as realizers see it."""
    return next(f for f in cloud.state.file_systems(region) if f.file_system_id == file_system_id)


def test_a_mount_target_has_an_address_of_its_subnet(cloud: Cloud, network: Network) -> None:
    """One for each zone; the realizers see zone and address, and nobody else gets that address."""
    made = file_system(cloud)
    addresses = {
        zone: cloud("efs").create_mount_target(FileSystemId=made, SubnetId=subnet, SecurityGroups=[network.group])["IpAddress"]
        for zone, subnet in network.subnets.items()
    }
    assert view(cloud, made).mount_targets == addresses
    with refused("MountTargetConflict"):
        cloud("efs").create_mount_target(FileSystemId=made, SubnetId=network.subnets["us-east-1a"])
    with refused("InvalidIPAddress.InUse"):
        cloud("ec2").create_network_interface(SubnetId=network.subnets["us-east-1a"], PrivateIpAddress=addresses["us-east-1a"])


def test_a_deleted_mount_target_frees_its_address(cloud: Cloud, network: Network) -> None:
    """A file system goes after its mount targets."""
    efs, made, subnet = cloud("efs"), file_system(cloud), network.subnets["us-east-1a"]
    target = efs.create_mount_target(FileSystemId=made, SubnetId=subnet)
    with refused("FileSystemInUse"):
        efs.delete_file_system(FileSystemId=made)
    efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    cloud("ec2").create_network_interface(SubnetId=subnet, PrivateIpAddress=target["IpAddress"])
    efs.delete_file_system(FileSystemId=made)
    assert made not in {f.file_system_id for f in cloud.state.file_systems(EAST_1)}


def test_arguments_of_a_file_system_are_echoed(cloud: Cloud) -> None:
    """Encryption, throughput, tags, lifecycle and backup policy, access points."""
    efs = cloud("efs")
    made = file_system(cloud, Encrypted=True, ThroughputMode="elastic", Tags=[{"Key": "Name", "Value": "peccy"}])
    found = efs.describe_file_systems(FileSystemId=made)["FileSystems"][0]
    assert (found["Encrypted"], found["ThroughputMode"], found["Name"]) == (True, "elastic", "peccy")
    policies = [{"TransitionToIA": "AFTER_30_DAYS"}]
    efs.put_lifecycle_configuration(FileSystemId=made, LifecyclePolicies=policies)
    assert efs.describe_lifecycle_configuration(FileSystemId=made)["LifecyclePolicies"] == policies
    with refused("PolicyNotFound"):
        efs.describe_backup_policy(FileSystemId=made)
    efs.put_backup_policy(FileSystemId=made, BackupPolicy={"Status": "ENABLED"})
    assert efs.describe_backup_policy(FileSystemId=made)["BackupPolicy"]["Status"] == "ENABLED"
    root = {"Path": "/peccy", "CreationInfo": {"OwnerUid": 1000, "OwnerGid": 1000, "Permissions": "0755"}}
    point = efs.create_access_point(
        ClientToken=unique("p"), FileSystemId=made, RootDirectory=root, PosixUser={"Uid": 1000, "Gid": 1000}
    )
    found = efs.describe_access_points(AccessPointId=point["AccessPointId"])["AccessPoints"][0]
    assert (found["RootDirectory"], found["PosixUser"]["Uid"]) == (root, 1000)
    assert efs.update_file_system(FileSystemId=made, ThroughputMode="bursting")["ThroughputMode"] == "bursting"


def test_a_replication_is_seen_from_both_regions(cloud: Cloud, pair: Pair) -> None:
    """ENABLED, without a time until something was synchronized; the destination is protected as a replica."""
    assert [status(cloud, pair.source, EAST_1), status(cloud, pair.destination, EAST_2)] == ["ENABLED"] * 2
    assert (
        protection(cloud, pair.destination, EAST_2) == view(cloud, pair.destination, EAST_2).overwrite_protection == "REPLICATING"
    )
    assert seen(cloud, pair.source) == [
        FileReplication(
            source_region=EAST_1,
            source_id=pair.source,
            destination_region=EAST_2,
            destination_id=pair.destination,
            status="ENABLED",
        )
    ]


def test_the_last_replicated_timestamp_is_what_was_synchronized(cloud: Cloud, pair: Pair) -> None:
    """Absent at first, then the newest report; an older report changes nothing."""
    efs = cloud("efs", EAST_2)

    def replicated() -> Any:
        found = efs.describe_replication_configurations(FileSystemId=pair.destination)["Replications"][0]
        return found["Destinations"][0].get("LastReplicatedTimestamp")

    assert replicated() is None
    at = datetime.now(UTC).replace(microsecond=0)
    cloud.state.replication_synced(pair.source, at)
    cloud.state.replication_synced(pair.source, at - timedelta(seconds=5))
    assert replicated() == at


def test_a_deleted_replication_ends_when_the_destination_is_writable(cloud: Cloud, pair: Pair) -> None:
    """DELETING until then, in both Regions; then gone, and the destination protects itself."""
    cloud("efs", EAST_2).delete_replication_configuration(SourceFileSystemId=pair.source)
    assert [status(cloud, pair.source, EAST_1), status(cloud, pair.destination, EAST_2)] == ["DELETING"] * 2
    assert [r.status for r in seen(cloud, pair.source)] == ["DELETING"]
    assert protection(cloud, pair.destination, EAST_2) == "REPLICATING"
    cloud.state.replication_deleted(pair.source)
    assert seen(cloud, pair.source) == []
    assert protection(cloud, pair.destination, EAST_2) == "ENABLED"
    for region, file_system_id in ((EAST_1, pair.source), (EAST_2, pair.destination)):
        with refused("ReplicationNotFound"):
            status(cloud, file_system_id, region)


def test_a_report_of_an_end_nobody_asked_for_changes_nothing(cloud: Cloud, pair: Pair) -> None:
    """Only a replication that is DELETING can be gone."""
    cloud.state.replication_deleted(pair.source)
    assert status(cloud, pair.source, EAST_1) == "ENABLED"


def test_the_surviving_region_can_end_it_alone(cloud: Cloud, pair: Pair) -> None:
    """With the source's Region lost only LOCAL_CONFIGURATION_ONLY works; its half stays there, in ERROR, until deleted there."""
    cloud.state.efs.reachable = lambda region: region == EAST_2
    survivor = cloud("efs", EAST_2)
    with refused("InternalServerError"):
        survivor.delete_replication_configuration(SourceFileSystemId=pair.source)
    survivor.delete_replication_configuration(SourceFileSystemId=pair.source, DeletionMode=LOCAL)
    cloud.state.replication_deleted(pair.source)
    with refused("ReplicationNotFound"):
        survivor.describe_replication_configurations(FileSystemId=pair.destination)
    assert protection(cloud, pair.destination, EAST_2) == "ENABLED"
    assert seen(cloud, pair.source) == []
    assert status(cloud, pair.source, EAST_1) == "ERROR"
    cloud.state.efs.reachable = lambda _region: True
    cloud("efs", EAST_1).delete_replication_configuration(SourceFileSystemId=pair.source)
    with refused("ReplicationNotFound"):
        status(cloud, pair.source, EAST_1)


def test_replication_can_be_turned_round(cloud: Cloud, pair: Pair) -> None:
    """After it ended, the old source takes the way back once its protection is lifted."""
    cloud("efs").delete_replication_configuration(SourceFileSystemId=pair.source)
    cloud.state.replication_deleted(pair.source)
    back = {"from_region": EAST_2, "to_region": EAST_1}
    with refused("ConflictException"):
        replicate(cloud, pair.destination, pair.source, **back)
    cloud("efs").update_file_system_protection(FileSystemId=pair.source, ReplicationOverwriteProtection="DISABLED")
    replicate(cloud, pair.destination, pair.source, **back)
    assert status(cloud, pair.source, EAST_1) == "ENABLED"
    assert seen(cloud, pair.destination)[0].destination_id == pair.source


def test_a_replication_makes_its_destination(cloud: Cloud) -> None:
    """Without a file system id, a new one in the other Region, which is a replica at once."""
    source = file_system(cloud)
    made = replicate(cloud, source, None)["Destinations"][0]["FileSystemId"]
    assert protection(cloud, made, EAST_2) == "REPLICATING"
    assert view(cloud, made, EAST_2).mount_targets == {}


def test_what_is_replicated_is_not_replicated_again(cloud: Cloud, pair: Pair) -> None:
    """Neither end may be an end of another replication, be unprotected, or be deleted."""
    other = file_system(cloud)
    with refused("ReplicationAlreadyExists"):
        replicate(cloud, pair.source, None)
    with refused("ReplicationAlreadyExists"):
        replicate(cloud, other, pair.destination)
    with refused("ReplicationAlreadyExists"):
        cloud("efs", EAST_2).update_file_system_protection(FileSystemId=pair.destination, ReplicationOverwriteProtection="DISABLED")
    with refused("FileSystemInUse"):
        cloud("efs").delete_file_system(FileSystemId=pair.source)
    with refused("FileSystemNotFound"):
        replicate(cloud, "fs-00000000", None)


def test_a_half_that_is_deleted_on_the_sources_side_leaves_the_replica_read_only() -> None:
    """Only its own Region can end a destination's half; until then it stays a replica."""
    files = Files("123456789012")
    replication = Replication(
        source_region=EAST_1,
        source_id="fs-1",
        source_arn="arn",
        destination_region=EAST_2,
        destination_id="fs-2",
        created=datetime.now(UTC),
    )
    files.replications["fs-1"] = replication
    files.protection["fs-2"] = "REPLICATING"
    files.delete(replication, {EAST_1})
    assert files.deleted("fs-1")
    assert (replication.half, files.protection_of("fs-2")) == (True, "REPLICATING")
    assert (files.involving("fs-1"), files.involving("fs-2")) == ([], [replication])
    files.delete(replication, {EAST_2})
    assert (files.replications, files.protection_of("fs-2")) == ({}, "ENABLED")
