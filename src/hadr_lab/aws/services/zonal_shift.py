"""arc-zonal-shift: start, list, get, update and cancel shifts of load balancers and clusters away from a zone.

Shifts are recorded and expire by themselves; what a shift does to traffic is the data plane's part. A resource takes part when it
says so (EKS: zonalShiftConfig, ELB: zonal_shift.config.enabled) and has at most one active shift.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from moto.core.responses import ActionResult
from moto.elbv2.models import elbv2_backends

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of
from hadr_lab.aws.services.eks_registry import EksRegistry
from hadr_lab.aws.services.serial import Serial, now

EXPIRES = re.compile(r"([1-9][0-9]*)([mh])")
LONGEST = timedelta(days=3)
ACTIVE, CANCELED, EXPIRED = "ACTIVE", "CANCELED", "EXPIRED"


@dataclass(slots=True, kw_only=True)
class Shift:
    """One zonal shift of one resource."""

    shift_id: str
    region: str
    resource: str
    away_from: str
    comment: str
    started: datetime
    expires: datetime
    canceled: bool = False

    def status(self, moment: datetime) -> str:
        """ACTIVE until it is cancelled or over."""
        if self.canceled:
            return CANCELED
        return ACTIVE if moment < self.expires else EXPIRED

    def described(self, moment: datetime) -> dict[str, Any]:
        """As the API answers it."""
        return {
            "zonalShiftId": self.shift_id,
            "resourceIdentifier": self.resource,
            "awayFrom": self.away_from,
            "expiryTime": self.expires,
            "startTime": self.started,
            "status": self.status(moment),
            "comment": self.comment,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A resource that can be shifted, and the ids of its zones."""

    arn: str
    name: str
    zone_ids: tuple[str, ...]


@dataclass(slots=True)
class Shifts:
    """Every shift of the account; `clock` is exchanged in tests."""

    account: str
    eks: EksRegistry
    clock: Callable[[], datetime] = now
    made: dict[str, Shift] = field(default_factory=dict)

    def active(self, region: str) -> list[Shift]:
        """The Region's shifts that hold now."""
        moment = self.clock()
        return [shift for shift in self.made.values() if shift.region == region and shift.status(moment) == ACTIVE]

    def shift(self, region: str, shift_id: str) -> Shift:
        """One shift. Raises ResourceNotFoundException."""
        found = self.made.get(shift_id)
        if found is None or found.region != region:
            raise AwsError("ResourceNotFoundException", f"Zonal shift {shift_id} was not found", 404)
        return found

    def managed(self, region: str) -> list[Managed]:
        """Every resource of the Region that takes part."""
        ec2 = ec2_of(self.account, region)
        found = []
        for cluster in self.eks.of_region(region):
            if cluster.document["zonalShiftConfig"].get("enabled"):
                subnets = [ec2.get_subnet(subnet) for subnet in cluster.document["resourcesVpcConfig"]["subnetIds"]]
                zones = tuple(sorted({subnet.availability_zone_id for subnet in subnets}))
                found.append(Managed(arn=cluster.document["arn"], name=cluster.name, zone_ids=zones))
        for balancer in elbv2_backends[self.account][region].load_balancers.values():
            if balancer.attrs.get("zonal_shift.config.enabled") == "true":
                zones = tuple(sorted(subnet.availability_zone_id for subnet in balancer.subnets))
                found.append(Managed(arn=balancer.arn, name=balancer.name, zone_ids=zones))
        return found

    def resource(self, region: str, identifier: str) -> Managed:
        """One resource that takes part, by ARN. Raises ResourceNotFoundException."""
        for managed in self.managed(region):
            if managed.arn == identifier:
                return managed
        raise AwsError("ResourceNotFoundException", f"Resource {identifier} is not managed by zonal shift", 404)


class ZonalShift(Serial):
    """arc-zonal-shift's API in one Region; `shifts` is bound before first use."""

    name: ClassVar[str] = "arc-zonal-shift"
    shifts: ClassVar[Shifts]

    def start_zonal_shift(self) -> ActionResult:
        """StartZonalShift. Raises ConflictException while the resource has an active one."""
        inputs = self.inputs()
        resource = self.shifts.resource(self.region, inputs["resourceIdentifier"])
        if inputs["awayFrom"] not in resource.zone_ids:
            message = f"{inputs['awayFrom']} is not an Availability Zone of {resource.arn}: {', '.join(resource.zone_ids)}"
            raise AwsError("ValidationException", message, 400, reason="InvalidAz")
        if any(shift.resource == resource.arn for shift in self.shifts.active(self.region)):
            message = f"A zonal shift is already active for {resource.arn}"
            raise AwsError("ConflictException", message, 409, reason="ZonalShiftAlreadyExists")
        started = self.shifts.clock()
        shift = Shift(
            shift_id=str(uuid.uuid4()),
            region=self.region,
            resource=resource.arn,
            away_from=inputs["awayFrom"],
            comment=inputs["comment"],
            started=started,
            expires=started + _duration(inputs["expiresIn"]),
        )
        self.shifts.made[shift.shift_id] = shift
        return ActionResult(shift.described(started))

    def update_zonal_shift(self) -> ActionResult:
        """UpdateZonalShift: comment and expiry, counted from now. Raises ConflictException for one that is over."""
        inputs = self.inputs()
        shift = self._active(inputs["zonalShiftId"])
        shift.comment = inputs.get("comment") or shift.comment
        if inputs.get("expiresIn"):
            shift.expires = self.shifts.clock() + _duration(inputs["expiresIn"])
        return ActionResult(shift.described(self.shifts.clock()))

    def cancel_zonal_shift(self) -> ActionResult:
        """CancelZonalShift. Raises ConflictException for one that is over."""
        shift = self._active(self.inputs()["zonalShiftId"])
        shift.canceled = True
        return ActionResult(shift.described(self.shifts.clock()))

    def _active(self, shift_id: str) -> Shift:
        shift = self.shifts.shift(self.region, shift_id)
        if (status := shift.status(self.shifts.clock())) != ACTIVE:
            raise AwsError("ConflictException", f"Zonal shift {shift_id} is {status}", 409, reason="ZonalShiftStatusNotActive")
        return shift

    def list_zonal_shifts(self) -> ActionResult:
        """ListZonalShifts, by status and resource."""
        inputs, moment = self.inputs(), self.shifts.clock()
        found = [shift for shift in self.shifts.made.values() if shift.region == self.region]
        if resource := inputs.get("resourceIdentifier"):
            found = [shift for shift in found if shift.resource == resource]
        if status := inputs.get("status"):
            found = [shift for shift in found if shift.status(moment) == status]
        return ActionResult({"items": [shift.described(moment) for shift in found]})

    def get_managed_resource(self) -> ActionResult:
        """GetManagedResource: the weight of each zone (0 for one shifted away from) and the active shifts."""
        resource = self.shifts.resource(self.region, self.inputs()["resourceIdentifier"])
        active = [shift for shift in self.shifts.active(self.region) if shift.resource == resource.arn]
        away = {shift.away_from for shift in active}
        moment = self.shifts.clock()
        return ActionResult(
            {
                "arn": resource.arn,
                "name": resource.name,
                "appliedWeights": {zone: 0.0 if zone in away else 1.0 for zone in resource.zone_ids},
                "zonalShifts": [shift.described(moment) | {"appliedStatus": "APPLIED"} for shift in active],
                "autoshifts": [],
                "zonalAutoshiftStatus": "DISABLED",
            }
        )

    def list_managed_resources(self) -> ActionResult:
        """ListManagedResources."""
        items = [
            {"arn": managed.arn, "name": managed.name, "availabilityZones": list(managed.zone_ids)}
            for managed in self.shifts.managed(self.region)
        ]
        return ActionResult({"items": items})


def _duration(expires_in: str) -> timedelta:
    """A length such as 30m or 12h. Raises ValidationException for another form or more than three days."""
    found = EXPIRES.fullmatch(expires_in)
    length = timedelta(**{"minutes" if found[2] == "m" else "hours": int(found[1])}) if found else timedelta()
    if not timedelta() < length <= LONGEST:
        message = f"expiresIn must be a number of minutes or hours up to three days, such as 30m or 12h, not {expires_in}"
        raise AwsError("ValidationException", message, 400, reason="InvalidExpiresIn")
    return length
