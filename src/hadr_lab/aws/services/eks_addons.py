"""EKS add-ons: the versions EKS knows and what a cluster has asked for. It installs nothing: that is the control plane's part."""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.responses import ActionResult

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.eks_calls import EksCalls
from hadr_lab.aws.services.images import KUBERNETES_VERSIONS
from hadr_lab.aws.services.serial import now, page

VERSIONS = {
    "vpc-cni": ("networking", "v1.21.1-eksbuild.3"),
    "coredns": ("networking", "v1.13.1-eksbuild.1"),
    "kube-proxy": ("networking", "v1.35.0-eksbuild.2"),
    "eks-pod-identity-agent": ("security", "v1.3.10-eksbuild.2"),
    "aws-efs-csi-driver": ("storage", "v2.1.15-eksbuild.1"),
    "metrics-server": ("observability", "v0.8.0-eksbuild.6"),
}
ARGUMENTS = ("addonVersion", "serviceAccountRoleArn", "configurationValues", "podIdentityAssociations", "namespaceConfig")


class AddonCalls(EksCalls):
    """CreateAddon and its relatives."""

    def describe_addon_versions(self) -> ActionResult:
        """DescribeAddonVersions, of one add-on or all."""
        inputs = self.inputs()
        named = inputs.get("addonName")
        version = inputs.get("kubernetesVersion")
        if version and version not in KUBERNETES_VERSIONS:
            return ActionResult({"addons": []})
        return ActionResult({"addons": [_offer(addon, version) for addon in VERSIONS if named in (None, addon)]})

    def create_addon(self) -> ActionResult:
        """CreateAddon. Raises ResourceInUseException for one the cluster has, InvalidParameterException for an unknown one."""
        inputs, cluster = self.inputs(), self.cluster()
        name = inputs["addonName"]
        if name in cluster.addons:
            raise AwsError("ResourceInUseException", "Addon already exists.", 409, clusterName=cluster.name, addonName=name)
        if name not in VERSIONS:
            raise AwsError("InvalidParameterException", f"Addon {name} specified is not supported", 400, clusterName=cluster.name)
        addon = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "ACTIVE",
            "addonVersion": VERSIONS[name][1],
            "health": {"issues": []},
            "addonArn": f"arn:aws:eks:{self.region}:{self.registry.account}:addon/{cluster.name}/{name}/{uuid.uuid4()}",
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": inputs.get("tags") or {},
            "owner": "aws",
            "publisher": "eks",
        }
        cluster.addons[name] = addon | _given(inputs)
        return ActionResult({"addon": cluster.addons[name] | {"status": "CREATING"}})

    def describe_addon(self) -> ActionResult:
        """DescribeAddon."""
        return ActionResult({"addon": self.cluster().addon(self.inputs()["addonName"])})

    def list_addons(self) -> ActionResult:
        """ListAddons."""
        names, token = page(list(self.cluster().addons), self.inputs())
        return ActionResult({"addons": names, "nextToken": token})

    def update_addon(self) -> ActionResult:
        """UpdateAddon. Takes effect at once."""
        inputs, cluster = self.inputs(), self.cluster()
        cluster.addon(inputs["addonName"]).update(_given(inputs) | {"modifiedAt": now()})
        return ActionResult({"update": cluster.record_update("AddonUpdate")})

    def delete_addon(self) -> ActionResult:
        """DeleteAddon."""
        cluster, name = self.cluster(), self.inputs()["addonName"]
        addon = cluster.addon(name)
        del cluster.addons[name]
        return ActionResult({"addon": addon | {"status": "DELETING"}})

    def describe_addon_configuration(self) -> ActionResult:
        """DescribeAddonConfiguration: any object is accepted."""
        inputs = self.inputs()
        schema = {"addonName": inputs["addonName"], "addonVersion": inputs["addonVersion"]}
        return ActionResult(schema | {"configurationSchema": '{"type":"object"}', "podIdentityConfiguration": []})


def _given(inputs: dict[str, Any]) -> dict[str, Any]:
    given = {key: inputs[key] for key in ARGUMENTS if inputs.get(key)}
    if given.get("configurationValues") == "{}":
        del given["configurationValues"]
    return given


def _offer(addon: str, kubernetes: str | None) -> dict[str, Any]:
    kind, version = VERSIONS[addon]
    compatible = [
        {"clusterVersion": cluster, "platformVersions": ["*"], "defaultVersion": True}
        for cluster in KUBERNETES_VERSIONS
        if kubernetes in (None, cluster)
    ]
    offered = {"addonVersion": version, "architecture": ["amd64", "arm64"], "compatibilities": compatible}
    return {
        "addonName": addon,
        "type": kind,
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": [offered | {"requiresConfiguration": False, "requiresIamPermissions": False}],
    }
