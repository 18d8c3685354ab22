"""What EKS installs into every new cluster by itself: CoreDNS. (kube-proxy is a process of each zone; CRDs are nobody's here.)"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import yaml

from hadr_lab.dataplane.controlplane.api import Json, KubeApi

MANAGER = "eks"
COREDNS_IMAGE = "602401143452.dkr.ecr.{region}.amazonaws.com/eks/coredns:v1.13.1-eksbuild.1"
PLACING = {"affinity", "nodeSelector", "tolerations", "topologySpreadConstraints"}
"""What of the coredns add-on's configuration goes into its pods as it stands (`aws eks describe-addon-configuration`)."""
CACHE, HURRIED_CACHE = "cache 30", "cache 30 {\n            disable success rds.amazonaws.com\n        }"
"""EKS's own, and that of a lab whose databases move faster: CoreDNS keeps a name for 5 s at least, longer than a move there."""
_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "Service": "/api/v1/namespaces/{namespace}/services/{name}",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/{name}",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}",
}


def dns_address(service_cidr: str) -> str:
    """EKS gives the cluster's DNS the tenth address of the service range."""
    return str(ipaddress.ip_network(service_cidr)[10])


def service_address(service_cidr: str) -> str:
    """The `kubernetes` Service has the first address of the service range."""
    return str(ipaddress.ip_network(service_cidr)[1])


def manifests(*, region: str, service_cidr: str, dns: str = "", hurried: bool = False) -> tuple[Json, ...]:
    """CoreDNS's objects for a cluster; `dns` is the add-on's configuration, of which what places pods counts (PLACING).

    `hurried`: the lab's time runs faster, so the names of databases are not kept.
    """
    text = (Path(__file__).parent / "coredns.yaml").read_text()
    text = text.replace("@IMAGE@", COREDNS_IMAGE.format(region=region)).replace("@CLUSTER_DNS@", dns_address(service_cidr))
    text = text.replace(CACHE, HURRIED_CACHE) if hurried else text
    documents = tuple(document for document in yaml.safe_load_all(text) if document)
    wanted: Json = json.loads(dns or "{}")
    for document in documents:
        if document["kind"] == "Deployment":
            document["spec"]["replicas"] = wanted.get("replicaCount", document["spec"]["replicas"])
            document["spec"]["template"]["spec"] |= {key: wanted[key] for key in PLACING & wanted.keys()}
    return documents


def path_of(manifest: Json) -> str:
    """Where a manifest of ours lives in the API. Raises KeyError for a kind that no add-on of ours has."""
    metadata: dict[str, Any] = manifest["metadata"]
    return _PATHS[manifest["kind"]].format(namespace=metadata.get("namespace", ""), name=metadata["name"])


async def install(api: KubeApi, *, region: str, service_cidr: str, dns: str = "", hurried: bool = False) -> None:
    """Apply every object, in the order of the file (accounts and settings before what uses them)."""
    for manifest in manifests(region=region, service_cidr=service_cidr, dns=dns, hurried=hurried):
        await api.apply(path_of(manifest), manifest, manager=MANAGER)
