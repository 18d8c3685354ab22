"""ELBv2's API: moto's, with balancers that wait for their nodes and targets whose health is what the nodes see.

A target is registered by address and port, is `initial` until a health check said something, and drains for the group's
deregistration delay. It must never call a target healthy by itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.elbv2.models import FakeLoadBalancer, elbv2_backends
from moto.elbv2.responses import ELBV2Response
from moto.moto_api._internal import mock_random

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.balancers import Balancers
from hadr_lab.aws.services.ec2 import ec2_of, known_subnet
from hadr_lab.aws.services.serial import Serial

ZONE_IDS = {
    "us-east-1": "Z35SXDOTRQ7X7K",
    "us-east-2": "Z3AADJGX6KTTL2",
    "us-west-2": "Z1H1FL5HABSF5",
    "eu-west-1": "Z32O12XQLNTSW2",
    "ap-northeast-1": "Z14GRHDCWA56QT",
    "ap-southeast-1": "Z1LMS91P8CMLE5",
}
"""Route 53's hosted zone of the load balancers of a Region, as AWS documents it."""


class Elbv2(Serial, ELBV2Response):
    """ELBv2's API in one Region; `balancers` is bound before first use."""

    balancers: ClassVar[Balancers]

    # --- load balancers

    def create_load_balancer(self) -> ActionResult:
        """CreateLoadBalancer. Raises DuplicateLoadBalancerName, and InvalidConfigurationRequest for two subnets of a zone."""
        inputs = self.inputs()
        if any(made.name == inputs["Name"] for made in self._made()):
            message = f"A load balancer with the same name '{inputs['Name']}' exists, but with different settings"
            raise AwsError("DuplicateLoadBalancerName", message, 400)
        subnets = list(inputs.get("Subnets") or []) + [m["SubnetId"] for m in inputs.get("SubnetMappings") or []]
        self._check_subnets(subnets, inputs.get("Type") or "application")
        inputs["Scheme"] = inputs.get("Scheme") or "internet-facing"
        self.params = inputs
        super().create_load_balancer()
        made = self._made()[-1]
        prefix = "internal-" if made.scheme == "internal" else ""
        made.dns_name = f"{prefix}{made.name}-{mock_random.get_random_hex(10)}.{self.region}.elb.amazonaws.com".lower()
        made.canonical_hosted_zone_id = ZONE_IDS.get(self.region, "Z2P70J7EXAMPLE")
        made.attrs = DEFAULT_ATTRIBUTES | {"load_balancing.cross_zone.enabled": "true" if made.type == "application" else "false"}
        made.security_groups = made.security_groups or self._default_groups(made)
        return ActionResult({"LoadBalancers": [made]})

    def _check_subnets(self, subnets: list[str], kind: str) -> None:
        account = self.balancers.account
        known = [known_subnet(account, self.region, subnet, code="SubnetNotFound") for subnet in subnets]
        zones = [subnet.availability_zone for subnet in known]
        if len(zones) != len(set(zones)):
            message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
            raise AwsError("InvalidConfigurationRequest", message, 400)
        if kind == "application" and len(zones) < 2:
            message = "At least two subnets in two different Availability Zones must be specified"
            raise AwsError("ValidationError", message, 400)

    def _default_groups(self, made: FakeLoadBalancer) -> list[str]:
        default = ec2_of(self.balancers.account, self.region).get_default_security_group(made.vpc_id)
        return [default.id] if default and made.type == "application" else []

    def _made(self) -> list[FakeLoadBalancer]:
        return list(elbv2_backends[self.balancers.account][self.region].load_balancers.values())

    def describe_load_balancers(self) -> ActionResult:
        """DescribeLoadBalancers; a read changes no state. Raises LoadBalancerNotFound for a name or ARN that is not there."""
        inputs = self.inputs()
        arns, names = inputs.get("LoadBalancerArns") or [], inputs.get("Names") or []
        made = self._made()
        known = {balancer.arn for balancer in made} | {balancer.name for balancer in made}
        for asked in (*arns, *names):
            if asked not in known:
                raise AwsError("LoadBalancerNotFound", f"One or more load balancers not found ({asked})", 400)
        if arns or names:
            made = [balancer for balancer in made if balancer.arn in arns or balancer.name in names]
        start, size = int(inputs.get("Marker") or 0), int(inputs.get("PageSize") or 400)
        following = str(start + size) if start + size < len(made) else None
        return ActionResult({"LoadBalancers": made[start : start + size], "NextMarker": following})

    def delete_load_balancer(self) -> ActionResult:
        """DeleteLoadBalancer. Raises OperationNotPermitted for a protected one."""
        arn = self.inputs()["LoadBalancerArn"]
        found = next((balancer for balancer in self._made() if balancer.arn == arn), None)
        if found and found.attrs.get("deletion_protection.enabled") == "true":
            message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            raise AwsError("OperationNotPermitted", message, 400)
        return super().delete_load_balancer()

    # --- target groups

    def create_target_group(self) -> ActionResult:
        """CreateTargetGroup. Raises DuplicateTargetGroupName."""
        name = self.inputs()["Name"]
        groups = elbv2_backends[self.balancers.account][self.region].target_groups
        if any(group.name == name for group in groups.values()):
            message = f"A target group with the same name '{name}' exists, but with different settings"
            raise AwsError("DuplicateTargetGroupName", message, 400)
        return super().create_target_group()

    def describe_target_groups(self) -> ActionResult:
        """DescribeTargetGroups, each with the load balancers that use it now."""
        self.balancers.attach(self.region)
        return super().describe_target_groups()

    def delete_target_group(self) -> ActionResult:
        """DeleteTargetGroup."""
        answer = super().delete_target_group()
        self.balancers.forget(self.inputs()["TargetGroupArn"])
        return answer

    def register_targets(self) -> ActionResult:
        """RegisterTargets; one that drains is registered anew."""
        inputs = self.inputs()
        group = self.balancers.group(self.region, inputs["TargetGroupArn"])
        for target in inputs["Targets"]:
            self.balancers.register(group.arn, target["Id"], int(target.get("Port") or group.port))
        return EmptyResult()

    def deregister_targets(self) -> ActionResult:
        """DeregisterTargets; they drain. Raises InvalidTarget for one that is not registered."""
        inputs = self.inputs()
        group = self.balancers.group(self.region, inputs["TargetGroupArn"])
        for target in inputs["Targets"]:
            self.balancers.deregister(group, target["Id"], int(target["Port"]) if target.get("Port") else None)
        return EmptyResult()

    def describe_target_health(self) -> ActionResult:
        """DescribeTargetHealth of all targets of a group, or of those named."""
        inputs = self.inputs()
        group = self.balancers.group(self.region, inputs["TargetGroupArn"])
        asked = [(t["Id"], int(t.get("Port") or group.port)) for t in inputs.get("Targets") or []]
        described = [self._health(group.arn, *target) for target in asked or self.balancers.registered(group.arn)]
        return ActionResult({"TargetHealthDescriptions": described})

    def _health(self, arn: str, address: str, port: int) -> dict[str, Any]:
        group = self.balancers.group(self.region, arn)
        health = self.balancers.health_of(group, address, port)
        check_port = str(port) if group.health_check_port in (None, "traffic-port") else str(group.health_check_port)
        said = {"State": health.state, "Reason": health.reason or None, "Description": health.description or None}
        return {
            "Target": {"Id": address, "Port": port, **self._zone(group.vpc_id, address)},
            "HealthCheckPort": check_port,
            "TargetHealth": {key: value for key, value in said.items() if value},
        }

    def _zone(self, vpc_id: str, address: str) -> dict[str, str]:
        zone = self.balancers.zone_of(self.region, vpc_id, address)
        return {"AvailabilityZone": zone} if zone else {}


DEFAULT_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http2.enabled": "true",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http.desync_mitigation_mode": "defensive",
    "client_keep_alive.seconds": "3600",
    "zonal_shift.config.enabled": "false",
}
