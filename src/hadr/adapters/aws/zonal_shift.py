"""Zonal shifts of the members' load balancers through ARC, asked in the member's own Region, by zone id.

ARC knows one shift of a resource at a time, and every shift has an end. A shift is hadr's own when its comment says so.
"""

from __future__ import annotations

from datetime import timedelta

from hadr.adapters.aws.calls import Caller
from hadr.adapters.aws.elb import Elb
from hadr.core.placement import ZonalShift
from hadr.core.site import Member

MARK = "hadr "
SERVICE = "arc-zonal-shift"


class ZonalShifts:
    """The zonal shifts that hold."""

    def __init__(self, call: Caller, elb: Elb) -> None:
        self._call = call
        self._elb = elb

    def active(self, member: Member) -> tuple[ZonalShift, ...]:
        """Those of the member's load balancer."""
        arn = self._elb.balancer(member)
        found = self._call(SERVICE, "list_zonal_shifts", member.region, status="ACTIVE", resourceIdentifier=arn)["items"]
        return tuple(
            ZonalShift(
                shift_id=str(one["zonalShiftId"]),
                zone_id=str(one["awayFrom"]),
                comment=str(one.get("comment", "")),
                expires=one["expiryTime"],
                ours=str(one.get("comment", "")).startswith(MARK),
            )
            for one in found
        )

    def start(self, member: Member, *, zone_id: str, expires: timedelta, run: str) -> str:
        """Shift the member's balancer away from a zone. Raises Rejected while another shift of it holds."""
        minutes = max(1, round(expires.total_seconds() / 60))
        made = self._call(
            SERVICE,
            "start_zonal_shift",
            member.region,
            resourceIdentifier=self._elb.balancer(member),
            awayFrom=zone_id,
            expiresIn=f"{minutes}m",
            comment=f"{MARK}{run}",
        )
        return f"zonal shift {made['zonalShiftId']} away from {zone_id} for {minutes} min"

    def cancel(self, member: Member, *, zone_id: str) -> str:
        """End the shift away from a zone, if one holds."""
        held = [shift for shift in self.active(member) if shift.zone_id == zone_id]
        for shift in held:
            self._call(SERVICE, "cancel_zonal_shift", member.region, zonalShiftId=shift.shift_id)
        return f"ended zonal shift {', '.join(shift.shift_id for shift in held)}" if held else f"no zonal shift away from {zone_id}"
