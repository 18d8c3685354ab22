"""The other two drills on the real parts: replication that stalled before the loss, and the reference's published procedure."""

from __future__ import annotations

import pytest
from tests.hadr_lab.demo_drill import Drilled, once

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


stalled = once("region-loss-stalled-replication")
"""A drill in which replication stalls a second before the loss."""
published = once("as-published")
"""A drill in which the published three steps are followed."""


def test_a_stall_before_the_loss_loses_what_was_acknowledged_in_it(stalled: Drilled) -> None:
    """The list is not empty and equals the acknowledged writes that no survivor holds, of rows and of pictures."""
    raw, found = stalled.raw, stalled.raw.result
    assert set(found["lost_writes"]) == raw.acked() - raw.held() != set()
    assert found["stores"]["database"]["lost"] > 5
    assert found["doubled_writes"] == []


def test_the_recovery_point_of_a_stall_is_about_its_length(stalled: Drilled) -> None:
    """From the oldest lost acknowledgement to the cut: the stall, which was one second before it, and not much more."""
    found = stalled.raw.result
    began = next(-fault["injected_s"] for fault in found["faults"] if fault["fault"] == "stall-replication")
    assert 0.8 <= began <= 2.5
    assert 0.8 * began <= found["rpo_by_store"]["database"] <= began + 0.5
    assert found["rpo_s"] == max(found["rpo_by_store"].values())


def test_lost_writes_are_no_reason_against_a_recovery(stalled: Drilled) -> None:
    """Loss that the loss of the link explains is valid and reported; the clients recovered, and the exit code says so."""
    assert (stalled.code, stalled.raw.result["verdict"]) == (0, "valid"), stalled.printed
    assert [e for e in stalled.raw.result["expectations"] if not e["met"]] == []
    assert stalled.left == []


def test_the_published_procedure_brings_no_write_back(published: Drilled) -> None:
    """Rows and pictures fail to the end, the table says with what, and the exit code is no."""
    found = published.raw.result
    assert (published.code, found["actor"], found["clients_recovered"]) == (1, "as-published", False), published.printed
    for kind in ("write", "file"):
        assert not found["kinds"][kind]["recovered"]
        assert found["kinds"][kind]["at_the_end"]
        assert f"not recovered: {found['kinds'][kind]['at_the_end']}" in published.printed


def test_the_published_procedure_leaves_the_name_where_it_was(published: Drilled) -> None:
    """Clients are still led to the lost member: its weight could not be moved, and the other one is not ready for writes."""
    history = published.raw.history
    last = max(op["intended"] for op in history) - 4
    tried = {op["address"] for op in history if op["intended"] > last}
    assert tried
    assert all(address.startswith("10.1.") for address in tried)


def test_the_published_procedure_says_which_of_its_steps_failed(published: Drilled) -> None:
    """Its node maker runs and its pods run; its change of weights needs the control plane that was lost."""
    steps = {step["name"]: step for step in published.raw.result["steps"]}
    assert [steps[name]["status"] for name in ("scale-karpenter", "wait-for-workload", "change-weights")] == [
        "done",
        "done",
        "failed",
    ]
    assert "Route 53 did not change the weights: no answer within 60 s" in steps["change-weights"]["proof"]
    assert "Route 53 did not change the weights" in published.printed


def test_every_expectation_of_the_published_procedure_was_met(published: Drilled) -> None:
    """What the scenario claims of it is what was seen, and every acknowledged write is accounted for."""
    found = published.raw.result
    assert [e for e in found["expectations"] if not e["met"]] == []
    assert set(found["lost_writes"]) == published.raw.acked() - published.raw.held()
    assert published.left == []
