"""The part of EKS's cloud controller that removes Nodes whose instance is gone.

A Node is removed only when it is not Ready and EC2 no longer has its instance: a silent node whose
instance lives stays, as on AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hadr_lab.dataplane.controlplane.api import Json, KubeApi

GONE = frozenset({"terminated", "shutting-down"})


def instance_of(node: Json) -> str:
    """The instance id in a Node's provider id, or an empty string."""
    return str(node.get("spec", {}).get("providerID", "")).rpartition("/")[2]


def is_ready(node: Json) -> bool:
    """Whether the Node's Ready condition is True."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node.get("status", {}).get("conditions", ()))


def orphans(nodes: Iterable[Json], alive: Collection[str]) -> tuple[str, ...]:
    """Names of the Nodes to remove, given the ids of the instances that EC2 still has."""
    return tuple(
        node["metadata"]["name"]
        for node in nodes
        if (instance := instance_of(node)) and instance not in alive and not is_ready(node)
    )


async def remove_orphans(api: KubeApi, alive: Collection[str]) -> tuple[str, ...]:
    """Remove them; returns their names."""
    names = orphans((await api.get("/api/v1/nodes"))["items"], alive)
    for name in names:
        await api.delete(f"/api/v1/nodes/{name}")
    return names
