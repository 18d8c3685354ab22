"""A scenario's expectations against what was measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hadr_lab.drill.expectations import compare
from hadr_lab.result import GroupResult, Result
from hadr_lab.scenario import Expect, Losses
from hadr_lab.waits import Waits

GOOD = GroupResult(requests=10, failed=1, recovered=True, outage_s=1.0)
BAD = GroupResult(requests=10, failed=9, recovered=False, outage_s=None)


def a_result(**changes: Any) -> Result:
    """A drill that went well and lost one write."""
    values: dict[str, Any] = {
        "scenario": "s",
        "architecture": "a",
        "seed": 1,
        "speed": 1.0,
        "started": "",
        "verdict": "valid",
        "phases": {"act": 10.0},
        "client_outage_s": 1.0,
        "requests": 30,
        "failed_requests": 3,
        "acked_writes": 10,
        "lost_writes": ("w-1",),
        "doubled_writes": (),
        "rpo_s": 1.0,
        "critical_path_s": 9.0,
        "floor_s": 1.0,
        "peak_rss_mb": 1.0,
        "simulated_waits": {},
        "versions": {},
        "clients_recovered": True,
        "kinds": {"read": GOOD, "write": GOOD, "file": GOOD},
    }
    return Result(**(values | changes))


def unmet(expect: Expect, **changes: Any) -> set[str]:
    """What was not as expected."""
    return {e.what for e in compare(expect, a_result(**changes), waits=Waits(speed=20)) if not e.met}


def test_a_drill_as_expected_misses_nothing() -> None:
    """The defaults: valid, everything recovers, any loss."""
    assert unmet(Expect()) == set()


@pytest.mark.parametrize(
    ("expect", "changes", "missed"),
    [
        (Expect(), {"verdict": "unknown"}, {"verdict"}),
        (Expect(), {"clients_recovered": False}, {"clients recover"}),
        (Expect(), {"kinds": {"read": BAD, "write": GOOD}}, {"reads recover"}),
        (Expect(), {"kinds": {"read": GOOD, "write": GOOD, "file": BAD}}, {"writes recover"}),
        (Expect(writes_recover=False), {}, {"writes recover"}),
        (Expect(lost_writes=Losses.NONE), {}, {"lost writes"}),
        (Expect(lost_writes=Losses.SOME), {"lost_writes": ()}, {"lost writes"}),
        (Expect(lost_writes=Losses.SOME), {}, set()),
        (Expect(rpo_at_least=timedelta(seconds=2)), {}, {"recovery point"}),
        (Expect(rpo_at_most=timedelta(milliseconds=500)), {}, {"recovery point"}),
        (Expect(rpo_at_most=timedelta(seconds=5)), {"rpo_s": None}, {"recovery point"}),
        (Expect(), {"phases": {"act": 12.0}}, {"act, side by side"}),
        (Expect(), {"phases": {"act": 12.0}, "actor": "as-published"}, set()),
        (Expect(), {"phases": {"act": None}}, set()),
    ],
)
def test_each_expectation_can_be_missed(expect: Expect, changes: dict[str, Any], missed: set[str]) -> None:
    """One deviation, one missed expectation."""
    assert unmet(expect, **changes) == missed
