"""The data plane that is not there: whatever AWS state waits for becomes ready by itself, at once.

It takes the realizers' place where only the API is wanted. Clusters, databases and balancers come up, roles of a global database
turn round, writers move, replications end. It starts no process, and must never stand in beside a realizer: what it says is not so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hadr_lab.aws.views import AwsState
from hadr_lab.dataplane.controlplane.pki import Authority

EVERY = timedelta(seconds=1)


class Nothing:
    """Completes everything in `state` that a realizer would."""

    def __init__(self, state: AwsState) -> None:
        self.state = state

    async def run(self) -> None:
        """Complete what is asked for, for ever."""
        while True:
            self.complete()
            await self.state.changed(EVERY)

    def complete(self) -> None:
        """Complete everything that is asked for now."""
        for region in self.state.regions():
            self._complete(region)
        for switch in self.state.global_switches():
            self.state.switch_done(switch.global_cluster)
        for failover in self.state.writer_failovers():
            self.state.writer_moved(failover.arn)
        for replication in self.state.file_replications():
            if replication.status == "DELETING":
                self.state.replication_deleted(replication.source_id)
            else:
                self.state.replication_synced(replication.source_id, datetime.now(UTC))

    def _complete(self, region: str) -> None:
        for cluster in self.state.clusters(region):
            if cluster.status == "CREATING":
                authority = Authority.read(cluster.authority) if cluster.authority else Authority.make(f"{cluster.name} CA")
                self.state.cluster_ready(region, cluster.name, ca_data=authority.data, authority=authority.kept)
        for database in self.state.databases(region):
            if database.status != "available":
                self.state.database_ready(database.arn)
            if database.replicates_from:
                self.state.database_lag(database.arn, timedelta(0))
        for balancer in self.state.load_balancers(region):
            if balancer.state == "provisioning":
                self.state.balancer_ready(balancer.arn)
