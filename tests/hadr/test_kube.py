"""The Kubernetes adapter over a small API server of its own: what is asked, what answers mean, what errors become.

Only the adapter's side is judged here; that a real API server agrees is shown by the lab.
"""

from __future__ import annotations

import base64
import datetime as dt
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.hadr.answering import KubernetesAnswering, served

from hadr.adapters.kube import Access, Kubernetes
from hadr.adapters.memory import example_site
from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, Throttled, Unreachable
from hadr.core.view import ComputeState, DeploymentState

TWO = example_site().member("two")


def an_authority() -> str:
    """A self-signed certificate, base64 PEM, as EKS gives it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


@dataclass(slots=True)
class Cluster:
    """What the API server holds, and what it was asked."""

    replicas: dict[str, int] = field(default_factory=lambda: {"karpenter": 0, "peccy-web": 2, "peccy-app": 0})
    available: int = 0
    observed: int = 1
    owner: str = ""
    error: int = 0
    tokens: set[str] = field(default_factory=lambda: {"good"})
    applied: list[tuple[str, int, str, bool]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)

    def deployment(self, name: str) -> dict[str, Any]:
        namespace = "kube-system" if name == "karpenter" else "peccy"
        return {
            "metadata": {"name": name, "namespace": namespace, "generation": 1},
            "spec": {"replicas": self.replicas[name], "selector": {"matchLabels": {"app": name}}, "template": {}},
            "status": {
                "observedGeneration": self.observed,
                "readyReplicas": self.available,
                "availableReplicas": self.available,
            },
        }

    def pods(self) -> list[dict[str, Any]]:
        def pod(app: str, phase: str, **metadata: Any) -> dict[str, Any]:
            return {"metadata": {"name": f"{app}-1", "labels": {"app": app}, **metadata}, "status": {"phase": phase}}

        leaving = pod("peccy-app", "Running", deletionTimestamp="2026-01-05T12:00:00Z")
        return [pod("peccy-web", "Running"), pod("peccy-app", "Pending"), leaving, pod("other", "Running")]

    def nodes(self) -> list[dict[str, Any]]:
        def node(ready: str) -> dict[str, Any]:
            return {"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

        return [node("True"), node("False"), {"metadata": {"name": "new"}}]


class Handler(KubernetesAnswering):
    """The few paths of the Kubernetes API that hadr uses."""

    cluster: Cluster

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.cluster.queries.append(url.query)
        if self._refused():
            return
        kind = url.path.rsplit("/", 1)[-1]
        if kind in self.cluster.replicas:
            self.send(200, self.cluster.deployment(kind))
        elif kind == "deployments":
            self.items([self.cluster.deployment(name) for name in self.cluster.replicas if name != "karpenter"])
        elif kind in ("pods", "nodes"):
            self.items(self.cluster.pods() if kind == "pods" else self.cluster.nodes())
        else:
            self.status(404, f"{kind} not found")

    def do_PATCH(self) -> None:
        body = self.body()
        if self._refused():
            return
        url = urlsplit(self.path)
        name, query = url.path.split("/")[-2], parse_qs(url.query)
        forced = query.get("force") == ["true"]
        assert url.path.endswith("/scale")
        assert self.headers["Content-Type"] == "application/apply-patch+yaml"
        self.cluster.applied.append((name, body["spec"]["replicas"], query["fieldManager"][0], forced))
        if self.cluster.owner and not forced:
            self.status(409, f'Apply failed with 1 conflict: conflict with "{self.cluster.owner}": .spec.replicas')
            return
        self.cluster.replicas[name] = body["spec"]["replicas"]
        self.send(200, body)

    def _refused(self) -> bool:
        known = self.headers["Authorization"].removeprefix("Bearer ") in self.cluster.tokens
        code = self.cluster.error if known else 401
        if code:
            self.status(code, "said so")
        return bool(code)


@dataclass(slots=True)
class Running:
    """The cluster, its adapter, and the token it is reached with."""

    cluster: Cluster
    endpoint: str
    authority: str
    token: str = "good"

    def adapter(self) -> Kubernetes:
        return Kubernetes(lambda _member: Access(endpoint=self.endpoint, authority=self.authority, token=self.token))


@pytest.fixture(scope="module")
def authority() -> str:
    return an_authority()


@pytest.fixture
def running(authority: str) -> Iterator[Running]:
    cluster = Cluster()
    with served(type("Bound", (Handler,), {"cluster": cluster})) as port:
        yield Running(cluster, f"http://127.0.0.1:{port}", authority)


def test_a_cluster_is_told_in_numbers(running: Running) -> None:
    """Only the workload's own pods count, only Ready nodes with the label, and what is leaving does not run."""
    running.cluster.available = 1
    assert running.adapter().observe(TWO) == ComputeState(
        capacity_desired=0,
        capacity_ready=1,
        nodes_ready=1,
        pods_wanted=2,
        pods_running=1,
        deployments=(
            DeploymentState(name="peccy-web", desired=2, available=1),
            DeploymentState(name="peccy-app", desired=0, available=1),
        ),
    )
    assert "labelSelector=type%3Dservice" in running.cluster.queries


def test_availability_of_an_older_generation_does_not_count(running: Running) -> None:
    """A Deployment whose controller has not seen the change yet is not available."""
    running.cluster.available, running.cluster.observed = 2, 0
    assert [one.available for one in running.adapter().observe(TWO).deployments] == [0, 0]


def test_starting_scales_the_node_maker_and_what_sleeps(running: Running) -> None:
    """By server-side apply of the scale with our own field manager; a Deployment that is up is left alone."""
    assert running.adapter().start(TWO) == "karpenter to 2; peccy-app to 2"
    assert running.cluster.applied == [("karpenter", 2, "hadr", False), ("peccy-app", 2, "hadr", False)]


def test_another_owner_is_overruled_and_named(running: Running) -> None:
    """Whoever owns the replicas may undo the change: the outcome says who that is."""
    running.cluster.owner = "helm"
    said = running.adapter().start(TWO)
    assert 'karpenter to 2, taken over (Apply failed with 1 conflict: conflict with "helm"' in said
    assert running.cluster.applied[:2] == [("karpenter", 2, "hadr", False), ("karpenter", 2, "hadr", True)]


def test_stopping_takes_the_workload_first(running: Running) -> None:
    """Writers before node maker."""
    running.adapter().stop(TWO)
    assert [(name, count) for name, count, _, _ in running.cluster.applied] == [
        ("peccy-web", 0),
        ("peccy-app", 0),
        ("karpenter", 0),
    ]


def test_quiescing_leaves_the_node_maker_alone(running: Running) -> None:
    """Only what serves goes to 0."""
    running.adapter().quiesce(TWO)
    assert [(name, count) for name, count, _, _ in running.cluster.applied] == [("peccy-web", 0), ("peccy-app", 0)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, Denied), (404, Gone), (409, Rejected), (422, Rejected), (429, Throttled), (500, Indefinite), (503, Indefinite)],
)
def test_codes_become_our_errors(running: Running, code: int, kind: type[CallError]) -> None:
    """The message names the cluster, the code and the server's words."""
    running.cluster.error = code
    with pytest.raises(kind, match=f"cluster peccy-two: {code} said so"):
        running.adapter().observe(TWO)


def test_a_token_that_is_no_longer_taken_is_made_anew(running: Running) -> None:
    """401 may be asked again, and the next call comes with a fresh token."""
    adapter = running.adapter()
    adapter.observe(TWO)
    running.cluster.tokens, running.token = {"fresh"}, "fresh"
    with pytest.raises(Rejected, match="401"):
        adapter.observe(TWO)
    assert adapter.observe(TWO).pods_wanted == 2


def test_an_authority_that_is_none_is_told(running: Running) -> None:
    """What EKS gave is no certificate: one clear refusal."""
    running.authority = "Q0E="
    with pytest.raises(Rejected, match="cluster peccy-two: its certificate authority cannot be read"):
        running.adapter().observe(TWO)


def test_nobody_listening_was_not_asked(running: Running) -> None:
    """A refused connection sent nothing."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        running.endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable, match="cluster peccy-two: no connection"):
            running.adapter().stop(TWO)
