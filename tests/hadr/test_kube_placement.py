"""The Kubernetes adapter and zones, over a small API server: what is where, closing, evicting, opening again.

It keeps the one rule of server-side apply that opening relies on: a field goes when its last owner gives it up. That a real API
server agrees is shown by the lab.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.hadr.answering import KubernetesAnswering, served
from tests.hadr.test_kube import an_authority

from hadr.adapters.kube import Access, Kubernetes
from hadr.adapters.memory import zonal_site
from hadr.core.errors import Denied, Rejected, Throttled
from hadr.core.placement import NodeState, PodState, PoolState

(ONE,) = zonal_site().members
A, B = "ap-southeast-1a", "ap-southeast-1b"
ZONE = "topology.kubernetes.io/zone"
AMD64 = {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}


def a_deployment(name: str, namespace: str, replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {}}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def a_pod(name: str, app: str, node: str, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {"name": name, "labels": {"app": app}, **metadata},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": phase, "conditions": conditions},
    }


@dataclass(slots=True)
class Cluster:
    """Nodes with who holds their cordons, pods, one node pool of the workload and one of somebody else."""

    zones: dict[str, str] = field(default_factory=lambda: {"n-a": A, "n-b": B})
    owners: dict[str, set[str]] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)
    requirements: list[dict[str, Any]] = field(default_factory=lambda: [dict(AMD64)])
    annotations: dict[str, str] = field(default_factory=lambda: {"kept": "yes"})
    karpenter: bool = True
    meanwhile: bool = False
    held_back: set[str] = field(default_factory=set)
    evicted: list[str] = field(default_factory=list)
    managers: list[str] = field(default_factory=list)
    patched: list[str] = field(default_factory=list)
    denied: bool = False

    def node(self, name: str) -> dict[str, Any]:
        labels = {ZONE: self.zones[name], "type": "service"}
        spec = {"unschedulable": True} if self.owners.get(name) else {}
        metadata = {"name": name, "labels": labels, "annotations": self.marks.get(name, {})}
        return {"metadata": metadata, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    def pods(self) -> list[dict[str, Any]]:
        leaving = a_pod("app-2", "peccy-app", "n-b", deletionTimestamp="2026-01-05T12:00:00Z")
        over = a_pod("app-3", "peccy-app", "n-b", phase="Failed")
        return [
            a_pod("web-1", "peccy-web", "n-a"),
            a_pod("app-1", "peccy-app", "n-a", ready=False),
            leaving,
            over,
            a_pod("x", "other", "n-a"),
        ]

    def pools(self) -> list[dict[str, Any]]:
        spec = {"template": {"metadata": {"labels": {"type": "service"}}, "spec": {"requirements": self.requirements}}}
        other = {"metadata": {"name": "batch"}, "spec": {"template": {"metadata": {"labels": {"type": "batch"}}, "spec": {}}}}
        return [{"metadata": {"name": "service", "annotations": self.annotations}, "spec": spec}, other]


class Handler(KubernetesAnswering):
    """The few paths that zones need."""

    cluster: Cluster

    def do_GET(self) -> None:
        parts, cluster = urlsplit(self.path).path.strip("/").split("/"), self.cluster
        match parts[-1]:
            case "nodes":
                self.items([cluster.node(name) for name in cluster.zones])
            case "pods" if "kube-system" in parts:
                self.items([a_pod("karpenter-1", "karpenter", "n-b")])
            case "pods":
                self.items(cluster.pods())
            case "deployments":
                self.items([a_deployment(name, "peccy", count) for name, count in (("peccy-web", 3), ("peccy-app", 6))])
            case "karpenter":
                self.send(200, a_deployment("karpenter", "kube-system", 2))
            case "nodepools" if cluster.karpenter:
                self.items(cluster.pools())
            case _:
                self.status(404, "not found")

    def do_PATCH(self) -> None:
        url, cluster = urlsplit(self.path), self.cluster
        body = self.body()
        name = url.path.rsplit("/", 1)[-1]
        cluster.patched.append(name)
        if cluster.denied:
            self.status(403, "nodes is forbidden")
        elif "/nodes/" in url.path:
            self._apply(name, body, parse_qs(url.query))
        else:
            self._patch_pool(body)

    def _apply(self, name: str, body: dict[str, Any], query: dict[str, list[str]]) -> None:
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        owners = self.cluster.owners.setdefault(name, set())
        (owners.add if body.get("spec", {}).get("unschedulable") else owners.discard)(query["fieldManager"][0])
        self.cluster.marks[name] = body["metadata"].get("annotations") or {}
        self.cluster.managers += query["fieldManager"]
        self.send(200, self.cluster.node(name))

    def _patch_pool(self, operations: list[dict[str, Any]]) -> None:
        assert self.headers["Content-Type"] == "application/json-patch+json"
        if self.cluster.meanwhile:
            self.cluster.requirements = [*self.cluster.requirements, {"key": "new", "operator": "Exists"}]
        for one in operations:
            if one["op"] == "test" and one["value"] != self.cluster.requirements:
                self.status(422, "the server rejected our request due to an error in our request")
                return
            if one["op"] == "replace":
                self.cluster.requirements = one["value"]
            key = one["path"].rsplit("/", 1)[-1].replace("~1", "/")
            if one["path"] == "/metadata/annotations":
                assert not self.cluster.annotations, "annotations of others would be lost"
                self.cluster.annotations = one["value"]
            elif one["op"] == "add":
                self.cluster.annotations[key] = one["value"]
            elif one["op"] == "remove":
                del self.cluster.annotations[key]
        self.send(200, self.cluster.pools()[0])

    def do_POST(self) -> None:
        parts = urlsplit(self.path).path.split("/")
        body = self.body()
        name = parts[-2]
        assert (parts[-1], body["kind"], body["metadata"]["name"]) == ("eviction", "Eviction", name)
        if name in self.cluster.held_back:
            self.status(429, "Cannot evict pod as it would violate the pod's disruption budget.")
        elif name == "gone":
            self.status(404, "pods gone not found")
        else:
            self.cluster.evicted.append(name)
            self.send(201, {"kind": "Status", "status": "Success"})


@pytest.fixture(scope="module")
def authority() -> str:
    return an_authority()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def adapter(cluster: Cluster, authority: str) -> Iterator[Kubernetes]:
    with served(type("Bound", (Handler,), {"cluster": cluster})) as port:
        access = Access(endpoint=f"http://127.0.0.1:{port}", authority=authority, token="t")
        yield Kubernetes(lambda _member: access)


def test_what_is_where_is_told(adapter: Kubernetes) -> None:
    """The workload's pods with their nodes' zones, without those that are over or somebody else's; its pools; the makers' pods."""
    placed = adapter.placed(ONE)
    assert placed.nodes == (NodeState(name="n-a", zone=A, ready=True), NodeState(name="n-b", zone=B, ready=True))
    assert placed.pods == (
        PodState(name="web-1", deployment="peccy-web", zone=A, node="n-a", ready=True),
        PodState(name="app-1", deployment="peccy-app", zone=A, node="n-a", ready=False),
        PodState(name="app-2", deployment="peccy-app", zone=B, node="n-b", ready=True, leaving=True),
    )
    assert placed.pools == (PoolState(name="service"),)
    assert dict(placed.wanted) == {"peccy-web": 3, "peccy-app": 6}
    assert [(pod.name, pod.zone) for pod in placed.makers] == [("karpenter-1", B)]


def test_a_zone_is_closed_once_and_opened_again(adapter: Kubernetes, cluster: Cluster) -> None:
    """Pool and nodes of the zone, marked as ours; twice is the same as once; opening leaves everything as it was."""
    before = list(cluster.requirements)
    assert adapter.close(ONE, A) == f"cordoned 1 nodes in {A}, kept service out of it"
    assert adapter.close(ONE, A) == f"cordoned 0 nodes in {A}"
    assert cluster.requirements == [*before, {"key": ZONE, "operator": "NotIn", "values": [A]}]
    assert cluster.annotations == {"kept": "yes", "hadr/left-zones": A}
    placed = adapter.placed(ONE)
    assert [(node.cordoned, node.left) for node in placed.nodes] == [(True, True), (False, False)]
    assert placed.pools == (PoolState(name="service", closed=frozenset({A}), left=frozenset({A})),)
    assert adapter.open(ONE, A) == f"opened 1 nodes in {A}, let service into it"
    assert (cluster.requirements, cluster.annotations) == (before, {"kept": "yes"})
    assert not any(node.cordoned for node in adapter.placed(ONE).nodes)
    assert set(cluster.managers) == {"hadr"}


def test_pools_are_closed_and_opened_before_nodes(adapter: Kubernetes, cluster: Cluster) -> None:
    """Else a node could come in between; and on the way back Karpenter could replace a node that its pool still stays out of."""
    adapter.close(ONE, A)
    adapter.open(ONE, A)
    assert cluster.patched == ["service", "n-a", "service", "n-a"]


def test_a_pool_without_annotations_gets_its_first(adapter: Kubernetes, cluster: Cluster) -> None:
    """And two zones are marked side by side."""
    cluster.annotations.clear()
    adapter.close(ONE, A)
    adapter.close(ONE, B)
    assert cluster.annotations == {"hadr/left-zones": f"{A},{B}"}
    adapter.open(ONE, A)
    assert adapter.placed(ONE).pools == (PoolState(name="service", closed=frozenset({B}), left=frozenset({B})),)


def test_a_pool_for_one_zone_is_closed_as_well(adapter: Kubernetes, cluster: Cluster) -> None:
    """Wanted and not wanted at once is nowhere; opening takes back the second alone."""
    cluster.requirements.append({"key": ZONE, "operator": "In", "values": [A]})
    before = list(cluster.requirements)
    adapter.close(ONE, A)
    assert cluster.requirements == [*before, {"key": ZONE, "operator": "NotIn", "values": [A]}]
    assert adapter.placed(ONE).pools == (PoolState(name="service", closed=frozenset({A}), left=frozenset({A})),)
    adapter.open(ONE, A)
    assert cluster.requirements == before


def test_a_cordon_and_an_exclusion_of_others_stay(adapter: Kubernetes, cluster: Cluster) -> None:
    """What somebody else holds too is theirs after opening, and what was excluded before is not marked as ours."""
    cluster.requirements.append({"key": ZONE, "operator": "NotIn", "values": [A, "ap-southeast-1c"]})
    before = list(cluster.requirements)
    adapter.close(ONE, A)
    assert (cluster.requirements, cluster.annotations) == (before, {"kept": "yes"})
    cluster.owners["n-a"].add("kubectl")
    adapter.open(ONE, A)
    assert [node.cordoned for node in adapter.placed(ONE).nodes] == [True, False]
    assert cluster.requirements == before


def test_a_pool_that_changed_meanwhile_is_not_overwritten(adapter: Kubernetes, cluster: Cluster) -> None:
    """The patch holds only for what was read; the next attempt reads anew."""
    cluster.meanwhile = True
    with pytest.raises(Rejected, match="422"):
        adapter.close(ONE, A)
    cluster.meanwhile = False
    adapter.close(ONE, A)
    assert {"key": "new", "operator": "Exists"} in cluster.requirements


def test_without_karpenter_there_are_no_pools(adapter: Kubernetes, cluster: Cluster) -> None:
    """A cluster whose nodes somebody else makes is closed by its nodes alone."""
    cluster.karpenter = False
    assert adapter.placed(ONE).pools == ()
    assert adapter.close(ONE, A) == f"cordoned 1 nodes in {A}"


def test_evictions_go_as_far_as_budgets_let_them(adapter: Kubernetes, cluster: Cluster) -> None:
    """Who is gone already does not matter; all held back is to be asked again; a node alone can be cordoned."""
    cluster.held_back = {"app-1"}
    assert adapter.evict(ONE, ["web-1", "app-1", "gone"]) == "2 pods asked to leave, 1 wait for their disruption budget"
    assert cluster.evicted == ["web-1"]
    with pytest.raises(Throttled, match="1 pods wait for their disruption budget: Cannot evict pod"):
        adapter.evict(ONE, ["app-1"])
    adapter.cordon(ONE, "n-b")
    assert [(node.cordoned, node.left) for node in adapter.placed(ONE).nodes] == [(False, False), (True, False)]


def test_what_is_forbidden_is_final(adapter: Kubernetes, cluster: Cluster) -> None:
    """hadr's group lacks a right: the message is the server's."""
    cluster.denied = True
    with pytest.raises(Denied, match="nodes is forbidden"):
        adapter.close(ONE, A)
