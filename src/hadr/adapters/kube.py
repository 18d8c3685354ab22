"""The compute port over Kubernetes, through lightkube's synchronous client. Nothing else imports lightkube.

Scaling is a server-side apply of the scale subresource with our own field manager. A field that someone else owns is taken over,
and the outcome names who that was: an autoscaler or a GitOps controller that will undo it.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx2
import msgspec
from lightkube import Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, Context, User
from lightkube.core.decoders import decode_list
from lightkube.core.exceptions import ApiError
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta, Status
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Node, Pod

from hadr.adapters import kube_placement as placement
from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, Throttled, Unreachable
from hadr.core.placement import Placed
from hadr.core.site import Member
from hadr.core.view import ComputeState, DeploymentState

FIELD_MANAGER = "hadr"
CLIENT_LIVES_S = 600.0
TIMEOUT = httpx2.Timeout(5.0, connect=2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Endpoint, base64 certificate authority and bearer token of one cluster."""

    endpoint: str
    authority: str
    token: str


class Kubernetes:
    """The members' clusters. `access` says how to reach one; it may raise CallError."""

    def __init__(self, access: Callable[[Member], Access]) -> None:
        _learn_types()
        self._access = access
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[Client, float]] = {}

    def observe(self, member: Member) -> ComputeState:
        with self._client(member) as client:
            capacity = client.get(Deployment, member.capacity.deployment, namespace=member.capacity.namespace)
            there = {_name(d): d for d in client.list(Deployment, namespace=member.workload.namespace)}
            pods = list(client.list(Pod, namespace=member.workload.namespace))
            key, _, value = member.workload.nodes.partition("=")
            nodes = list(client.list(Node, labels={key: value}))
        wanted = [there[name] for name in member.workload.deployments if name in there]
        mine = [pod for pod in pods if any(_selects(deployment, pod) for deployment in wanted)]
        return ComputeState(
            capacity_desired=_desired(capacity),
            capacity_ready=(capacity.status.readyReplicas or 0) if capacity.status else 0,
            nodes_ready=sum(_node_ready(node) for node in nodes),
            pods_wanted=sum(_desired(deployment) for deployment in wanted),
            pods_running=sum(_running(pod) for pod in mine),
            deployments=tuple(_state(deployment) for deployment in wanted),
        )

    def start(self, member: Member) -> str:
        with self._client(member) as client:
            capacity = member.capacity
            said = [_scale(client, capacity.namespace, capacity.deployment, capacity.replicas)]
            for name, replicas in member.workload.deployments.items():
                if _desired(client.get(Deployment, name, namespace=member.workload.namespace)) == 0:
                    said.append(_scale(client, member.workload.namespace, name, replicas))
        return "; ".join(said)

    def stop(self, member: Member) -> str:
        with self._client(member) as client:
            said = [_scale(client, member.workload.namespace, name, 0) for name in member.workload.deployments]
            said.append(_scale(client, member.capacity.namespace, member.capacity.deployment, 0))
        return "; ".join(said)

    def quiesce(self, member: Member) -> str:
        with self._client(member) as client:
            return "; ".join(_scale(client, member.workload.namespace, name, 0) for name in member.workload.deployments)

    def placed(self, member: Member) -> Placed:
        with self._client(member) as client:
            return placement.read(client, member)

    def close(self, member: Member, zone: str) -> str:
        with self._client(member) as client:
            return placement.close(client, member, zone)

    def open(self, member: Member, zone: str) -> str:
        with self._client(member) as client:
            return placement.open_again(client, member, zone)

    def evict(self, member: Member, pods: Sequence[str]) -> str:
        with self._client(member) as client:
            return placement.evict(client, member.workload.namespace, pods)

    def cordon(self, member: Member, node: str) -> str:
        with self._client(member) as client:
            placement.cordon(client, node, mark={})
        return f"{node} cordoned"

    def scale(self, member: Member, replicas: Mapping[str, int], *, only_up: bool) -> str:
        namespace = member.workload.namespace
        with self._client(member) as client:
            said = []
            for name, wanted in replicas.items():
                if not only_up or _desired(client.get(Deployment, name, namespace=namespace)) < wanted:
                    said.append(_scale(client, namespace, name, wanted))
        return "; ".join(said) or "nothing is smaller"

    @contextmanager
    def _client(self, member: Member) -> Iterator[Client]:
        """The member's client; errors of the library leave as hadr's, and a refused token makes the next client a new one."""
        where = f"cluster {member.cluster}"
        try:
            yield self._made(member)
        except ApiError as error:
            if error.status is not None and error.status.code == 401:
                self._forget(member)
            raise _translate(error, where) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise Unreachable(f"{where}: no connection ({error or type(error).__name__})") from error
        except httpx2.HTTPError as error:
            raise Indefinite(f"{where}: {error or type(error).__name__}") from error

    def _made(self, member: Member) -> Client:
        with self._lock:
            kept = self._clients.get(member.name)
        if kept is not None and time.monotonic() - kept[1] < CLIENT_LIVES_S:
            return kept[0]
        made = _connect(member, self._access(member))
        with self._lock:
            self._clients[member.name] = (made, time.monotonic())
        return made

    def _forget(self, member: Member) -> None:
        with self._lock:
            self._clients.pop(member.name, None)


def _connect(member: Member, access: Access) -> Client:
    config = KubeConfig(
        clusters={member.cluster: Cluster(server=access.endpoint, certificate_auth_data=access.authority)},
        contexts={member.cluster: Context(cluster=member.cluster, user=member.cluster)},
        users={member.cluster: User(token=access.token)},
        current_context=member.cluster,
    )
    try:
        return Client(config=config, timeout=TIMEOUT, field_manager=FIELD_MANAGER, trust_env=False)
    except (ssl.SSLError, ValueError) as error:
        raise Rejected(f"cluster {member.cluster}: its certificate authority cannot be read: {error}") from error


def _learn_types() -> None:
    """Let msgspec learn every type that is read here, in one thread.

    It learns a type at its first use, and two threads that do so at once crash the process (msgspec 0.22, seen as SIGSEGV when both
    clusters answered together).
    """
    for listed in (Deployment, Pod, Node, placement.NodePool):
        decode_list(b'{"items":[]}', listed)
    for kind in (Deployment, Deployment.Scale, Pod, Node, Status):
        msgspec.json.Decoder(kind)


def _scale(client: Client, namespace: str, name: str, replicas: int) -> str:
    """Own `spec.replicas` of one Deployment at this value; says from whom it was taken."""
    wanted = Deployment.Scale(metadata=ObjectMeta(name=name, namespace=namespace), spec=ScaleSpec(replicas=replicas))
    try:
        client.apply(wanted, name, namespace=namespace)
    except ApiError as error:
        if error.status is None or error.status.code != 409:
            raise
        client.apply(wanted, name, namespace=namespace, force=True)
        return f"{name} to {replicas}, taken over ({' '.join((error.status.message or '').split())[:160]})"
    return f"{name} to {replicas}"


class _HasMetadata(Protocol):
    metadata: ObjectMeta | None


def _name(thing: _HasMetadata) -> str:
    return (thing.metadata.name or "") if thing.metadata else ""


def _desired(deployment: Deployment) -> int:
    """Replicas asked for; Kubernetes' own default is 1."""
    if deployment.spec is None or deployment.spec.replicas is None:
        return 1
    return deployment.spec.replicas


def _state(deployment: Deployment) -> DeploymentState:
    """Availability counts only once the controller has seen the present generation."""
    status, metadata = deployment.status, deployment.metadata
    current = status is not None and metadata is not None and (status.observedGeneration or 0) >= (metadata.generation or 0)
    available = (status.availableReplicas or 0) if status is not None and current else 0
    return DeploymentState(name=_name(deployment), desired=_desired(deployment), available=available)


def _selects(deployment: Deployment, pod: Pod) -> bool:
    wanted = (deployment.spec.selector.matchLabels or {}) if deployment.spec else {}
    labels = (pod.metadata.labels or {}) if pod.metadata else {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _running(pod: Pod) -> bool:
    leaving = pod.metadata is not None and pod.metadata.deletionTimestamp is not None
    return pod.status is not None and pod.status.phase == "Running" and not leaving


def _node_ready(node: Node) -> bool:
    conditions = (node.status.conditions or []) if node.status else []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def _translate(error: ApiError, where: str) -> CallError:
    """401 is not final: a token that is no longer taken is made anew, and an API server that just started refuses everyone."""
    code = error.status.code if error.status is not None else None
    text = f"{where}: {code} {' '.join(((error.status.message if error.status else '') or '').split())}"
    if code == 403:
        return Denied(text)
    if code == 404:
        return Gone(text)
    if code == 429:
        return Throttled(text)
    return Indefinite(text) if code is None or code >= 500 else Rejected(text)
