"""EKS clusters as the realizers see them."""

from __future__ import annotations

from hadr_lab.aws.services.eks_registry import Cluster, EksRegistry
from hadr_lab.aws.views import EksCluster


def cluster_views(registry: EksRegistry, region: str) -> tuple[EksCluster, ...]:
    """The Region's clusters."""
    return tuple(_view(cluster) for cluster in registry.of_region(region))


def _view(cluster: Cluster) -> EksCluster:
    document = cluster.document
    return EksCluster(
        region=cluster.region,
        name=cluster.name,
        arn=document["arn"],
        version=document["version"],
        status=document["status"],
        endpoint=document["endpoint"].removeprefix("https://"),
        service_cidr=document["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
        vpc_id=document["resourcesVpcConfig"]["vpcId"],
        subnet_ids=tuple(document["resourcesVpcConfig"]["subnetIds"]),
        authority=cluster.authority,
        dns=cluster.addons.get("coredns", {}).get("configurationValues", ""),
    )
