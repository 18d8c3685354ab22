"""Looking at a running lab: the workload's pods at the API servers, the balancers' targets, by zone. It changes nothing.

Pods and nodes are asked for over the network, as an operator at the edge would; what a balancer thinks of its targets is what
DescribeTargetHealth answers.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hadr_lab.dataplane.controlplane import Who
from hadr_lab.dataplane.controlplane.api import UNREACHABLE, ApiError, KubeApi
from hadr_lab.dataplane.nodes.pod import pod_netns
from hadr_lab.drill.sight import Node, Pod, Sight, Target
from hadr_lab.history import EpochClock
from hadr_lab.lab import Lab
from hadr_lab.site import MadeMember

PATIENCE_S = 3.0
PODS = "/api/v1/namespaces/peccy/pods"
NODES = "/api/v1/nodes"
NAME, ZONE, KIND = "app.kubernetes.io/name", "topology.kubernetes.io/zone", "node.kubernetes.io/instance-type"
SERVICE = ("type", "service")
"""The label of nodes that the workload runs on."""
Json = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Eye:
    """Sees the members of one lab."""

    lab: Lab
    members: Mapping[str, MadeMember]
    clock: EpochClock = field(default_factory=EpochClock)
    _apis: dict[str, KubeApi] = field(default_factory=dict)

    async def look(self) -> Sight:
        """What there is at this moment; a member whose API server does not answer is named as unseen."""
        at = self.clock.now()
        seen = await asyncio.gather(*(self._seen(member) for member in self.members))
        unseen = tuple(member for member, found in zip(self.members, seen, strict=True) if found is None)
        known = [found for found in seen if found is not None]
        return Sight(
            at=at,
            pods=tuple(pod for pods, _ in known for pod in pods),
            nodes=tuple(node for _, nodes in known for node in nodes),
            targets=tuple(self._targets()),
            unseen=unseen,
        )

    async def namespaces(self, member: str) -> tuple[str, ...]:
        """The network namespaces of the member's workload; none while its API server does not answer."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._api(member).get(PODS)
        except (ApiError, *UNREACHABLE):
            return ()
        return tuple(pod_netns(pod["metadata"]["uid"]) for pod in found["items"])

    async def close(self) -> None:
        """Close every connection."""
        for api in self._apis.values():
            await api.aclose()
        self._apis.clear()

    def _api(self, member: str) -> KubeApi:
        if member not in self._apis:
            made = self.members[member]
            cluster = self.lab.clusters.find(made.region, made.cluster)
            if cluster is None:
                raise OSError(f"{made.cluster} does not answer")
            self._apis[member] = KubeApi(cluster.endpoint(Who.ADMIN), netns="edge")
        return self._apis[member]

    async def _seen(self, member: str) -> tuple[tuple[Pod, ...], tuple[Node, ...]] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                api = self._api(member)
                pods, nodes = await asyncio.gather(api.get(PODS), api.get(NODES))
        except (ApiError, *UNREACHABLE):
            return None
        return pods_of(member, pods["items"], nodes["items"]), nodes_of(member, nodes["items"])

    def _targets(self) -> Iterator[Target]:
        regions = dict.fromkeys(made.region for made in self.members.values())
        for region in regions:
            networks = [(ipaddress.ip_network(subnet.cidr), subnet.zone) for subnet in self.lab.state.subnets(region)]
            for group in self.lab.state.target_groups(region):
                for target in group.targets:
                    health = self.lab.balancers.health.get((group.arn, target.address, target.port))
                    address = ipaddress.ip_address(target.address)
                    zone = next((zone for network, zone in networks if address in network), "")
                    yield Target(zone=zone, state=health.state if health else "initial")


def pods_of(member: str, pods: Sequence[Json], nodes: Sequence[Json]) -> tuple[Pod, ...]:
    """The workload's pods as a drill counts them. A pod on a node that is not ready, or that is being deleted, is not ready."""
    zones = {node["metadata"]["name"]: node["metadata"].get("labels", {}).get(ZONE, "") for node in nodes}
    well = {node["metadata"]["name"] for node in nodes if _is(node, "Ready")}
    return tuple(
        Pod(
            member=member,
            workload=pod["metadata"].get("labels", {}).get(NAME, "?"),
            zone=zones.get(pod["spec"].get("nodeName", ""), ""),
            ready=_is(pod, "Ready") and pod["spec"].get("nodeName") in well and "deletionTimestamp" not in pod["metadata"],
        )
        for pod in pods
    )


def nodes_of(member: str, nodes: Sequence[Json]) -> tuple[Node, ...]:
    """The workload's nodes; one that is being deleted is not ready."""
    key, value = SERVICE
    return tuple(
        Node(
            member=member,
            zone=node["metadata"]["labels"].get(ZONE, ""),
            kind=node["metadata"]["labels"].get(KIND, ""),
            ready=_is(node, "Ready") and "deletionTimestamp" not in node["metadata"],
        )
        for node in nodes
        if node["metadata"].get("labels", {}).get(key) == value
    )


def _is(thing: Json, condition: str) -> bool:
    conditions = thing.get("status", {}).get("conditions") or ()
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)
