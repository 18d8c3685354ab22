"""The emulated AWS as the realizers see it: `AwsState` on moto's backends and the registries of `services`.

One `State` is one AWS: making it empties the backends it stands on, because moto keeps those per process. Every method takes the
one lock the services share, reads or writes memory, and returns; nothing here does I/O or waits, except `changed`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends
from moto.efs.models import efs_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.rds.models import rds_backends
from moto.secretsmanager.models import secretsmanager_backends

from hadr_lab.aws import s3
from hadr_lab.aws.changes import Changes
from hadr_lab.aws.services.balancers import Balancers
from hadr_lab.aws.services.capacity import Capacity
from hadr_lab.aws.services.databases import Databases
from hadr_lab.aws.services.ec2_backend import Ec2Backend
from hadr_lab.aws.services.eks_access import identity
from hadr_lab.aws.services.eks_registry import EksRegistry
from hadr_lab.aws.services.eks_views import cluster_views
from hadr_lab.aws.services.file_replication import Files
from hadr_lab.aws.services.iam import IamBackend
from hadr_lab.aws.services.instances import claimed, instance_views, subnet_views, terminated
from hadr_lab.aws.services.rds_models import RdsBackend
from hadr_lab.aws.services.scaling import Scaling
from hadr_lab.aws.services.zonal_shift import Shifts
from hadr_lab.aws.views import (
    DatabaseCluster,
    EksCluster,
    FileReplication,
    FileSystem,
    GlobalSwitch,
    Instance,
    LoadBalancer,
    Subnet,
    TargetGroup,
    TargetHealth,
    WriterFailover,
)

PENDING = timedelta(seconds=2)
"""How long EC2 says `pending`, at speed 1; the boot that follows is the realizer's."""


class State:
    """One emulated AWS account. `reachable` says whether a Region's API can be reached from another one."""

    def __init__(
        self,
        changes: Changes,
        account_id: str = "123456789012",
        *,
        speed: float = 1.0,
        reachable: Callable[[str], bool] = lambda _region: True,
    ) -> None:
        self.changes = changes
        self.account = account_id
        self.lock = threading.RLock()
        self.capacity = Capacity()
        self.eks = EksRegistry(account_id)
        self.scaling = Scaling(account_id)
        self.rds = Databases(account_id)
        self.efs = Files(account_id, reachable=reachable)
        self.elb = Balancers(account_id, speed=speed)
        self.shifts = Shifts(account_id, self.eks)
        self._start_empty(PENDING / speed)

    def _start_empty(self, pending: timedelta) -> None:
        model = type("Ec2Backend", (Ec2Backend,), {"capacity": self.capacity, "pending": pending})
        ec2_backends.backend = model
        rds_backends.backend = RdsBackend
        iam_backends.backend = IamBackend
        kept: tuple[BackendDict, ...] = (  # type: ignore[type-arg]  # of as many kinds as there are services
            ec2_backends,
            rds_backends,
            efs_backends,
            elbv2_backends,
            iam_backends,
            cloudwatch_backends,
            secretsmanager_backends,
        )
        for backends in kept:
            backends.pop(self.account, None)
        s3.start_empty(self.account)

    async def changed(self, timeout: timedelta) -> None:
        """Return soon after any AWS call changed state, or after `timeout`."""
        await self.changes.wait(timeout)

    async def keep(self, every: timedelta = timedelta(seconds=1)) -> None:
        """Keep managed node groups at their size, for ever, as their Auto Scaling groups would."""
        while True:
            self.scale()
            await self.changed(every)

    def scale(self) -> bool:
        """Bring every node group to its size once; returns whether anything was launched or terminated."""
        with self.lock:
            changed = [self.scaling.reconcile(cluster) for cluster in self.eks.clusters.values()]
        return self._tell(any(changed))

    def _tell(self, news: bool) -> bool:
        if news:
            self.changes.notify()
        return news

    # --- reads

    def regions(self) -> tuple[str, ...]:
        """The Regions that have a VPC."""
        with self.lock:
            backends = ec2_backends[self.account]
            return tuple(sorted(region for region in list(backends) if backends[region].vpcs))

    def subnets(self, region: str) -> tuple[Subnet, ...]:
        """The Region's subnets."""
        with self.lock:
            return subnet_views(self.account, region)

    def instances(self, region: str) -> tuple[Instance, ...]:
        """The Region's instances, terminated ones too."""
        with self.lock:
            return instance_views(self.account, region)

    def clusters(self, region: str) -> tuple[EksCluster, ...]:
        """The Region's EKS clusters."""
        with self.lock:
            return cluster_views(self.eks, region)

    def databases(self, region: str) -> tuple[DatabaseCluster, ...]:
        """The Region's Aurora clusters."""
        with self.lock:
            return self.rds.views(region)

    def global_switches(self) -> tuple[GlobalSwitch, ...]:
        """Role changes that were asked for and are not finished."""
        with self.lock:
            return tuple(self.rds.switches.values())

    def writer_failovers(self) -> tuple[WriterFailover, ...]:
        """Take-overs inside a cluster that are not finished."""
        with self.lock:
            return tuple(self.rds.writers.asked.values())

    def file_systems(self, region: str) -> tuple[FileSystem, ...]:
        """The Region's EFS file systems."""
        with self.lock:
            return self.efs.views(region)

    def access_point_path(self, region: str, access_point: str) -> str:
        """The folder of its file system that an EFS access point leads to. Raises KeyError for one that is not there."""
        with self.lock:
            made = efs_backends[self.account][region].access_points[access_point]
            return str(made.root_directory.get("Path") or "/")

    def file_replications(self) -> tuple[FileReplication, ...]:
        """Every EFS replication."""
        with self.lock:
            return self.efs.replication_views()

    def load_balancers(self, region: str) -> tuple[LoadBalancer, ...]:
        """The Region's application load balancers."""
        with self.lock:
            return self.elb.views(region, {shift.resource: shift.away_from for shift in self.shifts.active(region)})

    def target_groups(self, region: str) -> tuple[TargetGroup, ...]:
        """The Region's target groups of kind `ip`."""
        with self.lock:
            return self.elb.group_views(region)

    def access(self, region: str, cluster: str, arn: str) -> tuple[str, tuple[str, ...]] | None:
        """Kubernetes user and groups of an IAM identity in a cluster, by its access entries; None: it may not enter."""
        with self.lock:
            found = self.eks.clusters.get((region, cluster))
            return identity(found, arn) if found else None

    def await_data_plane(self) -> None:
        """Nothing runs behind the state yet (it was restored): what needs a data plane waits for it, as if just made."""
        with self.lock:
            self.eks.await_control_planes()
            self.rds.await_servers()
            self.elb.await_nodes()

    # --- what is

    def cluster_ready(self, region: str, name: str, *, ca_data: str, authority: str = "") -> None:
        """The control plane answers: EKS says ACTIVE and gives this certificate authority (base64 PEM)."""
        with self.lock:
            cluster = self.eks.clusters.get((region, name))
            news = cluster is not None and not cluster.active
            if cluster is not None:
                cluster.document |= {"status": "ACTIVE", "certificateAuthority": {"data": ca_data}}
                cluster.authority = authority or cluster.authority
        self._tell(news)

    def instance_gone(self, region: str, instance_id: str) -> None:
        """The machine is gone (a fault killed it): EC2 says terminated."""
        with self.lock:
            news = terminated(self.account, region, instance_id)
        self._tell(news)

    def database_ready(self, arn: str) -> None:
        """The database process serves: RDS says available."""
        with self.lock:
            news = self.rds.ready(arn)
        self._tell(news)

    def database_lag(self, arn: str, lag: timedelta | None) -> None:
        """Replication lag as measured on the reader (None: unknown); becomes AuroraGlobalDBReplicationLag."""
        with self.lock:
            news = self.rds.lag(arn, lag)
        self._tell(news)

    def switch_done(self, global_cluster: str) -> None:
        """The promotion asked for took effect: roles flip in DescribeGlobalClusters."""
        with self.lock:
            news = self.rds.switched(global_cluster)
        self._tell(news)

    def switch_failed(self, global_cluster: str, why: str) -> None:
        """The promotion asked for cannot be done: the global cluster goes back to available with its roles unchanged."""
        with self.lock:
            news = self.rds.switch_failed(global_cluster, why)
        self._tell(news)

    def writer_lost(self, arn: str, avoid: frozenset[str]) -> None:
        """The cluster's writer does not serve any more: another instance, outside the zones `avoid`, is to take over."""
        with self.lock:
            news = self.rds.writer_lost(arn, avoid)
        self._tell(news)

    def writer_moved(self, arn: str) -> None:
        """The instance that was to take over serves: RDS says that it is the writer, and the cluster available."""
        with self.lock:
            news = self.rds.writer_moved(arn)
        self._tell(news)

    def writer_stays(self, arn: str) -> None:
        """The take-over asked for cannot be done: the cluster goes back to available with the writer it had."""
        with self.lock:
            news = self.rds.writer_stays(arn)
        self._tell(news)

    def replication_synced(self, source_id: str, at: datetime) -> None:
        """Everything the source held at `at` is on the destination: LastReplicatedTimestamp."""
        with self.lock:
            self.efs.synced(source_id, at.astimezone(UTC))

    def replication_deleted(self, source_id: str) -> None:
        """The replication is broken and the destination writable: the configuration is gone."""
        with self.lock:
            news = self.efs.deleted(source_id)
        self._tell(news)

    def balancer_ready(self, arn: str) -> None:
        """Every node of the balancer listens: ELB says active."""
        with self.lock:
            news = self.elb.ready(arn)
        self._tell(news)

    def target_health(self, group_arn: str, address: str, port: int, health: TargetHealth) -> None:
        """What the balancer's own health check says of one target."""
        with self.lock:
            news = self.elb.report(group_arn, address, port, health)
        self._tell(news)

    def claim_address(self, region: str, subnet_id: str, purpose: str) -> str:
        """An unused address of the subnet (a network interface is made for it); the same `purpose` gets the same address again."""
        with self.lock:
            return claimed(self.account, region, subnet_id, purpose)
