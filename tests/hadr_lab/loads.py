"""The account that a load gives of itself, for tests."""

from __future__ import annotations

from typing import Any

from hadr_lab.history import LoadSummary


def a_summary(attempts: int, **changes: Any) -> LoadSummary:
    """Of a load that ended in order after 200 s, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "ids": "w",
        "started": 0.0,
        "ended": 200.0,
        "offered": attempts,
        "attempts": attempts,
        "interrupted": False,
        "scheduling_lag_p50_s": 0.0,
        "scheduling_lag_p99_s": 0.001,
        "scheduling_lag_max_s": 0.001,
        "in_flight_max": 1,
        "dns_queries": 1,
        "connections": 1,
        "cpu_s": 0.1,
        "peak_rss_mb": 30.0,
    }
    return LoadSummary(**(values | changes))
