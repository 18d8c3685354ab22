"""EC2's rules for a VPC's own parts: NAT gateways, peerings, rules and launch templates."""

from __future__ import annotations

import ipaddress

from tests.hadr_lab.aws.services.cloud import EAST_2, Cloud, Network, refused, unique


def test_a_nat_gateway_has_an_address_of_its_subnet_and_frees_both_addresses(cloud: Cloud, network: Network) -> None:
    """The private address comes from the subnet; after deletion it is free and the elastic address can be released."""
    ec2 = cloud("ec2")
    subnet = network.subnets["us-east-1b"]
    cidr = ipaddress.ip_network(ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"])
    elastic = ec2.allocate_address(Domain="vpc")
    gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=elastic["AllocationId"])["NatGateway"]
    (address,) = gateway["NatGatewayAddresses"]
    assert ipaddress.ip_address(address["PrivateIp"]) in cidr
    assert address["PublicIp"] == elastic["PublicIp"]
    ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    (after,) = ec2.describe_addresses(AllocationIds=[elastic["AllocationId"]])["Addresses"]
    assert "AssociationId" not in after
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])


def test_deleting_a_nat_gateway_that_never_was_is_refused(cloud: Cloud) -> None:
    """An unknown NAT gateway is EC2's NatGatewayNotFound."""
    with refused("NatGatewayNotFound"):
        cloud("ec2").delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")


def test_each_side_of_a_peering_between_regions_has_its_own_tags(cloud: Cloud) -> None:
    """Tags of one Region's side do not show on the other's; the status is one and the same."""
    here, there = cloud("ec2"), cloud("ec2", EAST_2)
    ours, theirs = cloud.network(cidr="10.11.0.0/16"), cloud.network(EAST_2, cidr="10.12.0.0/16")
    spec = [{"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "side", "Value": "requester"}]}]
    asked = here.create_vpc_peering_connection(VpcId=ours.vpc, PeerVpcId=theirs.vpc, PeerRegion=EAST_2, TagSpecifications=spec)[
        "VpcPeeringConnection"
    ]["VpcPeeringConnectionId"]
    there.create_tags(Resources=[asked], Tags=[{"Key": "side", "Value": "accepter"}])
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=asked)
    seen = [
        ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[asked])["VpcPeeringConnections"][0] for ec2 in (here, there)
    ]
    assert [side["Tags"] for side in seen] == [[{"Key": "side", "Value": "requester"}], [{"Key": "side", "Value": "accepter"}]]
    assert [side["Status"]["Code"] for side in seen] == ["active", "active"]


def test_a_rule_that_names_a_group_keeps_its_description(cloud: Cloud, network: Network) -> None:
    """DescribeSecurityGroupRules gives the description back, for a group as for a range, and the rule can be revoked by its id."""
    ec2 = cloud("ec2")
    group = ec2.create_security_group(GroupName=unique("rules"), Description="rules", VpcId=network.vpc)["GroupId"]
    by_group = {"UserIdGroupPairs": [{"GroupId": network.group, "Description": "nodes"}]}
    by_range = {"IpRanges": [{"CidrIp": "10.9.0.0/16", "Description": "the other side"}]}
    for peer in (by_group, by_range):
        permission = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306} | peer
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    mine = [{"Name": "group-id", "Values": [group]}]
    rules = [rule for rule in ec2.describe_security_group_rules(Filters=mine)["SecurityGroupRules"] if not rule["IsEgress"]]
    assert sorted(rule["Description"] for rule in rules) == ["nodes", "the other side"]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"] for rule in rules])
    left = ec2.describe_security_group_rules(Filters=mine)["SecurityGroupRules"]
    assert [rule["IsEgress"] for rule in left] == [True]


def test_a_launch_templates_own_tags_are_not_given_to_what_it_launches(cloud: Cloud) -> None:
    """The template has its tags; its data has only those of instances."""
    ec2 = cloud("ec2")
    name = unique("template")
    ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "node"}]}]},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "Site", "Value": "peccy"}]}],
    )
    (template,) = ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"]
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName=name)["LaunchTemplateVersions"]
    assert template["Tags"] == [{"Key": "Site", "Value": "peccy"}]
    assert [spec["ResourceType"] for spec in version["LaunchTemplateData"]["TagSpecifications"]] == ["instance"]
