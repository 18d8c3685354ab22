"""The traffic port over its four services: targets in ELB, switches in S3, weights in Route 53, zonal shifts in ARC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from hadr.adapters.aws.elb import Elb
from hadr.adapters.aws.route53 import Route53
from hadr.adapters.aws.switch import S3Switch
from hadr.adapters.aws.zonal_shift import ZonalShifts
from hadr.core.placement import Balancer
from hadr.core.site import Member
from hadr.core.view import HealthCheck, TargetsState


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsTraffic:
    """Where clients go, on AWS."""

    elb: Elb
    switches: S3Switch
    records: Route53
    shifts: ZonalShifts

    def balancer(self, member: Member) -> Balancer:
        return Balancer(addresses=self.elb.addresses(member), shifts=self.shifts.active(member))

    def leave_zone(self, member: Member, *, zone_id: str, expires: timedelta, run: str) -> str:
        return self.shifts.start(member, zone_id=zone_id, expires=expires, run=run)

    def return_to_zone(self, member: Member, *, zone_id: str) -> str:
        return self.shifts.cancel(member, zone_id=zone_id)

    def targets(self, member: Member) -> TargetsState:
        return self.elb.targets(member)

    def declared(self, member: Member) -> bool:
        return self.switches.declared(member)

    def weights(self) -> Mapping[str, int]:
        return self.records.weights()

    def declare(self, member: Member, *, run: str) -> str:
        return self.switches.declare(member, run=run)

    def withdraw(self, member: Member) -> str:
        return self.switches.withdraw(member)

    def try_switch(self, member: Member) -> str:
        return self.switches.try_out(member)

    def check(self, member: Member) -> HealthCheck | None:
        return self.records.check(member)

    def give_all_weight(self, member: Member, *, run: str) -> str:
        return self.records.give_all_weight(member, run=run)

    def set_weights(self, weights: Mapping[str, int], *, run: str) -> str:
        return self.records.set_weights(weights, run=run)
