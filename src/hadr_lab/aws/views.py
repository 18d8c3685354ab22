"""What the realizers see of AWS state: frozen values, read at one moment, never live objects of the emulator.

`AwsState` is the whole seam between the emulated API and the data plane. Realizers read from it what should be, and
tell it what is (a cluster came up, a promotion ended, a target answers its health check). It must never do I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet; every address in it belongs to the network namespace of its zone."""

    region: str
    zone: str
    subnet_id: str
    vpc_id: str
    cidr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An EC2 instance. `state` is EC2's word: pending, running, shutting-down, terminated, stopping, stopped."""

    region: str
    zone: str
    instance_id: str
    instance_type: str
    subnet_id: str
    interface_id: str
    private_ip: str
    state: str
    user_data: str
    tags: Mapping[str, str]
    launched: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EksCluster:
    """An EKS cluster. `endpoint` is its host name (no scheme); `status` CREATING until a realizer calls `cluster_ready`.

    `authority` is the certificate authority it was given already (`pki.Authority.kept`), or nothing. `dns` is what the coredns
    add-on was configured with (a JSON object as EKS takes it), or nothing.
    """

    region: str
    name: str
    arn: str
    version: str
    status: str
    endpoint: str
    service_cidr: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    authority: str = ""
    dns: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInstance:
    """An instance of an Aurora cluster. `is_writer` is its role inside the cluster; the others can take over from the writer."""

    identifier: str
    zone: str
    endpoint: str
    is_writer: bool
    available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCluster:
    """An Aurora cluster. `is_writer` is its role in its global cluster (True when it is in none); `zone` is its writer instance's.

    `replicates_from` is the ARN of the writer cluster it follows, or None. `endpoint` is a host name that must resolve to
    the process that serves it; `global_endpoint` must resolve to the global cluster's writer.
    """

    region: str
    zone: str
    identifier: str
    arn: str
    status: str
    endpoint: str
    reader_endpoint: str
    port: int
    subnet_ids: tuple[str, ...]
    username: str
    password: str
    database: str
    global_cluster: str | None
    is_writer: bool
    replicates_from: str | None
    global_endpoint: str | None = None
    instances: tuple[DatabaseInstance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalSwitch:
    """A role change of a global cluster that was asked for and is not finished: failover (data loss allowed) or switchover."""

    global_cluster: str
    from_arn: str
    to_arn: str
    allow_data_loss: bool
    asked: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterFailover:
    """A take-over inside one Aurora cluster that was asked for, or became necessary, and is not finished; `zone` is the new one."""

    arn: str
    from_instance: str
    to_instance: str
    zone: str
    asked: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """An EFS file system and its mount targets (zone -> address)."""

    region: str
    file_system_id: str
    mount_targets: Mapping[str, str]
    overwrite_protection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReplication:
    """An EFS replication. `status` ENABLED, or DELETING from DeleteReplicationConfiguration until `replication_deleted`."""

    source_region: str
    source_id: str
    destination_region: str
    destination_id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A registered target of kind `ip`. `draining` from DeregisterTargets until the deregistration delay is over."""

    address: str
    port: int
    draining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group of kind `ip` and its health check. `cross_zone`: a node also sends to targets in other zones than its own."""

    arn: str
    name: str
    port: int
    check_path: str
    check_port: int | None
    check_interval: timedelta
    check_timeout: timedelta
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    deregistration_delay: timedelta
    targets: tuple[Target, ...]
    cross_zone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One listener rule: matched in order; empty conditions match everything. `forward` maps target group ARN to weight."""

    priority: int
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    forward: Mapping[str, int] = field(default_factory=dict)
    fixed_status: int | None = None
    fixed_body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener of a load balancer; the last rule is its default action."""

    arn: str
    port: int
    protocol: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """An application load balancer with one node in each zone (zone -> subnet id). `state` is ELB's: provisioning, active.

    `away_from` are the zones that a zonal shift holds it away from now.
    """

    region: str
    arn: str
    name: str
    dns_name: str
    state: str
    subnets: Mapping[str, str]
    listeners: tuple[Listener, ...]
    away_from: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """What DescribeTargetHealth says of one target: state (initial, healthy, unhealthy, draining, unused) and reason code."""

    state: str
    reason: str = ""
    description: str = ""


class AwsState(Protocol):
    """The seam. Reads give the desired state of one Region at this moment; writes report what is. All are quick and thread-safe."""

    async def changed(self, timeout: timedelta) -> None:
        """Return soon after any AWS call changed state, or after `timeout`."""

    def regions(self) -> tuple[str, ...]: ...
    def subnets(self, region: str) -> tuple[Subnet, ...]: ...
    def instances(self, region: str) -> tuple[Instance, ...]: ...
    def clusters(self, region: str) -> tuple[EksCluster, ...]: ...
    def databases(self, region: str) -> tuple[DatabaseCluster, ...]: ...
    def global_switches(self) -> tuple[GlobalSwitch, ...]: ...
    def writer_failovers(self) -> tuple[WriterFailover, ...]: ...
    def file_systems(self, region: str) -> tuple[FileSystem, ...]: ...
    def file_replications(self) -> tuple[FileReplication, ...]: ...
    def load_balancers(self, region: str) -> tuple[LoadBalancer, ...]: ...
    def target_groups(self, region: str) -> tuple[TargetGroup, ...]: ...

    def cluster_ready(self, region: str, name: str, *, ca_data: str, authority: str = "") -> None:
        """The control plane answers: EKS says ACTIVE and gives this certificate authority (base64 PEM).

        `authority` is the same with its key, for whoever serves for the cluster later.
        """

    def instance_gone(self, region: str, instance_id: str) -> None:
        """The machine is gone (a fault killed it): EC2 says terminated."""

    def database_ready(self, arn: str) -> None:
        """The database process serves: RDS says available."""

    def database_lag(self, arn: str, lag: timedelta | None) -> None:
        """Replication lag as measured on the reader (None: unknown); becomes AuroraGlobalDBReplicationLag."""

    def switch_done(self, global_cluster: str) -> None:
        """The promotion asked for took effect: roles flip in DescribeGlobalClusters."""

    def switch_failed(self, global_cluster: str, why: str) -> None:
        """The promotion asked for cannot be done: the global cluster goes back to available with its roles unchanged."""

    def writer_lost(self, arn: str, avoid: frozenset[str]) -> None:
        """The cluster's writer does not serve any more: another instance, outside the zones `avoid`, is to take over."""

    def writer_moved(self, arn: str) -> None:
        """The instance that was to take over serves: RDS says that it is the writer, and the cluster available."""

    def writer_stays(self, arn: str) -> None:
        """The take-over asked for cannot be done: the cluster goes back to available with the writer it had."""

    def replication_synced(self, source_id: str, at: datetime) -> None:
        """Everything the source held at `at` is on the destination: LastReplicatedTimestamp."""

    def replication_deleted(self, source_id: str) -> None:
        """The replication is broken and the destination writable: the configuration is gone."""

    def balancer_ready(self, arn: str) -> None:
        """Every node of the balancer listens: ELB says active."""

    def target_health(self, group_arn: str, address: str, port: int, health: TargetHealth) -> None:
        """What the balancer's own health check says of one target."""

    def claim_address(self, region: str, subnet_id: str, purpose: str) -> str:
        """An unused address of the subnet (a network interface is made for it); the same `purpose` gets the same address again."""
