"""What EC2 can launch: injected lack of capacity, and the account's vCPU quota.

It decides whether one more instance may start, with EC2's own error codes. It must never launch or count anything itself: the
vCPUs in use are told by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from moto.ec2.models.instance_types import INSTANCE_TYPES

STANDARD_FAMILIES = frozenset("acdhimrtz")
DEFAULT_VCPUS = 128.0
ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an instance cannot start: EC2's error code and message."""

    code: str
    message: str


@dataclass(slots=True)
class Capacity:
    """Injected refusals by Region, zone and instance type, and the standard on-demand vCPU quota of each Region."""

    refused: set[tuple[str, str, str]] = field(default_factory=set)
    vcpu_quota: dict[str, float] = field(default_factory=dict)

    def refuse(self, region: str, zone: str, instance_type: str = ANY) -> None:
        """From now on `zone` has no capacity for `instance_type` ("*": for any)."""
        self.refused.add((region, zone, instance_type))

    def allow(self, region: str, zone: str, instance_type: str = ANY) -> None:
        """Take back what `refuse` said with the same arguments; "*" takes back every refusal of the zone."""
        self.refused = {(r, z, t) for r, z, t in self.refused if not (r == region and z == zone and instance_type in (ANY, t))}

    def quota(self, region: str) -> float:
        """The vCPU quota of running on-demand standard instances (L-1216C47A)."""
        return self.vcpu_quota.get(region, DEFAULT_VCPUS)

    def refusal(self, region: str, zone: str, instance_type: str, *, vcpus_in_use: float) -> Refusal | None:
        """Why one more instance of that type cannot start there now, or None."""
        if not self.refused.isdisjoint({(region, zone, instance_type), (region, zone, ANY)}):
            return Refusal(
                code="InsufficientInstanceCapacity",
                message=f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
                f"({zone}). Our system will be working on provisioning additional capacity.",
            )
        if is_standard(instance_type) and vcpus_in_use + vcpus(instance_type) > self.quota(region):
            return Refusal(
                code="VcpuLimitExceeded",
                message=f"You have requested more vCPU capacity than your current vCPU limit of {self.quota(region):.0f} allows "
                "for the instance bucket that the specified instance type belongs to.",
            )
        return None


def is_standard(instance_type: str) -> bool:
    """Whether the type counts towards the standard (A, C, D, H, I, M, R, T, Z) quota."""
    return instance_type[:1] in STANDARD_FAMILIES


def vcpus(instance_type: str) -> int:
    """Default vCPUs of a type; 0 for one that EC2 does not know (the launch itself will refuse it)."""
    known = INSTANCE_TYPES.get(instance_type)
    return int(known["VCpuInfo"]["DefaultVCpus"]) if known else 0
