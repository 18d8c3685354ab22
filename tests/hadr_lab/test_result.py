"""The result as a file and as a table for a terminal, and the exit code it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hadr_lab import result as results
from hadr_lab.result import Expectation, GroupResult, Result, headline, seconds, table

TABLE = """\
VALID: clients recovered after 5.0 s; 2 of 1,234 acknowledged writes lost (region-loss, hadr, speed 20)

phase
-------------------
onset to detected    1.4 s
detected to decided  900 ms
act                  15.6 s
prove                500 ms
clients recovered    -

measured
---------------------------
client outage                5.0 s
requests, failed             25,000, 1,200
  where DNS is followed      110, 59
    read                     50 of 100 failed, recovered
    write                    9 of 10 failed, not recovered: 503 database: read-only
writes acked, lost, doubled  1,234, 2, 0
recovery point               35 ms
critical path of the act     15.5 s (waits alone 12.1 s; 29.6 s one after the other)
the same with AWS's waits    4 min 48 s
peak memory                  2.93 GiB

! the load generator itself was late

! expected lost writes: none; seen: 2

report  runs/latest/report.html
"""


def a_result(**changes: Any) -> Result:
    """A drill that went well."""
    values: dict[str, Any] = {
        "scenario": "region-loss",
        "architecture": "dr-multi-region",
        "seed": 1,
        "speed": 20.0,
        "started": "2026-01-05T07:59:40.000Z",
        "verdict": "valid",
        "phases": {"onset_to_detected": 1.4, "detected_to_decided": 0.9, "act": 15.6, "prove": 0.5, "clients_recovered": None},
        "client_outage_s": 5.0,
        "requests": 25_000,
        "failed_requests": 1_200,
        "acked_writes": 1_234,
        "lost_writes": ("w-17", "w-18"),
        "doubled_writes": (),
        "rpo_s": 0.035,
        "critical_path_s": 15.5,
        "floor_s": 12.1,
        "peak_rss_mb": 3000.0,
        "simulated_waits": {},
        "versions": {},
        "sequential_s": 29.6,
        "aws_critical_path_s": 288.1,
        "clients_recovered": True,
        "reasons": ("the load generator itself was late",),
        "kinds": {
            "read": GroupResult(requests=100, failed=50, recovered=True, outage_s=5.0, errors={"timeout": 50}),
            "write": GroupResult(requests=10, failed=9, recovered=False, outage_s=None, at_the_end="503 database: read-only"),
        },
        "expectations": (
            Expectation(what="verdict", expected="valid", seen="valid", met=True),
            Expectation(what="lost writes", expected="none", seen="2", met=False),
        ),
    }
    return Result(**(values | changes))


def test_the_table_answers_first_and_shows_what_was_not_as_expected() -> None:
    """The golden text of a drill."""
    assert table(a_result(), report=Path("runs/latest/report.html")) == TABLE


@pytest.mark.parametrize(
    ("recovered", "outage", "words"),
    [(True, 5.0, "recovered after 5.0 s"), (True, 0.0, "had no outage"), (False, None, "did not recover")],
)
def test_the_headline_says_what_clients_went_through(*, recovered: bool, outage: float | None, words: str) -> None:
    """Nobody recovers from what was not."""
    found = a_result(clients_recovered=recovered, client_outage_s=outage)
    assert headline(found) == f"VALID: clients {words}; 2 of 1,234 acknowledged writes lost (region-loss, hadr, speed 20)"


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    """Written in one step and read back unchanged."""
    results.write(tmp_path, a_result())
    assert results.read(tmp_path) == a_result()
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("verdict", "recovered", "code"),
    [("valid", True, 0), ("valid", False, 1), ("invalid", True, 1), ("unknown", True, 2), ("unknown", False, 2)],
)
def test_the_exit_code_is_zero_only_for_valid_and_recovered(verdict: str, recovered: bool, code: int) -> None:
    """Unknown is 2, everything else is 1."""
    assert a_result(verdict=verdict, clients_recovered=recovered).exit_code == code


def test_as_expected_needs_every_expectation() -> None:
    """One that was not met is enough; none at all is not enough."""
    assert not a_result().as_expected
    assert not a_result(expectations=()).as_expected
    assert a_result(expectations=a_result().expectations[:1]).as_expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (0.0, "0.0 s"),
        (0.0354, "35 ms"),
        (1.0, "1.0 s"),
        (61.24, "61.2 s"),
        (119.9, "2 min 00 s"),
        (288.1, "4 min 48 s"),
    ],
)
def test_seconds_are_written_for_people(value: float | None, words: str) -> None:
    """Milliseconds below a second, minutes from two minutes on, and a dash for what is not known."""
    assert seconds(value) == words
