"""`hadr shift` on the real parts, under load: there and back without a failed request, and from a member that breaks or slows."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import pytest
from tests.hadr_lab.demo_drill import Drilled, once

from hadr.core.journal import run_record, verify
from hadr_lab.waits import Wait, Waits

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


there_and_back = once("shift-and-return", architecture="ha-multi-cluster")
"""50/50, 100/0, 50/50."""
broken = once("shift-to-broken-member", architecture="ha-multi-cluster")
"""Towards a member that cannot use its files once it gets more clients."""
slow = once("shift-to-slow-member", architecture="ha-multi-cluster")
"""Towards a member whose zone becomes slow once it gets more clients."""
left = once("evacuate-member-and-return", architecture="ha-multi-cluster")
"""Member one's zone is left while all is well, and returned to."""


def test_shifting_all_weight_and_back_fails_no_request(there_and_back: Drilled) -> None:
    """No request of any client, no acknowledged write, and everything else as the scenario expects."""
    found = there_and_back.raw.result
    assert (there_and_back.code, found["failed_requests"], found["act_exit_code"]) == (0, 0, 0), there_and_back.printed
    assert found["requests"] > 3000
    assert [e for e in found["expectations"] if not e["met"]] == []
    assert there_and_back.raw.acked() - there_and_back.raw.held() == set()
    assert there_and_back.left == []


def test_clients_leave_and_come_back(there_and_back: Drilled) -> None:
    """Counted from the raw history: while two has no weight, and the slowest has asked anew, nobody who honours the TTL asks it."""
    found = there_and_back.raw.result
    waits = Waits(speed=found["speed"])
    settled = sum(waits.scaled(wait).total_seconds() for wait in (Wait.DNS_PROPAGATION, Wait.DNS_TTL)) + 60 / found["speed"]
    (stage,) = (stage for stage in found["stages"] if stage["weights"] == {"one": 100, "two": 0})
    onset = _seconds(found["onset"])
    asked = _asked(there_and_back, onset + stage["since_s"] + settled, onset + stage["until_s"])
    assert asked["one"] > 300
    assert asked["two"] == 0
    last = found["stages"][-1]
    back = _asked(there_and_back, onset + last["since_s"] + settled, onset + last["until_s"])
    assert min(back["one"], back["two"]) > 0.25 * back.total()


def test_a_shift_to_a_member_that_breaks_goes_back_by_itself(broken: Drilled) -> None:
    """It ends with no and one clear line, and Route 53 holds what it held at first."""
    _assert_returned(broken, because=r"clients are worse off: .*peccy-two\S*: \d+ of \d+ answers failed")


def test_the_journal_of_a_broken_shift_ends_with_its_return(broken: Drilled) -> None:
    """Its chain holds; the return was asked for once a stage had failed, and within seconds of the harm."""
    record = run_record(verify((broken.raw.folder / "journal.jsonl").read_text()).entries)
    steps = {step.name: step.status for step in record.steps}
    assert (record.status, steps["return"]) == ("failed", "done")
    assert "failed" in steps.values()
    assert 0 < broken.raw.result["moments"]["decided"] < 15


def test_a_shift_to_a_member_that_becomes_slow_goes_back_by_itself(slow: Drilled) -> None:
    """Without a failed answer to hadr: the words tell milliseconds of now and of before; Route 53 holds what it held at first."""
    _assert_returned(slow, because=r"peccy-two\S*: 5 answers in a row took over \d+ ms \(\d+ ms before\)")


def test_the_return_from_a_slow_member_waits_for_no_heal(slow: Drilled) -> None:
    """It was asked for while the zone was still slow: after five answers, before the harm's end."""
    record = run_record(verify((slow.raw.folder / "journal.jsonl").read_text()).entries)
    steps = {step.name: step.status for step in record.steps}
    assert (record.status, steps["75%"], steps["return"]) == ("failed", "failed", "done")
    assert 4 < slow.raw.result["moments"]["decided"] < 15


def test_a_members_zone_is_left_and_returned_to_without_a_failed_request(left: Drilled) -> None:
    """Of no client: who honours the TTL, who keeps a connection, who never resolves again and stays with the one that was left."""
    found = left.raw.result
    assert [e for e in found["expectations"] if not e["met"]] == [], left.printed
    assert (found["failed_requests"], found["act_exit_code"]) == (0, 0), left.printed
    assert {name: bool(of["requests"]) for name, of in found["populations"].items()} == dict.fromkeys(
        ("ttl", "pinned", "forever"), True
    )
    assert [step["name"] for step in found["steps"]] == ["grow-other", "move-writer", "move-weights", "close-zone", "prove"]
    assert {step["status"] for step in found["steps"]} == {"done"}
    assert left.raw.acked() - left.raw.held() == set()


def _assert_returned(drill: Drilled, *, because: str) -> None:
    """hadr ended with no and one line that says why; the weights are those of before, and nothing of the lab is left."""
    found = drill.raw.result
    assert (found["act_exit_code"], found["verdict"]) == (1, "valid"), drill.printed
    assert re.search(because, found["act_said"]), found["act_said"]
    assert "The weights are back at one=50,two=50" in drill.printed
    assert found["weights_before"] == found["weights_after"] == {"one": 50, "two": 50}
    assert [e for e in found["expectations"] if not e["met"]] == []
    assert drill.left == []


def _asked(drill: Drilled, since: float, until: float) -> Counter[str]:
    """Requests by member of clients that honour the TTL, sent in that span."""
    member_at = {net.partition("/")[0]: name for name, of in drill.raw.result["members"].items() for net in of["networks"]}
    return Counter(
        member_at[op["address"]]
        for op in drill.raw.history
        if op["client"].startswith("ttl-") and op["sent"] and op["address"] in member_at and since <= op["intended"] < until
    )


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
