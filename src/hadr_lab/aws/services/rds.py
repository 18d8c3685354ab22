"""RDS's API: moto's, with clusters that wait for their process and global clusters as Aurora has them.

FailoverGlobalCluster and SwitchoverGlobalCluster are asynchronous and answered in every Region, so that the surviving one can
be asked. It must never report a role before the promotion took effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.rds.models import DBCluster, DBInstance
from moto.rds.responses import RDSResponse

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.databases import Databases
from hadr_lab.aws.services.ec2 import known_subnet
from hadr_lab.aws.services.rds_models import (
    AVAILABLE,
    CREATING,
    GLOBAL_HOME,
    GlobalDatabase,
    RdsBackend,
    global_database,
    global_databases,
    rds_of,
)
from hadr_lab.aws.services.serial import Serial


class Rds(Serial, RDSResponse):
    """RDS's API in one Region; `databases` is bound before first use."""

    databases: ClassVar[Databases]

    @property
    def model(self) -> RdsBackend:
        """The model of the caller's Region."""
        return rds_of(self.databases.account, self.region)

    def create_db_subnet_group(self) -> ActionResult:
        """CreateDBSubnetGroup. Raises InvalidSubnet for one that EC2 does not know."""
        for subnet in self.params.get("SubnetIds") or []:
            known_subnet(self.databases.account, self.region, subnet, code="InvalidSubnet")
        return super().create_db_subnet_group()

    # --- clusters

    def create_db_cluster(self) -> ActionResult:
        """CreateDBCluster."""
        cluster = self.model.create_db_cluster(self.params)
        self.databases.add(cluster, password=self.params.get("MasterUserPassword"))
        return ActionResult({"DBCluster": cluster})

    def create_db_instance(self) -> ActionResult:
        """CreateDBInstance; an Aurora instance is available when its cluster is, and is where its cluster is unless it says."""
        if owner := self.params.get("DBClusterIdentifier"):
            cluster = self._cluster(owner)
            if not self.params.get("AvailabilityZone"):
                self.params["AvailabilityZone"] = self._next_zone(cluster)
        instance = self.model.create_db_instance(self.params)
        if owner and self._cluster(owner).status == CREATING:
            instance.status = CREATING
        self._observe(instance)
        return ActionResult({"DBInstance": instance})

    def modify_db_instance(self) -> ActionResult:
        """ModifyDBInstance."""
        identifier = self.params["DBInstanceIdentifier"]
        answer = super().modify_db_instance()
        self._observe(self.model.describe_db_instances(self.params.get("NewDBInstanceIdentifier") or identifier)[0])
        return answer

    def _observe(self, instance: DBInstance) -> None:
        """Performance Insights as they were asked for, which moto leaves out."""
        enabled = self.params.get("EnablePerformanceInsights")
        if enabled is None:
            return
        key = self.params.get("PerformanceInsightsKMSKeyId") if enabled else None
        days = self.params.get("PerformanceInsightsRetentionPeriod", 7) if enabled else None
        vars(instance).update(
            performance_insights_enabled=enabled,
            performance_insights_kms_key_id=key,
            performance_insights_retention_period=days,
        )

    def _next_zone(self, cluster: DBCluster) -> str:
        """The zone of the subnet group that has fewest of the cluster's instances."""
        group = self.model.subnet_groups.get(cluster.db_subnet_group_name)
        zones = sorted({subnet.availability_zone for subnet in group._subnets}) if group else [f"{self.region}a"]
        taken = [member.availability_zone for member in cluster._members]
        return min(zones, key=taken.count)

    def modify_db_cluster(self) -> ActionResult:
        """ModifyDBCluster. Raises InvalidDBClusterStateFault for one that is not available."""
        cluster = self._cluster(self.params["DBClusterIdentifier"])
        if cluster.status != AVAILABLE:
            message = f"DB cluster {cluster.db_cluster_identifier} is in status {cluster.status}"
            raise AwsError("InvalidDBClusterStateFault", message, 400)
        managed = bool(cluster.manage_master_user_password)
        answer = super().modify_db_cluster()
        if password := self.params.get("MasterUserPassword"):
            self.databases.change_password(cluster, str(password))
        if cluster.manage_master_user_password and not managed:
            self.databases.store_secret(cluster)
        return answer

    def failover_db_cluster(self) -> ActionResult:
        """FailoverDBCluster: another instance of the cluster becomes its writer. Asynchronous, loses nothing."""
        cluster = self._cluster(self.params["DBClusterIdentifier"])
        self.databases.writers.ask(cluster, self.params.get("TargetDBInstanceIdentifier"))
        return ActionResult({"DBCluster": cluster})

    def delete_db_cluster(self) -> ActionResult:
        """DeleteDBCluster. Raises InvalidDBClusterStateFault for a member of a global cluster."""
        cluster = self._cluster(self.params["DBClusterIdentifier"])
        if cluster.global_cluster_identifier:
            message = "This cluster is a part of a global cluster, please remove it from globalcluster first"
            raise AwsError("InvalidDBClusterStateFault", message, 400)
        answer = super().delete_db_cluster()
        self.databases.credentials.pop(cluster.arn, None)
        self.databases.writers.asked.pop(cluster.arn, None)
        return answer

    def _cluster(self, identifier: str) -> DBCluster:
        return self.model.describe_db_clusters(identifier)[0]

    # --- global clusters

    def create_global_cluster(self) -> ActionResult:
        """CreateGlobalCluster, empty or from a cluster of any Region."""
        asked = self.params
        identifier = asked["GlobalClusterIdentifier"]
        home = rds_of(self.databases.account, GLOBAL_HOME)
        if identifier in home.global_clusters:
            raise AwsError("GlobalClusterAlreadyExistsFault", f"Global cluster {identifier} already exists", 400)
        source = self._source(asked)
        database = GlobalDatabase(
            home,
            identifier,
            source.engine if source else asked["Engine"],
            source.engine_version if source else asked.get("EngineVersion"),
            bool(source.storage_encrypted) if source else asked.get("StorageEncrypted"),
            asked.get("DeletionProtection"),
        )
        database.database_name = source.database_name if source else asked.get("DatabaseName")
        database.tags = asked.get("Tags") or []
        home.global_clusters[identifier] = database
        if source:
            source.global_cluster_identifier, source.is_writer = identifier, True
            database.members.append(source)
        return self._answer(database)

    def _source(self, asked: Mapping[str, Any]) -> DBCluster | None:
        """The cluster a global cluster is made from. Raises RDS's error for a wrong ARN or a missing or superfluous engine."""
        arn = asked.get("SourceDBClusterIdentifier")
        if arn is None and not asked.get("Engine"):
            message = "When creating standalone global cluster, value for engineName should be specified"
            raise AwsError("InvalidParameterValue", message, 400)
        if arn is None:
            return None
        if not str(arn).startswith("arn:"):
            raise AwsError("InvalidParameterValue", f"Malformed db cluster arn {arn}", 400)
        if asked.get("Engine"):
            message = "The engine of a global cluster made from an existing cluster is inherited and should not be specified"
            raise AwsError("InvalidParameterCombination", message, 400)
        return rds_of(self.databases.account, arn.split(":")[3]).describe_db_clusters(arn)[0]

    def describe_global_clusters(self) -> ActionResult:
        """DescribeGlobalClusters, one or all."""
        named = self.params.get("GlobalClusterIdentifier")
        account = self.databases.account
        found = [global_database(account, named)] if named else global_databases(account)
        return ActionResult({"GlobalClusters": [self.databases.describe(database) for database in found]})

    def modify_global_cluster(self) -> ActionResult:
        """ModifyGlobalCluster: name, protection, engine version."""
        database = self._global()
        if self.params.get("DeletionProtection") is not None:
            database.deletion_protection = bool(self.params["DeletionProtection"])
        if version := self.params.get("EngineVersion"):
            database.engine_version = str(version)
        if renamed := self.params.get("NewGlobalClusterIdentifier"):
            self._rename(database, str(renamed))
        return self._answer(database)

    def _rename(self, database: GlobalDatabase, identifier: str) -> None:
        kept = rds_of(self.databases.account, GLOBAL_HOME).global_clusters
        if identifier in kept:
            raise AwsError("GlobalClusterAlreadyExistsFault", f"Global cluster {identifier} already exists", 400)
        del kept[database.global_cluster_identifier]
        database.global_cluster_identifier = identifier
        kept[identifier] = database
        for member in database.members:
            member.global_cluster_identifier = identifier

    def delete_global_cluster(self) -> ActionResult:
        """DeleteGlobalCluster. Raises InvalidGlobalClusterStateFault while it has members or is protected."""
        database = self._global()
        if database.deletion_protection:
            raise AwsError("InvalidGlobalClusterStateFault", "Cannot delete protected global cluster", 400)
        if database.members:
            message = f"Global Cluster {database.global_cluster_arn} is not empty"
            raise AwsError("InvalidGlobalClusterStateFault", message, 400)
        del rds_of(self.databases.account, GLOBAL_HOME).global_clusters[database.global_cluster_identifier]
        database.status = "deleting"
        return self._answer(database)

    def remove_from_global_cluster(self) -> ActionResult:
        """RemoveFromGlobalCluster: the cluster becomes a writer of its own. Raises InvalidParameterValue for no member."""
        database, named = self._global(), str(self._asked("DbClusterIdentifier"))
        member = database.find(named)
        if member is None:
            message = f"{named} is not found in global cluster {database.global_cluster_identifier}"
            raise AwsError("InvalidParameterValue", message, 400)
        self.databases.detach(database, member)
        return self._answer(database)

    def failover_global_cluster(self) -> ActionResult:
        """FailoverGlobalCluster: with AllowDataLoss a failover, else a switchover. Asynchronous."""
        loss, switchover = self._asked("AllowDataLoss"), self._asked("Switchover")
        if loss is not None and switchover is not None:
            message = "AllowDataLoss and Switchover cannot both be specified."
            raise AwsError("InvalidParameterCombination", message, 400)
        return self._switch(allow_data_loss=bool(loss))

    def switchover_global_cluster(self) -> ActionResult:
        """SwitchoverGlobalCluster. Asynchronous, loses nothing."""
        return self._switch(allow_data_loss=False)

    def _switch(self, *, allow_data_loss: bool) -> ActionResult:
        database = self._global()
        target = database.member(str(self._asked("TargetDbClusterIdentifier")))
        self.databases.switch(database, target, allow_data_loss=allow_data_loss)
        described = self.databases.describe(database)
        return ActionResult({"GlobalCluster": described | {"FailoverState": described["FailoverState"] | {"Status": "pending"}}})

    def _asked(self, name: str) -> Any:
        return self.params.get(name)

    def _global(self) -> GlobalDatabase:
        return global_database(self.databases.account, str(self._asked("GlobalClusterIdentifier")))

    def _answer(self, database: GlobalDatabase) -> ActionResult:
        return ActionResult({"GlobalCluster": self.databases.describe(database)})
