"""The instances of managed node groups, kept as their Auto Scaling groups would keep them.

Level-triggered: compare the desired size with the instances that are pending or running, launch in the zone that has fewest,
or terminate in the one that has most. A zone without capacity is passed over; when none has any, the group says so in its health
and it is tried again. It must never count an instance that is gone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.types import Base64EncodedString
from moto.ec2.models.instances import Instance
from moto.ec2.models.subnets import Subnet

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of, max_pods, text_of
from hadr_lab.aws.services.ec2_backend import ALIVE, Ec2Backend
from hadr_lab.aws.services.eks_registry import Cluster, Document
from hadr_lab.aws.services.images import EksImage
from hadr_lab.aws.services.user_data import NodeConfig, node_user_data


@dataclass(frozen=True, slots=True)
class Scaling:
    """Keeps node groups at their size; `account` is whose EC2 it launches in."""

    account: str

    def reconcile(self, cluster: Cluster) -> bool:
        """Bring every group of the cluster to its size; returns whether anything was launched or terminated."""
        changed = [self._reconcile(cluster, group) for group in cluster.nodegroups.values()]
        return any(changed)

    def _reconcile(self, cluster: Cluster, group: Document) -> bool:
        ec2 = ec2_of(self.account, cluster.region)
        alive = self.members(cluster, group)
        missing = group["scalingConfig"]["desiredSize"] - len(alive)
        changed = False
        for _ in range(missing):
            changed = self._launch(cluster, group, ec2) or changed
        if missing < 0:
            ec2.terminate_instances([instance.id for instance in _surplus(alive, -missing)])
            changed = True
        self.observe(cluster, group)
        return changed

    def members(self, cluster: Cluster, group: Document) -> list[Instance]:
        """The group's instances that are pending or running, oldest first."""
        tags = group_tags(cluster, group)
        instances = ec2_of(self.account, cluster.region).all_instances()
        return [i for i in instances if i.state in ALIVE and tags.items() <= tags_of(i).items()]

    def observe(self, cluster: Cluster, group: Document) -> None:
        """The group's status, by its instances: ACTIVE once all run, DEGRADED when it cannot get what it lacks."""
        running = sum(instance.state == "running" for instance in self.members(cluster, group))
        if running >= group["scalingConfig"]["desiredSize"]:
            group["status"], group["health"] = "ACTIVE", {"issues": []}
        elif group["health"]["issues"] and group["status"] == "ACTIVE":
            group["status"] = "DEGRADED"

    def dissolve(self, cluster: Cluster, group: Document) -> None:
        """Terminate every instance of the group."""
        ids = [instance.id for instance in self.members(cluster, group)]
        if ids:
            ec2_of(self.account, cluster.region).terminate_instances(ids)

    def _launch(self, cluster: Cluster, group: Document, ec2: Ec2Backend) -> bool:
        """One more instance, in the emptiest zone that has capacity for one of the group's types."""
        why = "no subnet"
        for subnet in self._by_emptiness(cluster, group, ec2):
            refusal = _refusal(cluster, group, ec2, subnet)
            if refusal is None:
                return True
            why = refusal
        issue = {"code": "AsgInstanceLaunchFailures", "message": why, "resourceIds": [_scaling_group(group)]}
        group["health"] = {"issues": [issue]}
        return False

    def _by_emptiness(self, cluster: Cluster, group: Document, ec2: Ec2Backend) -> list[Subnet]:
        counts = Counter(instance.placement.zone for instance in self.members(cluster, group))
        subnets = [subnet for subnet in ec2.describe_subnets() if subnet.id in group["subnets"]]
        return sorted(subnets, key=lambda subnet: counts[subnet.availability_zone])


def tags_of(instance: Instance) -> dict[str, str]:
    """An instance's tags."""
    return {tag["key"]: tag["value"] for tag in instance.get_tags()}


def group_tags(cluster: Cluster, group: Document) -> dict[str, str]:
    """The tags by which an instance belongs to the group."""
    return {"eks:cluster-name": cluster.name, "eks:nodegroup-name": group["nodegroupName"]}


def _scaling_group(group: Document) -> str:
    return str(group["resources"]["autoScalingGroups"][0]["name"])


def _refusal(cluster: Cluster, group: Document, ec2: Ec2Backend, subnet: Subnet) -> str | None:
    """Launch one instance in the subnet, of the first type that EC2 gives; why there is none, or None when there is one."""
    why = "no instance type"
    try:
        for instance_type in _types(group, ec2):
            try:
                ec2.run_instances(**_request(cluster, group, ec2, subnet, instance_type))
            except AwsError as refused:
                why = str(refused)
            else:
                return None
    except ServiceException as broken:
        why = str(broken)
    return why


def _surplus(alive: list[Instance], count: int) -> list[Instance]:
    """`count` instances to end, one after another the newest of the fullest zone."""
    left, ended = list(alive), []
    for _ in range(count):
        counts = Counter(instance.placement.zone for instance in left)
        chosen = max(reversed(left), key=lambda instance: counts[instance.placement.zone])
        left.remove(chosen)
        ended.append(chosen)
    return ended


def _template_data(group: Document, ec2: Ec2Backend) -> dict[str, Any]:
    named = group.get("launchTemplate")
    if not named:
        return {}
    return ec2._get_template_from_args({"LaunchTemplateId": named["id"], "Version": named["version"]}).data


def _types(group: Document, ec2: Ec2Backend) -> list[str]:
    return list(group.get("instanceTypes") or [_template_data(group, ec2).get("InstanceType") or "t3.medium"])


def _request(cluster: Cluster, group: Document, ec2: Ec2Backend, subnet: Subnet, instance_type: str) -> dict[str, Any]:
    """What EC2 is asked for: the group's launch template with what EKS adds to it."""
    data = _template_data(group, ec2)
    architecture = "arm64" if "ARM" in group["amiType"] else "x86_64"
    image = EksImage(region=cluster.region, version=group["version"], architecture=architecture).image_id
    own_tags = {
        t["Key"]: t["Value"] for s in data.get("TagSpecifications", []) if s["ResourceType"] == "instance" for t in s["Tags"]
    }
    named = group.get("launchTemplate")
    return {
        "image_id": data.get("ImageId") or image,
        "count": 1,
        "user_data": Base64EncodedString.from_raw_string(_user_data(cluster, group, data, instance_type, image)),
        "security_group_names": [],
        "security_group_ids": _groups(cluster, data),
        "instance_type": instance_type,
        "region_name": cluster.region,
        "subnet_id": subnet.id,
        "lifecycle": "spot" if group["capacityType"] == "SPOT" else None,
        "tags": {"instance": own_tags | _tags(cluster, group)},
        "launch_template": {"LaunchTemplateId": named["id"], "Version": named["version"]} if named else {},
    }


def _groups(cluster: Cluster, data: dict[str, Any]) -> list[str]:
    """The template's security groups if it has any, else the cluster's."""
    interfaces = data.get("NetworkInterfaces") or []
    own = data.get("SecurityGroupIds") or next((n["Groups"] for n in interfaces if n.get("Groups")), None)
    return list(own or [cluster.document["resourcesVpcConfig"]["clusterSecurityGroupId"]])


def _tags(cluster: Cluster, group: Document) -> dict[str, str]:
    return group_tags(cluster, group) | {
        f"kubernetes.io/cluster/{cluster.name}": "owned",
        "aws:eks:cluster-name": cluster.name,
        "aws:autoscaling:groupName": _scaling_group(group),
    }


def _user_data(cluster: Cluster, group: Document, data: dict[str, Any], instance_type: str, image: str) -> str:
    """The template's own alone when it brings its own image, as EKS does; else with the NodeConfig."""
    own = text_of(data.get("UserData"))
    if data.get("ImageId"):
        return own
    labels = {
        "eks.amazonaws.com/nodegroup-image": image,
        "eks.amazonaws.com/capacityType": group["capacityType"],
        "eks.amazonaws.com/nodegroup": group["nodegroupName"],
    }
    config = NodeConfig(
        cluster=cluster.name,
        endpoint=cluster.document["endpoint"],
        certificate_authority=cluster.document.get("certificateAuthority", {}).get("data", ""),
        service_cidr=cluster.document["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
        max_pods=max_pods(instance_type),
        labels=labels | (group.get("labels") or {}),
        taints=group.get("taints") or (),
    )
    return node_user_data(config, own)
