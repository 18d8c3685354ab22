"""Where the real scheduler puts the pods of the Deployments: over three zones, and into two when the third is lost.

Nodes are objects without machines, pods are made as the Deployment's controller would, and what is lost is tainted as the node
controller does it. What Karpenter makes of pods that find no room is played by adding a node.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml
from tests.deploy.api_server import ApiServer, an_api_server
from tests.deploy.test_manifests import WORKLOADS, one
from tests.deploy.test_schema import the_pod

pytestmark = pytest.mark.lab
REPLICAS = {"peccy-app": 6, "peccy-web": 3}
every_workload = pytest.mark.parametrize("workload", WORKLOADS)


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """An API server with a scheduler, and what pods refer to."""
    with an_api_server(scheduler=True) as running:
        basics = [one("ha-single-cluster", "Namespace", "peccy"), one("ha-single-cluster", "PriorityClass", "peccy")]
        running.done("apply", "--server-side", "--filename=-", text=yaml.safe_dump_all(basics))
        yield running


@pytest.fixture
def api(server: ApiServer) -> Iterator[ApiServer]:
    """Without the nodes and pods of the test before."""
    yield server
    server.done("delete", "pods", "--namespace=peccy", "--all", "--grace-period=0", "--force")
    server.done("delete", "nodes", "--all")


def add_nodes(api: ApiServer, *zones: str) -> None:
    """One ready node for each, as Karpenter's pool would label it; named after its zone and a number."""
    known = len(api.done("get", "nodes", "-o", "name").split())
    for number, zone in enumerate(zones, known):
        name = f"{zone}-{number}"
        labels = {"type": "service", "topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name}
        room = {"cpu": "8", "memory": "16Gi", "pods": "50"}
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
        api.done("create", "--filename=-", text=yaml.safe_dump(node))
        ready = {"conditions": [{"type": "Ready", "status": "True"}], "capacity": room, "allocatable": room}
        api.done("patch", "node", name, "--subresource=status", "--type=merge", "--patch", yaml.safe_dump({"status": ready}))
        # the API server's own taint for nodes that are new, which the node controller takes away
        api.kubectl("taint", "node", name, "node.kubernetes.io/not-ready:NoSchedule-")


def add_pods(api: ApiServer, workload: str, count: int, overlay: str = "ha-single-cluster") -> None:
    """So many, as the Deployment's controller would make them."""
    for _ in range(count):
        pod = the_pod(overlay, workload)
        pod["metadata"] = {
            "generateName": f"{workload}-", "namespace": "peccy", "labels": {**pod["metadata"]["labels"], "pod-template-hash": "1"},
        }  # fmt: skip
        for volume in pod["spec"].get("volumes", []):
            if "persistentVolumeClaim" in volume:  # EFS is in every zone, so it says nothing about where
                del volume["persistentVolumeClaim"]
                volume["emptyDir"] = {}
        api.done("create", "--filename=-", text=yaml.safe_dump(pod))


def lose(api: ApiServer, zone: str) -> int:
    """Taint its nodes as lost ones are and remove their pods; how many those were."""
    gone = 0
    for node in api.done(
        "get", "nodes", f"--selector=topology.kubernetes.io/zone={zone}", "-o", "jsonpath={.items[*].metadata.name}"
    ).split():
        api.done("taint", "node", node, "node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute")
        names = api.done("get", "pods", "--namespace=peccy", f"--field-selector=spec.nodeName={node}", "-o", "name").split()
        gone += len(names)
        if names:
            api.done("delete", "--namespace=peccy", "--grace-period=0", "--force", *names)
    return gone


def placed(api: ApiServer, *, within: float = 10) -> Counter[str]:
    """Pods by zone, "" for those without a node, as soon as all have one or nothing has changed for two seconds."""
    limit, since, last = time.monotonic() + within, time.monotonic(), Counter({"nothing yet": 1})
    while time.monotonic() < limit:
        told = api.done("get", "pods", "--namespace=peccy", "-o", "jsonpath={range .items[*]}{.spec.nodeName}{'\\n'}{end}")
        now = Counter(line.rpartition("-")[0] for line in told.split("\n")[:-1])
        if now != last:
            since, last = time.monotonic(), now
        if now and (not now[""] or time.monotonic() - since > 2):
            break
        time.sleep(0.2)
    return last


@every_workload
def test_three_zones_get_the_same(api: ApiServer, workload: str) -> None:
    """Before anything is lost."""
    add_nodes(api, "a", "b", "c")
    add_pods(api, workload, REPLICAS[workload])
    assert placed(api) == dict.fromkeys("abc", REPLICAS[workload] // 3)


@every_workload
def test_the_first_node_to_come_up_does_not_get_everything(api: ApiServer, workload: str) -> None:
    """The rest waits for the hosts that Karpenter is about to make."""
    add_nodes(api, "a")
    add_pods(api, workload, REPLICAS[workload])
    assert placed(api)["a"] == REPLICAS[workload] // 3
    add_nodes(api, "b", "c")
    assert placed(api) == dict.fromkeys("abc", REPLICAS[workload] // 3)


@every_workload
def test_two_zones_take_over_from_three(api: ApiServer, workload: str) -> None:
    """One more host in either of the two is enough; the lost zone is waited for by nobody."""
    replicas = REPLICAS[workload]
    add_nodes(api, "a", "b", "c")
    add_pods(api, workload, replicas)
    assert placed(api)["c"] == replicas // 3
    assert lose(api, "c") == replicas // 3
    add_pods(api, workload, replicas // 3)
    placed(api)
    add_nodes(api, "a")
    after = placed(api)
    assert (after["a"] + after["b"], after[""]) == (replicas, 0)
    assert after["b"] >= replicas // 3


@every_workload
def test_a_member_in_one_zone_is_spread_over_its_hosts(api: ApiServer, workload: str) -> None:
    """Three hosts in the one zone, and none has more than its share."""
    add_nodes(api, "a", "a", "a")
    add_pods(api, workload, REPLICAS[workload], overlay="ha-multi-cluster/one")
    assert placed(api) == {"a": REPLICAS[workload]}
    hosts = Counter(api.done("get", "pods", "--namespace=peccy", "-o", "jsonpath={.items[*].spec.nodeName}").split())
    assert max(hosts.values()) == REPLICAS[workload] // 3
