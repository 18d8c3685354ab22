"""The global database through RDS, always asked in the member's own Region, and its lag through CloudWatch there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Gone
from hadr.core.placement import Instances, InstanceState
from hadr.core.site import Member, Site
from hadr.core.view import DatabaseState, Lag
from hadr.ports import Clock

LOOK_BACK = timedelta(minutes=15)
CONNECTED = "connected"
SETTLED = frozenset({"", "none", "completed", "failed", "cancelled"})


class Aurora:
    """The Aurora global database of a site."""

    def __init__(self, site: Site, call: Caller, clock: Clock) -> None:
        self._site = site
        self._call = call
        self._clock = clock

    def instances(self, member: Member) -> Instances:
        cluster = self._cluster(member)
        writers = {one["DBInstanceIdentifier"] for one in cluster.get("DBClusterMembers", []) if one.get("IsClusterWriter")}
        filters = [{"Name": "db-cluster-id", "Values": [member.database]}]
        found = self._call("rds", "describe_db_instances", member.region, Filters=filters)["DBInstances"]
        return Instances(
            status=str(cluster.get("Status", "")),
            instances=tuple(
                InstanceState(
                    name=one["DBInstanceIdentifier"],
                    zone=str(one.get("AvailabilityZone", "")),
                    status=str(one.get("DBInstanceStatus", "")),
                    writer=one["DBInstanceIdentifier"] in writers,
                )
                for one in sorted(found, key=lambda one: str(one["DBInstanceIdentifier"]))
            ),
        )

    def move_writer(self, member: Member, *, instance: str) -> str:
        target = {"DBClusterIdentifier": member.database, "TargetDBInstanceIdentifier": instance}
        self._call("rds", "failover_db_cluster", member.region, **target)
        return f"failing {member.database} over to {instance}"

    def observe(self, member: Member) -> DatabaseState:
        whole = self._global(member)
        cluster = self._cluster(member)
        writer = next((one["DBClusterArn"] for one in whole.get("GlobalClusterMembers", []) if one.get("IsWriter")), None)
        return DatabaseState(
            writer=self._name(writer),
            status=str(whole.get("Status", "")),
            switching_to=self._switching(whole),
            cluster_status=str(cluster.get("Status", "")),
            instances=len(cluster.get("DBClusterMembers", [])),
            unsynced=self._unsynced(whole, str(cluster.get("DBClusterArn", ""))),
        )

    def lag(self, member: Member) -> Lag:
        now = self._clock.now()
        answer = self._call(
            "cloudwatch",
            "get_metric_statistics",
            member.region,
            Namespace="AWS/RDS",
            MetricName="AuroraGlobalDBReplicationLag",
            Dimensions=[{"Name": "DBClusterIdentifier", "Value": member.database}],
            StartTime=now - LOOK_BACK,
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Maximum"],
        )
        points = sorted(answer.get("Datapoints", []), key=lambda point: point["Timestamp"])
        if not points:
            raise Gone(f"no replication lag of {member.database} was measured in the last {LOOK_BACK.seconds // 60} minutes")
        newest = points[-1]
        return Lag(value=timedelta(milliseconds=float(newest["Maximum"])), measured=newest["Timestamp"])

    def promote(self, member: Member) -> str:
        arn = str(self._cluster(member)["DBClusterArn"])
        self._call(
            "rds",
            "failover_global_cluster",
            member.region,
            GlobalClusterIdentifier=self._site.global_database,
            TargetDbClusterIdentifier=arn,
            AllowDataLoss=True,
        )
        return f"failing over to {arn}"

    def switch_over(self, member: Member, *, away: Member) -> str:
        arn = str(self._cluster(member)["DBClusterArn"])
        self._call(
            "rds",
            "switchover_global_cluster",
            away.region,
            GlobalClusterIdentifier=self._site.global_database,
            TargetDbClusterIdentifier=arn,
        )
        return f"switching over to {arn}"

    def _global(self, member: Member) -> Any:
        name = self._site.global_database
        if name is None:
            raise Gone(f"site {self._site.name} has no global database")
        found = self._call("rds", "describe_global_clusters", member.region, GlobalClusterIdentifier=name)["GlobalClusters"]
        for one in found:
            if one["GlobalClusterIdentifier"] == name:
                return one
        raise Gone(f"rds in {member.region}: no global database {name}")

    def _cluster(self, member: Member) -> Any:
        found = self._call("rds", "describe_db_clusters", member.region, DBClusterIdentifier=member.database)["DBClusters"]
        for one in found:
            if one["DBClusterIdentifier"] == member.database:
                return one
        raise Gone(f"rds in {member.region}: no database cluster {member.database}")

    def _unsynced(self, whole: Any, arn: str) -> str:
        """RDS's word for a reader that does not follow (pending-resync); a Region that has come back has one for a while."""
        for one in whole.get("GlobalClusterMembers", []):
            if one["DBClusterArn"] == arn and not one.get("IsWriter"):
                told = str(one.get("SynchronizationStatus", CONNECTED))
                return "" if told == CONNECTED else told
        return ""

    def _switching(self, whole: Any) -> str | None:
        """The member a role change is under way to; a role change to somewhere unknown is told by its ARN."""
        state = whole.get("FailoverState") or {}
        if str(state.get("Status", "")).lower() in SETTLED:
            return None
        to = state.get("ToDbClusterArn")
        return self._name(to) or to or "unknown"

    def _name(self, arn: str | None) -> str | None:
        """The member whose cluster `arn` is."""
        if arn is None:
            return None
        for member in self._site.members:
            parts = arn.split(":")
            if len(parts) > 6 and parts[3] == member.region and parts[-1] == member.database:
                return member.name
        return None
