"""EKS's API: clusters, their configuration, updates and tags; node groups, add-ons and access are mixed in.

A cluster gets a security group of its own in EC2 and an endpoint host name; it is CREATING, without a certificate authority,
until its control plane answers. It must never say ACTIVE by itself.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of, known_subnet
from hadr_lab.aws.services.ec2_backend import Ec2Backend
from hadr_lab.aws.services.eks_access import CLUSTER_ADMIN, AccessCalls, make_entry
from hadr_lab.aws.services.eks_addons import AddonCalls
from hadr_lab.aws.services.eks_nodegroups import NodegroupCalls
from hadr_lab.aws.services.eks_registry import Cluster, Document
from hadr_lab.aws.services.images import KUBERNETES_VERSIONS
from hadr_lab.aws.services.serial import now, page
from hadr_lab.aws.sts import caller_of

NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")
DEFAULT_SERVICE_CIDR = "172.20.0.0/16"
ECHOED = ("encryptionConfig", "logging", "tags", "remoteNetworkConfig", "computeConfig", "storageConfig", "deletionProtection")
MERGED = ("accessConfig", "upgradePolicy", "zonalShiftConfig", "logging", "computeConfig", "storageConfig", "remoteNetworkConfig")


class Eks(NodegroupCalls, AddonCalls, AccessCalls):
    """EKS's API in one Region."""

    name: ClassVar[str] = "eks"

    def create_cluster(self) -> ActionResult:
        """CreateCluster. Raises InvalidParameterException for a bad name, version or choice of subnets."""
        inputs = self.inputs()
        ec2 = ec2_of(self.registry.account, self.region)
        _check_new(inputs, ec2)
        cluster = Cluster(region=self.region, document=_document(inputs, self.region, self.registry.account, ec2))
        self.registry.add(cluster)
        cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"] = _security_group(cluster, ec2)
        if inputs.get("accessConfig", {}).get("bootstrapClusterCreatorAdminPermissions", True):
            self._admit_creator(cluster)
        return ActionResult({"cluster": cluster.document})

    def _admit_creator(self, cluster: Cluster) -> None:
        caller = caller_of(self.access_key)
        arn = caller.role_arn or caller.arn
        make_entry(cluster, self.registry.account, {"principalArn": arn})
        self.associate(cluster, arn, CLUSTER_ADMIN, {"type": "cluster"})

    def describe_cluster(self) -> ActionResult:
        """DescribeCluster."""
        return ActionResult({"cluster": self.cluster().document})

    def list_clusters(self) -> ActionResult:
        """ListClusters."""
        names, token = page([cluster.name for cluster in self.registry.of_region(self.region)], self.inputs())
        return ActionResult({"clusters": names, "nextToken": token})

    def delete_cluster(self) -> ActionResult:
        """DeleteCluster. Raises ResourceInUseException while it has node groups."""
        cluster = self.cluster()
        if cluster.nodegroups:
            raise AwsError("ResourceInUseException", "Cluster has nodegroups attached", 409, clusterName=cluster.name)
        if cluster.document.get("deletionProtection"):
            raise AwsError("InvalidRequestException", "Cluster has deletion protection enabled", 400, clusterName=cluster.name)
        group = cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]
        ec2_of(self.registry.account, self.region).delete_security_group(group_id=group)
        del self.registry.clusters[self.region, cluster.name]
        return ActionResult({"cluster": cluster.document | {"status": "DELETING"}})

    def update_cluster_config(self) -> ActionResult:
        """UpdateClusterConfig. Takes effect at once."""
        inputs, document = self.inputs(), self.cluster().document
        for block in MERGED:
            if block in inputs:
                document[block] = (document.get(block) or {}) | inputs[block]
        if "resourcesVpcConfig" in inputs:
            document["resourcesVpcConfig"].update(inputs["resourcesVpcConfig"])
        if "deletionProtection" in inputs:
            document["deletionProtection"] = inputs["deletionProtection"]
        return ActionResult({"update": self.cluster().record_update("ConfigUpdate")})

    def update_cluster_version(self) -> ActionResult:
        """UpdateClusterVersion. Raises InvalidParameterException for an unknown version."""
        cluster, version = self.cluster(), str(self.inputs()["version"])
        _check_version(version)
        cluster.document["version"] = version
        return ActionResult({"update": cluster.record_update("VersionUpdate", Version=version)})

    def describe_update(self) -> ActionResult:
        """DescribeUpdate."""
        return ActionResult({"update": self.cluster().update(self.inputs()["updateId"])})

    def list_updates(self) -> ActionResult:
        """ListUpdates."""
        ids, token = page(list(self.cluster().updates), self.inputs())
        return ActionResult({"updateIds": ids, "nextToken": token})

    def tag_resource(self) -> ActionResult:
        """TagResource."""
        inputs = self.inputs()
        document = self.registry.tagged(self.region, inputs["resourceArn"])
        document["tags"] = (document.get("tags") or {}) | inputs["tags"]
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        inputs = self.inputs()
        document = self.registry.tagged(self.region, inputs["resourceArn"])
        document["tags"] = {k: v for k, v in (document.get("tags") or {}).items() if k not in inputs["tagKeys"]}
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource."""
        return ActionResult({"tags": self.registry.tagged(self.region, self.inputs()["resourceArn"]).get("tags") or {}})


def _check_new(inputs: dict[str, Any], ec2: Ec2Backend) -> None:
    if not NAME.fullmatch(inputs["name"]):
        raise AwsError("InvalidParameterException", f"Invalid cluster name: {inputs['name']}", 400)
    _check_version(str(inputs.get("version") or KUBERNETES_VERSIONS[-1]))
    asked = inputs["resourcesVpcConfig"].get("subnetIds", [])
    subnets = [known_subnet(ec2.account_id, ec2.region_name, subnet, code="InvalidParameterException") for subnet in asked]
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise AwsError("InvalidParameterException", "Subnets specified must be in at least two different AZs", 400)
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise AwsError("InvalidParameterException", "Subnets specified must be in the same VPC", 400)
    cidr = inputs.get("kubernetesNetworkConfig", {}).get("serviceIpv4Cidr")
    if cidr and not ipaddress.ip_network(cidr).is_private:
        raise AwsError("InvalidParameterException", f"{cidr} is not a private range", 400)


def _check_version(version: str) -> None:
    if version not in KUBERNETES_VERSIONS:
        raise AwsError("InvalidParameterException", f"unsupported Kubernetes version {version}", 400)


def _document(inputs: dict[str, Any], region: str, account: str, ec2: Ec2Backend) -> Document:
    """The cluster as DescribeCluster tells it: every argument echoed, EKS's defaults filled in."""
    name, unique = inputs["name"], uuid.uuid4().hex.upper()
    network = {"serviceIpv4Cidr": DEFAULT_SERVICE_CIDR, "ipFamily": "ipv4", "elasticLoadBalancing": {"enabled": False}}
    access = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
    document = {
        "name": name,
        "arn": f"arn:aws:eks:{region}:{account}:cluster/{name}",
        "createdAt": now(),
        "version": str(inputs.get("version") or KUBERNETES_VERSIONS[-1]),
        "endpoint": f"https://{unique}.gr7.{region}.eks.amazonaws.com",
        "roleArn": inputs["roleArn"],
        "resourcesVpcConfig": _vpc_config(inputs["resourcesVpcConfig"], ec2),
        "kubernetesNetworkConfig": network | inputs.get("kubernetesNetworkConfig", {}),
        "logging": {"clusterLogging": []},
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{unique}"}},
        "status": "CREATING",
        "platformVersion": "eks.9",
        "tags": {},
        "encryptionConfig": [],
        "health": {"issues": []},
        "accessConfig": access | inputs.get("accessConfig", {}),
        "upgradePolicy": {"supportType": "EXTENDED"} | inputs.get("upgradePolicy", {}),
        "zonalShiftConfig": {"enabled": False} | inputs.get("zonalShiftConfig", {}),
        "deletionProtection": False,
    }
    return document | {block: inputs[block] for block in ECHOED if inputs.get(block) is not None}


def _vpc_config(asked: dict[str, Any], ec2: Ec2Backend) -> Document:
    public = asked.get("endpointPublicAccess", True)
    defaults = {
        "securityGroupIds": [],
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"] if public else [],
        "vpcId": ec2.get_subnet(asked["subnetIds"][0]).vpc_id,
    }
    return defaults | asked


def _security_group(cluster: Cluster, ec2: Ec2Backend) -> str:
    """The group EKS makes for the control plane's and managed nodes' interfaces."""
    group = ec2.create_security_group(
        f"eks-cluster-sg-{cluster.name}-{uuid.uuid4().int % 10**9}",
        "EKS created security group applied to the interfaces of the control plane and of managed nodes.",
        cluster.document["resourcesVpcConfig"]["vpcId"],
        tags={
            "Name": f"eks-cluster-sg-{cluster.name}",
            f"kubernetes.io/cluster/{cluster.name}": "owned",
            "aws:eks:cluster-name": cluster.name,
        },
    )
    return str(group.id)
