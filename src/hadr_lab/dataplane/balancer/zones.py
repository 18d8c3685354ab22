"""What zones mean to a balancer: which targets a zone's node sends to, and with which zones' nodes its name is answered.

ELB's rules. A group without cross-zone sending is served by each node from its own zone, and a zone in which it has no healthy
target is not answered with. A zone that is shifted away from is not answered with either, and nodes elsewhere send nothing new to
targets in it. When that leaves nothing, all zones are answered with, as Route 53 fails open. Everything here is pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from hadr_lab.aws.views import Subnet, Target, TargetGroup
from hadr_lab.dataplane.balancer.checks import group_name
from hadr_lab.dataplane.balancer.targets import Key, server_name

Where = Callable[[str], str]


def places(subnets: Iterable[Subnet]) -> Where:
    """From an address to the zone of its subnet; nothing for one outside."""
    known = [(ipaddress.ip_network(subnet.cidr), subnet.zone) for subnet in subnets]

    def where(address: str) -> str:
        parsed = ipaddress.ip_address(address)
        return next((zone for network, zone in known if parsed in network), "")

    return where


def targets_of(zone: str, groups: Iterable[TargetGroup], away: Collection[str], where: Where) -> dict[Key, Target]:
    """The targets that the node in `zone` holds. Those in a zone that is shifted away from drain in the nodes elsewhere."""
    held = {}
    for group in groups:
        for target in group.targets:
            at = where(target.address)
            if at != zone and not group.cross_zone:
                continue
            leaves = at != zone and at in away
            held[Key(group_name(group.arn), server_name(target))] = replace(target, draining=True) if leaves else target
    return held


def answered(
    zones: Collection[str],
    groups: Iterable[TargetGroup],
    away: Collection[str],
    where: Where,
    healthy: Callable[[TargetGroup, Target], bool],
) -> list[str]:
    """Those of `zones` (whose nodes live) with which the balancer's name is answered."""
    found = set(zones) - set(away)
    for group in groups:
        if not group.cross_zone:
            found &= {where(target.address) for target in group.targets if healthy(group, target)}
    return sorted(found or zones)
