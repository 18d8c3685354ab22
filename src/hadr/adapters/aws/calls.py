"""Every AWS call hadr makes, in one table: service, operation, whether it changes anything, and why it is needed.

`Caller` makes a call only if it is in the table, so the table is the whole truth from which an IAM policy can be made. It also is
the one place where botocore's errors are caught.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from hadr.adapters.aws.errors import translate

log = logging.getLogger("hadr.calls")


class On(StrEnum):
    """What a call touches, as far as IAM can tell it apart. ANY: the service knows no resources for this action."""

    ANY = "anything"
    DATABASES = "the global database and its clusters"
    FILES = "the members' file systems"
    CLUSTERS = "the members' EKS clusters"
    INSTANCES = "the members' own database clusters and their instances"
    BALANCERS = "the members' load balancers"
    ZONE = "the hosted zone"
    RECORDS = "the service's own records in the hosted zone"
    BUCKETS = "the switch buckets"
    OBJECTS = "the switch objects, and beside each one to try it with"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """One operation hadr may use. `action` is its name in IAM, `on` what the policy binds it to."""

    service: str
    operation: str
    action: str
    changes: bool
    why: str
    on: On = On.ANY


CALLS = (
    Permitted(
        service="rds",
        operation="describe_global_clusters",
        action="rds:DescribeGlobalClusters",
        changes=False,
        why="who is the writer; proof of a promotion",
    ),
    Permitted(
        service="rds",
        operation="describe_db_clusters",
        action="rds:DescribeDBClusters",
        changes=False,
        why="whether a member's cluster is available",
    ),
    Permitted(
        service="rds",
        operation="failover_global_cluster",
        action="rds:FailoverGlobalCluster",
        changes=True,
        why="promote the target, data loss allowed",
        on=On.DATABASES,
    ),
    Permitted(
        service="rds",
        operation="switchover_global_cluster",
        action="rds:SwitchoverGlobalCluster",
        changes=True,
        why="turn the database's roles round without loss",
        on=On.DATABASES,
    ),
    Permitted(
        service="rds",
        operation="describe_db_instances",
        action="rds:DescribeDBInstances",
        changes=False,
        why="in which zone the writer is, and where another could be",
    ),
    Permitted(
        service="rds",
        operation="failover_db_cluster",
        action="rds:FailoverDBCluster",
        changes=True,
        why="move the writer out of a zone",
        on=On.INSTANCES,
    ),
    Permitted(
        service="cloudwatch",
        operation="get_metric_statistics",
        action="cloudwatch:GetMetricStatistics",
        changes=False,
        why="replication lag of the database",
    ),
    Permitted(
        service="efs",
        operation="describe_replication_configurations",
        action="elasticfilesystem:DescribeReplicationConfigurations",
        changes=False,
        why="whether a file system is a replica",
    ),
    Permitted(
        service="efs",
        operation="delete_replication_configuration",
        action="elasticfilesystem:DeleteReplicationConfiguration",
        changes=True,
        why="make the target's files writable",
        on=On.FILES,
    ),
    Permitted(
        service="efs",
        operation="describe_file_systems",
        action="elasticfilesystem:DescribeFileSystems",
        changes=False,
        why="whether a file system may be overwritten by a replication",
    ),
    Permitted(
        service="efs",
        operation="describe_mount_targets",
        action="elasticfilesystem:DescribeMountTargets",
        changes=False,
        why="in which zones files can be reached",
    ),
    Permitted(
        service="efs",
        operation="update_file_system_protection",
        action="elasticfilesystem:UpdateFileSystemProtection",
        changes=True,
        why="let the stand-by's files become a replica",
        on=On.FILES,
    ),
    Permitted(
        service="efs",
        operation="create_replication_configuration",
        action="elasticfilesystem:CreateReplicationConfiguration",
        changes=True,
        why="replicate the active member's files to the stand-by",
        on=On.FILES,
    ),
    Permitted(
        service="eks",
        operation="describe_cluster",
        action="eks:DescribeCluster",
        changes=False,
        why="endpoint and certificate authority of a cluster",
        on=On.CLUSTERS,
    ),
    Permitted(
        service="elbv2",
        operation="describe_target_groups",
        action="elasticloadbalancing:DescribeTargetGroups",
        changes=False,
        why="a target group's ARN from its name",
    ),
    Permitted(
        service="elbv2",
        operation="describe_target_health",
        action="elasticloadbalancing:DescribeTargetHealth",
        changes=False,
        why="whether targets are healthy before traffic moves",
    ),
    Permitted(
        service="ec2",
        operation="describe_network_interfaces",
        action="ec2:DescribeNetworkInterfaces",
        changes=False,
        why="which address of a load balancer is in which zone",
    ),
    Permitted(
        service="arc-zonal-shift",
        operation="list_zonal_shifts",
        action="arc-zonal-shift:ListZonalShifts",
        changes=False,
        why="whether a load balancer is shifted away from a zone, and by whom",
    ),
    Permitted(
        service="arc-zonal-shift",
        operation="start_zonal_shift",
        action="arc-zonal-shift:StartZonalShift",
        changes=True,
        why="take a zone out of a load balancer's answer",
        on=On.BALANCERS,
    ),
    Permitted(
        service="arc-zonal-shift",
        operation="cancel_zonal_shift",
        action="arc-zonal-shift:CancelZonalShift",
        changes=True,
        why="put it back",
        on=On.BALANCERS,
    ),
    Permitted(
        service="route53",
        operation="list_resource_record_sets",
        action="route53:ListResourceRecordSets",
        changes=False,
        why="the records whose weights are changed",
        on=On.ZONE,
    ),
    Permitted(
        service="route53",
        operation="get_health_check",
        action="route53:GetHealthCheck",
        changes=False,
        why="whether the records' health checks would move traffic",
    ),
    Permitted(
        service="route53",
        operation="change_resource_record_sets",
        action="route53:ChangeResourceRecordSets",
        changes=True,
        why="move traffic by weights where that is possible",
        on=On.RECORDS,
    ),
    Permitted(
        service="s3",
        operation="list_objects_v2",
        action="s3:ListBucket",
        changes=False,
        why="whether a member is declared active",
        on=On.BUCKETS,
    ),
    Permitted(
        service="s3",
        operation="put_object",
        action="s3:PutObject",
        changes=True,
        why="declare a member active: the health-check switch",
        on=On.OBJECTS,
    ),
    Permitted(
        service="s3",
        operation="delete_object",
        action="s3:DeleteObject",
        changes=True,
        why="withdraw a declaration",
        on=On.OBJECTS,
    ),
    Permitted(
        service="sts",
        operation="get_caller_identity",
        action="sts:GetCallerIdentity",
        changes=False,
        why="presigned, it is the token of an EKS cluster",
    ),
)
BY_NAME: Mapping[tuple[str, str], Permitted] = {(call.service, call.operation): call for call in CALLS}


class Clients(Protocol):
    """What makes clients."""

    def client(self, service: str, region: str, *, changes: bool = False) -> Any: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes the permitted calls."""

    clients: Clients

    def __call__(self, service: str, operation: str, region: str, **arguments: Any) -> Any:
        """The answer of one call. Raises CallError; LookupError when the call is not in the table (a mistake in this program)."""
        permitted = BY_NAME[(service, operation)]
        where = f"{service} {operation} in {region}"
        log.debug("service=%s operation=%s region=%s", service, operation, region)
        try:
            client = self.clients.client(service, region, changes=permitted.changes)
            return getattr(client, operation)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, where) from error
