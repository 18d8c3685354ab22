"""The engine over the in-memory world: whole failovers, their timing, their failures and their resumption."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadr.adapters.memory import Delays, MemoryRuns, World, example_site
from hadr.adapters.memory.ports import MemoryCompute
from hadr.core.errors import CallError, Denied, Gone, Indefinite, Rejected, StepFailed, Throttled, UnsafePlan
from hadr.core.guards import Guard
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.plan import Plan, plan_failover
from hadr.core.site import Member
from hadr.core.view import ComputeState, FilesRole, Known, Unknown, What
from hadr.engine import Run, observe
from hadr.engine.run import pace


class Finished(Protocol):
    @property
    def plan(self) -> Plan: ...
    @property
    def record(self) -> RunRecord: ...


FailOver = Callable[..., Finished]
OPERATIONS = ("stop", "promote", "break_replication", "start", "declare", "write_through")


class Killed(BaseException):
    """The process was killed: not an Exception, so nothing may catch it."""


class DyingJournal:
    """A journal whose process is killed right after its `lives`-th line."""

    def __init__(self, lives: int) -> None:
        self.run = "dying"
        self._lives = lives

    def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None:
        if self._lives == 0:
            raise Killed
        self._lives -= 1


def a_lost_region(**fields: Any) -> World:
    """The site with member one's Region gone."""
    world = World(site=example_site(), active="one", **fields)
    world.lose("one")
    return world


def a_plan(world: World, target: str = "two") -> Plan:
    return plan_failover(world.site, observe(world.site, world.ports()), target)


def assert_two_serves(world: World) -> None:
    """The goal, judged from the world itself."""
    world.settle()
    assert world.writer == "two"
    assert world.sides["two"].role is FilesRole.ALONE
    assert world.answered_by().name == "two"
    assert world.ports().probe.ready("peccy.hadr.test").ok


def run_until_killed(world: World, lives: int, allowed: Collection[Guard] = ()) -> bool:
    """Start a failover that is killed after `lives` journal lines; whether it was."""
    plan = a_plan(world)
    if not plan.steps:
        return False
    try:
        Run(site=world.site, ports=world.ports(), plan=plan, journal=DyingJournal(lives), allowed=allowed).carry_out()
    except Killed:
        return True
    return False


def test_a_lost_region_is_failed_over_and_every_step_that_counts_is_proven(fail_over: FailOver) -> None:
    """The whole path: the record says done, and the world agrees."""
    world = a_lost_region()
    finished = fail_over(world)
    assert_two_serves(world)
    assert {step.name: step.status for step in finished.record.steps if step.status != "done"} == {"fence": "unknown"}
    assert finished.record.status == "done"
    assert len(world.written) == 1


def test_independent_steps_run_side_by_side(fail_over: FailOver) -> None:
    """The run takes its longest chain and no more than a quarter on top, far less than the sum of its steps."""
    record = fail_over(a_lost_region()).record
    assert record.act <= record.critical_path.length * 1.25
    assert record.sequential >= record.act * 1.5
    started = {step.name: step.started for step in record.steps}
    assert started["promote-database"] == started["break-file-replication"] == started["start-capacity"]


def test_the_run_takes_little_more_than_the_world_itself_needs(fail_over: FailOver) -> None:
    """Looking and asking cost at most a tenth on top of what files, pods, targets and DNS take by themselves."""
    delays = Delays()
    floor = delays.break_files + delays.pod_ready + delays.target_check + delays.health_check
    assert fail_over(a_lost_region()).record.act <= floor * 1.1


def test_a_silent_region_delays_nothing_but_its_own_reads(fail_over: FailOver) -> None:
    """However long a lost Region keeps silent, the failover takes the same time."""
    patient = a_lost_region(delays=Delays(silence=timedelta(seconds=30)))
    quick = a_lost_region(delays=Delays(silence=timedelta(seconds=0.1)))
    assert abs(fail_over(patient).record.act - fail_over(quick).record.act) < timedelta(seconds=1)


def test_observing_a_lost_region_costs_its_deadline_and_leaves_the_rest_known() -> None:
    """Reads about the lost member are Unknown with their reason; all others are Known. Clients' answers are waited for."""
    world = a_lost_region(delays=Delays(silence=timedelta(minutes=5)))
    before = world.clock.now()
    view = observe(world.site, world.ports(), deadline=timedelta(seconds=8))
    assert world.clock.now() - before <= timedelta(seconds=9)
    assert isinstance(view.compute("one"), Unknown)
    lost_with_the_region = {What.WEIGHTS, What.SERVICE}
    known = {read for read, reading in view.readings.items() if isinstance(reading, Known)}
    assert {read for read in view.readings if read.member == "two"} <= known
    assert {read.what for read in view.readings if not read.member} - {read.what for read in known} == lost_with_the_region


def test_a_silent_region_is_not_waited_for_to_the_end() -> None:
    """When only the control planes of a Region that answered nothing are outstanding, the look ends."""
    world = a_lost_region()
    ports = world.ports()
    before, patient = world.clock.now(), []

    class Silent(MemoryCompute):
        def observe(self, member: Member) -> ComputeState:
            if member.name == "one":
                patient.append(member.name)
                world.clock.spend(timedelta(minutes=5))
            return ports.compute.observe(member)

    view = observe(world.site, replace(ports, compute=Silent(world)))
    assert patient == ["one"]
    assert view.compute("one") == Unknown(why="no answer within 4 s")
    assert isinstance(view.compute("two"), Known)
    assert world.clock.now() - before <= timedelta(seconds=4.5)


def test_a_slow_region_that_answers_is_waited_for() -> None:
    """One answer shows that a Region is there: its other reads have their whole deadline."""
    world = World(site=example_site(), active="one")
    ports = world.ports()

    class Slow(MemoryCompute):
        def observe(self, member: Member) -> ComputeState:
            world.clock.spend(timedelta(seconds=7))
            return ports.compute.observe(member)

    view = observe(world.site, replace(ports, compute=Slow(world)))
    assert isinstance(view.compute("one"), Known)
    assert isinstance(view.compute("two"), Known)


def test_nothing_of_the_lost_region_is_asked_for_after_the_plan_but_fencing(fail_over: FailOver) -> None:
    """Every step but the fence names the target's Region only."""
    plan = fail_over(a_lost_region()).plan
    assert {step.name: step.regions for step in plan.steps if step.regions != ("us-east-2",)} == {"fence": ("us-east-1",)}


def test_a_reachable_old_side_is_fenced_before_the_promotion(fail_over: FailOver) -> None:
    """With the guard lifted, the old writer's pods are gone before the new writer is asked for."""
    world = World(site=example_site(), active="one")
    fail_over(world, allowed=[Guard.TWO_WRITERS])
    operations = [operation for _, operation, _ in world.asked]
    assert operations.index("stop") < operations.index("promote")
    assert sum(world.sides["one"].replicas.values()) == 0
    assert_two_serves(world)


def test_failing_over_a_member_that_still_serves_is_refused(fail_over: FailOver) -> None:
    """Without the flag nothing at all is asked of the world."""
    world = World(site=example_site(), active="one")
    with pytest.raises(UnsafePlan, match="two-writers"):
        fail_over(world)
    assert world.asked == []


def test_a_fence_that_hangs_holds_nothing_up() -> None:
    """The old side is read, then lost at once: the promotion waits for the fence's budget and no longer."""
    world = World(site=example_site(), active="one")
    plan = a_plan(world)
    world.lose("one")
    runs = MemoryRuns()
    journal = runs.begin("test", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=plan, journal=journal, allowed=[Guard.TWO_WRITERS]).carry_out()
    steps = {step.name: step for step in run_record(verify(runs.journal(journal.run)).entries).steps}
    assert steps["fence"].status == "unknown"
    assert steps["fence"].length <= timedelta(seconds=20)
    assert_two_serves(world)


def test_applying_a_plan_twice_changes_nothing(fail_over: FailOver) -> None:
    """The same plan again asks for nothing: every step is proven by looking."""
    world = a_lost_region()
    plan = fail_over(world).plan
    asked = len(world.asked)
    runs = MemoryRuns()
    journal = runs.begin("again", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=plan, journal=journal).carry_out()
    assert world.asked[asked:] == []


def test_planning_from_the_end_state_gives_no_steps(fail_over: FailOver) -> None:
    """What is there needs no plan, whether or not the old side can be seen."""
    world = a_lost_region()
    fail_over(world)
    assert a_plan(world).steps == ()
    world.restore("one")
    assert a_plan(world).steps == ()


def test_a_revived_region_stays_without_traffic(fail_over: FailOver) -> None:
    """The declaration outlasts the outage: DNS keeps naming the new side."""
    world = a_lost_region()
    fail_over(world)
    world.restore("one")
    world.clock.advance(timedelta(hours=1))
    assert_two_serves(world)


@settings(max_examples=25, deadline=None)
@given(lives=st.integers(0, 70), again=st.integers(0, 70))
def test_killed_anywhere_and_started_again_it_ends_the_same(lives: int, again: int) -> None:
    """Two kills at any journal lines, then a run to the end: one promotion, nothing harmful repeated, two serves."""
    world = a_lost_region()
    for count in (lives, again):
        run_until_killed(world, count)
    plan = a_plan(world)
    if plan.steps:
        runs = MemoryRuns()
        journal = runs.begin("resumed", {}, world.clock.now())
        Run(site=world.site, ports=world.ports(), plan=plan, journal=journal).carry_out()
    assert_two_serves(world)
    assert [member for _, member in world.promotions] == ["two"]
    assert sum(operation == "break_replication" for _, operation, _ in world.asked) == 1


TEMPORARY: dict[str, CallError] = {
    "indefinite": Indefinite("read timed out"),
    "rejected": Rejected("not now"),
    "throttled": Throttled("slow down"),
}


@settings(max_examples=25, deadline=None)
@given(
    faults=st.lists(
        st.tuples(
            st.sampled_from(OPERATIONS), st.sampled_from(sorted(TEMPORARY)), st.booleans(), st.integers(min_value=1, max_value=2)
        ),
        max_size=4,
    ),
    reachable=st.booleans(),
)
def test_temporary_faults_never_make_a_second_writer(faults: list[tuple[str, str, bool, int]], reachable: bool) -> None:
    """Whatever calls fail, took effect unseen or not, the database is promoted once and the goal is reached."""
    world = World(site=example_site(), active="one")
    if not reachable:
        world.lose("one")
    for operation, kind, applied, times in faults:
        took_effect = applied and kind == "indefinite"
        world.fail_next(operation, TEMPORARY[kind], applied=took_effect, times=times)
    runs = MemoryRuns()
    journal = runs.begin("faults", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=a_plan(world), journal=journal, allowed=list(Guard)).carry_out()
    assert_two_serves(world)
    assert [member for _, member in world.promotions] == ["two"]
    assert len(world.written) == 1


def test_a_timed_out_promotion_that_took_effect_is_not_asked_again(fail_over: FailOver) -> None:
    """Unknown means look first: the promotion is seen under way, so there is one request."""
    world = a_lost_region()
    world.fail_next("promote", Indefinite("read timed out"), applied=True)
    record = fail_over(world).record
    assert {step.name: step.attempts for step in record.steps}["promote-database"] == 1
    assert_two_serves(world)


def test_a_timed_out_promotion_without_effect_is_asked_again(fail_over: FailOver) -> None:
    """It is asked a second time once a later look shows that nothing happened."""
    world = a_lost_region()
    world.fail_next("promote", Indefinite("read timed out"))
    record = fail_over(world).record
    assert {step.name: step.attempts for step in record.steps}["promote-database"] == 2


def test_a_denied_step_fails_at_once_and_its_dependents_are_skipped() -> None:
    """Independent steps still finish; what could not follow is skipped; the error quotes the refusal."""
    world = a_lost_region()
    world.fail_next("promote", Denied("rds: AccessDenied"))
    runs = MemoryRuns()
    journal = runs.begin("denied", {}, world.clock.now())
    with pytest.raises(StepFailed, match="promote-database: refused: rds: AccessDenied"):
        Run(site=world.site, ports=world.ports(), plan=a_plan(world), journal=journal).carry_out()
    record = run_record(verify(runs.journal(journal.run)).entries)
    status = {step.name: step.status for step in record.steps}
    assert record.status == "failed"
    assert status["promote-database"] == "failed"
    assert status["break-file-replication"] == status["nodes-ready"] == "done"
    assert {status[name] for name in ("workload-ready", "targets-healthy", "move-traffic", "prove")} == {"skipped"}
    assert world.sides["two"].declared_at is None


def test_a_step_without_its_proof_fails_within_its_budget_and_quotes_what_was_seen() -> None:
    """An API that said yes is not enough: nodes that never come fail the run, with the last thing seen."""
    world = a_lost_region(delays=Delays(node_boot=timedelta(hours=5)))
    runs = MemoryRuns()
    journal = runs.begin("stuck", {}, world.clock.now())
    with pytest.raises(
        StepFailed, match=r"nodes-ready: not proven within 600 s; last seen: 0 service nodes Ready, 0/4 pods Running"
    ):
        Run(site=world.site, ports=world.ports(), plan=a_plan(world), journal=journal).carry_out()


def test_a_write_that_cannot_be_proven_fails_the_run() -> None:
    """Everything looks right, but the client's write never comes back: the run is a failure."""
    world = a_lost_region()
    world.fail_next("write_through", Indefinite("read timed out"), times=1000)
    journal = MemoryRuns().begin("unproven", {}, world.clock.now())
    with pytest.raises(StepFailed, match="prove: not proven within 120 s; last seen: read timed out"):
        Run(site=world.site, ports=world.ports(), plan=a_plan(world), journal=journal).carry_out()


def test_interference_is_met_by_asking_again() -> None:
    """Someone scales the node maker back to 0 while the run waits: it is started a second time."""
    world = a_lost_region()
    plan = a_plan(world)

    class Undo:
        run = "undo"

        def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None:
            if kind == "outcome" and step == "start-capacity" and not self.done:
                world.sides["two"].capacity = 0
                self.done = True

        done = False

    Run(site=world.site, ports=world.ports(), plan=plan, journal=Undo()).carry_out()
    assert sum(operation == "start" for _, operation, _ in world.asked) == 2
    assert_two_serves(world)


def test_failing_back_over_to_one_uses_weights_and_withdraws_the_declaration(fail_over: FailOver) -> None:
    """Away from us-east-2 the control plane of Route 53 is not what is lost, so weights are owned again."""
    world = World(site=example_site(), active="two")
    world.lose("two")
    finished = fail_over(world, "one")
    assert finished.plan.course.way == "weights"
    assert world.answered_by().name == "one"
    assert {name: side.weight for name, side in world.sides.items()} == {"one": 100, "two": 0}


def test_a_mistake_in_an_adapter_costs_one_reading() -> None:
    """An unforeseen exception is an Unknown with its type, not the end of the look."""
    world = World(site=example_site(), active="one")
    world.fail_next("lag", KeyError("Datapoints"))  # type: ignore[arg-type]
    view = observe(world.site, world.ports())
    assert any(reading == Unknown(why="KeyError: 'Datapoints'") for reading in view.readings.values())


def test_what_was_not_there_is_unknown_with_its_reason() -> None:
    """A lag that was never measured is no lag of zero."""
    world = World(site=example_site(), active="one")
    world.lag = None
    assert isinstance(observe(world.site, world.ports()).lag("two"), Unknown)


@pytest.mark.parametrize(("running_s", "every_s"), [(0, 0.25), (20, 1), (100, 5), (3600, 5)])
def test_looking_costs_a_twentieth_of_the_wait(running_s: float, every_s: float) -> None:
    """Quick at first, gentle later, never slower than 5 s."""
    assert pace(timedelta(seconds=running_s)) == timedelta(seconds=every_s)


def test_gone_is_final() -> None:
    """A thing that is not there does not come by asking again."""
    world = a_lost_region()
    world.fail_next("declare", Gone("no bucket"))
    journal = MemoryRuns().begin("gone", {}, world.clock.now())
    with pytest.raises(StepFailed, match="move-traffic: refused: no bucket"):
        Run(site=world.site, ports=world.ports(), plan=a_plan(world), journal=journal).carry_out()
