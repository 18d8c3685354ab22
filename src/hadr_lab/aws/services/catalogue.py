"""The instance types that the lab's Regions offer: the current families that services run on, up to 8xlarge. Pure.

EC2 knows fourteen hundred types and answering with all of them takes seconds of CPU, in every Karpenter that starts. A type that is
not offered is still described when it is named. Spot prices are a rule of thumb, the same at all times.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

GENERAL = ("t3", "t3a", "t4g", "m5", "m6i", "m6a", "m6g", "m7i", "m7g")
COMPUTE = ("c5", "c6i", "c6a", "c6g", "c7i", "c7g")
MEMORY = ("r5", "r6i", "r6a", "r6g", "r7i", "r7g")
SIZES = ("nano", "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge")


def offered(instance_type: str) -> bool:
    """Whether the lab's Regions offer the type."""
    family, _, size = instance_type.partition(".")
    return family in GENERAL + COMPUTE + MEMORY and size in SIZES


SPOT_PRICE_OF_A_VCPU = 0.015
"""US dollars an hour, about a third of the on-demand price."""


def spot_price(instance_type: str) -> str:
    """What an hour of the type costs on the spot market, as DescribeSpotPriceHistory writes it."""
    vcpus: dict[str, Any] = INSTANCE_TYPES[instance_type]["VCpuInfo"]
    return f"{SPOT_PRICE_OF_A_VCPU * int(vcpus['DefaultVCpus']):.6f}"


OFFERED = tuple(sorted(filter(offered, INSTANCE_TYPES)))
