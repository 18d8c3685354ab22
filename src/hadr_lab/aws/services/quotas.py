"""service-quotas: what a Region's account may use. The EC2 vCPU quota is the one that launches are really held to."""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.responses import ActionResult

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.capacity import Capacity
from hadr_lab.aws.services.serial import Serial

VCPUS = "L-1216C47A"

QUOTAS: dict[str, dict[str, tuple[str, float]]] = {
    "ec2": {
        VCPUS: ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 0.0),
        "L-34B43A08": ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 128.0),
        "L-0263D0A3": ("EC2-VPC Elastic IPs", 5.0),
    },
    "eks": {"L-1194D53C": ("Clusters", 100.0), "L-6D54EA21": ("Managed node groups per cluster", 30.0)},
    "rds": {"L-952B80B8": ("DB clusters", 40.0), "L-7B6409FD": ("DB instances", 40.0)},
    "elasticloadbalancing": {
        "L-53DA6B97": ("Application Load Balancers per Region", 50.0),
        "L-B22855CB": ("Target Groups per Region", 3000.0),
    },
    "elasticfilesystem": {"L-848C634D": ("File systems per account", 1000.0)},
    "vpc": {"L-F678F1CE": ("VPCs per Region", 5.0)},
}
"""Default values as AWS publishes them; the EC2 vCPU quota's is in `Capacity`."""


class ServiceQuotas(Serial):
    """service-quotas' API in one Region; `capacity` is bound before first use."""

    name: ClassVar[str] = "service-quotas"
    capacity: ClassVar[Capacity]

    def get_service_quota(self) -> ActionResult:
        """GetServiceQuota: the value that applies. Raises NoSuchResourceException."""
        inputs = self.inputs()
        return ActionResult({"Quota": self._quota(inputs["ServiceCode"], inputs["QuotaCode"])})

    def get_aws_default_service_quota(self) -> ActionResult:
        """GetAWSDefaultServiceQuota."""
        return self.get_service_quota()

    def list_service_quotas(self) -> ActionResult:
        """ListServiceQuotas of one service. Raises NoSuchResourceException for an unknown service."""
        service = self.inputs()["ServiceCode"]
        return ActionResult({"Quotas": [self._quota(service, code) for code in self._of(service)]})

    def list_services(self) -> ActionResult:
        """ListServices."""
        return ActionResult({"Services": [{"ServiceCode": service, "ServiceName": service} for service in QUOTAS]})

    def _of(self, service: str) -> dict[str, tuple[str, float]]:
        if service not in QUOTAS:
            raise AwsError("NoSuchResourceException", f"The request failed because the specified service {service} does not exist.")
        return QUOTAS[service]

    def _quota(self, service: str, code: str) -> dict[str, Any]:
        if code not in self._of(service):
            message = f"The request failed because the specified service quota {code} does not exist for {service}."
            raise AwsError("NoSuchResourceException", message)
        name, value = QUOTAS[service][code]
        return {
            "ServiceCode": service,
            "QuotaArn": f"arn:aws:servicequotas:{self.region}:{self.current_account}:{service}/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": self.capacity.quota(self.region) if code == VCPUS else value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }
