"""What is concluded from looks at the platform: the spread, when it was whole again, when the balancer let go."""

from __future__ import annotations

from hadr_lab.drill.platform import last_asked, member_of
from hadr_lab.drill.ports import MemberPlace
from hadr_lab.drill.sight import Pod, Sight, Target, let_go, ready, refilled, spread
from hadr_lab.eye import nodes_of, pods_of
from hadr_lab.history import Kind, Operation, Outcome

PLACES = {
    "one": MemberPlace(region="r", networks=("10.1.0.4/32", "10.1.32.4/32")),
    "two": MemberPlace(region="r", networks=("10.1.0.5/32",)),
}


def a_sight(at: float, *zones: str, healthy: tuple[str, ...] = (), unseen: tuple[str, ...] = ()) -> Sight:
    """A ready web pod in each of `zones`, a healthy target in each of `healthy`."""
    pods = tuple(Pod(member="one", workload="web", zone=zone, ready=True) for zone in zones)
    return Sight(at=at, pods=pods, targets=tuple(Target(zone=zone, state="healthy") for zone in healthy), unseen=unseen)


def test_only_ready_pods_on_a_node_count_for_the_spread() -> None:
    """A pending pod is in no zone, and a pod that is not ready serves nobody."""
    pods = (
        Pod(member="one", workload="web", zone="a", ready=True),
        Pod(member="one", workload="web", zone="b", ready=False),
        Pod(member="two", workload="web", zone="", ready=False),
    )
    assert spread(Sight(at=0, pods=pods)) == {"one/web": ("a",)}
    assert ready(Sight(at=0, pods=pods), without=("a",)) == {}


def test_a_workload_is_whole_again_when_all_its_pods_are_elsewhere_and_stay_so() -> None:
    """A moment that does not last does not count, nor does one in which the API server did not answer."""
    before = a_sight(0, "a", "b", "c")
    looks = [
        a_sight(1, "a", "b", "c"),
        a_sight(2, "b", "c"),
        a_sight(3, "b", "c", "c"),
        a_sight(4, "b", "c"),
        a_sight(5, "b", "c", "b", unseen=("one",)),
        a_sight(6, "b", "c", "b"),
        a_sight(7, "b", "c", "b"),
    ]
    assert refilled(looks, before, harmed=("a",), onset=1) == 6
    assert refilled(looks[:5], before, harmed=("a",), onset=1) is None


def test_a_balancer_has_let_go_when_no_target_there_is_healthy() -> None:
    """Looks before the onset say nothing."""
    looks = [a_sight(0), a_sight(1, healthy=("a", "b")), a_sight(2, healthy=("a", "b")), a_sight(3, healthy=("b",))]
    assert let_go(looks, harmed=("a",), onset=1) == 3
    assert let_go(looks[:3], harmed=("a",), onset=1) is None


def an_ask(at: float, address: str, client: str = "ttl-1") -> Operation:
    """A read at `address`."""
    return Operation(
        id="r", kind=Kind.READ, client=client, intended=at, sent=at, finished=at + 0.1, outcome=Outcome.OK, status=200,
        address=address, attempt=1, latency_s=0.1,
    )  # fmt: skip


def test_who_was_asked_last_is_told_by_the_balancers_addresses() -> None:
    """Two members may share a network; clients that never resolve again are not counted."""
    asked = [an_ask(9, "10.1.0.4"), an_ask(11, "10.1.32.4"), an_ask(14, "10.1.0.5"), an_ask(15, "10.1.0.4", "forever-1")]
    assert last_asked(asked, PLACES, onset=10) == {"one": 1.0, "two": 4.0}
    assert last_asked(asked[:1], PLACES, onset=10) == {"one": None, "two": None}
    assert member_of("10.9.9.9", PLACES) == ""


def test_a_pod_on_a_silent_node_is_not_ready_whatever_it_says() -> None:
    """The pod's own condition is as old as its node's last word."""

    def thing(name: str, ready: str, **more: object) -> dict[str, object]:
        labels = {"app.kubernetes.io/name": "web", "topology.kubernetes.io/zone": name[-1]}
        conditions = [{"type": "Ready", "status": ready}]
        return {"metadata": {"name": name, "labels": labels, **more}, "status": {"conditions": conditions}}

    nodes = [thing("node-a", "Unknown"), thing("node-b", "True")]
    pods = [
        thing("p1", "True") | {"spec": {"nodeName": "node-a"}},
        thing("p2", "True") | {"spec": {"nodeName": "node-b"}},
        thing("p3", "True", deletionTimestamp="now") | {"spec": {"nodeName": "node-b"}},
        thing("p4", "False") | {"spec": {}},
    ]
    seen = pods_of("one", pods, nodes)
    assert [(pod.zone, pod.ready) for pod in seen] == [("a", False), ("b", True), ("b", False), ("", False)]


def test_the_workloads_nodes_are_told_by_their_label() -> None:
    """Control nodes are none of them; one that is being deleted is not ready any more."""

    def node(name: str, **labels: str) -> dict[str, object]:
        told = {"node.kubernetes.io/instance-type": "c5.large", "topology.kubernetes.io/zone": "r-1a"} | labels
        return {"metadata": {"name": name, "labels": told}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    leaving = node("n3", type="service")
    leaving["metadata"] = {"name": "n3", "labels": {"type": "service"}, "deletionTimestamp": "now"}
    seen = nodes_of("one", [node("n1", type="control"), node("n2", type="service"), leaving])
    assert [(found.kind, found.zone, found.ready) for found in seen] == [("c5.large", "r-1a", True), ("", "", False)]
