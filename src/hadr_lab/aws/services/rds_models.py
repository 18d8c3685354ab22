"""RDS's model, moto's with its faults mended: statuses that wait for the data plane, and global clusters over Regions.

An Aurora cluster is `creating` until its database process serves. A global cluster keeps its database name, its tags and the
switch that is under way. Roles change only when somebody says that the promotion took effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from moto.rds.models import DBCluster as MotoCluster
from moto.rds.models import GlobalCluster, RDSBackend, rds_backends

from hadr_lab.aws.service import AwsError

GLOBAL_HOME = "us-east-1"
"""Where moto keeps global clusters; they are answered in every Region."""
AVAILABLE, CREATING = "available", "creating"


class DBCluster(MotoCluster):
    """A cluster whose status is what was said of it, not what a read makes of it. moto's serializer goes by the class's name."""

    @property
    def status(self) -> str:
        """RDS's word."""
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value

    @property
    def scaling_configuration_info(self) -> dict[str, Any] | None:  # type: ignore[override]  # moto always tells one
        """Of serverless v1 clusters only; a provisioned cluster has none, not even an empty one."""
        return super().scaling_configuration_info if self.scaling_configuration else None


class GlobalDatabase(GlobalCluster):
    """A global cluster with what moto leaves out."""

    database_name: str | None = None
    failover_state: Mapping[str, Any] | None = None

    @property
    def writer(self) -> MotoCluster | None:
        """The member that takes writes."""
        return next((member for member in self.members if member.is_writer), None)

    def find(self, identifier: str) -> MotoCluster | None:
        """The member with that ARN or identifier, if there is one."""
        named = (m for m in self.members if identifier in (m.db_cluster_arn, m.db_cluster_identifier))
        return next(named, None)

    def member(self, identifier: str) -> MotoCluster:
        """The member with that ARN or identifier. Raises DBClusterNotFoundFault."""
        if found := self.find(identifier):
            return found
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {identifier} not found in {self.global_cluster_identifier}", 404)


class RdsBackend(RDSBackend):
    """RDS of one Region."""

    def create_db_cluster(self, kwargs: dict[str, Any]) -> MotoCluster:
        """Make a cluster; joining its global cluster is checked and done here. Raises RDS's error when it does not fit."""
        identifier = kwargs["db_cluster_identifier"]
        if identifier in self.clusters:
            raise AwsError("DBClusterAlreadyExistsFault", "DB Cluster already exists", 400)
        joined = kwargs.get("global_cluster_identifier")
        into = global_database(self.account_id, joined) if joined else None
        if into:
            self._check_join(into, kwargs)
        cluster = DBCluster(self, **kwargs)
        self.clusters[identifier] = cluster
        cluster.save_automated_backup()
        if into:
            cluster.is_writer = not into.members
            into.members.append(cluster)
        return cluster

    def _check_join(self, into: GlobalDatabase, kwargs: dict[str, Any]) -> None:
        if kwargs["engine"] != into.engine:
            message = f"Engine {kwargs['engine']} does not match the global cluster's engine {into.engine}."
            raise AwsError("InvalidParameterCombination", message, 400)
        if any(member.region == self.region_name for member in into.members):
            message = f"The global cluster already has a cluster in {self.region_name}."
            raise AwsError("InvalidParameterCombination", message, 400)
        if into.members and kwargs.get("master_username"):
            message = "Cannot specify user name and password for a secondary cluster of a global cluster."
            raise AwsError("InvalidParameterCombination", message, 400)
        if into.status != AVAILABLE:
            raise busy(into)


def rds_of(account: str, region: str) -> RdsBackend:
    """RDS's model of one Region."""
    return cast("RdsBackend", rds_backends[account][region])


def global_databases(account: str) -> list[GlobalDatabase]:
    """Every global cluster of the account."""
    return [cast("GlobalDatabase", found) for found in rds_of(account, GLOBAL_HOME).global_clusters.values()]


def global_database(account: str, identifier: str) -> GlobalDatabase:
    """One global cluster. Raises GlobalClusterNotFoundFault."""
    found = rds_of(account, GLOBAL_HOME).global_clusters.get(identifier)
    if found is None:
        raise AwsError("GlobalClusterNotFoundFault", f"Global cluster {identifier} not found", 404)
    return cast("GlobalDatabase", found)


def busy(database: GlobalDatabase) -> AwsError:
    """RDS's error for a global cluster that is not available."""
    message = f"Global cluster {database.global_cluster_identifier} is in status {database.status}"
    return AwsError("InvalidGlobalClusterStateFault", message, 400)
