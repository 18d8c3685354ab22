"""Bytes between zones: what counts as crossing, by tier, by request, and in money."""

from __future__ import annotations

import pytest
from tests.hadr_lab.drill.test_drill_expectations import a_result

from hadr_lab.drill.crossings import PRICE, USD_PER_GB, Counts, Tier, comparison, crossings, rates, saving
from hadr_lab.errors import UsageError

ZONES = ("r-1a", "r-1b", "r-2a")
BEFORE = Counts(at=10.0, pairs={("r-1a", "r-1b"): 500, ("edge", "r-1a"): 7}, flows={("r-1a", "r-1b", 3306): 100})
AFTER = Counts(
    at=20.0,
    pairs={
        ("r-1a", "r-1b"): 3_500,
        ("r-1b", "r-1a"): 2_000,
        ("edge", "r-1a"): 1_000_000,
        ("r-1a", "r-1"): 50_000,
        ("r-1a", "r-2a"): 90_000,
    },
    flows={
        ("r-1a", "r-1b", 3306): 1_100,
        ("r-1b", "r-1a", 8080): 1_500,
        ("r-1a", "r-1b", 8000): 200,
        ("edge", "r-1a", 80): 1_000_000,
        ("r-1a", "r-2a", 3306): 90_000,
    },
    replicated={("r-1a", "r-1b"): 300, ("r-1a", "r-2a"): 7_000},
)


def test_only_what_goes_between_two_zones_of_a_region_crosses() -> None:
    """Not the clients' way in, not AWS's own side, not the way to another Region; what is of no tier is other."""
    found = crossings(BEFORE, AFTER, zones=ZONES, requests=10)
    assert found.bytes == 3_000 + 2_000 - 300
    assert found.by_tier == {"balancer to web": 1_500, "web to app": 200, "app to database": 1_000, "other": 2_000}
    assert (sum(found.by_tier.values()), found.replicated) == (found.bytes, 300)
    assert found.by_pair == {"r-1a -> r-1b": 3_000, "r-1b -> r-1a": 2_000}
    assert (found.seconds, found.bytes_per_request) == (10.0, 470.0)


def test_money_is_asked_for_what_is_charged() -> None:
    """Between a balancer and its targets nothing is, nor for replication; the rest at the published price in both directions."""
    found = crossings(BEFORE, AFTER, zones=ZONES, requests=10)
    assert found.usd_per_million_requests == pytest.approx(3_200 / 10 * 1e6 / 1e9 * USD_PER_GB, abs=1e-4)


def test_without_requests_there_is_no_figure_per_request() -> None:
    """And nothing to compare."""
    nothing = crossings(BEFORE, AFTER, zones=ZONES, requests=0)
    assert (nothing.bytes_per_request, nothing.usd_per_million_requests) == (None, None)
    assert saving(nothing, nothing) is None


def test_the_saving_is_what_the_other_moves_less() -> None:
    """Of two architectures under the same load."""
    one = crossings(BEFORE, AFTER, zones=ZONES, requests=10)
    other = crossings(BEFORE, AFTER, zones=ZONES, requests=200)
    assert saving(one, other) == pytest.approx(0.95)


def test_two_drills_are_compared_in_one_table() -> None:
    """The sentence first, then the tiers, then where the price is from."""
    one = a_result(architecture="single", crossings=crossings(BEFORE, AFTER, zones=ZONES, requests=10))
    other = a_result(architecture="multi", crossings=crossings(BEFORE, AFTER, zones=ZONES, requests=200))
    said = comparison(one, other)
    assert said.startswith("multi moves 95.0% fewer bytes between zones per request than single\n")
    assert "app to database, bytes per request" in said
    assert "database to its readers, apart" in said
    assert PRICE in said
    with pytest.raises(UsageError, match="did not count"):
        comparison(one, a_result())


def test_health_checks_count_as_often_as_on_aws() -> None:
    """At speed 20 nineteen of twenty of them are the lab's own."""
    later = Counts(
        at=12.0,
        pairs={("r-1a", "r-1b"): 720},
        flows={("r-1a", "r-1b", 3306): 100, ("r-1b", "r-1a", 8080): 0},
        replicated={("r-1a", "r-1b"): 20},
    )
    idle = rates(BEFORE, later, zones=ZONES)
    assert (idle[Tier.OTHER], idle[Tier.REPLICATION]) == (100.0, 10.0)
    found = crossings(BEFORE, AFTER, zones=ZONES, requests=10, idle=idle, speed=20)
    assert found.checks_left_out == 950
    assert found.by_tier["other"] == 2_000 - 950
    assert found.replicated == 300
    assert found.bytes_per_request == 375.0
