"""A request that is sent again because its answer was lost gets that answer, not its own resource in the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.hadr_lab.aws.services.cloud import Cloud, Network, a_cloud, refused, unique

ROLE = "arn:aws:iam::123456789012:role/somebody"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """An AWS of this module."""
    with a_cloud() as made:
        yield made


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Network:
    """A VPC."""
    return cloud.network()


def test_the_same_token_gets_the_same_answer(cloud: Cloud, network: Network) -> None:
    """EKS answers a repeated CreateAccessEntry as it did the first time."""
    given = {"clusterName": cloud.cluster(network), "principalArn": ROLE, "clientRequestToken": unique("token")}
    first, second = (cloud("eks").create_access_entry(**given)["accessEntry"] for _ in range(2))
    assert first == second


def test_another_token_is_another_request(cloud: Cloud, network: Network) -> None:
    """Who asks anew is told that the entry exists."""
    given = {"clusterName": cloud.cluster(network), "principalArn": ROLE}
    cloud("eks").create_access_entry(**given)
    with refused("ResourceInUseException"):
        cloud("eks").create_access_entry(**given)


def test_the_same_token_with_other_words_is_not_a_retry(cloud: Cloud, network: Network) -> None:
    """A token that comes with another content does not get the first one's answer."""
    given = {"clusterName": cloud.cluster(network), "clientRequestToken": unique("token")}
    cloud("eks").create_access_entry(**given, principalArn=ROLE)
    other = cloud("eks").create_access_entry(**given, principalArn=f"{ROLE}-else")["accessEntry"]
    assert other["principalArn"] == f"{ROLE}-else"


def test_a_refusal_is_not_remembered(cloud: Cloud) -> None:
    """A request that failed is tried again as if it were new, in a protocol of forms too."""
    ec2, token, name = cloud("ec2"), unique("token"), unique("template")
    given = {"LaunchTemplateName": name, "LaunchTemplateData": {"InstanceType": "m6i.large"}}
    ec2.create_launch_template(**given)
    with refused("InvalidLaunchTemplateName.AlreadyExistsException"):
        ec2.create_launch_template(**given, ClientToken=token)
    ec2.delete_launch_template(LaunchTemplateName=name)
    first, second = (ec2.create_launch_template(**given, ClientToken=token)["LaunchTemplate"] for _ in range(2))
    assert first["LaunchTemplateId"] == second["LaunchTemplateId"]


def test_another_attempt_at_an_invocation_gets_its_answer(cloud: Cloud) -> None:
    """SDKs number each invocation and send the number with every attempt; an operation without a token is told by that."""
    ec2, invocation = cloud("ec2"), unique("invocation")
    network = cloud.network()
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}

    def number(request: AWSPreparedRequest, **_: object) -> None:
        request.headers["amz-sdk-invocation-id"] = invocation

    ec2.meta.events.register_last("before-send.ec2.CreateRoute", number)
    try:
        assert [ec2.create_route(**route)["Return"] for _ in range(2)] == [True, True]
    finally:
        ec2.meta.events.unregister("before-send.ec2.CreateRoute", number)
    with refused("RouteAlreadyExists"):
        ec2.create_route(**route)
