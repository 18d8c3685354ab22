"""EC2's model, moto's with its faults mended: zones, addresses, placement, capacity, and the time an instance is pending.

A Region has the first three zones that accounts have there, no default VPC (well-kept accounts delete it), and EKS's images. It
must never invent a placement: an instance is in the zone of its subnet.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, ClassVar

from moto.core.types import Base64EncodedString
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.models.elastic_network_interfaces import NetworkInterface as MotoInterface
from moto.ec2.models.instance_types import InstanceType
from moto.ec2.models.instances import Instance, InstancePlacement, InstanceState, Reservation
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.models.subnets import Subnet

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.addresses import Addresses
from hadr_lab.aws.services.capacity import Capacity, is_standard, vcpus
from hadr_lab.aws.services.catalogue import OFFERED
from hadr_lab.aws.services.ec2_network import NetworkBackend
from hadr_lab.aws.services.images import eks_images, registered

ZONES = 3
ALIVE = ("pending", "running")


def _zones() -> dict[str, list[Zone]]:
    """The first three zones of each Region moto knows (Tokyo's are a, c, d), ids in the order of names (us-east-1a is use1-az1)."""
    return {
        region: [
            Zone(name=zone.name, region_name=region, zone_id=f"{zone.zone_id.rsplit('-az', 1)[0]}-az{number}")
            for number, zone in enumerate(sorted(zones, key=lambda zone: str(zone.name))[:ZONES], start=1)
        ]
        for region, zones in RegionsAndZonesBackend.zones.items()
    }


class NetworkInterface(MotoInterface):
    """A network interface that is found by its secondary addresses too. moto's serializer goes by the class's name."""

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        """moto compares the primary address only."""
        if filter_name == "addresses.private-ip-address":
            return [entry["PrivateIpAddress"] for entry in self.private_ip_addresses]
        return super().get_filter_value(filter_name, method_name)


class Placement(InstancePlacement):
    """Where an instance is, with the id of its zone."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone.name)
        self.availability_zone_id = zone.zone_id


class Ec2Backend(NetworkBackend):
    """EC2 of one Region. `capacity` and `pending` are bound on a subclass before first use."""

    capacity: ClassVar[Capacity]
    pending: ClassVar[timedelta]
    zones = _zones()

    def __init__(self, region_name: str, account_id: str) -> None:
        self.private_addresses = Addresses()
        self.starting: dict[str, float] = {}
        super().__init__(region_name, account_id)
        self._delete_default_vpc()

    def _load_amis(self) -> None:
        """EKS's images only; moto's thirteen hundred make every launch and DescribeImages slow."""
        for image in eks_images(self.region_name):
            self.amis[image.image_id] = registered(image, self)

    def _delete_default_vpc(self) -> None:
        for subnet in list(self.describe_subnets(filters={"vpc-id": self.default_vpc.id})):
            self.delete_subnet(subnet.id)
        self.delete_vpc(self.default_vpc.id)

    def describe_instance_types(self, instance_types: list[str] | None = None, filters: Any = None) -> list[InstanceType]:
        """The named types, or all that are offered."""
        return super().describe_instance_types(instance_types or list(OFFERED), filters)

    def describe_instance_type_offerings(
        self, location_type: str | None = None, filters: dict[str, Any] | None = None
    ) -> list[Any]:
        """Every type that is offered is so in each zone."""
        asked = filters or {}
        places = {
            "availability-zone": [zone.name for zone in self.zones[self.region_name]],
            "availability-zone-id": [zone.zone_id for zone in self.zones[self.region_name]],
        }.get(location_type or "region", [self.region_name])
        return [
            {"InstanceType": kind, "LocationType": location_type or "region", "Location": place}
            for kind in OFFERED
            if kind in asked.get("instance-type", (kind,))
            for place in places
            if place in asked.get("location", places)
        ]

    def create_subnet(
        self,
        vpc_id: str,
        cidr_block: str,
        ipv6_cidr_block: str | None = None,
        availability_zone: str | None = None,
        availability_zone_id: str | None = None,
        ipv6_native: bool = False,
        tags: dict[str, dict[str, str]] | None = None,
    ) -> Subnet:
        """Make a subnet in the zone of that name or id (neither: the first). Raises InvalidParameterValue for another one."""
        zones = self.zones[self.region_name]
        asked = availability_zone_id or availability_zone or zones[0].name
        zone = next((known for known in zones if asked in (known.name, known.zone_id)), None)
        if zone is None:
            message = f"Value ({asked}) for parameter availabilityZone is invalid. Subnets can currently only be created in the "
            raise AwsError("InvalidParameterValue", message + f"following availability zones: {', '.join(z.name for z in zones)}.")
        subnet = super().create_subnet(vpc_id, cidr_block, ipv6_cidr_block, zone.name, None, ipv6_native, tags)
        subnet._availability_zone = zone
        if not self.get_vpc(vpc_id).is_default:
            subnet.default_for_az = subnet.map_public_ip_on_launch = False
        return subnet

    # --- network interfaces

    def create_network_interface(
        self,
        subnet: Any,
        private_ip_address: str | list[str] | None = None,
        private_ip_addresses: list[dict[str, Any]] | None = None,
        group_ids: list[str] | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        delete_on_termination: bool | None = False,
        **kwargs: Any,
    ) -> MotoInterface:
        """Make an interface whose addresses are free and are its own from now on."""
        place: Subnet = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        asked = private_ip_address[0] if isinstance(private_ip_address, list) else private_ip_address
        listed = [dict(entry) for entry in private_ip_addresses or []]
        primary = (
            asked or next((e["PrivateIpAddress"] for e in listed if e.get("Primary")), None) or self.private_addresses.free(place)
        )
        secondary = [e["PrivateIpAddress"] for e in listed if e["PrivateIpAddress"] != primary]
        for address in (primary, *secondary):
            self.private_addresses.check(place, address)
        count = int(kwargs.pop("secondary_ips_count", None) or 0)
        interface = NetworkInterface(  # type: ignore[abstract]  # of CloudFormation only, as moto's own
            self,
            place,
            primary,
            None,
            group_ids=group_ids,
            description=description,
            tags=tags,
            delete_on_termination=delete_on_termination,
            **kwargs,
        )
        self.private_addresses.take(place, primary, interface)
        self.enis[interface.id] = interface
        self.assign_private_ip_addresses(interface.id, secondary, count)
        return interface

    def delete_network_interface(self, eni_id: str) -> None:
        """Delete the interface and free its addresses."""
        interface = self.get_network_interface(eni_id)
        super().delete_network_interface(eni_id)
        for entry in interface.private_ip_addresses:
            self.private_addresses.release(interface.subnet, entry["PrivateIpAddress"])

    def assign_private_ip_addresses(
        self, eni_id: str, private_ip_addresses: list[str] | None = None, secondary_ips_count: int | None = None
    ) -> MotoInterface:
        """Give the interface the named secondary addresses, or that many free ones."""
        interface = self.get_network_interface(eni_id)
        mine = {entry["PrivateIpAddress"] for entry in interface.private_ip_addresses}
        chosen = [address for address in private_ip_addresses or [] if address not in mine]
        for address in chosen:
            self.private_addresses.check(interface.subnet, address)
        for _ in range(int(secondary_ips_count or 0)):
            self._add_address(interface, self.private_addresses.free(interface.subnet))
        for address in chosen:
            self._add_address(interface, address)
        return interface

    def _add_address(self, interface: MotoInterface, address: str) -> None:
        self.private_addresses.take(interface.subnet, address, interface)
        interface.private_ip_addresses.append({"Primary": False, "PrivateIpAddress": address})

    def unassign_private_ip_addresses(self, eni_id: str, private_ip_address: list[str] | None = None) -> MotoInterface:
        """Take secondary addresses away. Raises InvalidParameterValue for one that the interface does not have, or its primary."""
        interface = self.get_network_interface(eni_id)
        for address in private_ip_address or []:
            entry = next((e for e in interface.private_ip_addresses if e["PrivateIpAddress"] == address), None)
            if entry is None or entry.get("Primary"):
                raise AwsError("InvalidParameterValue", f"Some of {address} are not assigned to interface {eni_id}")
            interface.private_ip_addresses.remove(entry)
            self.private_addresses.release(interface.subnet, address)
        return interface

    # --- instances

    def _get_template_from_args(self, launch_template_arg: dict[str, Any]) -> LaunchTemplateVersion:
        """A version of a launch template, by id or name. Raises EC2's error when there is none (moto breaks down for an id)."""
        if "LaunchTemplateId" in launch_template_arg:
            template = self.get_launch_template(launch_template_arg["LaunchTemplateId"])
        else:
            template = self.get_launch_template_by_name(launch_template_arg["LaunchTemplateName"])
        return template.get_version(launch_template_arg.get("Version") or template.default_version_number)

    def run_instances(
        self,
        image_id: str,
        count: int,
        user_data: Base64EncodedString | None,
        security_group_names: list[str],
        **kwargs: Any,
    ) -> Reservation:
        """Launch `count` instances, all or none. Raises EC2's error for lack of capacity, of quota or of addresses."""
        template = self._get_template_from_args(kwargs["launch_template"]).data if kwargs.get("launch_template") else {}
        kwargs["instance_type"] = self._asked_type(kwargs, template)
        kwargs["is_instance_type_default"] = False
        subnet = self._asked_subnet(kwargs, template)
        if subnet:
            self._check_capacity(subnet, kwargs["instance_type"], count)
            if not security_group_names and not kwargs.get("security_group_ids"):
                kwargs["security_group_ids"] = self._asked_groups(kwargs, template, subnet)
            if not kwargs.get("nics"):
                kwargs["subnet_id"] = subnet.id
        launched = [self._run_one(image_id, user_data, security_group_names, subnet, dict(kwargs), index) for index in range(count)]
        return self._joined(launched)

    def _run_one(
        self,
        image_id: str,
        user_data: Base64EncodedString | None,
        groups: list[str],
        subnet: Subnet | None,
        kwargs: dict[str, Any],
        index: int,
    ) -> Reservation:
        if subnet and not kwargs.get("nics") and not kwargs.get("private_ip"):
            kwargs["private_ip"] = self.private_addresses.free(subnet)
        reservation = super().run_instances(image_id, 1, user_data, groups, **kwargs)
        instance = reservation.instances[0]
        instance.ami_launch_index = index
        self._settle_in(instance)
        return reservation

    def _joined(self, launched: list[Reservation]) -> Reservation:
        """moto makes a reservation per launch; one request is one reservation."""
        first, *others = launched
        for other in others:
            first.instances.extend(other.instances)
            del self.reservations[other.id]
        return first

    def _settle_in(self, instance: Instance) -> None:
        """What moto leaves out: the zone's id, interfaces that go with their instance, and a while of `pending`."""
        zone = self.get_zone_by_name(instance.placement.zone or "")
        if zone is not None:
            instance._placement = Placement(zone)
        for interface in instance.nics.values():
            interface.delete_on_termination = True
        if self.pending:
            instance._state = InstanceState("pending", 0)
            self.starting[instance.id] = time.monotonic() + self.pending.total_seconds()

    def _asked_type(self, kwargs: dict[str, Any], template: dict[str, Any]) -> str:
        if kwargs.get("is_instance_type_default") and template.get("InstanceType"):
            return str(template["InstanceType"])
        return str(kwargs.get("instance_type") or template.get("InstanceType") or "m1.small")

    def _asked_subnet(self, kwargs: dict[str, Any], template: dict[str, Any]) -> Subnet | None:
        interfaces = kwargs.get("nics") or template.get("NetworkInterfaces") or []
        subnet_id = kwargs.get("subnet_id") or next((n["SubnetId"] for n in interfaces if n.get("SubnetId")), None)
        return self.get_subnet(subnet_id) if subnet_id else None

    def _asked_groups(self, kwargs: dict[str, Any], template: dict[str, Any], subnet: Subnet) -> list[str]:
        interfaces = kwargs.get("nics") or template.get("NetworkInterfaces") or []
        groups = template.get("SecurityGroupIds") or next((n["Groups"] for n in interfaces if n.get("Groups")), None)
        if groups:
            return list(groups)
        default = self.get_default_security_group(subnet.vpc_id)
        return [default.id] if default else []

    def _check_capacity(self, subnet: Subnet, instance_type: str, count: int) -> None:
        in_use = self.vcpus_in_use() + (count - 1) * vcpus(instance_type)
        refusal = self.capacity.refusal(self.region_name, subnet.availability_zone, instance_type, vcpus_in_use=in_use)
        if refusal:
            raise AwsError(refusal.code, refusal.message, 503 if refusal.code == "InsufficientInstanceCapacity" else 400)

    def vcpus_in_use(self) -> int:
        """vCPUs of the standard instances that are pending or running."""
        alive = (i for i in self.all_instances() if i.state in ALIVE and is_standard(i.instance_type))
        return sum(vcpus(instance.instance_type) for instance in alive)

    def all_reservations(self, filters: Any = None) -> list[Reservation]:
        """Every read passes here: instances whose pending time is over are running from now on."""
        self._start_due()
        return super().all_reservations(filters)

    def _start_due(self) -> None:
        moment = time.monotonic()
        due = [instance_id for instance_id, at in self.starting.items() if at <= moment]
        for instance_id in due:
            del self.starting[instance_id]
        for reservation in self.reservations.values() if due else ():
            for instance in reservation.instances:
                if instance.id in due and instance.state == "pending":
                    instance._state = InstanceState("running", 16)
