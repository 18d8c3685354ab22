"""Nodes and pods of a member by zone, and how a zone is closed, emptied and opened again. Part of the compute adapter.

A node is cordoned by a server-side apply of that one field, so opening gives back exactly what was taken: a cordon that somebody
else holds too stays. A node pool's requirements are one list with one owner, so they are patched, and only if they are as read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightkube import Client
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_global_resource
from lightkube.models.core_v1 import NodeSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Node, Pod
from lightkube.types import PatchType

from hadr.core.errors import Throttled
from hadr.core.placement import NodeState, Placed, PodState, PoolState
from hadr.core.site import Member

NodePool = create_global_resource("karpenter.sh", "v1", "NodePool", "nodepools")

ZONE, LEFT = "topology.kubernetes.io/zone", "hadr/left-zones"
REQUIREMENTS = "/spec/template/spec/requirements"


def read(client: Client, member: Member) -> Placed:
    """What is where now."""
    nodes = list(client.list(Node, labels=_label(member)))
    control = {_name(node): _zone(node) for node in client.list(Node)}
    workload = {_name(d): d for d in client.list(Deployment, namespace=member.workload.namespace)}
    wanted = {name: workload[name] for name in member.workload.deployments if name in workload}
    maker = client.get(Deployment, member.capacity.deployment, namespace=member.capacity.namespace)
    pods = list(client.list(Pod, namespace=member.workload.namespace))
    makers = [pod for pod in client.list(Pod, namespace=member.capacity.namespace) if _selects(maker, pod)]
    return Placed(
        nodes=tuple(_node(node) for node in nodes),
        pods=tuple(_pod(pod, name, control) for name, d in wanted.items() for pod in pods if _selects(d, pod) and not _over(pod)),
        pools=tuple(_pool(pool) for pool in _pools(client, member)),
        wanted={name: _replicas(deployment) for name, deployment in wanted.items()},
        makers=tuple(_pod(pod, member.capacity.deployment, control) for pod in makers if not _over(pod)),
    )


def close(client: Client, member: Member, zone: str) -> str:
    """Cordon the zone's nodes and keep every pool out of it. The pools first, or a node could come in between."""
    closed = [_name(pool) for pool in _pools(client, member) if _keep_out(client, pool, zone)]
    nodes = [node for node in client.list(Node, labels=_label(member)) if _zone(node) == zone and not _unschedulable(node)]
    for node in nodes:
        cordon(client, _name(node), mark={LEFT: zone})
    return f"cordoned {len(nodes)} nodes in {zone}" + (f", kept {', '.join(closed)} out of it" if closed else "")


def open_again(client: Client, member: Member, zone: str) -> str:
    """Let the pools that hadr kept out of the zone in again, and give back the cordons that it holds there.

    The pools first: Karpenter takes nodes in a zone that their pool stays out of for drifted, and replaces one as soon as its pods
    would fit on others, which only the cordons prevent.
    """
    opened = [_name(pool) for pool in _pools(client, member) if _let_in(client, pool, zone)]
    nodes = [node for node in client.list(Node, labels=_label(member)) if _zone(node) == zone and LEFT in _annotations(node)]
    for node in nodes:
        name = _name(node)
        client.apply(Node(metadata=ObjectMeta(name=name)), name, force=True)
    return f"opened {len(nodes)} nodes in {zone}" + (f", let {', '.join(opened)} into it" if opened else "")


def cordon(client: Client, name: str, *, mark: Mapping[str, str]) -> None:
    """Own `spec.unschedulable` of one node, with a mark that says why."""
    wanted = Node(metadata=ObjectMeta(name=name, annotations=dict(mark) or None), spec=NodeSpec(unschedulable=True))
    client.apply(wanted, name, force=True)


def evict(client: Client, namespace: str, pods: Sequence[str]) -> str:
    """Ask each pod to leave. Raises Throttled when a disruption budget let none of them."""
    gone, waiting = 0, ""
    for name in pods:
        try:
            client.create(Pod.Eviction(metadata=ObjectMeta(name=name, namespace=namespace)), name, namespace=namespace)
        except ApiError as error:
            code = error.status.code if error.status is not None else None
            if code == 429:
                waiting = " ".join((error.status.message or "").split())[:160]
                continue
            if code != 404:
                raise
        gone += 1
    if waiting and not gone:
        raise Throttled(f"{len(pods)} pods wait for their disruption budget: {waiting}")
    return f"{gone} pods asked to leave" + (f", {len(pods) - gone} wait for their disruption budget" if waiting else "")


def _pools(client: Client, member: Member) -> list[Any]:
    """The pools that make the workload's nodes; none where there is no Karpenter."""
    ((key, value),) = _label(member).items()
    try:
        found = list(client.list(NodePool))
    except ApiError as error:
        if error.status is not None and error.status.code == 404:
            return []
        raise
    return [pool for pool in found if _template(pool).get("metadata", {}).get("labels", {}).get(key) == value]


def _template(pool: Any) -> dict[str, Any]:
    found: dict[str, Any] = (pool.get("spec") or {}).get("template") or {}
    return found


def _requirements(pool: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (_template(pool).get("spec") or {}).get("requirements") or []
    return found


def _keep_out(client: Client, pool: Any, zone: str) -> bool:
    """Whether it had to be patched. What is there already, by whomever, is left as it is."""
    if zone in _pool(pool).closed:
        return False
    kept = _requirements(pool)
    left = sorted({*_pool(pool).left, zone})
    _patch(client, pool, [*kept, {"key": ZONE, "operator": "NotIn", "values": [zone]}], left)
    return True


def _let_in(client: Client, pool: Any, zone: str) -> bool:
    """Whether there was something of hadr's to take back."""
    state = _pool(pool)
    if zone not in state.left:
        return False
    mine = {"key": ZONE, "operator": "NotIn", "values": [zone]}
    _patch(client, pool, [one for one in _requirements(pool) if one != mine], sorted(state.left - {zone}))
    return True


def _patch(client: Client, pool: Any, requirements: list[dict[str, Any]], left: list[str]) -> None:
    """Both in one patch; refused when somebody else changed the list meanwhile. Of the annotations only our own is touched."""
    mine = f"/metadata/annotations/{LEFT.replace('/', '~1')}"
    marked: dict[str, Any] = {"op": "add", "path": mine, "value": ",".join(left)} if left else {"op": "remove", "path": mine}
    if not _annotations(pool):
        marked = {"op": "add", "path": "/metadata/annotations", "value": {LEFT: ",".join(left)}}
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": REQUIREMENTS, "value": _requirements(pool)},
        {"op": "replace", "path": REQUIREMENTS, "value": requirements},
        marked,
    ]
    client.patch(NodePool, _name(pool), operations, patch_type=PatchType.JSON)


def _pool(pool: Any) -> PoolState:
    closed = {zone for one in _requirements(pool) if one.get("key") == ZONE for zone in _excluded(one)}
    left = _annotations(pool).get(LEFT, "")
    return PoolState(name=_name(pool), closed=frozenset(closed), left=frozenset(left.split(",")) - {""})


def _excluded(requirement: Mapping[str, Any]) -> Sequence[str]:
    """The zones that a requirement names as not wanted."""
    return requirement.get("values") or () if requirement.get("operator") == "NotIn" else ()


def _label(member: Member) -> dict[str, Any]:
    key, _, value = member.workload.nodes.partition("=")
    return {key: value}


def _node(node: Node) -> NodeState:
    conditions = (node.status.conditions or []) if node.status else []
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    return NodeState(
        name=_name(node), zone=_zone(node), ready=ready, cordoned=_unschedulable(node), left=LEFT in _annotations(node)
    )


def _pod(pod: Pod, deployment: str, zones: Mapping[str, str]) -> PodState:
    node = (pod.spec.nodeName or "") if pod.spec else ""
    conditions = (pod.status.conditions or []) if pod.status else []
    return PodState(
        name=_name(pod),
        deployment=deployment,
        zone=zones.get(node, ""),
        node=node,
        ready=any(condition.type == "Ready" and condition.status == "True" for condition in conditions),
        leaving=pod.metadata is not None and pod.metadata.deletionTimestamp is not None,
    )


def _over(pod: Pod) -> bool:
    return pod.status is not None and pod.status.phase in ("Succeeded", "Failed")


def _selects(deployment: Deployment, pod: Pod) -> bool:
    wanted = (deployment.spec.selector.matchLabels or {}) if deployment.spec else {}
    labels = (pod.metadata.labels or {}) if pod.metadata else {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _replicas(deployment: Deployment) -> int:
    return 1 if deployment.spec is None or deployment.spec.replicas is None else deployment.spec.replicas


def _unschedulable(node: Node) -> bool:
    return bool(node.spec and node.spec.unschedulable)


def _zone(node: Node) -> str:
    labels = (node.metadata.labels or {}) if node.metadata else {}
    return str(labels.get(ZONE, ""))


def _annotations(thing: Any) -> Mapping[str, str]:
    return (thing.metadata.annotations or {}) if thing.metadata else {}


def _name(thing: Any) -> str:
    return str(thing.metadata.name or "") if thing.metadata else ""
