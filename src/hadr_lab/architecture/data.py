"""The data of the site: the Aurora global database over both members and the replicated file system."""

from __future__ import annotations

import time
from typing import Any

from hadr_lab.architecture.clients import Clients
from hadr_lab.architecture.member import Network

ENGINE = "aurora-mysql"
VERSION = "8.0.mysql_aurora.3.08.2"


def make_global_database(clients: Clients, name: str) -> None:
    """The global cluster that both members' clusters join."""
    clients("rds").create_global_cluster(
        GlobalClusterIdentifier=name, Engine=ENGINE, EngineVersion=VERSION, DatabaseName=name, StorageEncrypted=True
    )


def make_database(clients: Clients, name: str, network: Network, global_cluster: str, *, writer: bool) -> dict[str, Any]:
    """A member's Aurora cluster with one instance in its first private subnet's group. The writer's password is RDS's to keep."""
    rds = clients("rds")
    rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=list(network.private))
    credentials: dict[str, Any] = {"MasterUsername": "peccy", "ManageMasterUserPassword": True} if writer else {}
    cluster: dict[str, Any] = rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine=ENGINE,
        EngineVersion=VERSION,
        DBSubnetGroupName=name,
        VpcSecurityGroupIds=[network.group],
        GlobalClusterIdentifier=global_cluster,
        StorageEncrypted=True,
        **credentials,
    )["DBCluster"]
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-0",
        DBClusterIdentifier=name,
        Engine=ENGINE,
        DBInstanceClass="db.r6g.large",
        AvailabilityZone=f"{clients.region}a",
    )
    return cluster


def make_files(clients: Clients, name: str, network: Network) -> str:
    """A member's file system with a mount target in each zone."""
    efs = clients("efs")
    file_system: str = efs.create_file_system(CreationToken=name, Encrypted=True, Tags=[{"Key": "Name", "Value": name}])[
        "FileSystemId"
    ]
    for subnet in network.private:
        efs.create_mount_target(FileSystemId=file_system, SubnetId=subnet, SecurityGroups=[network.group])
    return file_system


def replicate_files(source: Clients, source_id: str, destination: Clients, destination_id: str) -> None:
    """Replication of one file system onto an existing one, whose overwrite protection has to be lifted first."""
    destination("efs").update_file_system_protection(FileSystemId=destination_id, ReplicationOverwriteProtection="DISABLED")
    source("efs").create_replication_configuration(
        SourceFileSystemId=source_id, Destinations=[{"Region": destination.region, "FileSystemId": destination_id}]
    )


def wait_databases(clients: Clients, name: str, *, at_most: float) -> None:
    """Until the cluster is available. Raises TimeoutError that quotes the last status seen."""
    end = time.monotonic() + at_most
    status = "?"
    while time.monotonic() < end:
        status = clients("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]
        if status == "available":
            return
        time.sleep(0.2)
    raise TimeoutError(f"database {name} in {clients.region} is still {status!r} after {at_most:.0f} s")
