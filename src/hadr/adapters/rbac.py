"""What hadr may do in a member's cluster, as Kubernetes RBAC for the group that its EKS access entry names.

Made from the site like the IAM policy: scaling of the named Deployments, evicting the workload's pods, cordoning nodes and keeping
node pools out of a zone, reading what it observes, nothing else. Listing cannot be bound to names in Kubernetes, so reads are bound
to namespaces; neither can the names of nodes be known beforehand. Nodes and node pools belong to no namespace.
"""

from __future__ import annotations

from typing import Any

from hadr.core.site import Member

API, GROUP, NAME = "rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io", "hadr"


def manifests(member: Member, *, group: str = NAME) -> list[dict[str, Any]]:
    """Roles and their bindings for `member`'s cluster, to apply as they are."""
    capacity, workload = member.capacity, member.workload
    nodes = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]},
        {"apiGroups": ["karpenter.sh"], "resources": ["nodepools"], "verbs": ["list", "patch"]},
    ]
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    leaving = {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]}
    deployments = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    by_namespace: dict[str, list[dict[str, Any]]] = {}
    by_namespace.setdefault(workload.namespace, []).extend([pods, leaving, deployments, *_scale(*workload.deployments)])
    by_namespace.setdefault(capacity.namespace, []).extend([pods, *_scale(capacity.deployment)])
    made = [_role("ClusterRole", "", nodes), _binding("ClusterRole", "", group)]
    for namespace, rules in sorted(by_namespace.items()):
        made += [_role("Role", namespace, rules), _binding("Role", namespace, group)]
    return made


def _scale(*names: str) -> list[dict[str, Any]]:
    """Scaling is a server-side apply of the scale subresource, which is a patch."""
    return [
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": sorted(names), "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": sorted(names), "verbs": ["patch"]},
    ]


def _metadata(namespace: str) -> dict[str, str]:
    return {"name": NAME, "namespace": namespace} if namespace else {"name": NAME}


def _role(kind: str, namespace: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": _metadata(namespace), "rules": rules}


def _binding(kind: str, namespace: str, group: str) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": f"{kind}Binding",
        "metadata": _metadata(namespace),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": NAME},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group}],
    }
