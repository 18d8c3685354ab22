"""Where a lab is: the Regions of the architecture with the zones its subnets are in, and AWS's own addresses in each Region.

us-east-1 is always there, with or without zones: the control planes of Route 53 and IAM are in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from hadr_lab.aws.front import EDGE, GLOBAL_HOMES
from hadr_lab.aws.views import AwsState

FRONT_HOST, FRONT_PORT = 10, 80
RESOLVER_HOST = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Region to the names of its zones, both in order of their names."""

    zones: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, state: AwsState) -> Self:
        """The places that the subnets of `state` are in."""
        found: dict[str, set[str]] = {GLOBAL_HOMES["route53"]: set()}
        for region in state.regions():
            found.setdefault(region, set()).update(subnet.zone for subnet in state.subnets(region))
        return cls(zones={region: tuple(sorted(found[region])) for region in sorted(found)})

    @property
    def regions(self) -> tuple[str, ...]:
        """Every Region that has an API."""
        return tuple(self.zones)

    @property
    def inhabited(self) -> tuple[str, ...]:
        """The Regions in which the architecture has something."""
        return tuple(region for region, zones in self.zones.items() if zones)

    def address(self, place: str, host: int) -> str:
        """Address `host` of AWS's own range in a Region, or of the edge. Raises ValueError for a Region that the lab has not."""
        return f"198.18.{0 if place == EDGE else self.regions.index(place) + 1}.{host}"
