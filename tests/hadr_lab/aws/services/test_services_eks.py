"""EKS: clusters, node groups and their instances, add-ons, access, updates and tags."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email import message_from_string
from typing import Any

import pytest
import yaml
from tests.hadr_lab.aws.services.cloud import CA, EAST_1, EAST_2, Cloud, Network, refused, unique, until

from hadr_lab.aws.services.user_data import NodeConfig, node_user_data
from hadr_lab.aws.views import Instance

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
ROLE = "arn:aws:iam::123456789012:role/node"


@pytest.fixture(autouse=True)
def plenty(cloud: Cloud) -> Iterator[None]:
    """Capacity that a test took away is there again for the next one."""
    yield
    cloud.state.capacity.refused.clear()


def group(cloud: Cloud, network: Network, cluster: str, *, size: tuple[int, int, int] = (1, 2, 4), **more: Any) -> Any:
    """A node group over the network's subnets; `size` is least, desired, most."""
    given = {
        "nodegroupName": "control",
        "scalingConfig": {"minSize": size[0], "desiredSize": size[1], "maxSize": size[2]},
        "subnets": list(network.subnets.values()),
        "instanceTypes": ["m6i.large"],
        "nodeRole": ROLE,
    }
    return cloud("eks").create_nodegroup(clusterName=cluster, **(given | more))["nodegroup"]


def nodes(cloud: Cloud, cluster: str) -> list[Instance]:
    """The cluster's managed instances that are not gone."""
    mine = [i for i in cloud.state.instances(EAST_1) if i.tags.get("eks:cluster-name") == cluster]
    return [i for i in mine if i.state in ("pending", "running")]


def config_of(instance: Instance) -> Any:
    """The NodeConfig in an instance's user data."""
    parts = message_from_string(instance.user_data).walk()
    found = next(part for part in parts if part.get_content_type() == "application/node.eks.aws")
    return yaml.safe_load(str(found.get_payload()))["spec"]


def test_a_cluster_is_creating_until_its_control_plane_answers(cloud: Cloud, network: Network) -> None:
    """Then it is ACTIVE and has a certificate authority; the endpoint's host name is EKS's kind."""
    name = cloud.cluster(network, ready=False)
    before = cloud("eks").describe_cluster(name=name)["cluster"]
    assert before["status"] == "CREATING"
    assert "certificateAuthority" not in before
    view = next(c for c in cloud.state.clusters(EAST_1) if c.name == name)
    assert before["endpoint"] == f"https://{view.endpoint}"
    assert view.endpoint.endswith(".gr7.us-east-1.eks.amazonaws.com")
    assert (view.status, view.service_cidr, view.vpc_id) == ("CREATING", "172.20.0.0/16", network.vpc)
    cloud.state.cluster_ready(EAST_1, name, ca_data=CA)
    cloud("eks").get_waiter("cluster_active").wait(name=name, WaiterConfig={"Delay": 1, "MaxAttempts": 2})
    assert cloud("eks").describe_cluster(name=name)["cluster"]["certificateAuthority"]["data"] == CA


def test_every_block_of_a_cluster_is_echoed(cloud: Cloud, network: Network) -> None:
    """What was asked for is what DescribeCluster answers, or Terraform would see a difference."""
    asked: dict[str, Any] = {
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "upgradePolicy": {"supportType": "STANDARD"},
        "zonalShiftConfig": {"enabled": True},
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"},
        "logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]},
        "encryptionConfig": [{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:us-east-1:123456789012:key/k"}}],
        "tags": {"team": "peccy"},
    }
    described = cloud("eks").describe_cluster(name=cloud.cluster(network, **asked))["cluster"]
    for block, value in asked.items():
        said = described[block]
        assert (said if isinstance(value, list) else {key: said[key] for key in value}) == value


def test_a_cluster_has_a_security_group_in_ec2(cloud: Cloud, network: Network) -> None:
    """It is tagged as owned by the cluster and goes with it."""
    name = cloud.cluster(network)
    group_id = cloud("eks").describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["clusterSecurityGroupId"]
    described = cloud("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    assert {"Key": f"kubernetes.io/cluster/{name}", "Value": "owned"} in described["Tags"]
    assert cloud("eks").delete_cluster(name=name)["cluster"]["status"] == "DELETING"
    with refused("InvalidGroup.NotFound"):
        cloud("ec2").describe_security_groups(GroupIds=[group_id])
    with refused("ResourceNotFoundException"):
        cloud("eks").describe_cluster(name=name)
    assert name not in {cluster.name for cluster in cloud.state.clusters(EAST_1)}


def test_a_cluster_needs_subnets_in_two_zones(cloud: Cloud, network: Network) -> None:
    """One zone is not enough, and neither is an unknown version or a taken name."""
    one = {"subnetIds": [network.subnets["us-east-1a"]]}
    with refused("InvalidParameterException"):
        cloud.cluster(network, resourcesVpcConfig=one)
    with refused("InvalidParameterException"):
        cloud.cluster(network, version="1.2")
    name = cloud.cluster(network)
    both = {"subnetIds": list(network.subnets.values())}
    with refused("ResourceInUseException"):
        cloud("eks").create_cluster(name=name, roleArn=ROLE, resourcesVpcConfig=both)


def test_clusters_are_listed_by_region_and_page(cloud: Cloud) -> None:
    """Another Region's clusters are not there; pages add up."""
    elsewhere = cloud.at(EAST_2)
    names = {cloud.cluster(elsewhere) for _ in range(3)}
    pages = cloud("eks", EAST_2).get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
    found = [page["clusters"] for page in pages]
    assert [len(page) for page in found] == [2, 1]
    assert {name for page in found for name in page} == names
    assert names.isdisjoint(cloud("eks").list_clusters()["clusters"])


def test_a_node_group_needs_an_active_cluster(cloud: Cloud, network: Network) -> None:
    """EKS refuses it before; its nodes could not be told the certificate authority."""
    with refused("InvalidRequestException"):
        group(cloud, network, cloud.cluster(network, ready=False))


def test_a_node_group_launches_over_its_zones(cloud: Cloud, network: Network) -> None:
    """As many instances as desired, spread over the subnets, and ACTIVE once they run."""
    cluster = cloud.cluster(network)
    assert group(cloud, network, cluster, size=(1, 3, 4))["status"] == "CREATING"
    assert {i.zone for i in nodes(cloud, cluster)} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    tags = nodes(cloud, cluster)[0].tags
    assert tags["eks:nodegroup-name"] == "control"
    assert tags[f"kubernetes.io/cluster/{cluster}"] == "owned"

    def status() -> str:
        return str(cloud("eks").describe_nodegroup(clusterName=cluster, nodegroupName="control")["nodegroup"]["status"])

    until(status, lambda said: said == "ACTIVE")


def test_a_node_is_told_how_to_join(cloud: Cloud, network: Network) -> None:
    """Name, endpoint, certificate authority, service range, labels and taints, as EKS writes them."""
    cluster = cloud.cluster(network)
    taints = [{"key": "type", "value": "control", "effect": "NO_SCHEDULE"}]
    group(cloud, network, cluster, labels={"type": "control"}, taints=taints)
    endpoint = cloud("eks").describe_cluster(name=cluster)["cluster"]["endpoint"]
    config = config_of(nodes(cloud, cluster)[0])
    assert config["cluster"] == {
        "name": cluster,
        "apiServerEndpoint": endpoint,
        "certificateAuthority": CA,
        "cidr": "172.20.0.0/16",
    }
    labels, registered = config["kubelet"]["flags"]
    assert "type=control" in labels.removeprefix("--node-labels=").split(",")
    assert "eks.amazonaws.com/nodegroup=control" in labels
    assert registered == "--register-with-taints=type=control:NoSchedule"
    assert config["kubelet"]["config"] == {"maxPods": 29, "clusterDNS": ["172.20.0.10"]}


def test_a_node_groups_launch_template_is_used(cloud: Cloud, network: Network) -> None:
    """Its type, groups and tags; its user data comes before EKS's own."""
    cluster = cloud.cluster(network)
    data = {
        "InstanceType": "c6i.large",
        "SecurityGroupIds": [network.group],
        "UserData": "IyEvYmluL3NoCmVjaG8gaGkK",
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "peccy"}]}],
    }
    made = cloud("ec2").create_launch_template(LaunchTemplateName=unique("group"), LaunchTemplateData=data)["LaunchTemplate"]
    described = cloud("eks").create_nodegroup(
        clusterName=cluster,
        nodegroupName="control",
        subnets=list(network.subnets.values()),
        nodeRole=ROLE,
        scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 1},
        launchTemplate={"id": made["LaunchTemplateId"], "version": "1"},
    )["nodegroup"]
    assert described["launchTemplate"] == {
        "id": made["LaunchTemplateId"],
        "name": made["LaunchTemplateName"],
        "version": "1",
    }
    node = nodes(cloud, cluster)[0]
    assert (node.instance_type, node.tags["team"]) == ("c6i.large", "peccy")
    assert node.user_data.index("echo hi") < node.user_data.index("kind: NodeConfig")
    instance = cloud("ec2").describe_instances(InstanceIds=[node.instance_id])["Reservations"][0]["Instances"][0]
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [network.group]


def test_a_dead_node_is_replaced(cloud: Cloud, network: Network) -> None:
    """As its Auto Scaling group would: a new instance, in the zone that now has fewest."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, size=(1, 3, 3))
    dead = next(i for i in nodes(cloud, cluster) if i.zone == "us-east-1b")
    cloud.state.instance_gone(EAST_1, dead.instance_id)
    assert cloud.state.scale()
    assert sorted(i.zone for i in nodes(cloud, cluster)) == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert dead.instance_id not in {i.instance_id for i in nodes(cloud, cluster)}
    assert not cloud.state.scale()


def test_a_node_of_a_lost_zone_is_replaced_elsewhere(cloud: Cloud, network: Network) -> None:
    """A zone without capacity is passed over."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, size=(1, 3, 3))
    cloud.state.capacity.refuse(EAST_1, "us-east-1b")
    lost = next(i for i in nodes(cloud, cluster) if i.zone == "us-east-1b")
    cloud.state.instance_gone(EAST_1, lost.instance_id)
    cloud.state.scale()
    assert {i.zone for i in nodes(cloud, cluster)} == {"us-east-1a", "us-east-1c"}
    assert len(nodes(cloud, cluster)) == 3


def test_a_group_without_capacity_says_so_and_recovers(cloud: Cloud, network: Network) -> None:
    """DEGRADED with the reason; ACTIVE again once there is capacity."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, size=(1, 2, 2))

    def described() -> Any:
        return cloud("eks").describe_nodegroup(clusterName=cluster, nodegroupName="control")["nodegroup"]

    until(described, lambda said: said["status"] == "ACTIVE")
    for zone in network.subnets:
        cloud.state.capacity.refuse(EAST_1, zone)
    cloud.state.instance_gone(EAST_1, nodes(cloud, cluster)[0].instance_id)
    assert not cloud.state.scale()
    assert described()["status"] == "DEGRADED"
    assert described()["health"]["issues"][0]["code"] == "AsgInstanceLaunchFailures"
    cloud.state.capacity.refused.clear()
    assert cloud.state.scale()
    assert until(described, lambda said: said["status"] == "ACTIVE")["health"]["issues"] == []


def test_a_group_whose_template_is_gone_says_so(cloud: Cloud, network: Network) -> None:
    """It cannot replace its nodes; the loop that keeps groups goes on."""
    cluster = cloud.cluster(network)
    with refused("InvalidParameterException"):
        group(cloud, network, cluster, launchTemplate={"id": "lt-0", "version": "1"}, instanceTypes=[])
    template = cloud.template(network, InstanceType="m6i.large")
    cloud("eks").create_nodegroup(
        clusterName=cluster,
        nodegroupName="control",
        subnets=list(network.subnets.values()),
        nodeRole=ROLE,
        launchTemplate={"id": template, "version": "1"},
    )
    cloud("ec2").delete_launch_template(LaunchTemplateId=template)
    cloud.state.instance_gone(EAST_1, nodes(cloud, cluster)[0].instance_id)
    assert not cloud.state.scale()
    described = cloud("eks").describe_nodegroup(clusterName=cluster, nodegroupName="control")["nodegroup"]
    assert described["health"]["issues"][0]["code"] == "AsgInstanceLaunchFailures"


def test_keeping_node_groups_wakes_the_realizers(cloud: Cloud, network: Network) -> None:
    """The loop replaces a dead node without being asked, and that is a change."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, size=(1, 2, 2))

    async def lose_one() -> int:
        keeping = asyncio.create_task(cloud.state.keep())
        await asyncio.sleep(0.05)
        count = cloud.state.changes.count
        cloud.state.instance_gone(EAST_1, nodes(cloud, cluster)[0].instance_id)
        await asyncio.to_thread(until, lambda: len(nodes(cloud, cluster)), lambda count: count == 2)
        keeping.cancel()
        return cloud.state.changes.count - count

    assert asyncio.run(asyncio.wait_for(lose_one(), 5)) >= 2


def test_a_group_follows_its_desired_size(cloud: Cloud, network: Network) -> None:
    """Up and down, evenly over the zones; sizes that do not fit each other are refused."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, size=(1, 2, 4))

    def resize(**sizes: int) -> Any:
        return cloud("eks").update_nodegroup_config(clusterName=cluster, nodegroupName="control", scalingConfig=sizes)["update"]

    update = resize(desiredSize=4)
    assert len(nodes(cloud, cluster)) == 4
    assert cloud("eks").describe_update(name=cluster, updateId=update["id"])["update"]["status"] == "Successful"
    resize(desiredSize=2)
    assert len({i.zone for i in nodes(cloud, cluster)}) == 2
    for wrong in ({"desiredSize": 5}, {"minSize": 3}, {"maxSize": 1}):
        with refused("InvalidParameterException"):
            resize(**wrong)


def test_labels_and_taints_of_a_group_change(cloud: Cloud, network: Network) -> None:
    """Added, replaced and removed by key (taints: key and effect)."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster, labels={"a": "1", "b": "2"}, taints=[{"key": "t", "value": "1", "effect": "NO_SCHEDULE"}])
    cloud("eks").update_nodegroup_config(
        clusterName=cluster,
        nodegroupName="control",
        labels={"addOrUpdateLabels": {"a": "9"}, "removeLabels": ["b"]},
        taints={"addOrUpdateTaints": [{"key": "t", "value": "2", "effect": "NO_SCHEDULE"}]},
    )
    described = cloud("eks").describe_nodegroup(clusterName=cluster, nodegroupName="control")["nodegroup"]
    assert described["labels"] == {"a": "9"}
    assert described["taints"] == [{"key": "t", "value": "2", "effect": "NO_SCHEDULE"}]


def test_a_deleted_group_takes_its_instances_along(cloud: Cloud, network: Network) -> None:
    """The cluster can only go after its groups."""
    cluster = cloud.cluster(network)
    group(cloud, network, cluster)
    with refused("ResourceInUseException"):
        cloud("eks").delete_cluster(name=cluster)
    cloud("eks").delete_nodegroup(clusterName=cluster, nodegroupName="control")
    assert nodes(cloud, cluster) == []
    with refused("ResourceNotFoundException"):
        cloud("eks").describe_nodegroup(clusterName=cluster, nodegroupName="control")
    cloud("eks").delete_cluster(name=cluster)


def test_addons_have_versions(cloud: Cloud, network: Network) -> None:
    """A version that DescribeAddonVersions offers can be installed, updated, listed and removed."""
    eks, cluster = cloud("eks"), cloud.cluster(network)
    offer = eks.describe_addon_versions(addonName="coredns", kubernetesVersion="1.35")["addons"][0]["addonVersions"][0]
    eks.create_addon(clusterName=cluster, addonName="coredns", addonVersion=offer["addonVersion"], configurationValues='{"a":1}')
    addon = eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]
    assert (addon["status"], addon["addonVersion"]) == ("ACTIVE", offer["addonVersion"])
    assert addon["configurationValues"] == '{"a":1}'
    with refused("ResourceInUseException"):
        eks.create_addon(clusterName=cluster, addonName="coredns")
    eks.update_addon(clusterName=cluster, addonName="coredns", configurationValues='{"a":2}')
    assert eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]["configurationValues"] == '{"a":2}'
    assert eks.list_addons(clusterName=cluster)["addons"] == ["coredns"]
    eks.delete_addon(clusterName=cluster, addonName="coredns")
    with refused("ResourceNotFoundException"):
        eks.describe_addon(clusterName=cluster, addonName="coredns")


def test_access_is_by_entry_and_policy(cloud: Cloud, network: Network) -> None:
    """A principal with the admin policy is a master; one without an entry may not enter. ARNs with slashes travel in paths."""
    eks = cloud("eks")
    cluster = cloud.cluster(network, accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False})
    role = "arn:aws:iam::123456789012:role/path/of/operator"
    eks.create_access_entry(clusterName=cluster, principalArn=role, kubernetesGroups=["readers"])
    eks.associate_access_policy(clusterName=cluster, principalArn=role, policyArn=ADMIN, accessScope={"type": "cluster"})
    assert eks.describe_access_entry(clusterName=cluster, principalArn=role)["accessEntry"]["kubernetesGroups"] == ["readers"]
    assumed = "arn:aws:sts::123456789012:assumed-role/operator/session-7"
    assert cloud.state.access(EAST_1, cluster, assumed) == (
        "arn:aws:sts::123456789012:assumed-role/path/of/operator/session-7",
        ("readers", "system:masters"),
    )
    assert cloud.state.access(EAST_1, cluster, "arn:aws:sts::123456789012:assumed-role/stranger/s") is None
    eks.disassociate_access_policy(clusterName=cluster, principalArn=role, policyArn=ADMIN)
    eks.associate_access_policy(clusterName=cluster, principalArn=role, policyArn=VIEW, accessScope={"type": "cluster"})
    listed = eks.list_associated_access_policies(clusterName=cluster, principalArn=role)["associatedAccessPolicies"]
    assert [p["policyArn"] for p in listed] == [VIEW]
    found = cloud.state.access(EAST_1, cluster, role)
    assert found is not None
    assert found[1] == ("readers", "eks:AmazonEKSViewPolicy")
    eks.delete_access_entry(clusterName=cluster, principalArn=role)
    assert cloud.state.access(EAST_1, cluster, role) is None


def test_the_creator_may_enter_unless_refused(cloud: Cloud, network: Network) -> None:
    """bootstrapClusterCreatorAdminPermissions is on by default."""
    cluster = cloud.cluster(network, accessConfig={"authenticationMode": "API"})
    caller = cloud("sts").get_caller_identity()["Arn"]
    found = cloud.state.access(EAST_1, cluster, caller)
    assert found is not None
    assert "system:masters" in found[1]


def test_nodes_may_join_without_being_asked(cloud: Cloud, network: Network) -> None:
    """EKS makes the access entry of a managed group's role itself."""
    cluster = cloud.cluster(network, accessConfig={"authenticationMode": "API"})
    group(cloud, network, cluster)
    name = "ip-10-1-0-4.ec2.internal"
    found = cloud.state.access(EAST_1, cluster, f"arn:aws:sts::123456789012:assumed-role/node/{name}")
    assert found == (f"system:node:{name}", ("system:nodes",))


def test_entries_and_policies_that_are_not_there(cloud: Cloud, network: Network) -> None:
    """Each refusal has EKS's code."""
    eks, cluster = cloud("eks"), cloud.cluster(network)
    someone = "arn:aws:iam::123456789012:role/someone"
    with refused("ResourceNotFoundException"):
        eks.describe_access_entry(clusterName=cluster, principalArn=someone)
    with refused("ResourceNotFoundException"):
        eks.associate_access_policy(clusterName=cluster, principalArn=someone, policyArn=VIEW, accessScope={"type": "cluster"})
    eks.create_access_entry(clusterName=cluster, principalArn=someone)
    with refused("ResourceInUseException"):
        eks.create_access_entry(clusterName=cluster, principalArn=someone)
    with refused("InvalidParameterException"):
        eks.associate_access_policy(clusterName=cluster, principalArn=someone, policyArn="x", accessScope={"type": "cluster"})


def test_pod_identities_are_one_per_service_account(cloud: Cloud, network: Network) -> None:
    """Created, found by service account, changed and deleted."""
    eks, cluster = cloud("eks"), cloud.cluster(network)
    account = {"namespace": "kube-system", "serviceAccount": "karpenter"}
    made = eks.create_pod_identity_association(clusterName=cluster, roleArn=ROLE, **account)["association"]
    with refused("ResourceInUseException"):
        eks.create_pod_identity_association(clusterName=cluster, roleArn=ROLE, **account)
    listed = eks.list_pod_identity_associations(clusterName=cluster, namespace="kube-system")["associations"]
    assert [a["associationId"] for a in listed] == [made["associationId"]]
    assert eks.list_pod_identity_associations(clusterName=cluster, namespace="other")["associations"] == []
    named = {"clusterName": cluster, "associationId": made["associationId"]}
    eks.update_pod_identity_association(roleArn=ROLE + "-2", **named)
    assert eks.describe_pod_identity_association(**named)["association"]["roleArn"] == ROLE + "-2"
    eks.delete_pod_identity_association(**named)
    with refused("ResourceNotFoundException"):
        eks.describe_pod_identity_association(**named)


def test_configuration_and_version_are_updated(cloud: Cloud, network: Network) -> None:
    """An update is recorded and takes effect; a version nobody knows is refused."""
    eks, cluster = cloud("eks"), cloud.cluster(network, version="1.34")
    eks.update_cluster_config(name=cluster, zonalShiftConfig={"enabled": True})
    update = eks.update_cluster_version(name=cluster, version="1.35")["update"]
    described = eks.describe_cluster(name=cluster)["cluster"]
    assert (described["version"], described["zonalShiftConfig"]["enabled"]) == ("1.35", True)
    assert update["id"] in eks.list_updates(name=cluster)["updateIds"]
    with refused("InvalidParameterException"):
        eks.update_cluster_version(name=cluster, version="9.9")


def test_tags_belong_to_whatever_has_the_arn(cloud: Cloud, network: Network) -> None:
    """Clusters and node groups alike."""
    eks, cluster = cloud("eks"), cloud.cluster(network)
    for arn in (eks.describe_cluster(name=cluster)["cluster"]["arn"], group(cloud, network, cluster)["nodegroupArn"]):
        eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        eks.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    with refused("NotFoundException"):
        eks.list_tags_for_resource(resourceArn="arn:aws:eks:us-east-1:123456789012:cluster/none")


def test_user_data_keeps_the_parts_of_a_templates_message() -> None:
    """A MIME template keeps its parts in order, before EKS's own."""
    config = NodeConfig(cluster="c", endpoint="https://e", certificate_authority="Q0E=", service_cidr="172.20.0.0/16", max_pods=10)
    own = (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="X"\n\n--X\nContent-Type: text/x-shellscript\n\necho 1\n--X--\n'
    )
    parts = [p for p in message_from_string(node_user_data(config, own)).walk() if not p.is_multipart()]
    assert [p.get_content_type() for p in parts] == ["text/x-shellscript", "application/node.eks.aws"]
    assert str(parts[0].get_payload()).strip() == "echo 1"
