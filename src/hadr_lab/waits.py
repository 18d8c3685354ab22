"""Simulated waits: what takes time on AWS and nothing in the lab, each with AWS's figure and where it comes from.

One `--speed` divides all of them; `--speed 1` waits in full. A wait that really happens here (a process starting, a health
check failing three times) is not in this table. Every wait that was taken is recorded, so that a result can say what was
simulated and what the same drill's critical path would be with AWS's figures.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Wait(StrEnum):
    """The simulated waits by name; the names appear in result.json under `simulated_waits`."""

    INSTANCE_BOOT = "instance_boot"
    IMAGE_PULL = "image_pull"
    AURORA_FAILOVER = "aurora_failover"
    AURORA_WRITER = "aurora_writer"
    AURORA_REJOIN = "aurora_rejoin"
    EFS_BREAK = "efs_break"
    HEALTH_CHECK_INTERVAL = "health_check_interval"
    DNS_TTL = "dns_ttl"
    DNS_PROPAGATION = "dns_propagation"
    TARGET_CHECK_INTERVAL = "target_check_interval"
    CLUSTER_CREATE = "cluster_create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """AWS's figure for one wait and the source it was taken from."""

    aws: timedelta
    source: str


FIGURES: dict[Wait, Figure] = {
    Wait.INSTANCE_BOOT: Figure(
        aws=timedelta(seconds=45),
        source="EC2 launch to kubelet Ready: 45-90 s typical on EKS AL2023, the lower bound is taken",
    ),
    Wait.IMAGE_PULL: Figure(aws=timedelta(seconds=10), source="a 100-200 MB image from ECR in the Region onto a new node"),
    Wait.AURORA_FAILOVER: Figure(
        aws=timedelta(seconds=120),
        source="Aurora user guide, global database managed failover: 'typically within minutes'",
    ),
    Wait.AURORA_WRITER: Figure(
        aws=timedelta(seconds=30),
        source="Aurora user guide, high availability: with a replica 'typically restored in less than 60 seconds, and often less "
        "than 30 seconds'; counted from when the loss was noticed",
    ),
    Wait.AURORA_REJOIN: Figure(
        aws=timedelta(minutes=5),
        source="Aurora user guide, managed failover: the old primary cluster is added back once its Region is healthy; no figure "
        "is given, and five minutes are assumed for a small volume",
    ),
    Wait.EFS_BREAK: Figure(
        aws=timedelta(seconds=180),
        source="EFS user guide, deleting a replication configuration: 'can take several minutes'",
    ),
    Wait.HEALTH_CHECK_INTERVAL: Figure(
        aws=timedelta(seconds=10), source="Route 53 RequestInterval: 10 s (fast) or 30 s; the architectures ask for 10 s"
    ),
    Wait.DNS_TTL: Figure(aws=timedelta(seconds=60), source="Route 53 alias to a load balancer: TTL 60 s, not settable"),
    Wait.DNS_PROPAGATION: Figure(
        aws=timedelta(seconds=60), source="Route 53 developer guide: changes generally propagate within 60 s"
    ),
    Wait.TARGET_CHECK_INTERVAL: Figure(
        aws=timedelta(seconds=10), source="target group health check interval the architectures ask for"
    ),
    Wait.CLUSTER_CREATE: Figure(aws=timedelta(minutes=8), source="EKS CreateCluster to ACTIVE; outside any drill's clock"),
}


@dataclass(slots=True)
class Waits:
    """The waits of one lab at one speed. `taken` counts how often each was really waited for."""

    speed: float = 1.0
    taken: dict[Wait, int] = field(default_factory=dict)

    def scaled(self, wait: Wait, aws: timedelta | None = None) -> timedelta:
        """The lab's length of `wait`. `aws` replaces the table's figure when a resource states its own (an interval, a TTL)."""
        return (aws if aws is not None else FIGURES[wait].aws) / self.speed

    async def take(self, wait: Wait, aws: timedelta | None = None) -> None:
        """Wait for the scaled length and record that it was taken."""
        self.count(wait)
        await asyncio.sleep(self.scaled(wait, aws).total_seconds())

    def count(self, wait: Wait, times: int = 1) -> None:
        """Record that the wait was taken by something that does its own waiting (another process, a due time)."""
        self.taken[wait] = self.taken.get(wait, 0) + times
