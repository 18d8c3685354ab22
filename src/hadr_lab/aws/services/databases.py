"""Aurora's moving parts: who has which password, role changes under way, replication lag, and the views of all that.

A role change is asked for through the API, seen by the realizer as a `GlobalSwitch`, and finished by it; only then do the roles
flip. It must never flip a role by itself, nor wait.
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from moto.rds.models import DBCluster

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.lag_metric import record_lag
from hadr_lab.aws.services.rds_models import (
    AVAILABLE,
    CREATING,
    GlobalDatabase,
    RdsBackend,
    busy,
    global_database,
    global_databases,
    rds_of,
)
from hadr_lab.aws.services.serial import now
from hadr_lab.aws.services.writer_failover import WriterFailovers, instance_views
from hadr_lab.aws.views import DatabaseCluster, GlobalSwitch

CONNECTED, PENDING = "connected", "pending-resync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The master user of a cluster; all clusters of a global cluster have the same."""

    username: str
    password: str


@dataclass(slots=True)
class Databases:
    """What is known of the account's Aurora clusters beyond moto's model, by cluster ARN or global cluster identifier."""

    account: str
    credentials: dict[str, Credentials] = field(default_factory=dict)
    switches: dict[str, GlobalSwitch] = field(default_factory=dict)
    out_of_sync: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    writers: WriterFailovers = field(default_factory=WriterFailovers)

    # --- what the API asks for

    def add(self, cluster: DBCluster, *, password: str | None) -> None:
        """A cluster was made: keep its master user, or the global cluster's for a secondary."""
        into = _global_of(self.account, cluster)
        if into and into.writer and into.writer is not cluster:
            self.credentials[cluster.arn] = self.credentials[into.writer.arn]
            return
        chosen = password or secrets.token_urlsafe(24)
        self.credentials[cluster.arn] = Credentials(username=cluster.master_username or "admin", password=chosen)
        if cluster.manage_master_user_password:
            self.store_secret(cluster)

    def store_secret(self, cluster: DBCluster) -> None:
        """Put the master user into the secret that RDS manages."""
        known = self.credentials[cluster.arn]
        value = json.dumps({"username": known.username, "password": known.password})
        kept = cluster.master_user_secret.secret
        cluster.backend.secretsmanager.update_secret(
            kept.arn, secret_string=value, client_request_token=str(uuid.uuid4()), kms_key_id=kept.kms_key_id
        )

    def change_password(self, cluster: DBCluster, password: str) -> None:
        """The master password of the cluster, and of those that follow it, is another one."""
        into = _global_of(self.account, cluster)
        for member in into.members if into else [cluster]:
            username = self.credentials[member.arn].username
            self.credentials[member.arn] = Credentials(username=username, password=password)

    def switch(self, database: GlobalDatabase, target: DBCluster, *, allow_data_loss: bool) -> None:
        """Start a role change. Raises RDS's error when the global cluster or the target cannot take one now."""
        writer = database.writer
        if database.status != AVAILABLE or writer is None:
            raise busy(database)
        if target is writer:
            raise AwsError("InvalidGlobalClusterStateFault", f"{target.arn} is already the writer of the global cluster", 400)
        if target.status != AVAILABLE:
            raise AwsError("InvalidDBClusterStateFault", f"DB cluster {target.arn} is in status {target.status}", 400)
        if not allow_data_loss and target.arn in self.out_of_sync:
            message = f"DB cluster {target.arn} is not in sync with the writer; a switchover would lose data"
            raise AwsError("InvalidDBClusterStateFault", message, 400)
        word = "failing-over" if allow_data_loss else "switching-over"
        database.status = word
        database.failover_state = {
            "Status": word,
            "FromDbClusterArn": writer.arn,
            "ToDbClusterArn": target.arn,
            "IsDataLossAllowed": allow_data_loss,
        }
        self.failures.pop(database.global_cluster_identifier, None)
        self.switches[database.global_cluster_identifier] = GlobalSwitch(
            global_cluster=database.global_cluster_identifier,
            from_arn=writer.arn,
            to_arn=target.arn,
            allow_data_loss=allow_data_loss,
            asked=now(),
        )

    def detach(self, database: GlobalDatabase, cluster: DBCluster) -> None:
        """The cluster leaves its global cluster and is a writer of its own. Raises RDS's error for a writer with readers."""
        if database.status != AVAILABLE:
            raise busy(database)
        if cluster.is_writer and len(database.members) > 1:
            message = "Cannot remove the writer DB cluster while reader members remain."
            raise AwsError("InvalidGlobalClusterStateFault", message, 400)
        database.members.remove(cluster)
        cluster.global_cluster_identifier = None
        cluster.is_writer = False
        self.out_of_sync.discard(cluster.arn)

    def describe(self, database: GlobalDatabase) -> dict[str, Any]:
        """The global cluster as DescribeGlobalClusters tells it."""
        described = {
            "GlobalClusterIdentifier": database.global_cluster_identifier,
            "GlobalClusterResourceId": database.global_cluster_resource_id,
            "GlobalClusterArn": database.global_cluster_arn,
            "Status": database.status,
            "Engine": database.engine,
            "EngineVersion": database.engine_version,
            "DatabaseName": database.database_name,
            "StorageEncrypted": database.storage_encrypted,
            "DeletionProtection": database.deletion_protection,
            "GlobalClusterMembers": [self._member(database, member) for member in database.members],
            "Endpoint": database.endpoint,
            "TagList": database.tags,
            "FailoverState": database.failover_state,
        }
        return {key: value for key, value in described.items() if value is not None}

    def _member(self, database: GlobalDatabase, member: DBCluster) -> dict[str, Any]:
        readers = [other.arn for other in database.members if not other.is_writer]
        described = {
            "DBClusterArn": member.arn,
            "IsWriter": member.is_writer,
            "Readers": readers if member.is_writer else [],
            "SynchronizationStatus": PENDING if member.arn in self.out_of_sync else CONNECTED,
        }
        return described if member.is_writer else described | {"GlobalWriteForwardingStatus": "disabled"}

    # --- what the realizer says

    def ready(self, arn: str) -> bool:
        """The cluster's process serves. Returns whether that is news."""
        backend, cluster = self._find(arn)
        if cluster is None or cluster.status != CREATING:
            return False
        cluster.status = AVAILABLE
        for instance in backend.databases.values():
            if instance.db_cluster_identifier == cluster.db_cluster_identifier and instance.status == CREATING:
                instance.status = AVAILABLE
        return True

    def lag(self, arn: str, lag: timedelta | None) -> bool:
        """Replication lag of a reader (None: unknown). Returns whether its synchronization status changed."""
        _, cluster = self._find(arn)
        into = _global_of(self.account, cluster) if cluster else None
        if cluster is None or into is None or cluster.is_writer:
            return False
        was = arn in self.out_of_sync
        if lag is None:
            self.out_of_sync.add(arn)
        else:
            self.out_of_sync.discard(arn)
            record_lag(self.account, cluster, into.writer, lag)
        return was != (lag is None)

    def switched(self, global_cluster: str) -> bool:
        """The promotion took effect: roles flip. Returns whether one was under way."""
        switch = self.switches.pop(global_cluster, None)
        if switch is None:
            return False
        database = global_database(self.account, global_cluster)
        database.member(switch.from_arn).is_writer = False
        database.member(switch.to_arn).is_writer = True
        database.status, database.failover_state = AVAILABLE, None
        self.out_of_sync.discard(switch.to_arn)
        if switch.allow_data_loss:
            self.out_of_sync.add(switch.from_arn)
        return True

    def switch_failed(self, global_cluster: str, why: str) -> bool:
        """The promotion cannot be done: as it was before. Returns whether one was under way."""
        if self.switches.pop(global_cluster, None) is None:
            return False
        database = global_database(self.account, global_cluster)
        database.status, database.failover_state = AVAILABLE, None
        self.failures[global_cluster] = why
        return True

    def writer_lost(self, arn: str, avoid: Collection[str]) -> bool:
        """The cluster's writer does not serve. Returns whether a take-over began."""
        _, cluster = self._find(arn)
        return cluster is not None and self.writers.lost(cluster, avoid=avoid)

    def writer_moved(self, arn: str) -> bool:
        """The take-over inside the cluster took effect. Returns whether one was under way."""
        _, cluster = self._find(arn)
        return cluster is not None and self.writers.done(cluster)

    def writer_stays(self, arn: str) -> bool:
        """The take-over inside the cluster cannot be done. Returns whether one was under way."""
        _, cluster = self._find(arn)
        return cluster is not None and self.writers.failed(cluster)

    def await_servers(self) -> None:
        """Every cluster and its instances are creating until the cluster's process serves.

        Which instance of a cluster becomes its writer is then decided by promotion tier, not by which of them Terraform happened to
        make first (it makes them side by side): the same root is the same lab.
        """
        for backend in (rds_of(self.account, arn.split(":")[3]) for arn in self.credentials):
            for cluster in backend.clusters.values():
                cluster.status = CREATING
                self.writers.settle(cluster)
            for instance in backend.databases.values():
                instance.status = CREATING

    # --- views

    def views(self, region: str) -> tuple[DatabaseCluster, ...]:
        """The Region's Aurora clusters."""
        backend = rds_of(self.account, region)
        return tuple(self._view(backend, cluster) for cluster in backend.clusters.values() if cluster.arn in self.credentials)

    def _view(self, backend: RdsBackend, cluster: DBCluster) -> DatabaseCluster:
        into = _global_of(self.account, cluster)
        writer = into.writer if into else None
        follows = writer.arn if writer and writer is not cluster else None
        zone, subnets = placement(backend, cluster)
        known = self.credentials[cluster.arn]
        return DatabaseCluster(
            region=backend.region_name,
            zone=zone,
            identifier=cluster.db_cluster_identifier,
            arn=cluster.arn,
            status=cluster.status,
            endpoint=cluster.endpoint,
            reader_endpoint=cluster.reader_endpoint,
            port=cluster.port,
            subnet_ids=subnets,
            username=known.username,
            password=known.password,
            database=cluster.database_name or (into.database_name if into else None) or "",
            global_cluster=into.global_cluster_identifier if into else None,
            is_writer=follows is None,
            replicates_from=follows,
            global_endpoint=into.endpoint if into else None,
            instances=instance_views(cluster),
        )

    def _find(self, arn: str) -> tuple[RdsBackend, DBCluster | None]:
        backend = rds_of(self.account, arn.split(":")[3])
        return backend, next((cluster for cluster in backend.clusters.values() if cluster.arn == arn), None)


def placement(backend: RdsBackend, cluster: DBCluster) -> tuple[str, tuple[str, ...]]:
    """The zone of the cluster's writer instance (before it has one: its subnet group's first), and its subnets."""
    group = backend.subnet_groups.get(cluster.db_subnet_group_name)
    by_zone = sorted(group._subnets, key=lambda subnet: subnet.availability_zone) if group else []
    zone = cluster.writer.availability_zone if cluster.writer else (by_zone[0].availability_zone if by_zone else "")
    return zone, tuple(subnet.id for subnet in by_zone)


def _global_of(account: str, cluster: DBCluster) -> GlobalDatabase | None:
    return next((database for database in global_databases(account) if cluster in database.members), None)
