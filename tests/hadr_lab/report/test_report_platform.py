"""The page's part about zones, crossings and shares: there when there is something to tell, and as text only."""

from __future__ import annotations

from tests.hadr_lab.report.test_report import a_result

from hadr_lab.drill.crossings import Counts, crossings
from hadr_lab.report.platform import platform
from hadr_lab.result import PlatformResult, ShareResult

COUNTED = crossings(
    Counts(at=0.0), Counts(at=30.0, pairs={("r-1a", "r-1b"): 4_000}, flows={("r-1a", "r-1b", 3306): 3_000}), zones=("r-1a", "r-1b"),
    requests=10,
)  # fmt: skip


def test_a_drill_of_a_region_says_nothing_of_zones() -> None:
    """Nothing was harmed by zone, counted or drawn."""
    assert platform(a_result()) == ""


def test_a_lost_zone_is_told_with_its_times() -> None:
    """When the balancer let go, when the pods were whole again, and where they are."""
    seen = PlatformResult(
        spread_before={"one/web": ("r-1a", "r-1b")},
        spread_after={"one/web": ("r-1b",)},
        ready_before={"one/web": 2},
        harmed=("r-1a",),
        targets_gone_s=1.5,
        last_asked_s={"one": 4.0, "two": None},
    )
    said = platform(a_result(platform=seen))
    assert "Harmed or left: r-1a." in said
    assert "after 1.5 s; every workload had as many ready pods as before outside it after -." in said
    assert "<td>r-1a, r-1b</td><td>r-1b</td>" in said
    assert "not after the onset" in said


def test_crossings_are_told_by_tier_with_the_price_and_its_source() -> None:
    """Bytes, per request, and what they cost."""
    said = platform(a_result(crossings=COUNTED))
    assert "app to database" in said
    assert "300.0" in said
    assert "0.0080 USD per million requests" in said
    assert "on-demand pricing" in said


def test_draws_are_told_with_the_test_of_them() -> None:
    """And what a run says cannot become markup."""
    share = ShareResult(drawn={"<one>": 60, "two": 40}, statistic=4.0, chance=0.0455, fair=True)
    said = platform(a_result(shares=share))
    assert "p 0.0455: no evidence against the weights" in said
    assert "&lt;one&gt;" in said
    assert "60.0%" in said
