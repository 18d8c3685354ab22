"""One emulated AWS for contract tests: the real front with the services of this package, and builders over boto3."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from botocore.exceptions import ClientError

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.local import Running, running
from hadr_lab.aws.services import all_services
from hadr_lab.aws.state import State

EAST_1, EAST_2 = "us-east-1", "us-east-2"
CA = "Q0VSVElGSUNBVEU="
Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A VPC over the zones a, b and c: subnet ids by zone, and a security group."""

    region: str
    vpc: str
    subnets: dict[str, str]
    group: str


@dataclass(slots=True)
class Cloud:
    """The state, the served front, and clients of it by service and Region."""

    state: State
    aws: Running
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)

    def __call__(self, service: str, region: str = EAST_1) -> Any:
        """A boto3 client that enters through the Region's own front."""
        key = (service, region)
        if key not in self.clients:
            self.clients[key] = self.aws.client(service, region, front=region)
        return self.clients[key]

    def network(self, region: str = EAST_1, cidr: str = "10.1.0.0/16") -> Network:
        """A VPC with a /20 in each zone."""
        ec2 = self("ec2", region)
        vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        stem = cidr.rsplit(".", 2)[0]
        subnets = {
            region + letter: ec2.create_subnet(VpcId=vpc, CidrBlock=f"{stem}.{16 * i}.0/20", AvailabilityZone=region + letter)[
                "Subnet"
            ]["SubnetId"]
            for i, letter in enumerate("abc")
        }
        group = ec2.create_security_group(GroupName=unique("group"), Description="nodes", VpcId=vpc)["GroupId"]
        return Network(region=region, vpc=vpc, subnets=subnets, group=group)

    def at(self, region: str) -> Network:
        """The Region's network that tests share which only need one."""
        if region not in self.networks:
            self.networks[region] = self.network(region)
        return self.networks[region]

    def template(self, network: Network, **data: Any) -> str:
        """A launch template with a security group and user data, unless `data` says otherwise; returns its id."""
        given = {"ImageId": self.image(network.region), "SecurityGroupIds": [network.group], "UserData": "aGVsbG8="} | data
        made = self("ec2", network.region).create_launch_template(LaunchTemplateName=unique("template"), LaunchTemplateData=given)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def image(self, region: str = EAST_1) -> str:
        """The id of EKS's recommended image."""
        name = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/standard/recommended/image_id"
        return str(self("ssm", region).get_parameter(Name=name)["Parameter"]["Value"])

    def cluster(self, network: Network, *, ready: bool = True, **arguments: Any) -> str:
        """An EKS cluster over the network's subnets, active unless told otherwise; returns its name."""
        name = unique("cluster")
        given = {
            "roleArn": "arn:aws:iam::123456789012:role/cluster",
            "resourcesVpcConfig": {"subnetIds": list(network.subnets.values())},
            "version": "1.35",
        }
        self("eks", network.region).create_cluster(name=name, **(given | arguments))
        if ready:
            self.state.cluster_ready(network.region, name, ca_data=CA)
        return name


def unique(stem: str) -> str:
    """A name nobody else has."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The block must raise AWS's error `code`."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code


def until(look: Callable[[], Seen], wanted: Callable[[Seen], bool], seconds: float = 5.0) -> Seen:
    """What `look` sees as soon as it is `wanted`; fails with the last thing seen."""
    end = time.monotonic() + seconds
    while not wanted(seen := look()):
        assert time.monotonic() < end, f"still {seen!r} after {seconds} s"
        time.sleep(0.02)
    return seen


@contextmanager
def a_cloud(*, speed: float = 20.0) -> Iterator[Cloud]:
    """A fresh AWS, served until the block ends."""
    changes = Changes()
    state = State(changes, speed=speed)
    with running(all_services(state), changes) as aws:
        yield Cloud(state, aws)
        assert aws.front.unsupported == []
