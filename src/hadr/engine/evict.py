"""Pods that are to go: which ones, looked at in the moment in which they are asked to. Disruption budgets have the last word.

Pods move more often than plans are made, so the plan says only "out of this zone" or "into this zone".
"""

from __future__ import annotations

from hadr.core.site import Member
from hadr.core.surplus import leaving_zone, making_room
from hadr.ports import Ports


def evict_zone(ports: Ports, member: Member, zone: str) -> str:
    """Close the zone once more for nodes that came meanwhile, then evict what is in it. Raises CallError."""
    placed = ports.compute.placed(member)
    said = []
    if any(not node.cordoned for node in placed.nodes_in(zone)):
        said.append(ports.compute.close(member, zone))
    pods = leaving_zone(placed, zone)
    said.append(ports.compute.evict(member, pods) if pods else f"no pod in {zone} is left to evict")
    return "; ".join(said)


def spread_into(ports: Ports, member: Member, zone: str) -> str:
    """Let a pod of each Deployment that lacks one there be made anew, where no node of a fuller zone takes it. Raises CallError."""
    move = making_room(ports.compute.placed(member), zone, len(member.zones))
    if move is None:
        return f"no pod can be spared for {zone} now"
    said = [] if move.cordon is None else [ports.compute.cordon(member, move.cordon)]
    return "; ".join([*said, ports.compute.evict(member, move.pods)])
