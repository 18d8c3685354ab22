"""Both HA architectures lose a zone under load with nobody acting: what clients, books, pods and balancers went through."""

from __future__ import annotations

import msgspec
import pytest
from tests.hadr_lab.demo_drill import Drilled, once

from hadr_lab.drill.crossings import saving
from hadr_lab.result import CrossingResult

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

single = once("zone-loss-single", architecture="ha-single-cluster")
"""The single cluster loses the zone of its database's writer."""
multi = once("zone-loss-multi", architecture="ha-multi-cluster")
"""The pair of clusters loses the zone of member one."""

left = once("evacuate-and-return", architecture="ha-single-cluster")
"""The single cluster leaves the zone of its database's writer while all is well, and returns to it."""


@pytest.mark.parametrize("architecture", ["single", "multi"])
def test_no_acknowledged_write_is_lost_with_a_zone(architecture: str, request: pytest.FixtureRequest) -> None:
    """Valid books, everything as the scenario expects, and nothing of the lab left."""
    found: Drilled = request.getfixturevalue(architecture)
    assert (found.raw.result["verdict"], found.code) == ("valid", 0), found.printed
    assert found.raw.acked() - found.raw.held() == set() == set(found.raw.result["lost_writes"])
    assert [e for e in found.raw.result["expectations"] if not e["met"]] == []
    assert found.left == []


def test_clients_noticed_and_got_over_it(multi: Drilled) -> None:
    """The outage began after the onset, has a length, and nobody acted."""
    result = multi.raw.result
    assert result["actor"] == "nobody"
    assert result["clients_recovered"]
    assert 0 < result["client_outage_s"] < 60
    assert result["faults"][0]["zones"] == result["platform"]["harmed"]


def test_the_single_cluster_is_spread_before_and_refilled_in_the_zones_that_remain(single: Drilled) -> None:
    """By Karpenter: as many ready pods as before, none in the lost zone."""
    platform = single.raw.result["platform"]
    lost = set(platform["harmed"])
    for name, zones in platform["spread_before"].items():
        assert len(zones) == 3, name
        assert set(platform["spread_after"][name]) == set(zones) - lost
    assert platform["refilled_s"] is not None


def test_the_writer_is_in_another_zone_afterwards(single: Drilled) -> None:
    """The zone that was lost was the writer's, and writes came back: before the loss there is time for some 300."""
    assert single.raw.result["acked_writes"] > 1000
    calls = (single.raw.folder / "logs" / "lab.log").read_text()
    assert f"its writer in {single.raw.result['platform']['harmed'][0]} does not serve" in calls


def test_the_pair_moves_a_tenth_between_zones(single: Drilled, multi: Drilled) -> None:
    """Bytes per request, before the harm, under the same load: what is left are writes of the member that has not the writer."""
    one, other = (msgspec.convert(drill.raw.result["crossings"], CrossingResult) for drill in (single, multi))
    less = saving(one, other)
    assert less is not None
    assert less >= 0.9, comparison_of(one, other)


def comparison_of(*found: CrossingResult) -> list[dict[str, float]]:
    """Bytes per request by tier of each."""
    return [{tier: count / each.requests for tier, count in each.by_tier.items()} for each in found]


def test_the_lost_zone_leaves_all_traffic_on_the_other_member(multi: Drilled) -> None:
    """Clients that follow DNS ask two alone from health check and TTL on."""
    asked = multi.raw.result["platform"]["last_asked_s"]
    assert asked["two"] > asked["one"]


def test_a_healthy_zone_is_left_and_returned_to_without_a_failed_request(left: Drilled) -> None:
    """Although the database's writer had to move: pods, traffic and writer went, and nobody noticed."""
    found = left.raw.result
    assert [e for e in found["expectations"] if not e["met"]] == [], left.printed
    assert (found["failed_requests"], found["act_exit_code"]) == (0, 0), left.printed
    done = {step["name"]: step["status"] for step in found["steps"]}
    assert done == dict.fromkeys(("close-zone", "replace-pods", "move-writer", "leave-zone", "prove"), "done")
    assert left.raw.acked() - left.raw.held() == set()
    assert left.left == []
