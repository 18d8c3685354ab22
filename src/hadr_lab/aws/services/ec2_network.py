"""What moto gets wrong of a VPC's own parts: NAT gateways, peerings, descriptions of rules, and tags of launch templates.

A NAT gateway's address is one of its subnet, and is free again after it. Each side of a peering between Regions has its own tags. A
rule that names a group keeps its description. A template's own tags are not what it gives to instances.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.nat_gateways import NatGateway as MotoNatGateway
from moto.ec2.models.security_groups import SecurityGroupRule as MotoRule
from moto.ec2.models.vpc_peering_connections import VPCPeeringConnection
from moto.ec2.models.vpcs import VPC

from hadr_lab.aws.service import AwsError


class NatGateway(MotoNatGateway):
    """A NAT gateway at an address of its subnet. moto's serializer goes by the class's name."""

    _eni: Any = None

    @property  # type: ignore[override]  # moto always has one
    def private_ip(self) -> str | None:
        """The address of its interface; none until it has one, which makes EC2 choose."""
        return self._eni.private_ip_address if self._eni else None

    @private_ip.setter
    def private_ip(self, drawn: str) -> None:
        """What moto draws is nowhere in the subnet."""


class SecurityGroupRule(MotoRule):
    """A rule with its description, whatever it names. moto's serializer goes by the class's name."""

    @property
    def description(self) -> str | None:
        """moto has it of address ranges only."""
        return self.ip_range.get("Description") or self.source_group.get("Description")


class NetworkBackend(EC2Backend):
    """EC2's model of a VPC's own parts."""

    # --- security groups

    def _iterate_security_rules(
        self,
        ip_protocol: str,
        group_id: str,
        from_port: str,
        to_port: str,
        ip_ranges: list[Any],
        source_groups: list[dict[str, Any]],
        prefix_list_ids: list[dict[str, str]],
        is_egress: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Iterator[MotoRule]:
        """One rule for each range, group and prefix list."""
        named = (("ip_range", ip_ranges), ("source_group", source_groups), ("prefix_list_id", prefix_list_ids))
        for kind, peers in named:
            for peer in peers:
                given = {"ip_range": None} | {kind: peer}
                yield SecurityGroupRule(
                    self, ip_protocol, group_id, from_port, to_port, **given, is_egress=is_egress, tags=tags or {}
                )

    # --- launch templates

    def create_launch_template(
        self, name: str, description: str, template_data: dict[str, Any], tag_spec: dict[str, Any]
    ) -> LaunchTemplate:
        """Make a template; what it tags is what is launched, not itself."""
        tagged = [spec for spec in template_data.pop("TagSpecifications", []) if spec["ResourceType"] != "launch-template"]
        data = template_data | ({"TagSpecifications": tagged} if tagged else {})
        return super().create_launch_template(name, description, data, tag_spec)

    # --- peerings

    def create_vpc_peering_connection(self, vpc: VPC, peer_vpc: VPC, tags: dict[str, str] | None = None) -> VPCPeeringConnection:
        """Ask for a peering; another Region has a side of its own, of one and the same status."""
        asked = super().create_vpc_peering_connection(vpc, peer_vpc, tags)
        if vpc.region != peer_vpc.region:
            other = copy.copy(asked)
            other.ec2_backend = peer_vpc.ec2_backend
            other.ec2_backend.vpc_pcxs[asked.id] = other
        return asked

    # --- NAT gateways

    def create_nat_gateway(
        self, subnet_id: str, allocation_id: str, tags: dict[str, str] | None = None, connectivity_type: str = "public"
    ) -> MotoNatGateway:
        """Make a NAT gateway; its interface takes a free address of the subnet."""
        gateway = NatGateway(self, subnet_id, allocation_id, tags, connectivity_type)  # type: ignore[abstract]  # of CloudFormation only
        own = {"networkInterfaceId": gateway._eni.id, "privateIp": gateway._eni.private_ip_address}
        gateway.address_set = [own | self._public(allocation_id)]
        self.nat_gateways[gateway.id] = gateway
        return gateway

    def _public(self, allocation_id: str) -> dict[str, Any]:
        """The members of a NAT gateway's address that come of its elastic address."""
        if not allocation_id:
            return {}
        address = self.address_by_allocation([allocation_id])[0]
        return {"allocationId": allocation_id, "publicIp": address.public_ip, "associationId": address.association_id}

    def delete_nat_gateway(self, nat_gateway_id: str) -> MotoNatGateway:
        """Delete it, free both its addresses. Raises NatGatewayNotFound."""
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise AwsError("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found")
        if gateway.state != "deleted":
            for address in gateway.address_set:
                if address.get("associationId"):
                    self.disassociate_address(association_id=address["associationId"])
            self.delete_network_interface(gateway._eni.id)
        return super().delete_nat_gateway(nat_gateway_id)
