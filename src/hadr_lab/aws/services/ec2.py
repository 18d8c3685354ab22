"""EC2's API: moto's, with CreateFleet type=instant as EC2 answers it and the network interface calls the VPC CNI lives on.

CreateFleet tries its overrides in order of priority and says, for each that failed, why. It must never launch into another
subnet than the override's.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses import EC2Response
from moto.ec2.utils import convert_tag_spec
from moto.iam.models import iam_backends
from moto.moto_api._internal import mock_random

from hadr_lab.aws.service import AwsError, AwsService, Wire
from hadr_lab.aws.services.catalogue import OFFERED, spot_price
from hadr_lab.aws.services.ec2_backend import Ec2Backend
from hadr_lab.aws.services.fleet import Pool, pools, target
from hadr_lab.aws.services.images import BUILT
from hadr_lab.aws.services.serial import Serial

FLEET_ID_TAG = "aws:ec2:fleet-id"


def ec2_of(account: str, region: str) -> Ec2Backend:
    """EC2's model of one Region."""
    return cast("Ec2Backend", ec2_backends[account][region])


CATALOGUE = ("DescribeInstanceTypes", "DescribeInstanceTypeOfferings", "DescribeSpotPriceHistory")
"""Answers that never change: kept by request, and made without the lock, because they take long."""
PASSING = ("StartTime", "EndTime")
"""Members of such a request that change with each call and say nothing."""


def known_subnet(account: str, region: str, subnet_id: str, *, code: str) -> Subnet:
    """A subnet that another service was given. Raises that service's error `code` when EC2 does not know it."""
    found = next((subnet for subnet in ec2_of(account, region).describe_subnets() if subnet.id == subnet_id), None)
    if found is None:
        raise AwsError(code, f"The subnet ID '{subnet_id}' does not exist", 400)
    return found


class Ec2(Serial, EC2Response):
    """EC2's API in one Region; `catalogue` is bound before first use."""

    catalogue: ClassVar[dict[tuple[str, str], Wire]]

    def call_action(self) -> Wire:
        """As every service, but what never changes is answered from memory."""
        if self._get_action() not in CATALOGUE:
            return super().call_action()
        asked = (self.region, str(sorted(item for item in self.querystring.items() if item[0] not in PASSING)))
        if asked not in self.catalogue:
            self.catalogue[asked] = AwsService.call_action(self)
        status, headers, body = self.catalogue[asked]
        return status, dict(headers), body

    @property
    def backend(self) -> Ec2Backend:
        """The model of the caller's Region."""
        return ec2_of(self.current_account, self.region)

    def describe_spot_price_history(self) -> ActionResult:
        """DescribeSpotPriceHistory: one price for each offered type and zone."""
        inputs = self.inputs()
        wanted = inputs.get("InstanceTypes") or OFFERED
        history = [
            {
                "InstanceType": kind,
                "AvailabilityZone": zone.name,
                "SpotPrice": spot_price(kind),
                "ProductDescription": "Linux/UNIX",
                "Timestamp": BUILT,
            }
            for kind in OFFERED
            if kind in wanted
            for zone in self.backend.zones[self.region]
            if inputs.get("AvailabilityZone") in (None, zone.name)
        ]
        return ActionResult({"SpotPriceHistory": history})

    # --- fleets

    def create_fleet(self) -> ActionResult:
        """CreateFleet; only type=instant is ours (Karpenter's), the rest is moto's."""
        inputs = self.inputs()
        if inputs.get("Type") != "instant":
            return super().create_fleet()
        for config in inputs.get("LaunchTemplateConfigs", []):
            self.backend._get_template_from_args(config["LaunchTemplateSpecification"])
        self.error_on_dryrun()
        fleet_id = f"fleet-{mock_random.get_random_hex(8)}-{mock_random.get_random_hex(4)}-{mock_random.get_random_hex(12)}"
        launched: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        wanted = target(inputs)
        for pool in pools(inputs):
            if wanted <= 0:
                break
            wanted -= self._fill(pool, wanted, fleet_id, launched, errors)
        return ActionResult({"FleetId": fleet_id, "Instances": launched, "Errors": errors})

    def _fill(self, pool: Pool, wanted: int, fleet_id: str, launched: list[dict[str, Any]], errors: list[dict[str, Any]]) -> int:
        """Launch up to `wanted` instances in one pool; returns how many, and appends what CreateFleet answers."""
        ids: list[str] = []
        try:
            while len(ids) < wanted:
                ids.append(self._launch(pool, fleet_id))
        except ServiceException as refused:
            errors.append(pool.described | {"ErrorCode": refused.code, "ErrorMessage": refused.message})
        if ids:
            launched.append(pool.described | {"InstanceIds": ids, "InstanceType": pool.instance_type})
        return len(ids)

    def _launch(self, pool: Pool, fleet_id: str) -> str:
        template = self.backend._get_template_from_args(dict(pool.specification))
        tags = convert_tag_spec(self.inputs().get("TagSpecifications", []))
        own = convert_tag_spec(template.data.get("TagSpecifications", []))
        reservation = self.backend.run_instances(
            pool.override.get("ImageId") or template.image_id,
            1,
            None,
            [],
            launch_template={"LaunchTemplateId": template.template.id, "Version": str(template.number)},
            instance_type=pool.instance_type or template.instance_type,
            region_name=self.region,
            subnet_id=pool.override.get("SubnetId"),
            tags={kind: own.get(kind, {}) | tags.get(kind, {}) for kind in ("instance", "volume")},
            lifecycle="spot" if pool.lifecycle == "spot" else None,
        )
        instance = reservation.instances[0]
        instance.add_tags({FLEET_ID_TAG: fleet_id})
        self.give_profile(instance.id, template.data.get("IamInstanceProfile") or {})
        return instance.id

    def give_profile(self, instance_id: str, profile: dict[str, str]) -> None:
        """Associate the launch template's instance profile, if the account has it (as IAM's eventual consistency allows)."""
        known = iam_backends[self.current_account][self.partition].instance_profiles.values()
        if any(p.name == profile.get("Name") or p.arn == profile.get("Arn") for p in known):
            self.backend.associate_iam_instance_profile(instance_id, profile.get("Name"), profile.get("Arn"))

    # --- network interfaces

    def assign_private_ip_addresses(self) -> ActionResult:
        """AssignPrivateIpAddresses: answers what was assigned now. Raises PrivateIpAddressLimitExceeded above the type's number."""
        inputs = self.inputs()
        interface = self.backend.get_network_interface(inputs["NetworkInterfaceId"])
        before = {entry["PrivateIpAddress"] for entry in interface.private_ip_addresses}
        named = [address for address in inputs.get("PrivateIpAddresses", []) if address not in before]
        count = int(inputs.get("SecondaryPrivateIpAddressCount") or 0)
        self._check_limit(interface, len(before) + len(named) + count)
        self.backend.assign_private_ip_addresses(interface.id, named, count)
        fresh = [e["PrivateIpAddress"] for e in interface.private_ip_addresses if e["PrivateIpAddress"] not in before]
        return ActionResult(
            {
                "NetworkInterfaceId": interface.id,
                "AssignedPrivateIpAddresses": [{"PrivateIpAddress": address} for address in fresh],
            }
        )

    def _check_limit(self, interface: NetworkInterface, total: int) -> None:
        """One interface stands for all that the instance's type could attach, so the limit is theirs together."""
        limit = addresses_of(interface.instance.instance_type) if interface.instance else 50
        if total > limit:
            raise AwsError("PrivateIpAddressLimitExceeded", f"Number of private addresses will exceed limit of {limit}.")

    def delete_network_interface(self) -> ActionResult:
        """DeleteNetworkInterface. Raises InvalidParameterValue for one in use."""
        interface = self.backend.get_network_interface(self.inputs()["NetworkInterfaceId"])
        if interface.instance is not None:
            raise AwsError("InvalidParameterValue", f"Network interface '{interface.id}' is currently in use.")
        return super().delete_network_interface()


def addresses_of(instance_type: str) -> int:
    """How many IPv4 addresses all interfaces of an instance of that type can hold together."""
    interfaces, each = _interfaces(instance_type)
    return interfaces * each


def max_pods(instance_type: str) -> int:
    """How many pods the VPC CNI gives addresses on that type: every secondary address, and two pods on the host network."""
    interfaces, each = _interfaces(instance_type)
    return min(110, interfaces * (each - 1) + 2)


def _interfaces(instance_type: str) -> tuple[int, int]:
    known = INSTANCE_TYPES.get(instance_type, {}).get("NetworkInfo", {})
    return int(known.get("MaximumNetworkInterfaces", 3)), int(known.get("Ipv4AddressesPerInterface", 10))


def text_of(user_data: Base64EncodedString | str | None) -> str:
    """User data as the instance reads it; the API's is base64, and moto keeps some of it wrapped and some not."""
    if not user_data:
        return ""
    return Base64EncodedString(str(user_data)).decode()
