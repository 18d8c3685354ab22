"""The Node and Lease objects of a machine, as kubelet and the cloud controller make them together on EKS. Pure."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hadr_lab.dataplane.nodes.shapes import shape
from hadr_lab.dataplane.nodes.userdata import Joining

Json = dict[str, Any]
VERSION = "v1.35.4-eks-lab"
LEASE_SECONDS = 40
GI = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """An instance as its node agent knows it."""

    region: str
    zone: str
    instance_id: str
    instance_type: str
    private_ip: str
    interface_id: str
    user_data: str
    tags: Mapping[str, str]

    @property
    def node_name(self) -> str:
        """The private DNS name, which is the node's name on EKS."""
        domain = "ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal"
        return f"ip-{self.private_ip.replace('.', '-')}.{domain}"


def stamp(moment: datetime) -> str:
    """A time as metav1.Time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime) -> str:
    """A time as metav1.MicroTime."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def authority_of(joining: Joining) -> str:
    """The PEM of the user data's certificate authority, or an empty string."""
    return base64.b64decode(joining.ca).decode() if joining.ca else ""


def cluster_dns(joining: Joining) -> str:
    """The cluster's DNS address: given, or the tenth of the service range."""
    return joining.cluster_dns or str(ipaddress.ip_network(joining.service_cidr)[10])


def max_pods(machine: Machine, joining: Joining) -> int:
    """The limit of pods: given, or what the type's interfaces allow."""
    return joining.max_pods or shape(machine.instance_type).max_pods


def labels(machine: Machine, joining: Joining) -> dict[str, str]:
    """Labels of kubelet and the cloud controller, then the machine's own."""
    arch = "arm64" if shape(machine.instance_type).arm else "amd64"
    own = {
        "kubernetes.io/hostname": machine.node_name,
        "kubernetes.io/arch": arch,
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machine.instance_type,
        "beta.kubernetes.io/instance-type": machine.instance_type,
        "topology.kubernetes.io/region": machine.region,
        "topology.kubernetes.io/zone": machine.zone,
        "failure-domain.beta.kubernetes.io/region": machine.region,
        "failure-domain.beta.kubernetes.io/zone": machine.zone,
    }
    if group := machine.tags.get("eks:nodegroup-name"):
        own["eks.amazonaws.com/nodegroup"] = group
    return {**own, **joining.labels}


def node(machine: Machine, joining: Joining, now: datetime) -> Json:
    """The Node as it registers, status included."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": machine.node_name, "labels": labels(machine, joining)},
        "spec": {
            "providerID": f"aws:///{machine.zone}/{machine.instance_id}",
            "taints": [{key: str(value) for key, value in taint.items()} for taint in joining.taints],
        },
        "status": node_status(machine, joining, now, since=now),
    }


def node_status(machine: Machine, joining: Joining, now: datetime, *, since: datetime) -> Json:
    """The status part; `since` is when the machine became ready."""
    offer, pods = shape(machine.instance_type), max_pods(machine, joining)
    millicores, memory = offer.allocatable(pods)
    common = {"pods": str(pods), "hugepages-1Gi": "0", "hugepages-2Mi": "0"}
    return {
        "capacity": {
            "cpu": str(offer.processors),
            "memory": f"{offer.memory // 1024}Ki",
            "ephemeral-storage": str(20 * GI),
            **common,
        },
        "allocatable": {
            "cpu": f"{millicores}m",
            "memory": f"{memory // 1024}Ki",
            "ephemeral-storage": str(18 * GI),
            **common,
        },
        "conditions": _conditions(now, since),
        "addresses": [
            {"type": "InternalIP", "address": machine.private_ip},
            {"type": "InternalDNS", "address": machine.node_name},
            {"type": "Hostname", "address": machine.node_name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": machine.instance_id,
            "systemUUID": machine.instance_id,
            "bootID": machine.instance_id,
            "kernelVersion": "6.12",
            "osImage": "hadr-lab node agent",
            "containerRuntimeVersion": "hadr-lab://1",
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "arm64" if offer.arm else "amd64",
        },
    }


def _conditions(now: datetime, since: datetime) -> list[Json]:
    rows = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": stamp(now),
            "lastTransitionTime": stamp(since),
        }
        for kind, status, reason, message in rows
    ]


def lease(name: str, uid: str, now: datetime) -> Json:
    """The node's Lease."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": name,
            "namespace": "kube-node-lease",
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}],
        },
        "spec": {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": micro_stamp(now)},
    }
