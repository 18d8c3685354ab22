"""The writer instance inside one Aurora cluster: who takes over, and a take-over that was asked for and is not finished.

Aurora's storage belongs to the cluster and spans its zones, so another instance takes over with everything that was acknowledged.
It must never flip the writer by itself, nor wait: the data plane says when another instance serves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from moto.rds.models import DBCluster, DBInstanceClustered

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.rds_models import AVAILABLE
from hadr_lab.aws.services.serial import now
from hadr_lab.aws.views import DatabaseInstance, WriterFailover

FAILING_OVER = "failing-over"


@dataclass(slots=True)
class WriterFailovers:
    """The take-overs under way, by cluster ARN."""

    asked: dict[str, WriterFailover] = field(default_factory=dict)

    def ask(self, cluster: DBCluster, target: str | None) -> None:
        """FailoverDBCluster: start a take-over by `target`, or by the instance Aurora would choose. Raises RDS's error."""
        if cluster.status != AVAILABLE:
            raise AwsError(
                "InvalidDBClusterStateFault", f"DB cluster {cluster.db_cluster_identifier} is in status {cluster.status}", 400
            )
        readers = _readers(cluster)
        if target is None:
            chosen = _chosen(readers)
        else:
            chosen = next((reader for reader in readers if reader.db_instance_identifier == target), None)
            if chosen is None:
                message = f"Cannot fail over to {target}: it is no available reader of {cluster.db_cluster_identifier}."
                raise AwsError("InvalidDBInstanceState", message, 400)
        if chosen is None:
            message = f"DB cluster {cluster.db_cluster_identifier} has no available reader to fail over to."
            raise AwsError("InvalidDBClusterStateFault", message, 400)
        self._begin(cluster, chosen)

    def lost(self, cluster: DBCluster, *, avoid: Collection[str]) -> bool:
        """The writer does not serve: start a take-over outside the zones `avoid`. Returns whether there is one now that was not."""
        chosen = _chosen([reader for reader in _readers(cluster) if reader.availability_zone not in avoid])
        if cluster.status != AVAILABLE or chosen is None:
            return False
        self._begin(cluster, chosen)
        return True

    def done(self, cluster: DBCluster) -> bool:
        """The instance asked for serves: it is the writer. Returns whether a take-over was under way."""
        asked = self.asked.pop(cluster.arn, None)
        if asked is None:
            return False
        for instance in cluster.members:
            instance.is_cluster_writer = instance.db_instance_identifier == asked.to_instance
        cluster.status = AVAILABLE
        return True

    def settle(self, cluster: DBCluster) -> None:
        """No instance serves yet: the one that Aurora would prefer begins as the writer."""
        if (chosen := _chosen(list(cluster.members))) is not None:
            for instance in cluster.members:
                instance.is_cluster_writer = instance is chosen

    def failed(self, cluster: DBCluster) -> bool:
        """The take-over cannot be done: as it was before. Returns whether one was under way."""
        if self.asked.pop(cluster.arn, None) is None:
            return False
        cluster.status = AVAILABLE
        return True

    def _begin(self, cluster: DBCluster, chosen: DBInstanceClustered) -> None:
        cluster.status = FAILING_OVER
        writer = cluster.writer
        self.asked[cluster.arn] = WriterFailover(
            arn=cluster.arn,
            from_instance=writer.db_instance_identifier if writer else "",
            to_instance=chosen.db_instance_identifier,
            zone=chosen.availability_zone,
            asked=now(),
        )


def instance_views(cluster: DBCluster) -> tuple[DatabaseInstance, ...]:
    """The cluster's instances, by identifier."""
    return tuple(
        DatabaseInstance(
            identifier=member.db_instance_identifier,
            zone=member.availability_zone,
            endpoint=member.address,
            is_writer=member.is_cluster_writer,
            available=member.status == AVAILABLE,
        )
        for member in sorted(cluster.members, key=lambda member: member.db_instance_identifier)
    )


def _readers(cluster: DBCluster) -> list[DBInstanceClustered]:
    return [member for member in cluster.members if not member.is_cluster_writer and member.status == AVAILABLE]


def _chosen(readers: list[DBInstanceClustered]) -> DBInstanceClustered | None:
    """Aurora's order: the lowest promotion tier; between equals their names decide here, where Aurora looks at sizes."""
    return min(readers, key=lambda reader: (reader.promotion_tier, reader.db_instance_identifier), default=None)
