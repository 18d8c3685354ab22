"""Protecting, switching over and failing back in the in-memory world: whole runs, their order, their refusals, their resumption."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hadr.adapters.memory import MemoryRuns, World, example_site
from hadr.adapters.memory.ports import MemoryTraffic
from hadr.core.errors import CallError, Indefinite, Rejected, StepFailed, Throttled, UnsafePlan
from hadr.core.guards import Guard
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.plan import Plan, plan_failback, plan_failover, plan_protect, plan_switchover, stand_by_of
from hadr.core.site import Member, Site
from hadr.core.view import FilesRole, TargetsState, View
from hadr.engine import Run, observe

Planner = Callable[[Site, View, str], Plan]
CHANGES = ("start", "quiesce", "switch_over", "break_replication", "declare", "allow_overwrite", "replicate", "write_through")


class Killed(BaseException):
    """The process was killed: not an Exception, so nothing may catch it."""


class DyingJournal:
    """A journal whose process is killed right after its `lives`-th line."""

    run = "dying"

    def __init__(self, lives: int) -> None:
        self._lives = lives

    def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None:
        if self._lives == 0:
            raise Killed
        self._lives -= 1


def a_plan(world: World, planner: Planner, target: str) -> Plan:
    return planner(world.site, observe(world.site, world.ports()), target)


def carry_out(world: World, planner: Planner, target: str, allowed: Collection[Guard] = ()) -> RunRecord:
    plan, runs = a_plan(world, planner, target), MemoryRuns()
    journal = runs.begin("test", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=plan, journal=journal, allowed=allowed).carry_out()
    return run_record(verify(runs.journal(journal.run)).entries)


def well() -> World:
    return World(site=example_site(), active="one")


def failed_over() -> World:
    """Two serves after one's Region was lost; the Region is back, as it was left."""
    world = well()
    world.lose("one")
    carry_out(world, plan_failover, "two")
    world.restore("one")
    world.clock.advance(timedelta(minutes=10))
    return world


def assert_turned(world: World, to: str) -> None:
    """The goal, judged from the world itself: `to` serves and writes, the other one follows, and nothing harmful happened."""
    world.settle()
    other = world.site.other(to).name
    assert (world.writer, world.answered_by().name) == (to, to)
    assert (world.sides[to].role, world.sides[other].role) == (FilesRole.SOURCE, FilesRole.DESTINATION)
    assert world.ports().probe.ready(world.site.traffic.host).ok
    assert world.sides[other].declared_at is None
    assert world.harmed == []


def at(world: World, operation: str) -> list[datetime]:
    return [moment for moment, asked, _ in world.asked if asked == operation]


@pytest.mark.parametrize(("begin", "to"), [("one", "two"), ("two", "one")])
def test_a_switchover_turns_the_roles_round(begin: str, to: str) -> None:
    """Both ways, through the switch or by weights; afterwards the old side follows, and there is nothing left to do."""
    world = World(site=example_site(), active=begin)
    record = carry_out(world, plan_switchover, to)
    assert record.status == "done"
    assert_turned(world, to)
    assert a_plan(world, plan_switchover, to).steps == ()


def test_there_and_back_again() -> None:
    """Two switchovers end where it began."""
    world = well()
    carry_out(world, plan_switchover, "two")
    world.clock.advance(timedelta(minutes=30))
    carry_out(world, plan_switchover, "one")
    assert_turned(world, "one")
    assert {name: side.weight for name, side in world.sides.items()} == {"one": 100, "two": 0}


def test_a_lag_measured_before_the_loss_does_not_stand_for_following() -> None:
    """A Region is back: CloudWatch still has the lag of before, RDS says that the cluster is not in sync. Refused until it is."""
    world = failed_over()
    world.unsynced = "pending-resync"
    plan = a_plan(world, plan_failback, "one")
    assert [refusal.guard for refusal in plan.refusals] == [Guard.DATA_LOSS]
    assert "not in sync (pending-resync)" in str(plan.refusals[0])
    assert "database-replicating" in [step.name for step in plan.steps]
    world.unsynced = ""
    assert carry_out(world, plan_failback, "one").status == "done"
    assert_turned(world, "one")


def test_writes_stop_only_for_pods_that_the_balancer_finds() -> None:
    """A cluster that has just come back tells of its pods as they were; its balancer asks them, and that is waited for."""
    world = failed_over()
    found: list[datetime] = []

    class Slow(MemoryTraffic):
        def targets(self, member: Member) -> TargetsState:
            seen = super().targets(member)
            late = member.name == "one" and world.clock.now() < back + timedelta(seconds=40)
            found.extend([] if late or member.name == "two" else [world.clock.now()])
            return replace(seen, healthy=0) if late else seen

    back, ports, runs = world.clock.now(), replace(world.ports(), traffic=Slow(world)), MemoryRuns()
    plan = plan_failback(world.site, observe(world.site, ports), "one")
    assert {"nodes-ready", "start-capacity"}.isdisjoint(step.name for step in plan.steps)
    journal = runs.begin("late", {}, world.clock.now())
    Run(site=world.site, ports=ports, plan=plan, journal=journal).carry_out()
    assert back + timedelta(seconds=40) <= found[0] <= at(world, "quiesce")[-1]
    assert_turned(world, "one")


def test_protecting_waits_until_the_database_is_in_sync() -> None:
    """What protect sees to is that the stand-by follows: RDS's word is waited for, then the lag counts."""
    world = failed_over()
    world.unsynced = "pending-resync"
    with pytest.raises(StepFailed, match=r"database-replicating: .* not in sync \(pending-resync\)"):
        carry_out(world, plan_protect, "one")
    world.unsynced = ""
    assert carry_out(world, plan_protect, "one").status == "done"


def test_nothing_is_lost_by_the_order() -> None:
    """Capacity is there before writes stop; the writer moves after them and after a sync that is younger; traffic moves last."""
    world = well()
    record = carry_out(world, plan_switchover, "two")
    ended = {step.name: step.ended for step in record.steps}
    began = {step.name: step.started for step in record.steps}

    def before(first: str, then: str) -> bool:
        over, start = ended[first], began[then]
        return over is not None and start is not None and over <= start

    assert before("nodes-ready", "pods-found")
    assert before("pods-found", "stop-writes")
    assert before("stop-writes", "files-caught-up")
    assert before("files-caught-up", "switch-database-over")
    assert before("switch-database-over", "break-file-replication")
    assert before("targets-healthy", "move-traffic")
    assert before("prove", "reverse-file-replication")
    assert at(world, "quiesce")[0] + world.delays.sync <= at(world, "switch_over")[0]
    assert world.promotions == []


def test_the_outage_is_what_waiting_costs_and_the_plan_says_so() -> None:
    """Clients wait for the sync, the broken replication, targets and DNS; the node maker is not part of it."""
    world = well()
    plan = a_plan(world, plan_switchover, "two")
    carry_out(world, plan_switchover, "two")
    moved = at(world, "declare")[0] - at(world, "quiesce")[0]
    floor = world.delays.sync + world.delays.break_files + world.delays.pod_ready + world.delays.target_check
    assert moved <= floor * 1.2
    assert timedelta(minutes=3) < plan.outage < plan.estimate.length


def test_a_switchover_without_file_replication_is_refused() -> None:
    """Files would be lost; the refusal names the verb that mends it. Nothing is asked."""
    world = failed_over()
    asked = len(world.asked)
    with pytest.raises(UnsafePlan, match=r"data-loss: .*no replication from two ends at one; `hadr failback --to one`"):
        carry_out(world, plan_switchover, "one")
    assert len(world.asked) == asked


def test_a_switchover_with_a_lost_side_is_refused() -> None:
    """A planned change needs both; failover is for the other case."""
    world = well()
    world.lose("one")
    with pytest.raises(UnsafePlan, match="source-not-ready"):
        carry_out(world, plan_switchover, "two")
    assert world.asked == []


def test_a_lagging_database_stops_no_writes() -> None:
    """More lag than promised refuses the plan before anything is done to clients."""
    world = well()
    world.lag = timedelta(minutes=5)
    with pytest.raises(UnsafePlan, match="data-loss"):
        carry_out(world, plan_switchover, "two")
    assert world.asked == []


def test_protecting_after_a_failover_turns_the_replication_round() -> None:
    """The old half is forgotten, protection lifted, replication made; asked again there is nothing to do."""
    world = failed_over()
    record = carry_out(world, plan_protect, "one")
    assert record.status == "done"
    assert [operation for _, operation, member in world.asked if member in ("one", "two")][-3:] == [
        "break_replication",
        "allow_overwrite",
        "replicate",
    ]
    assert_turned(world, "two")
    asked = len(world.asked)
    assert a_plan(world, plan_protect, "one").steps == ()
    assert len(world.asked) == asked


def test_a_new_site_is_protected() -> None:
    """As Terraform leaves it: two file systems, each alone."""
    world = well()
    for side in world.sides.values():
        side.role = FilesRole.ALONE
    assert stand_by_of(world.site, observe(world.site, world.ports())) == "two"
    carry_out(world, plan_protect, "two")
    assert_turned(world, "one")


def test_what_follows_already_is_not_touched() -> None:
    """Protection that is there is seen and left alone."""
    world = well()
    assert a_plan(world, plan_protect, "two").steps == ()


def test_the_active_side_is_never_overwritten() -> None:
    """Protecting onto the writer, or onto the side that clients are sent to, is refused."""
    world = failed_over()
    asked = len(world.asked)
    with pytest.raises(UnsafePlan, match="roles-unclear: the database writer is two"):
        carry_out(world, plan_protect, "two")
    world.writer, world.sides["one"].weight, world.sides["two"].weight = "one", 0, 100
    with pytest.raises(UnsafePlan, match="roles-unclear: clients are sent to two, so two's files may be the newer ones"):
        carry_out(world, plan_protect, "two")
    assert len(world.asked) == asked


def test_protecting_says_what_is_overwritten() -> None:
    """What only the old side has is lost by it: people are told before they confirm."""
    notes = a_plan(failed_over(), plan_protect, "one").notes
    assert notes == ("one's files are overwritten: what one wrote and two never got is lost with it",)


def test_failing_back_is_protecting_and_switching_over() -> None:
    """From the end of a failover to where it began, in one run; writes stop only once the files are in sync."""
    world = failed_over()
    record = carry_out(world, plan_failback, "one")
    assert record.status == "done"
    assert_turned(world, "one")
    assert at(world, "replicate")[0] < at(world, "quiesce")[-1]
    assert a_plan(world, plan_failback, "one").steps == ()


def test_a_declaration_whose_answer_comes_late_is_still_withdrawn() -> None:
    """While both sides are not ready DNS fails open to the weights: that is no proof that traffic has moved."""
    world = failed_over()
    ports, runs = world.ports(), MemoryRuns()

    class Late(MemoryTraffic):
        def declared(self, member: Member) -> bool:
            world.clock.spend(timedelta(seconds=3))
            return super().declared(member)

    late = replace(ports, traffic=Late(world))
    plan = plan_failback(world.site, observe(world.site, late), "one")
    journal = runs.begin("late", {}, world.clock.now())
    Run(site=world.site, ports=late, plan=plan, journal=journal).carry_out()
    assert_turned(world, "one")


def test_failing_back_with_everything_in_place_is_a_switchover() -> None:
    """Nothing is replicated anew that follows already."""
    world = failed_over()
    carry_out(world, plan_protect, "one")
    world.clock.advance(timedelta(minutes=5))
    names = {step.name for step in a_plan(world, plan_failback, "one").steps}
    assert names == {step.name for step in a_plan(world, plan_switchover, "one").steps}


def resume(world: World, planner: Planner, target: str, lives: int) -> None:
    """One attempt that may be killed, or fail because of an earlier kill's half-done work."""
    plan = a_plan(world, planner, target)
    if plan.steps:
        try:
            Run(site=world.site, ports=world.ports(), plan=plan, journal=DyingJournal(lives)).carry_out()
        except Killed:
            return


@settings(max_examples=5, deadline=None)
@given(lives=st.integers(0, 140), again=st.integers(0, 140))
def test_killed_anywhere_a_switchover_is_started_again(lives: int, again: int) -> None:
    """Two kills at any journal lines: the same command without any lifted guard ends the same, and nothing was harmed."""
    world = well()
    for count in (lives, again, 100_000):
        resume(world, plan_switchover, "two", count)
    assert_turned(world, "two")
    assert len(at(world, "switch_over")) == 1


@settings(max_examples=5, deadline=None)
@given(lives=st.integers(0, 180), again=st.integers(0, 180))
@example(lives=0, again=22)  # between the new replication and its first sync
def test_killed_anywhere_a_failback_is_started_again(lives: int, again: int) -> None:
    """The same for the longest run there is."""
    world = failed_over()
    for count in (lives, again, 100_000):
        resume(world, plan_failback, "one", count)
    assert_turned(world, "one")
    assert len(at(world, "switch_over")) == 1


TEMPORARY: dict[str, CallError] = {
    "indefinite": Indefinite("read timed out"),
    "rejected": Rejected("not now"),
    "throttled": Throttled("slow down"),
}


@settings(max_examples=5, deadline=None)
@given(
    faults=st.lists(
        st.tuples(st.sampled_from(CHANGES), st.sampled_from(sorted(TEMPORARY)), st.booleans(), st.integers(1, 2)), max_size=4
    )
)
def test_temporary_faults_harm_nothing(faults: list[tuple[str, str, bool, int]]) -> None:
    """Whatever calls fail, took effect unseen or not, the failback ends where it should."""
    world = failed_over()
    for operation, kind, applied, times in faults:
        world.fail_next(operation, TEMPORARY[kind], applied=applied and kind == "indefinite", times=times)
    carry_out(world, plan_failback, "one")
    assert_turned(world, "one")


def test_a_database_that_goes_back_leaves_a_way_on() -> None:
    """AWS gives a switchover up: the run fails, both sides' files are alone, and failback starts from there."""
    world = well()
    world.delays = type(world.delays)(promote=timedelta(minutes=60))
    with pytest.raises(StepFailed, match="database-switched: not proven"):
        carry_out(world, plan_switchover, "two")
    world.switching_to = world.switching_until = None
    world.delays = type(world.delays)()
    with pytest.raises(UnsafePlan, match="data-loss"):
        carry_out(world, plan_switchover, "two")
    world.ports().compute.start(world.site.member("one"))
    world.clock.advance(timedelta(minutes=10))
    carry_out(world, plan_failback, "two")
    assert_turned(world, "two")
