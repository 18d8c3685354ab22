"""Private addresses of subnets: unique, never AWS's reserved ones, and a freed one is used again last.

moto draws addresses at random for network interfaces and from a list for instances, and the two do not know of each other. Here
every taken address is entered in the subnet's own table, whoever takes it.
"""

from __future__ import annotations

import ipaddress
from typing import Any, cast

from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.subnets import Subnet

from hadr_lab.aws.service import AwsError

RESERVED_FIRST = 4
"""Network address, router, DNS and future use; the broadcast address is reserved too."""


class Addresses:
    """The addresses of one Region's subnets. Reuse is as late as possible: a walk through the subnet, remembered per subnet."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def free(self, subnet: Subnet) -> str:
        """The next free address of the subnet, not taken yet. Raises InsufficientFreeAddressesInSubnet."""
        network = ipaddress.IPv4Network(subnet.cidr_block)
        usable = network.num_addresses - RESERVED_FIRST - 1
        start = self.last.get(subnet.id, -1)
        for step in range(1, usable + 1):
            offset = (start + step) % usable
            address = str(network.network_address + RESERVED_FIRST + offset)
            if address not in subnet._subnet_ips:
                self.last[subnet.id] = offset
                return address
        raise AwsError(
            "InsufficientFreeAddressesInSubnet",
            f"The specified subnet does not have enough free addresses to satisfy the request ({subnet.id}).",
        )

    def check(self, subnet: Subnet, address: str) -> None:
        """Raise EC2's error unless `address` lies in the subnet and is not some interface's already."""
        if ipaddress.ip_address(address) not in ipaddress.ip_network(subnet.cidr_block):
            raise AwsError("InvalidParameterValue", f"Address {address} does not fall within the subnet's address range")
        if isinstance(subnet._subnet_ips.get(address), NetworkInterface):
            raise AwsError("InvalidIPAddress.InUse", f"Address {address} is in use.")

    def take(self, subnet: Subnet, address: str, owner: NetworkInterface) -> None:
        """Enter `address` as `owner`'s (an instance or mount target that reserved it for this interface gives it over)."""
        subnet._subnet_ips[address] = cast("Any", owner)

    def release(self, subnet: Subnet, address: str) -> None:
        """The address is free again."""
        subnet._subnet_ips.pop(address, None)
