"""Where a lab is, by its subnets."""

from __future__ import annotations

import pytest

from hadr_lab.aws.views import Subnet
from hadr_lab.places import Places


class Known:
    """A state with the subnets of one Region."""

    def regions(self) -> tuple[str, ...]:
        """The one."""
        return ("ap-northeast-1",)

    def subnets(self, region: str) -> tuple[Subnet, ...]:
        """Two zones, one of them twice."""
        return tuple(
            Subnet(region=region, zone=region + zone, subnet_id=f"subnet-{i}", vpc_id="vpc", cidr=f"10.1.{i}.0/24")
            for i, zone in enumerate("dac" + "a")
        )


PLACES = Places.of(Known())  # type: ignore[arg-type]  # the two reads that places need


def test_zones_are_those_that_subnets_are_in() -> None:
    """Tokyo's are a, c and d."""
    assert PLACES.zones["ap-northeast-1"] == ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")


def test_us_east_1_is_always_there() -> None:
    """Route 53's and IAM's control planes are, wherever the architecture is."""
    assert PLACES.regions == ("ap-northeast-1", "us-east-1")
    assert PLACES.inhabited == ("ap-northeast-1",)


def test_each_region_has_a_range_of_its_own() -> None:
    """The edge's is the first."""
    assert [PLACES.address(place, 10) for place in ("edge", *PLACES.regions)] == ["198.18.0.10", "198.18.1.10", "198.18.2.10"]
    with pytest.raises(ValueError, match="tuple"):
        PLACES.address("eu-west-1", 10)
