"""One member of the site: its network, cluster, control node group, identity, load balancer and switch bucket."""

from __future__ import annotations

import ipaddress
import json
import time
from dataclasses import dataclass
from typing import Any

from hadr_lab.architecture.clients import Clients

ZONES = ("a", "b", "c")
KUBERNETES = "1.35"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Ids of a member's VPC: private subnets hold nodes, pods and data; public ones the load balancer."""

    vpc: str
    private: tuple[str, ...]
    public: tuple[str, ...]
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """A member's load balancer: DNS name, the zone id that alias records need, and the web target group."""

    arn: str
    dns_name: str
    zone_id: str
    target_group: str


def _tags(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key.replace("__", "/"), "Value": value} for key, value in tags.items()]


def make_network(clients: Clients, name: str, cidr: str) -> Network:
    """VPC over three zones. Each /16 is cut into /20s: 0-2 private, 3-5 public, so Regions' ranges stay disjoint."""
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    ranges = list(ipaddress.ip_network(cidr).subnets(new_prefix=20))
    private = tuple(_subnet(ec2, vpc, clients.region + zone, str(ranges[i]), name, public=False) for i, zone in enumerate(ZONES))
    public = tuple(_subnet(ec2, vpc, clients.region + zone, str(ranges[i + 3]), name, public=True) for i, zone in enumerate(ZONES))
    group = ec2.create_security_group(GroupName=f"{name}-node", Description="nodes and pods", VpcId=vpc)["GroupId"]
    ec2.create_tags(Resources=[group], Tags=[{"Key": "karpenter.sh/discovery", "Value": name}])
    return Network(vpc=vpc, private=private, public=public, group=group)


def _subnet(ec2: Any, vpc: str, zone: str, cidr: str, name: str, *, public: bool) -> str:
    subnet: str = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
    role = "kubernetes.io/role/elb" if public else "kubernetes.io/role/internal-elb"
    tags = [{"Key": role, "Value": "1"}, {"Key": "Name", "Value": f"{name}-{'public' if public else 'private'}-{zone[-1]}"}]
    if not public:
        tags.append({"Key": "karpenter.sh/discovery", "Value": name})
    ec2.create_tags(Resources=[subnet], Tags=tags)
    return subnet


def make_roles(clients: Clients, name: str) -> dict[str, str]:
    """IAM roles of a member (IAM is global: names carry the member). Returns role ARNs: cluster, node."""
    iam = clients("iam")
    roles = {}
    for kind, principal in (("cluster", "eks.amazonaws.com"), ("node", "ec2.amazonaws.com")):
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}],
        }
        role = iam.create_role(RoleName=f"{name}-{kind}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        roles[kind] = role["Arn"]
    iam.create_instance_profile(InstanceProfileName=f"{name}-node")
    iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-node", RoleName=f"{name}-node")
    return roles


def make_cluster(clients: Clients, name: str, roles: dict[str, str], network: Network) -> None:
    """The EKS cluster, reached through access entries only. It takes its time; `make_nodes` waits for it."""
    clients("eks").create_cluster(
        name=name,
        version=KUBERNETES,
        roleArn=roles["cluster"],
        resourcesVpcConfig={"subnetIds": list(network.private), "securityGroupIds": [network.group]},
        kubernetesNetworkConfig={"serviceIpv4Cidr": "172.20.0.0/16"},
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
    )


def make_nodes(clients: Clients, name: str, roles: dict[str, str], network: Network, operator: str) -> None:
    """Once the cluster is ACTIVE: the operator's access and the control node group: two nodes, labelled, tainted, in two zones."""
    eks = clients("eks")
    _wait_active(eks, name, at_most=60)
    eks.create_access_entry(clusterName=name, principalArn=operator)
    eks.associate_access_policy(
        clusterName=name,
        principalArn=operator,
        policyArn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        accessScope={"type": "cluster"},
    )
    eks.create_nodegroup(
        clusterName=name,
        nodegroupName="control",
        scalingConfig={"minSize": 2, "maxSize": 3, "desiredSize": 2},
        subnets=list(network.private),
        instanceTypes=["m6i.large"],
        nodeRole=roles["node"],
        labels={"type": "control"},
        taints=[{"key": "type", "value": "control", "effect": "NO_SCHEDULE"}],
    )


def _wait_active(eks: Any, name: str, *, at_most: float) -> None:
    end = time.monotonic() + at_most
    while (status := eks.describe_cluster(name=name)["cluster"]["status"]) != "ACTIVE":
        if time.monotonic() > end:
            raise TimeoutError(f"EKS cluster {name} is still {status} after {at_most:.0f} s")
        time.sleep(0.2)


def make_balancer(clients: Clients, name: str, network: Network) -> Balancer:
    """Load balancer over the public subnets; pods join its target group through a TargetGroupBinding."""
    elb = clients("elbv2")
    balancer = elb.create_load_balancer(Name=name, Subnets=list(network.public), Type="application", Scheme="internet-facing")
    described = balancer["LoadBalancers"][0]
    group = elb.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=8080,
        VpcId=network.vpc,
        TargetType="ip",
        HealthCheckPath="/readyz",
        HealthCheckIntervalSeconds=10,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
        Matcher={"HttpCode": "200"},
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
    )
    elb.create_listener(
        LoadBalancerArn=described["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    return Balancer(
        arn=described["LoadBalancerArn"],
        dns_name=described["DNSName"],
        zone_id=described["CanonicalHostedZoneId"],
        target_group=group,
    )


def make_switch(clients: Clients, bucket: str, key: str) -> None:
    """The switch bucket: one key of it may be read by anyone (health checkers are anyone), the rest by nobody."""
    s3 = clients("s3")
    placement = {} if clients.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": clients.region}}
    s3.create_bucket(Bucket=bucket, **placement)
    admitted = {"BlockPublicPolicy": False, "RestrictPublicBuckets": False, "BlockPublicAcls": True, "IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=admitted)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/{key}",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def make_queue(clients: Clients, name: str) -> str:
    """Karpenter's interruption queue."""
    url: str = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url
