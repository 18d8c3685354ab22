"""A pod's status from what its containers do, by kubelet's rules. Pure: the moment is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hadr_lab.dataplane.nodes.objects import stamp

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running and about to be."""

    reason: str
    message: str = ""

    def state(self) -> Json:
        """As ContainerState."""
        return {"waiting": {"reason": self.reason, **({"message": self.message} if self.message else {})}}


@dataclass(frozen=True, slots=True)
class Up:
    """Running since."""

    since: datetime

    def state(self) -> Json:
        """As ContainerState."""
        return {"running": {"startedAt": stamp(self.since)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Not running any more; `code` is negative when a signal ended it."""

    code: int
    since: datetime
    at: datetime
    reason: str = ""
    message: str = ""

    def state(self) -> Json:
        """As ContainerState; a signal n is exit code 128 + n, as with any container runtime."""
        code = self.code if self.code >= 0 else 128 - self.code
        body = {
            "exitCode": code,
            "reason": self.reason or ("Completed" if code == 0 else "Error"),
            "startedAt": stamp(self.since),
            "finishedAt": stamp(self.at),
        }
        if self.code < 0:
            body["signal"] = -self.code
        return {"terminated": body | ({"message": self.message} if self.message else {})}


State = Waiting | Up | Ended


@dataclass(slots=True, kw_only=True)
class Container:
    """What is known of one container."""

    name: str
    image: str
    init: bool = False
    sidecar: bool = False
    state: State = field(default_factory=lambda: Waiting("ContainerCreating"))
    last: Ended | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    id: str = ""

    def status(self) -> Json:
        """As ContainerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image if self.id else "",
            "containerID": f"hadr-lab://{self.id}" if self.id else "",
            "state": self.state.state(),
            "lastState": self.last.state() if self.last else {},
            "restartCount": self.restarts,
            "ready": self.ready,
            "started": self.started,
        }

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return isinstance(self.state, Ended) and self.state.code == 0

    @property
    def over(self) -> bool:
        """For an init container: whether the next one may start."""
        return self.started if self.sidecar else self.succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A pod's place on the node: host address, its own address (empty until there is one), and when it was taken up."""

    host_ip: str
    pod_ip: str
    taken: datetime


def phase(restart_policy: str, inits: Sequence[Container], mains: Sequence[Container]) -> str:
    """Pending, Running, Succeeded or Failed."""
    if any(isinstance(c.state, Ended) and c.state.code and restart_policy == "Never" for c in inits):
        return "Failed"
    if not all(c.over for c in inits):
        return "Pending"
    if mains and restart_policy != "Always" and all(isinstance(c.state, Ended) for c in mains):
        if all(c.succeeded for c in mains):
            return "Succeeded"
        if restart_policy == "Never":
            return "Failed"
    return "Running" if all(not isinstance(c.state, Waiting) or c.last for c in mains) else "Pending"


def conditions(pod: Mapping[str, Any], inits: Sequence[Container], mains: Sequence[Container], sandbox: Sandbox) -> Json:
    """Type to (status, reason) of the conditions that kubelet owns; readiness gates are read from the pod's own status."""
    given = {c["type"]: c["status"] for c in (pod.get("status") or {}).get("conditions") or ()}
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()]
    initialized = all(c.over for c in inits)
    done = phase(pod["spec"].get("restartPolicy", "Always"), inits, mains) in {"Succeeded", "Failed"}
    containers = initialized and not done and all(c.ready for c in mains)
    unmet = [gate for gate in gates if given.get(gate) != "True"]
    if done:
        why = "PodCompleted"
    elif not containers:
        why = "ContainersNotReady"
    else:
        why = "ReadinessGatesNotReady"
    return {
        "PodReadyToStartContainers": (bool(sandbox.pod_ip), ""),
        "Initialized": (initialized, "" if initialized else "ContainersNotInitialized"),
        "ContainersReady": (containers, "" if containers else why),
        "Ready": (containers and not unmet, "" if containers and not unmet else why),
    }


def pod_status(
    pod: Mapping[str, Any], inits: Sequence[Container], mains: Sequence[Container], sandbox: Sandbox, now: datetime
) -> Json:
    """The status to patch. A condition keeps the time of its last change when it did not change."""
    before = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    rows = []
    for kind, (met, reason) in conditions(pod, inits, mains, sandbox).items():
        value, old = str(met), before.get(kind) or {}
        since = old.get("lastTransitionTime") if old.get("status") == value else None
        row = {"type": kind, "status": value, "lastTransitionTime": since or stamp(now), "reason": reason or None}
        rows.append(row)
    status: Json = {
        "phase": phase(pod["spec"].get("restartPolicy", "Always"), inits, mains),
        "conditions": rows,
        "hostIP": sandbox.host_ip,
        "hostIPs": [{"ip": sandbox.host_ip}],
        "startTime": stamp(sandbox.taken),
        "containerStatuses": [c.status() for c in mains],
    }
    if inits:
        status["initContainerStatuses"] = [c.status() for c in inits]
    if sandbox.pod_ip:
        status |= {"podIP": sandbox.pod_ip, "podIPs": [{"ip": sandbox.pod_ip}]}
    return status


def patch_of(status: Json) -> Json:
    """The strategic merge patch that makes a pod's status this one.

    Addresses are merged by address: of a pod that a machine started anew with another one the API would keep both, and refuse them.
    """
    return status | {name: [*status[name], {"$patch": "replace"}] for name in ("hostIPs", "podIPs") if name in status}
