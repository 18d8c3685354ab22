"""EC2: fleets, placement, capacity, addresses and the life of an instance, each by EC2's own rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, EAST_2, Cloud, Network, refused, unique, until

from hadr_lab.aws.services.fleet import pools


@pytest.fixture(autouse=True)
def plenty(cloud: Cloud) -> Iterator[None]:
    """Capacity that a test took away is there again for the next one."""
    yield
    cloud.state.capacity.refused.clear()
    cloud.state.capacity.vcpu_quota.clear()
    ids = [i.instance_id for i in cloud.state.instances(EAST_1) if i.state != "terminated"]
    if ids:
        cloud("ec2").terminate_instances(InstanceIds=ids)


def an_override(network: Network, letter: str, instance_type: str = "m6i.large", **more: Any) -> dict[str, Any]:
    """A fleet override into one zone, as Karpenter writes it."""
    zone = EAST_1 + letter
    return {"InstanceType": instance_type, "SubnetId": network.subnets[zone], "AvailabilityZone": zone, **more}


def fleet(cloud: Cloud, network: Network, overrides: list[dict[str, Any]], *, count: int = 1, **more: Any) -> Any:
    """CreateFleet type=instant over a launch template's latest version."""
    config = {
        "LaunchTemplateSpecification": {"LaunchTemplateId": cloud.template(network), "Version": "$Latest"},
        "Overrides": overrides,
    }
    return cloud("ec2").create_fleet(
        Type="instant",
        LaunchTemplateConfigs=[config],
        TargetCapacitySpecification={"TotalTargetCapacity": count, "DefaultTargetCapacityType": "on-demand"},
        **more,
    )


def described(cloud: Cloud, instance_id: str) -> Any:
    """One instance as DescribeInstances tells it."""
    return cloud("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def test_zones_are_in_the_order_of_their_names(cloud: Cloud) -> None:
    """A Region has the zones a, b and c, and their ids count up."""
    zones = cloud("ec2").describe_availability_zones()["AvailabilityZones"]
    assert [(z["ZoneName"], z["ZoneId"]) for z in zones] == [
        ("us-east-1a", "use1-az1"),
        ("us-east-1b", "use1-az2"),
        ("us-east-1c", "use1-az3"),
    ]


def test_a_new_account_has_no_default_vpc(cloud: Cloud) -> None:
    """What was not made does not exist: no default VPC and no subnets of one."""
    vpcs = cloud("ec2", EAST_2).describe_vpcs()["Vpcs"]
    assert vpcs == []
    assert cloud.state.subnets(EAST_2) == ()


def test_subnets_are_seen_with_their_zone(cloud: Cloud) -> None:
    """The realizers see each subnet with the zone it was made in."""
    network = cloud.network()
    mine = [s for s in cloud.state.subnets(EAST_1) if s.vpc_id == network.vpc]
    assert {(s.zone, s.subnet_id) for s in mine} == set(network.subnets.items())
    assert EAST_1 in cloud.state.regions()


def test_a_zone_has_one_name_and_one_id(cloud: Cloud, network: Network) -> None:
    """A subnet asked for by zone id is in the zone of that id; a zone that the Region does not have is refused."""
    made = cloud("ec2").create_subnet(VpcId=network.vpc, CidrBlock="10.1.128.0/20", AvailabilityZoneId="use1-az2")["Subnet"]
    assert (made["AvailabilityZone"], made["AvailabilityZoneId"]) == ("us-east-1b", "use1-az2")
    assert (made["DefaultForAz"], made["MapPublicIpOnLaunch"]) == (False, False)
    ids = {s["AvailabilityZoneId"] for s in cloud("ec2").describe_subnets(SubnetIds=list(network.subnets.values()))["Subnets"]}
    assert ids == {"use1-az1", "use1-az2", "use1-az3"}
    with refused("InvalidParameterValue"):
        cloud("ec2").create_subnet(VpcId=network.vpc, CidrBlock="10.1.144.0/20", AvailabilityZone="us-east-1f")


@pytest.mark.parametrize("letter", ["a", "b", "c"])
def test_a_fleet_launches_into_the_overrides_subnet(cloud: Cloud, network: Network, letter: str) -> None:
    """The instance is in the override's subnet and zone, with its address, and CreateFleet names the override."""
    answer = fleet(cloud, network, [an_override(network, letter)])
    launched = answer["Instances"][0]
    assert launched["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"] == EAST_1 + letter
    instance = described(cloud, launched["InstanceIds"][0])
    assert instance["SubnetId"] == network.subnets[EAST_1 + letter]
    assert instance["Placement"]["AvailabilityZone"] == EAST_1 + letter
    assert instance["Placement"]["AvailabilityZoneId"] == f"use1-az{'abc'.index(letter) + 1}"
    assert instance["PrivateIpAddress"].startswith(f"10.1.{16 * 'abc'.index(letter)}.")


def test_a_fleet_tries_the_lowest_priority_number_first(cloud: Cloud, network: Network) -> None:
    """Priority orders the overrides, not their place in the request."""
    answer = fleet(cloud, network, [an_override(network, "a", Priority=2.0), an_override(network, "b", Priority=1.0)])
    assert answer["Instances"][0]["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"] == "us-east-1b"


def test_a_fleet_passes_over_a_zone_without_capacity(cloud: Cloud, network: Network) -> None:
    """The refused pool is in Errors with EC2's code, and the next one is used."""
    cloud.state.capacity.refuse(EAST_1, "us-east-1a", "m6i.large")
    answer = fleet(cloud, network, [an_override(network, "a"), an_override(network, "b")], count=2)
    assert [e["ErrorCode"] for e in answer["Errors"]] == ["InsufficientInstanceCapacity"]
    assert answer["Errors"][0]["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"] == "us-east-1a"
    assert answer["Errors"][0]["Lifecycle"] == "on-demand"
    assert len(answer["Instances"][0]["InstanceIds"]) == 2


def test_a_fleet_without_any_capacity_launches_nothing(cloud: Cloud, network: Network) -> None:
    """CreateFleet itself succeeds; every pool is in Errors. What is allowed again can be launched again."""
    for letter in "ab":
        cloud.state.capacity.refuse(EAST_1, EAST_1 + letter)
    overrides = [an_override(network, "a"), an_override(network, "b")]
    answer = fleet(cloud, network, overrides)
    assert answer.get("Instances", []) == []
    assert {e["ErrorCode"] for e in answer["Errors"]} == {"InsufficientInstanceCapacity"}
    cloud.state.capacity.allow(EAST_1, "us-east-1a")
    assert fleet(cloud, network, overrides)["Instances"]


def test_a_fleet_stops_at_the_vcpu_quota(cloud: Cloud, network: Network) -> None:
    """Instances up to the quota are launched, the rest is refused with VcpuLimitExceeded."""
    cloud.state.capacity.vcpu_quota[EAST_1] = 4.0
    answer = fleet(cloud, network, [an_override(network, "a")], count=3)
    assert len(answer["Instances"][0]["InstanceIds"]) == 2
    assert [e["ErrorCode"] for e in answer["Errors"]] == ["VcpuLimitExceeded"]


def test_a_fleet_instance_has_what_its_launch_template_says(cloud: Cloud, network: Network) -> None:
    """Security groups, user data, tags of template and request, and the template's own marks."""
    tags = [{"Key": "karpenter.sh/nodepool", "Value": "service"}]
    answer = fleet(cloud, network, [an_override(network, "c")], TagSpecifications=[{"ResourceType": "instance", "Tags": tags}])
    instance = described(cloud, answer["Instances"][0]["InstanceIds"][0])
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [network.group]
    assert [g["GroupId"] for g in instance["NetworkInterfaces"][0]["Groups"]] == [network.group]
    marks = {t["Key"]: t["Value"] for t in instance["Tags"]}
    assert marks["karpenter.sh/nodepool"] == "service"
    assert marks["aws:ec2:fleet-id"] == answer["FleetId"]
    assert marks["aws:ec2launchtemplate:version"] == "1"
    view = next(i for i in cloud.state.instances(EAST_1) if i.instance_id == instance["InstanceId"])
    assert view.user_data == "hello"
    assert view.tags["karpenter.sh/nodepool"] == "service"


def test_latest_means_the_newest_version_of_the_template(cloud: Cloud, network: Network) -> None:
    """$Latest is resolved when the fleet is made."""
    template = cloud.template(network)
    newer = {"ImageId": cloud.image(), "InstanceType": "c6i.large", "UserData": "bmV3ZXI="}
    cloud("ec2").create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=newer)
    specification = {"LaunchTemplateId": template, "Version": "$Latest"}
    made = cloud("ec2").create_fleet(
        Type="instant",
        LaunchTemplateConfigs=[
            {"LaunchTemplateSpecification": specification, "Overrides": [{"SubnetId": network.subnets["us-east-1a"]}]}
        ],
        TargetCapacitySpecification={"TotalTargetCapacity": 1},
    )
    view = next(i for i in cloud.state.instances(EAST_1) if i.instance_id == made["Instances"][0]["InstanceIds"][0])
    assert (view.user_data, view.instance_type) == ("newer", "c6i.large")


def test_a_fleet_of_an_unknown_template_is_refused(cloud: Cloud, network: Network) -> None:
    """CreateFleet fails as a whole, with the code that Karpenter retries on."""
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        cloud("ec2").create_fleet(
            Type="instant",
            LaunchTemplateConfigs=[{"LaunchTemplateSpecification": {"LaunchTemplateName": unique("none"), "Version": "$Latest"}}],
            TargetCapacitySpecification={"TotalTargetCapacity": 1},
        )


@pytest.mark.parametrize("operation", ["fleet", "run", "template"])
def test_a_dry_run_says_that_it_would_have_succeeded(cloud: Cloud, network: Network, operation: str) -> None:
    """DryRunOperation, and nothing is launched."""
    before = cloud.state.instances(EAST_1)
    with refused("DryRunOperation"):
        if operation == "fleet":
            fleet(cloud, network, [an_override(network, "a")], DryRun=True)
        elif operation == "run":
            subnet = network.subnets["us-east-1a"]
            cloud("ec2").run_instances(
                ImageId=cloud.image(), MinCount=1, MaxCount=1, SubnetId=subnet, InstanceType="m6i.large", DryRun=True
            )
        else:
            data = {"ImageId": cloud.image()}
            cloud("ec2").create_launch_template(LaunchTemplateName=unique("dry"), LaunchTemplateData=data, DryRun=True)
    assert cloud.state.instances(EAST_1) == before


def run(cloud: Cloud, network: Network, letter: str = "b", count: int = 1, **more: Any) -> Any:
    """RunInstances in one zone; the instances as answered."""
    return cloud("ec2").run_instances(
        ImageId=cloud.image(),
        InstanceType="m6i.large",
        MinCount=count,
        MaxCount=count,
        SubnetId=network.subnets[EAST_1 + letter],
        **more,
    )["Instances"]


def test_run_instances_is_in_its_subnets_zone(cloud: Cloud, network: Network) -> None:
    """Each of several instances has an address of its own there, and the VPC's default group when none is named."""
    instances = run(cloud, network, "b", count=3)
    assert {i["Placement"]["AvailabilityZone"] for i in instances} == {"us-east-1b"}
    assert len({i["PrivateIpAddress"] for i in instances}) == 3
    assert [g["GroupName"] for g in described(cloud, instances[0]["InstanceId"])["SecurityGroups"]] == ["default"]


def test_run_instances_without_capacity_is_refused(cloud: Cloud, network: Network) -> None:
    """The call fails, unlike CreateFleet's."""
    cloud.state.capacity.refuse(EAST_1, "us-east-1b")
    with refused("InsufficientInstanceCapacity"):
        run(cloud, network, "b")


def test_an_instance_is_pending_before_it_runs(cloud: Cloud, network: Network) -> None:
    """pending for a while, then running, in the API and in the view alike."""
    instance_id = run(cloud, network)[0]["InstanceId"]
    assert described(cloud, instance_id)["State"]["Name"] == "pending"
    until(lambda: described(cloud, instance_id)["State"]["Name"], lambda name: name == "running")
    view = next(i for i in cloud.state.instances(EAST_1) if i.instance_id == instance_id)
    assert view.state == "running"


def test_termination_frees_the_address_but_not_for_the_next(cloud: Cloud, network: Network) -> None:
    """The interface goes with its instance; its address is used again last, so nobody is taken for the dead one."""
    first = run(cloud, network, "c")[0]
    cloud("ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    assert described(cloud, first["InstanceId"])["State"]["Name"] == "terminated"
    with refused("InvalidNetworkInterfaceID.NotFound"):
        cloud("ec2").describe_network_interfaces(NetworkInterfaceIds=[first["NetworkInterfaces"][0]["NetworkInterfaceId"]])
    assert run(cloud, network, "c")[0]["PrivateIpAddress"] != first["PrivateIpAddress"]


def test_a_machine_that_died_is_terminated(cloud: Cloud, network: Network) -> None:
    """What a fault killed is terminated in DescribeInstances, with AWS's reason; saying so twice is no news."""
    instance_id = run(cloud, network)[0]["InstanceId"]
    cloud.state.instance_gone(EAST_1, instance_id)
    gone = described(cloud, instance_id)
    assert gone["State"]["Name"] == "terminated"
    assert gone["StateReason"]["Code"] == "Server.InternalError"
    count = cloud.state.changes.count
    cloud.state.instance_gone(EAST_1, instance_id)
    assert cloud.state.changes.count == count


def test_an_interface_takes_and_returns_addresses(cloud: Cloud, network: Network) -> None:
    """Assign answers only what is new, unassign frees it, and an interface is found by any of its addresses."""
    ec2 = cloud("ec2")
    interface = run(cloud, network)[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    first = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=2)
    second = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1)
    addresses = [a["PrivateIpAddress"] for a in first["AssignedPrivateIpAddresses"] + second["AssignedPrivateIpAddresses"]]
    assert len(set(addresses)) == 3
    by_address = [{"Name": "addresses.private-ip-address", "Values": [addresses[2]]}]
    found = ec2.describe_network_interfaces(Filters=by_address)["NetworkInterfaces"]
    assert [i["NetworkInterfaceId"] for i in found] == [interface]
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=addresses[1:])
    left = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]["PrivateIpAddresses"]
    assert addresses[0] in {a["PrivateIpAddress"] for a in left}
    assert len(left) == 2


def test_an_address_has_one_owner(cloud: Cloud, network: Network) -> None:
    """An address of an instance, or outside the subnet, cannot be given to another interface."""
    taken = run(cloud, network)[0]["PrivateIpAddress"]
    subnet = network.subnets["us-east-1b"]
    with refused("InvalidIPAddress.InUse"):
        cloud("ec2").create_network_interface(SubnetId=subnet, PrivateIpAddress=taken)
    with refused("InvalidParameterValue"):
        cloud("ec2").create_network_interface(SubnetId=subnet, PrivateIpAddress="10.9.9.9")


def test_an_interface_holds_no_more_than_its_type_allows(cloud: Cloud, network: Network) -> None:
    """m6i.large: three interfaces of ten addresses, which one interface stands for."""
    interface = run(cloud, network)[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    cloud("ec2").assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=29)
    with refused("PrivateIpAddressLimitExceeded"):
        cloud("ec2").assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=1)


def test_a_full_subnet_gives_no_more_addresses(cloud: Cloud, network: Network) -> None:
    """AWS keeps five of each subnet: a /28 has eleven to give."""
    ec2 = cloud("ec2")
    small = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.1.255.0/28", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
    made = [ec2.create_network_interface(SubnetId=small)["NetworkInterface"]["PrivateIpAddress"] for _ in range(11)]
    assert made == [f"10.1.255.{n}" for n in range(4, 15)]
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.create_network_interface(SubnetId=small)


def test_an_interface_in_use_cannot_be_deleted(cloud: Cloud, network: Network) -> None:
    """Only a detached one can, and then its address is free."""
    interface = run(cloud, network)[0]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    with refused("InvalidParameterValue"):
        cloud("ec2").delete_network_interface(NetworkInterfaceId=interface)


def test_the_same_purpose_has_the_same_address(cloud: Cloud, network: Network) -> None:
    """AWS's own interfaces (balancer nodes, databases) keep their address; another purpose has another one."""
    subnet = network.subnets["us-east-1a"]
    first = cloud.state.claim_address(EAST_1, subnet, "node one")
    assert cloud.state.claim_address(EAST_1, subnet, "node one") == first
    assert cloud.state.claim_address(EAST_1, subnet, "node two") != first
    described_too = cloud("ec2").describe_network_interfaces(Filters=[{"Name": "description", "Values": ["node one"]}])
    assert described_too["NetworkInterfaces"][0]["PrivateIpAddress"] == first
    with pytest.raises(LookupError):
        cloud.state.claim_address(EAST_1, "subnet-none", "node one")


def test_instance_types_are_offered_in_every_zone(cloud: Cloud) -> None:
    """By zone name or zone id, the lab's three zones and no other."""
    for kind, names in (
        ("availability-zone", {"us-east-1a", "us-east-1b", "us-east-1c"}),
        ("availability-zone-id", {"use1-az1", "use1-az2", "use1-az3"}),
    ):
        only = [{"Name": "instance-type", "Values": ["m6i.large"]}]
        offers = cloud("ec2").describe_instance_type_offerings(LocationType=kind, Filters=only)["InstanceTypeOfferings"]
        assert {offer["Location"] for offer in offers} == names


def test_the_catalogue_of_types_is_answered_from_memory(cloud: Cloud) -> None:
    """The same question has the same answer, and takes no lock that a launch would wait for."""
    ec2 = cloud("ec2")
    filters = [{"Name": "processor-info.supported-architecture", "Values": ["arm64"]}]
    first = ec2.describe_instance_types(Filters=filters)["InstanceTypes"]
    with cloud.state.lock:
        again = ec2.describe_instance_types(Filters=filters)["InstanceTypes"]
    assert again == first
    assert {kind["ProcessorInfo"]["SupportedArchitectures"][0] for kind in first} == {"arm64"}
    assert len({kind["InstanceType"] for kind in ec2.describe_instance_types()["InstanceTypes"]}) > len(first)


def test_spot_prices_are_the_same_at_all_times(cloud: Cloud) -> None:
    """One for each zone, whatever time is asked for."""
    asked = {"InstanceTypes": ["m6i.large"], "ProductDescriptions": ["Linux/UNIX"]}
    for start in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)):
        prices = cloud("ec2").describe_spot_price_history(StartTime=start, **asked)["SpotPriceHistory"]
        assert [(p["AvailabilityZone"][-1], p["SpotPrice"]) for p in prices] == [(zone, "0.030000") for zone in "abc"]


def test_a_type_that_is_not_offered_is_known_all_the_same(cloud: Cloud) -> None:
    """Named it is described, listed it is not; one that does not exist is refused."""
    named = cloud("ec2").describe_instance_types(InstanceTypes=["p4d.24xlarge"])["InstanceTypes"]
    assert [kind["VCpuInfo"]["DefaultVCpus"] for kind in named] == [96]
    assert "p4d.24xlarge" not in {kind["InstanceType"] for kind in cloud("ec2").describe_instance_types()["InstanceTypes"]}
    with refused("InvalidInstanceType"):
        cloud("ec2").describe_instance_types(InstanceTypes=["none.large"])


@pytest.mark.parametrize(("architecture", "image_architecture"), [("x86_64", "x86_64"), ("arm64", "arm64")])
def test_eks_images_are_found_through_ssm(cloud: Cloud, architecture: str, image_architecture: str) -> None:
    """The parameter behind Karpenter's `alias: al2023@latest` names an image that DescribeImages knows."""
    name = f"/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/{architecture}/standard/recommended/image_id"
    image_id = cloud("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    image = cloud("ec2").describe_images(ImageIds=[image_id])["Images"][0]
    assert image["Architecture"] == image_architecture
    assert image["Name"].startswith("amazon-eks-node-al2023-")
    several = cloud("ssm").get_parameters(Names=[name, "/none/of/these"])
    assert [p["Value"] for p in several["Parameters"]] == [image_id]
    assert several["InvalidParameters"] == ["/none/of/these"]


def test_an_unknown_eks_image_is_not_found(cloud: Cloud) -> None:
    """A variant that is not published answers ParameterNotFound, as on AWS."""
    with refused("ParameterNotFound"):
        cloud("ssm").get_parameter(Name="/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/recommended/image_id")


def test_pools_keep_the_requests_order_without_priorities() -> None:
    """The first override of the first template comes first; a template without overrides is one pool."""
    request = {
        "LaunchTemplateConfigs": [
            {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1"}, "Overrides": [{"SubnetId": "s-1"}, {"SubnetId": "s-2"}]},
            {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-2"}},
        ],
        "TargetCapacitySpecification": {"TotalTargetCapacity": 1},
    }
    assert [(p.specification["LaunchTemplateId"], p.override.get("SubnetId")) for p in pools(request)] == [
        ("lt-1", "s-1"),
        ("lt-1", "s-2"),
        ("lt-2", None),
    ]
