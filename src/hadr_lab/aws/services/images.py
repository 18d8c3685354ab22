"""The EKS optimized images: one per Kubernetes version and architecture, and the SSM parameters that name them.

Karpenter's `alias: al2023@latest` and managed node groups find their image here. Ids are the same in every run.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from moto.ec2.models.amis import Ami

EKS_IMAGE_OWNER = "602401143452"
KUBERNETES_VERSIONS = ("1.33", "1.34", "1.35")
ARCHITECTURES = ("x86_64", "arm64")
RELEASE = "20260415"
BUILT = datetime(2026, 4, 15)  # noqa: DTZ001 - moto keeps naive UTC
PARAMETER = re.compile(
    r"/aws/service/eks/optimized-ami/(?P<version>[0-9.]+)/amazon-linux-2023/(?P<architecture>x86_64|arm64)/standard/"
    r"(?P<release>recommended|amazon-eks-node-al2023-[a-z0-9_]+-standard-[0-9.]+-v(?P<dated>[0-9]+))/(?P<field>image_id|image_name|release_version)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EksImage:
    """One AL2023 image for EKS nodes."""

    region: str
    version: str
    architecture: str

    @property
    def image_id(self) -> str:
        """`ami-` and 17 hex digits that depend on Region, version and architecture only."""
        seed = f"{self.region}/{self.version}/{self.architecture}"
        return "ami-0" + hashlib.sha256(seed.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """The image's name as EKS gives it."""
        return f"amazon-eks-node-al2023-{self.architecture}-standard-{self.version}-v{RELEASE}"

    @property
    def release_version(self) -> str:
        """The node group release version of this image."""
        return f"{self.version}.0-{RELEASE}"


def eks_images(region: str) -> tuple[EksImage, ...]:
    """Every EKS image of a Region."""
    return tuple(EksImage(region=region, version=v, architecture=a) for v in KUBERNETES_VERSIONS for a in ARCHITECTURES)


def public_parameter(region: str, name: str) -> str | None:
    """The value of EKS's public SSM parameter `name`, or None when there is none of that name."""
    found = PARAMETER.fullmatch(name)
    if found is None or found["version"] not in KUBERNETES_VERSIONS or found["dated"] not in (None, RELEASE):
        return None
    image = EksImage(region=region, version=found["version"], architecture=found["architecture"])
    return {"image_id": image.image_id, "image_name": image.name, "release_version": image.release_version}[found["field"]]


def registered(image: EksImage, backend: object) -> Ami:
    """The image as EC2 keeps it."""
    return Ami(
        backend,
        image.image_id,
        name=image.name,
        description=f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {image.version})",
        owner_id=EKS_IMAGE_OWNER,
        owner_alias="amazon",
        public=True,
        virtualization_type="hvm",
        architecture=image.architecture,
        creation_date=BUILT,
        image_location=f"amazon/{image.name}",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name="/dev/xvda",
        region_name=f"{image.region}a",
    )
