"""Head-room held against grown: the same span of both drills, time in the lab and on AWS, and nodes by the price list."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.hadr_lab.report.test_report import a_result

from hadr_lab import prices
from hadr_lab.drill.headroom import Way, comparison, span, way_of
from hadr_lab.drill.sight import Node, Pod, Sight, machines, whole
from hadr_lab.errors import UsageError
from hadr_lab.history import Kind, Operation, Outcome
from hadr_lab.result import MemberResult, PlatformResult, Result
from hadr_lab.scenario import Replicas, load

LOSS = 1_767_600_000.0
MEMBERS = {name: MemberResult(region="ap-southeast-1", networks=()) for name in ("one", "two")}
TWICE = {"one": {"m6i.large": 3}, "two": {"m6i.large": 3}}
HALF = {"one": {"m6i.large": 2}, "two": {"m6i.large": 2}}


def a_drill(ended: str, **platform: Any) -> Result:
    """A drill whose loss was at eight o'clock."""
    given: dict[str, Any] = {
        "ready_before": {"one/peccy-app": 6, "two/peccy-app": 6},
        "nodes_before": TWICE,
        "nodes_after": TWICE,
        "whole_s": 0.0,
    }
    seen = PlatformResult(**(given | platform))
    return a_result(onset="2026-01-05T08:00:00.000Z", ended=ended, platform=seen, members=MEMBERS)


def an_answer(after_s: float, *, took_s: float = 0.01, ok: bool = True, client: str = "ttl-1") -> Operation:
    """A read that was due so long after the loss."""
    at = LOSS + after_s
    outcome = Outcome.OK if ok else Outcome.FAIL
    return Operation(
        id="r", kind=Kind.READ, client=client, intended=at, sent=at, finished=at + took_s, outcome=outcome, status=None,
        address=None, attempt=1, latency_s=took_s,
    )  # fmt: skip


def dollars(kind: str, region: str) -> float:
    """A made-up list."""
    return {("m6i.large", "ap-southeast-1"): 100.0}[kind, region]


def a_way(result: Result, *operations: Operation, within_s: float = 60.0) -> Way:
    """As one of the two."""
    return way_of(result, operations, within_s=within_s, price=dollars)


def test_both_are_judged_over_the_span_that_both_saw() -> None:
    """The longer drill has no more time to fail in, and what came before the loss counts in neither."""
    results = (a_drill("2026-01-05T08:01:00.000Z"), a_drill("2026-01-05T08:02:00.000Z"))
    assert span(results) == 60.0
    seen = [an_answer(-1, ok=False), an_answer(1, ok=False), an_answer(2), an_answer(3, took_s=1.5), an_answer(61, ok=False)]
    way = a_way(results[1], *seen, an_answer(4, ok=False, client="forever-1"))
    assert (way.requests, way.failed, way.slow, way.p99_s) == (3, 1, 1, 1.5)


def test_growing_on_aws_takes_the_waits_for_a_node_in_full() -> None:
    """45 s to boot and 10 s to pull, of which the lab waited a twentieth; where no node was made nothing is waited for."""
    grown = a_drill("2026-01-05T08:01:00.000Z", whole_s=20.0, nodes_before=HALF, nodes_after={"two": {"m6i.large": 3}})
    assert a_way(grown).whole_on_aws_s == pytest.approx(20.0 + 55.0 * 19 / 20)
    assert a_way(grown).made == 1
    held = a_drill("2026-01-05T08:01:00.000Z", nodes_after={"two": {"m6i.large": 3}})
    assert (a_way(held).whole_s, a_way(held).whole_on_aws_s, a_way(held).made) == (0.0, 0.0, 0)


def test_money_is_that_of_the_nodes_in_normal_running() -> None:
    """Those of both members, before the loss; what was made after it is not held."""
    held = a_way(a_drill("2026-01-05T08:01:00.000Z"))
    grown = a_way(a_drill("2026-01-05T08:01:00.000Z", whole_s=20.0, nodes_before=HALF))
    assert (held.usd, grown.usd) == (600.0, 400.0)
    lines = comparison(held, replace(grown, failed=7, requests=1000), within_s=60.0).splitlines()
    assert lines[0].startswith("Holding head-room costs 200 USD a month more than growing after the loss")
    assert "| pods in normal running, both members | 12 peccy-app | 12 peccy-app |" in lines
    assert "| their nodes | 6 x m6i.large | 4 x m6i.large |" in lines
    assert "| pods for the whole load on the member that is left | at once | after 20.0 s |" in lines
    assert "| requests failed in the 60 s after the loss | 0 of 0 | 7 of 1,000 |" in lines


def test_a_drill_that_did_not_get_there_is_refused() -> None:
    """In one line that says which, not a table with a hole."""
    with pytest.raises(UsageError, match="never seen"):
        a_way(a_drill("2026-01-05T08:01:00.000Z", whole_s=None))
    with pytest.raises(UsageError, match="broken off"):
        span([a_result(onset="", ended="2026-01-05T08:01:00.000Z")])


def test_prices_are_those_of_the_list_of_infra() -> None:
    """With the Region's own, a month of 730 hours and the node's disk; a type that is not in the list is named."""
    assert prices.node("m6i.large", "ap-southeast-1") == pytest.approx(0.12 * 730 + 20 * 0.096)
    with pytest.raises(UsageError, match=r"infra/prices.json has no price of x9.huge: add it"):
        prices.node("x9.huge", "us-east-1")


def a_sight(at: float, one: int, two: int) -> Sight:
    """So many ready app pods in the zone of each member."""
    pods = [Pod(member="one", workload="peccy-app", zone="a", ready=True)] * one
    return Sight(at=at, pods=(*pods, *[Pod(member="two", workload="peccy-app", zone="b", ready=True)] * two))


def test_the_whole_load_has_its_pods_when_those_outside_the_harmed_zone_are_enough() -> None:
    """Whoever's they are; those in the lost zone look ready until their node is given up, and count for nothing.

    Once they are there, a moment in which they wait for the database is no lack of them.
    """
    looks = [a_sight(1, 3, 3), a_sight(2, 3, 5), a_sight(3, 0, 6), a_sight(4, 0, 5), a_sight(5, 0, 6)]
    assert whole(looks, {"peccy-app": 6}, harmed=("a",)) == 3
    assert whole(looks, {"peccy-app": 6}, harmed=()) == 1
    assert whole(looks, {"peccy-app": 7}, harmed=("a",)) is None


def test_nodes_are_counted_by_member_and_type_once_they_are_ready() -> None:
    """One that is on its way is not there yet."""
    nodes = [
        Node(member=name, zone="z", kind="c5.large", ready=ready) for name, ready in (("two", True), ("one", True), ("one", False))
    ]
    assert machines(Sight(at=0, nodes=(*nodes, nodes[0]))) == {"one": {"c5.large": 1}, "two": {"c5.large": 2}}


def test_both_scenarios_lose_the_same_and_want_the_same_in_the_end() -> None:
    """They differ in what each member is deployed with, a whole and a half, and in who acts."""
    held, grown = load("headroom-held"), load("headroom-grown")
    assert held.faults == grown.faults
    assert held.load == grown.load
    assert held.expect.whole == grown.expect.whole == held.replicas
    assert grown.replicas == Replicas(app=3, web=2)
