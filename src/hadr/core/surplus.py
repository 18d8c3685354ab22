"""Which pods to move: those in a zone that is left, or some from the fullest zone into one that has none. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hadr.core.placement import Placed, PodState
from hadr.core.zone_proofs import lacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Pods to evict, and the node to cordon first so that they do not come back to it."""

    pods: tuple[str, ...]
    cordon: str | None = None


def leaving_zone(placed: Placed, zone: str) -> tuple[str, ...]:
    """The pods in the zone that are not leaving yet."""
    return tuple(pod.name for pod in placed.pods if pod.zone == zone and not pod.leaving)


def making_room(placed: Placed, zone: str, zones: int) -> Move | None:
    """The next pods to move so that the zone has some; None while pods are on their way, or when there is none to spare.

    With a node in the zone, one pod of each Deployment that lacks one there. Without, the pods of a whole node of the zone that has
    most nodes: only pods that fit nowhere make a node maker make a node, and it then prefers the emptiest zone.
    """
    moving = any(pod.leaving or not pod.ready for pod in placed.pods)
    short = lacks(placed, zone, zones)
    if moving or not short:
        return None
    if any(node.ready and not node.cordoned for node in placed.nodes_in(zone)):
        return Move(pods=tuple(pod.name for name in short if (pod := _spare(placed, zone, name)) is not None))
    node = _spare_node(placed, zone)
    if node is None:
        return None
    return Move(pods=tuple(pod.name for pod in placed.pods if pod.node == node), cordon=node)


def _spare(placed: Placed, zone: str, deployment: str) -> PodState | None:
    """A pod of the Deployment in the zone that has most of them."""
    mine = sorted((pod for pod in placed.pods if pod.deployment == deployment and pod.zone != zone), key=lambda pod: pod.name)
    fullest = Counter(pod.zone for pod in mine).most_common(1)
    return next((pod for pod in mine if fullest and pod.zone == fullest[0][0]), None)


def _spare_node(placed: Placed, zone: str) -> str | None:
    """A node of the zone that has most of them, provided that another one is left in it; the one with fewest pods."""
    nodes = [node for node in placed.nodes if node.zone != zone and node.ready and not node.cordoned]
    counted = Counter(node.zone for node in nodes)
    fullest = max(sorted(counted), key=lambda name: counted[name], default=None)
    if fullest is None or counted[fullest] < 2:
        return None
    pods = Counter(pod.node for pod in placed.pods)
    return min((node.name for node in nodes if node.zone == fullest), key=lambda name: (pods[name], name))
