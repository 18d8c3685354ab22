"""EKS managed node groups: their API. The instances behind them are `scaling`'s business.

The group is kept as the document EKS describes. It must never be made before its cluster is active: EKS refuses that too, and
nodes could not be told the certificate authority.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from moto.core.responses import ActionResult

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of, known_subnet
from hadr_lab.aws.services.ec2_backend import Ec2Backend
from hadr_lab.aws.services.eks_access import make_entry
from hadr_lab.aws.services.eks_calls import EksCalls
from hadr_lab.aws.services.eks_registry import Cluster, Document
from hadr_lab.aws.services.images import RELEASE
from hadr_lab.aws.services.scaling import Scaling
from hadr_lab.aws.services.serial import now, page

ECHOED = ("diskSize", "instanceTypes", "amiType", "remoteAccess", "nodeRole", "labels", "taints", "tags", "capacityType")
ECHOED_TOO = ("updateConfig", "nodeRepairConfig", "subnets", "version", "releaseVersion")
DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}


class NodegroupCalls(EksCalls):
    """CreateNodegroup and its relatives; `scaling` is bound before first use."""

    scaling: ClassVar[Scaling]

    def create_nodegroup(self) -> ActionResult:
        """CreateNodegroup; its instances are launched at once. Raises InvalidRequestException before the cluster is active."""
        inputs, cluster = self.inputs(), self.cluster()
        name = inputs["nodegroupName"]
        if name in cluster.nodegroups:
            message = f"NodeGroup already exists with name {name} and cluster name {cluster.name}"
            raise AwsError("ResourceInUseException", message, 409, clusterName=cluster.name, nodegroupName=name)
        if not cluster.active:
            raise AwsError("InvalidRequestException", f"Cluster '{cluster.name}' is not in ACTIVE status", 400)
        ec2 = ec2_of(self.registry.account, self.region)
        for subnet in inputs["subnets"]:
            known_subnet(self.registry.account, self.region, subnet, code="InvalidParameterException")
        cluster.nodegroups[name] = _document(inputs, cluster, self.registry.account, ec2)
        self._admit_nodes(cluster, inputs["nodeRole"])
        self.scaling.reconcile(cluster)
        return ActionResult({"nodegroup": cluster.nodegroups[name] | {"status": "CREATING"}})

    def _admit_nodes(self, cluster: Cluster, role: str) -> None:
        """EKS makes the access entry of a managed group's role itself."""
        if cluster.document["accessConfig"]["authenticationMode"] != "CONFIG_MAP" and role not in cluster.entries:
            make_entry(cluster, self.registry.account, {"principalArn": role, "type": "EC2_LINUX"})

    def describe_nodegroup(self) -> ActionResult:
        """DescribeNodegroup."""
        cluster, name = self.cluster(), self.inputs()["nodegroupName"]
        group = cluster.nodegroup(name)
        self.scaling.observe(cluster, group)
        return ActionResult({"nodegroup": group})

    def list_nodegroups(self) -> ActionResult:
        """ListNodegroups."""
        names, token = page(list(self.cluster().nodegroups), self.inputs())
        return ActionResult({"nodegroups": names, "nextToken": token})

    def update_nodegroup_config(self) -> ActionResult:
        """UpdateNodegroupConfig: sizes, labels, taints (of nodes still to come), update and repair settings."""
        inputs, cluster = self.inputs(), self.cluster()
        group = cluster.nodegroup(inputs["nodegroupName"])
        if "scalingConfig" in inputs:
            group["scalingConfig"] = _sizes(group["scalingConfig"] | inputs["scalingConfig"])
        for block in ("updateConfig", "nodeRepairConfig"):
            if block in inputs:
                group[block] = inputs[block]
        _change_labels(group, inputs.get("labels") or {})
        _change_taints(group, inputs.get("taints") or {})
        group["modifiedAt"] = now()
        self.scaling.reconcile(cluster)
        return ActionResult({"update": cluster.record_update("ConfigUpdate")})

    def update_nodegroup_version(self) -> ActionResult:
        """UpdateNodegroupVersion: what nodes still to come are made from (running ones are not replaced)."""
        inputs, cluster = self.inputs(), self.cluster()
        group = cluster.nodegroup(inputs["nodegroupName"])
        group.update({key: inputs[key] for key in ("version", "releaseVersion") if key in inputs}, modifiedAt=now())
        if "launchTemplate" in inputs:
            asked = group.get("launchTemplate", {}) | inputs["launchTemplate"]
            group["launchTemplate"] = _template(asked, ec2_of(self.registry.account, self.region))
        return ActionResult({"update": cluster.record_update("VersionUpdate")})

    def delete_nodegroup(self) -> ActionResult:
        """DeleteNodegroup, with its instances."""
        cluster, name = self.cluster(), self.inputs()["nodegroupName"]
        group = cluster.nodegroup(name)
        self.scaling.dissolve(cluster, group)
        del cluster.nodegroups[name]
        return ActionResult({"nodegroup": group | {"status": "DELETING"}})


def _document(inputs: dict[str, Any], cluster: Cluster, account: str, ec2: Ec2Backend) -> Document:
    """The node group as DescribeNodegroup tells it."""
    name, unique = inputs["nodegroupName"], uuid.uuid4()
    version = cluster.document["version"]
    document: Document = {
        "nodegroupName": name,
        "nodegroupArn": f"arn:aws:eks:{cluster.region}:{account}:nodegroup/{cluster.name}/{name}/{unique}",
        "clusterName": cluster.name,
        "version": version,
        "releaseVersion": f"{version}.0-{RELEASE}",
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "CREATING",
        "capacityType": "ON_DEMAND",
        "amiType": "AL2023_x86_64_STANDARD",
        "scalingConfig": _sizes(DEFAULT_SCALING | inputs.get("scalingConfig", {})),
        "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{unique}"}]},
        "health": {"issues": []},
        "updateConfig": {"maxUnavailable": 1},
        "tags": {},
        "labels": {},
    }
    document |= {key: inputs[key] for key in ECHOED + ECHOED_TOO if inputs.get(key) is not None}
    if "launchTemplate" in inputs:
        return document | {"launchTemplate": _template(inputs["launchTemplate"], ec2)}
    return {"diskSize": 20, "instanceTypes": ["t3.medium"]} | document


def _template(asked: dict[str, Any], ec2: Ec2Backend) -> Document:
    """The launch template with both its id and name, as EKS describes it."""
    named = (asked.get("id"), asked.get("name"))
    template = next((made for made in ec2.launch_templates.values() if made.id == named[0] or made.name == named[1]), None)
    if template is None:
        message = f"Launch template {named[0] or named[1]} could not be found"
        raise AwsError("InvalidParameterException", message, 400)
    return {"id": template.id, "name": template.name, "version": str(asked.get("version") or template.default_version_number)}


def _sizes(sizes: dict[str, int]) -> dict[str, int]:
    """The sizes, if they fit each other. Raises InvalidParameterException."""
    least, most, desired = sizes["minSize"], sizes["maxSize"], sizes["desiredSize"]
    if least > desired:
        raise AwsError("InvalidParameterException", f"Minimum capacity {least} can't be greater than desired size {desired}", 400)
    if desired > most:
        raise AwsError("InvalidParameterException", f"desired capacity {desired} can't be greater than max size {most}", 400)
    if most < 1:
        raise AwsError("InvalidParameterException", "maxSize must be at least 1", 400)
    return sizes


def _change_labels(group: Document, change: dict[str, Any]) -> None:
    kept = {k: v for k, v in (group.get("labels") or {}).items() if k not in change.get("removeLabels", [])}
    group["labels"] = kept | change.get("addOrUpdateLabels", {})


def _change_taints(group: Document, change: dict[str, Any]) -> None:
    gone = [_identity(t) for t in (*change.get("removeTaints", []), *change.get("addOrUpdateTaints", []))]
    kept = [t for t in group.get("taints") or [] if _identity(t) not in gone]
    if change:
        group["taints"] = kept + list(change.get("addOrUpdateTaints", []))


def _identity(taint: dict[str, str]) -> tuple[str, str]:
    return taint["key"], taint["effect"]
