"""Leaving a zone and returning to it, carried out in memory: what is done, in which order, and what no client may ever see."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadr.adapters.memory import MemoryRuns, ZoneWorld, zonal_site
from hadr.core.errors import ConfigError, Indefinite, StepFailed, Throttled, UnsafePlan
from hadr.core.guards import Guard
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.leaving import planner, zone_reads
from hadr.core.placement import ZonalShift
from hadr.core.plan import Plan
from hadr.core.site import Member, Site
from hadr.core.stages import Weights
from hadr.core.steps import StepName
from hadr.core.view import View
from hadr.engine import Run, observe
from hadr.ports import Ports

A, B, C = "ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"
Planner = Callable[[Site, View, str], Plan]


def a_planner(*, back: bool = False, first: bool = False, empty: bool = False) -> Planner:
    hold, expires = timedelta(seconds=30), timedelta(hours=12)
    return planner(back=back, hold=hold, expires=expires, shares=(), traffic_first=first, empty=empty)


def a_plan(world: ZoneWorld, zone: str, *, back: bool = False, first: bool = False, empty: bool = False) -> Plan:
    return a_planner(back=back, first=first, empty=empty)(
        world.site, observe(world.site, world.ports(), reads=zone_reads(world.site, zone)), zone
    )


def carry_out(
    world: ZoneWorld,
    zone: str,
    *,
    back: bool = False,
    empty: bool = False,
    allowed: Collection[Guard] = (),
    ports: Ports | None = None,
) -> RunRecord:
    """Plan and run; errors of the run are let through, and its record is returned."""
    plan, runs = a_plan(world, zone, back=back, empty=empty), MemoryRuns()
    journal = runs.begin("zone", {}, world.clock.now())
    try:
        Run(site=world.site, ports=ports or world.ports(), plan=plan, journal=journal, allowed=allowed).carry_out()
    finally:
        record = run_record(verify(runs.journal(journal.run)).entries) if runs.journal(journal.run) else None
    assert record is not None
    return record


def harmed_by_weights(world: ZoneWorld, harm: Callable[[Weights], None]) -> Ports:
    """The world's ports; at each change of weights `harm` is told them, before they are in force."""
    ports = world.ports()

    class Harming(type(ports.traffic)):  # type: ignore[misc]  # the world's own class
        def set_weights(self, weights: Weights, *, run: str) -> str:
            harm(weights)
            return str(super().set_weights(weights, run=run))

    return replace(ports, traffic=Harming(world))


def ready_in(world: ZoneWorld, member: str, zone: str) -> int:
    world.settle()
    return sum(world.ready(one) and one.machine.zone == zone for one in world.clusters[member].processes)


def order(world: ZoneWorld, *operations: str) -> list[str]:
    """The first time that each was asked for, in order."""
    first = {name: moment for moment, name, _ in reversed(world.asked) if name in operations}
    return sorted(first, key=lambda name: first[name])


# --- one member over three zones


def test_a_healthy_zone_is_left_without_harm_and_returned_to() -> None:
    """Pods first, traffic after; the writer moves; on the way back pods first again. No client ever went without an answer."""
    world = ZoneWorld(site=zonal_site())
    record = carry_out(world, A)
    assert [(step.name, step.status) for step in record.steps] == [
        (name, "done") for name in ("close-zone", "replace-pods", "move-writer", "leave-zone", "prove")
    ]
    assert order(world, "close", "evict", "leave_zone") == ["close", "evict", "leave_zone"]
    assert ready_in(world, "one", A) == 0
    assert world.instances[world.writer] == B
    assert len([one for one in world.clusters["one"].processes if world.ready(one)]) == 9
    assert a_plan(world, A).steps == ()

    record = carry_out(world, A, back=True)
    assert [step.name for step in record.steps] == ["open-zone", "spread-pods", "return-to-zone", "prove"]
    assert record.status == "done"
    assert {one.deployment for one in world.clusters["one"].processes if one.machine.zone == A and world.ready(one)} == {
        "peccy-web",
        "peccy-app",
    }
    assert world.clusters["one"].shift is None
    assert a_plan(world, A, back=True).steps == ()
    assert world.harmed == []


def test_a_lost_zone_is_out_of_traffic_before_anything_else_is_done() -> None:
    """Nothing of it serves, so its shift waits for no pod; what cannot be reached does not hold up the rest."""
    world = ZoneWorld(site=zonal_site())
    world.lose(A)
    world.clock.advance(timedelta(seconds=10))
    plan = a_plan(world, A)
    assert {step.name: step.requires for step in plan.steps}[StepName.SHIFT_OUT] == ()
    assert "clients leave at once" in plan.reason
    record = carry_out(world, A)
    assert record.status == "done"
    shift = next(step for step in record.steps if step.name == "leave-zone")
    replaced = next(step for step in record.steps if step.name == "replace-pods")
    assert shift.ended is not None
    assert replaced.ended is not None
    assert shift.ended < replaced.ended
    assert world.instances[world.writer] == B


@pytest.mark.parametrize("members", [1, 2])
def test_traffic_may_go_first_where_the_others_can_carry_it(members: int) -> None:
    """For a zone that serves badly: clients leave at once and capacity follows; refused where too few pods are ready elsewhere."""
    world = ZoneWorld(site=zonal_site(members=members))
    plan = a_plan(world, A, first=True)
    moves = StepName.SHIFT_OUT if members == 1 else StepName.MOVE_OUT
    assert {step.name: step.requires for step in plan.steps}[moves] == ()
    assert plan.refusals == ()
    for one in (one for cluster in world.clusters.values() for one in cluster.processes):
        if one.machine.zone != A:
            one.ready_at = world.clock.now() + timedelta(hours=1)
    refused = a_plan(world, A, first=True).refusals
    assert "pods is not ready (peccy-app 0/" in " ".join(str(one) for one in refused if one.guard is Guard.TARGET_NOT_READY)


def test_a_zone_that_comes_back_is_returned_to() -> None:
    """Its old machines are there again, and pods go back."""
    world = ZoneWorld(site=zonal_site())
    world.lose(A)
    carry_out(world, A)
    world.restore(A)
    assert carry_out(world, A, back=True).status == "done"
    assert ready_in(world, "one", A) > 0


def test_budgets_that_hold_back_are_waited_for() -> None:
    """An eviction that is refused is asked for again, until it is let."""
    world = ZoneWorld(site=zonal_site())
    world.fail_next("evict", Throttled("budget"), times=4)
    assert carry_out(world, B).status == "done"
    assert world.harmed == []


def test_an_answer_that_never_came_does_no_harm() -> None:
    """A shift that was started although nobody heard of it is seen, and not asked for twice."""
    world = ZoneWorld(site=zonal_site())
    world.fail_next("leave_zone", Indefinite("timed out"), applied=True)
    assert carry_out(world, C).status == "done"
    assert sum(name == "leave_zone" for _, name, _ in world.asked) == 1


def test_a_zone_without_capacity_elsewhere_fails_with_what_was_seen() -> None:
    """No instance is to be had outside: pods stay pending, traffic is not taken away, and the step says so."""
    world = ZoneWorld(site=zonal_site())
    world.full = {B, C}
    with pytest.raises(StepFailed, match=r"replace-pods: not proven within 1200 s; last seen: .* elsewhere peccy-app"):
        carry_out(world, A)
    assert world.clusters["one"].shift is None
    assert world.harmed == []


def a_shift(world: ZoneWorld, zone_id: str, *, ours: bool) -> ZonalShift:
    expires = world.clock.now() + timedelta(hours=1)
    return ZonalShift(shift_id="other", zone_id=zone_id, comment="hadr x" if ours else "console", expires=expires, ours=ours)


def test_an_unsafe_plan_is_refused_by_type() -> None:
    """Somebody else's shift, another zone that is left already, the last zone, no reader elsewhere, nobody to make nodes."""
    world = ZoneWorld(site=zonal_site())
    world.clusters["one"].shift = a_shift(world, "apse1-az2", ours=False)
    assert {refusal.guard for refusal in a_plan(world, A).refusals} == {Guard.FOREIGN_SHIFT}
    world = ZoneWorld(site=zonal_site())
    for machine in world.clusters["one"].machines:
        machine.cordoned = machine.zone != A
    refused = a_plan(world, A).refusals
    assert {refusal.guard for refusal in refused} == {Guard.LAST_ZONE}
    assert "no ready node outside ap-southeast-1a" in str(refused[0])
    world = ZoneWorld(site=zonal_site(), instances={"db-0": A})
    assert "has no available instance outside ap-southeast-1a" in str(a_plan(world, A).refusals[0])
    world = ZoneWorld(site=zonal_site())
    world.clusters["one"].maker_zones = {A}
    (refusal,) = a_plan(world, A).refusals
    assert (refusal.guard, "no pod of karpenter is ready outside" in str(refusal)) == (Guard.TARGET_NOT_READY, True)
    with pytest.raises(UnsafePlan):
        carry_out(world, A)
    assert not any(name in ("close", "evict", "leave_zone") for _, name, _ in world.asked)


def test_what_cannot_be_seen_counts_against_leaving() -> None:
    """Unknown is a refusal of its own kind: the plan's exit code is 2, not 1."""
    world = ZoneWorld(site=zonal_site())
    world.fail_next("placed", Indefinite("no answer"))
    refused = a_plan(world, A).refusals
    assert [(refusal.guard, refusal.unknown) for refusal in refused] == [(Guard.TARGET_NOT_READY, True)]


def test_only_our_own_shift_is_ended() -> None:
    """A shift that somebody else started for the zone stays until its guard is lifted."""
    world = ZoneWorld(site=zonal_site())
    world.clusters["one"].shift = a_shift(world, "apse1-az1", ours=False)
    assert [refusal.guard for refusal in a_plan(world, A, back=True).refusals] == [Guard.FOREIGN_SHIFT]
    carry_out(world, A, back=True, allowed=[Guard.FOREIGN_SHIFT])
    assert world.clusters["one"].shift is None


def test_cordons_of_others_stay() -> None:
    """Returning opens what leaving closed, and nothing that a person cordoned before."""
    world = ZoneWorld(site=zonal_site())
    theirs = next(machine for machine in world.clusters["one"].machines if machine.zone == A)
    theirs.cordoned = True
    carry_out(world, A)
    carry_out(world, A, back=True)
    assert theirs.cordoned


# --- two members in one Region


def serving(world: ZoneWorld, member: str) -> set[str]:
    """The member's pods that serve, by name: who keeps a connection or an address is answered by these and no others."""
    world.settle()
    return {one.name for one in world.clusters[member].processes if world.ready(one)}


def test_a_pinned_member_hands_over_and_takes_back() -> None:
    """The other grows first, then clients follow in stages; who stays is served by the same pods, but nothing new begins there."""
    world = ZoneWorld(site=zonal_site(members=2))
    before = serving(world, "one")
    record = carry_out(world, A)
    assert [(step.name, step.status) for step in record.steps] == [
        (name, "done") for name in ("grow-other", "move-writer", "move-weights", "close-zone", "prove")
    ]
    assert world.weighed == [{"two": 75, "one": 25}, {"two": 100, "one": 0}]
    assert order(world, "scale", "set_weights", "close") == ["scale", "set_weights", "close"]
    assert world.clusters["two"].replicas == {"peccy-web": 6, "peccy-app": 12}
    assert ready_in(world, "two", B) == 18
    assert {machine.cordoned for machine in world.clusters["one"].machines} == {True}
    assert (world.clusters["one"].kept_out, world.clusters["two"].kept_out) == ({A}, set())
    assert a_plan(world, A).steps == ()

    record = carry_out(world, A, back=True)
    assert [step.name for step in record.steps] == ["open-zone", "return-weights", "shrink-other", "prove"]
    assert record.status == "done"
    assert world.weights == {"one": 50, "two": 50}
    assert world.clusters["two"].replicas == {"peccy-web": 3, "peccy-app": 6}
    assert not world.clusters["one"].kept_out
    assert serving(world, "one") == before
    assert a_plan(world, A, back=True).steps == ()
    assert world.harmed == []


@pytest.mark.parametrize("first", [False, True])
def test_weights_are_not_moved_while_the_writer_moves(*, first: bool) -> None:
    """No member is ready without a writer, so nobody could tell whether clients are worse off for the weights."""
    world, runs = ZoneWorld(site=zonal_site(members=2)), MemoryRuns()
    journal = runs.begin("zone", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=a_plan(world, A, first=first), journal=journal).carry_out()
    assert order(world, "set_weights", "move_writer") == (
        ["set_weights", "move_writer"] if first else ["move_writer", "set_weights"]
    )
    failed = {int(number) for number in re.findall(r"(\d+) of \d+ answers failed", runs.journal(journal.run))}
    assert failed == {0}


def test_a_pinned_member_is_emptied_when_asked_to() -> None:
    """For a zone that is to be switched off: stopped last, also when the zone was left before; started again on the way back."""
    world = ZoneWorld(site=zonal_site(members=2))
    carry_out(world, A)
    assert [step.name for step in a_plan(world, A, empty=True).steps] == ["empty-member", "prove"]
    world = ZoneWorld(site=zonal_site(members=2))
    record = carry_out(world, A, empty=True)
    assert [step.name for step in record.steps] == [
        "grow-other",
        "move-writer",
        "move-weights",
        "close-zone",
        "empty-member",
        "prove",
    ]
    assert order(world, "set_weights", "quiesce") == ["set_weights", "quiesce"]
    world.clock.advance(timedelta(minutes=1))
    assert serving(world, "one") == set()
    assert a_plan(world, A, empty=True).steps == a_plan(world, A).steps == ()

    record = carry_out(world, A, back=True)
    assert [step.name for step in record.steps][:2] == ["open-zone", "start-capacity"]
    assert order(world, "open", "start") == ["open", "start"]
    assert (record.status, ready_in(world, "one", A), world.weights) == ("done", 9, {"one": 50, "two": 50})
    assert world.harmed == []


def test_what_becomes_of_clients_that_dns_cannot_move_is_told() -> None:
    """They stay, or are refused; a lost member that comes back by itself is sent none; nothing to do is nothing to tell."""
    world = ZoneWorld(site=zonal_site(members=2))
    assert "stay with one, which goes on serving them (--empty" in a_plan(world, A).notes[-1]
    assert "one is stopped at the end: clients that keep" in a_plan(world, A, empty=True).notes[-1]
    carry_out(world, A)
    assert a_plan(world, A).notes == ()
    world = ZoneWorld(site=zonal_site(members=2))
    world.lose(A)
    world.clock.advance(timedelta(seconds=40))
    assert "should ap-southeast-1a come back by itself, one is sent no clients until" in a_plan(world, A).notes[-1]


@pytest.mark.parametrize(
    ("members", "zone", "back", "why"),
    [
        (1, A, False, "one's pods go from ap-southeast-1a to its others"),
        (2, C, False, "no member's workload is in ap-southeast-1c"),
        (2, A, True, "returning to it starts what was stopped"),
    ],
)
def test_only_a_member_that_has_no_other_zone_is_emptied(members: int, zone: str, back: bool, why: str) -> None:
    """A spread member's pods leave in any case, and a return empties nothing: wrong use, with the reason."""
    with pytest.raises(ConfigError, match=why):
        a_plan(ZoneWorld(site=zonal_site(members=members)), zone, back=back, empty=True)


def test_clients_that_get_worse_off_stop_it_and_weights_return() -> None:
    """A target that breaks under its new clients: the weights of before are put back, and the member can still replace its pods."""
    world, runs = ZoneWorld(site=zonal_site(members=2)), MemoryRuns()
    journal = runs.begin("zone", {}, world.clock.now())

    def breaking(weights: Weights) -> None:
        world.failing = {"two"} if weights["two"] > 60 else set()

    with pytest.raises(StepFailed, match=r"move-weights: refused: clients are worse off: .* The weights are back at one=50,two=50"):
        Run(site=world.site, ports=harmed_by_weights(world, breaking), plan=a_plan(world, A), journal=journal).carry_out()
    assert world.weights == {"one": 50, "two": 50}
    assert ready_in(world, "one", A) == 9
    record = run_record(verify(runs.journal(journal.run)).entries)
    assert {step.name: step.status for step in record.steps}["close-zone"] == "skipped"
    assert not any(machine.cordoned for machine in world.clusters["one"].machines)


def test_clients_that_are_served_slowly_stop_it_too() -> None:
    """No answer fails at the target, but each takes a second longer: the weights of before are put back."""
    world = ZoneWorld(site=zonal_site(members=2))

    def slowing(weights: Weights) -> None:
        world.slower = {"two": timedelta(seconds=1)} if weights["two"] > 60 else {}

    said = r"clients are worse off: .*5 answers in a row took over 350 ms \(100 ms before\).* The weights are back at one=50,two=50"
    with pytest.raises(StepFailed, match=said):
        carry_out(world, A, ports=harmed_by_weights(world, slowing))
    assert world.weights == {"one": 50, "two": 50}
    assert ready_in(world, "one", A) == 9


def test_an_ill_member_is_left_for_one_that_becomes_slow_but_not_as_slow() -> None:
    """Clients had answers of 900 ms; that the member they go to takes 500 ms once it has all of them is no reason to return."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.slower = {"one": timedelta(seconds=0.8)}

    def loaded(_weights: Weights) -> None:
        world.slower["two"] = timedelta(seconds=0.4)

    carry_out(world, A, ports=harmed_by_weights(world, loaded))
    assert world.weights == {"one": 0, "two": 100}


def test_a_lost_members_weight_goes_at_once() -> None:
    """Its health check has taken it out already; the other has been told to grow before the weights are held and watched."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.lose(A)
    world.clock.advance(timedelta(seconds=40))
    began = world.clock.now()
    plan = a_plan(world, A)
    assert {step.name: step.requires for step in plan.steps}[StepName.MOVE_OUT] == ()
    assert carry_out(world, A).status == "done"
    assert world.weighed == [{"two": 100, "one": 0}]
    assert world.clusters["two"].replicas == {"peccy-web": 6, "peccy-app": 12}
    assert order(world, "scale", "set_weights") == ["scale", "set_weights"]
    assert next(moment for moment, name, _ in world.asked if name == "scale") - began <= timedelta(seconds=10)


def test_a_lost_member_that_comes_back_by_itself_gets_neither_clients_nor_pods() -> None:
    """Its zone is closed although nothing in it answered; pods that were given up stay away until its return."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.lose(A)
    world.clock.advance(timedelta(seconds=40))
    assert {step.name: step.requires for step in a_plan(world, A).steps}[StepName.CLOSE] == ()
    assert carry_out(world, A).status == "done"
    world.clock.advance(timedelta(minutes=5))
    world.restore(A)
    world.clock.advance(timedelta(minutes=5))
    assert (world.weights, ready_in(world, "one", A)) == ({"one": 0, "two": 100}, 0)
    assert a_plan(world, A).steps == ()
    assert carry_out(world, A, back=True).status == "done"
    assert ready_in(world, "one", A) == 9


def test_a_member_that_cannot_be_looked_at_is_not_returned_to() -> None:
    """What is to be opened has to be seen: unknown, not refused."""
    world = ZoneWorld(site=zonal_site(members=2))
    carry_out(world, A)
    world.fail_next("placed", Indefinite("no answer"))
    refused = a_plan(world, A, back=True).refusals
    assert [(refusal.guard, refusal.unknown) for refusal in refused] == [(Guard.TARGET_NOT_READY, True)]


class SharedDatabase(ZoneWorld):
    """A world in which nobody is ready while the database that both members share has no writer."""

    def serves(self, member: Member) -> bool:
        """As ever, once the writer is in a zone that is there."""
        self.settle()
        return super().serves(member) and self.instances[self.writer] not in self.lost


def test_the_writers_zone_can_be_left_while_nobody_is_ready() -> None:
    """Growing waits for nothing; clients follow once the database is written elsewhere; then they are not worse off than before."""
    world = SharedDatabase(site=zonal_site(members=2))
    world.lose(A)
    world.clock.advance(timedelta(seconds=3))
    began, two = world.clock.now(), world.site.member("two")
    assert not world.serves(two)
    plan = a_plan(world, A)
    assert (plan.refusals, {step.name: step.requires for step in plan.steps}[StepName.MOVE_OUT]) == ((), (StepName.WRITER_OUT,))
    assert carry_out(world, A).status == "done"
    moments = {name: moment - began for moment, name, _ in reversed(world.asked)}
    assert moments["scale"] < timedelta(seconds=2)
    assert moments["set_weights"] >= world.delays.failover - timedelta(seconds=3)
    assert world.weights == {"one": 0, "two": 100}


def test_a_healthy_zone_is_not_left_for_a_member_that_is_not_ready() -> None:
    """As long as one serves, two has to be ready for its clients."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.failing = {"two"}
    assert [refusal.guard for refusal in a_plan(world, A).refusals] == [Guard.TARGET_NOT_READY]


def test_a_lost_members_weight_does_not_wait_for_one_that_cannot_be_looked_at() -> None:
    """After ten seconds without a look at the other's Deployments clients go first, and it grows when it can be seen again."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.lose(A)
    world.clock.advance(timedelta(seconds=40))
    plan, runs = a_plan(world, A), MemoryRuns()
    began = world.clock.now()
    world.fail_next("compute", Indefinite("read timed out"), times=40)
    Run(site=world.site, ports=world.ports(), plan=plan, journal=runs.begin("zone", {}, began)).carry_out()
    assert order(world, "set_weights", "scale") == ["set_weights", "scale"]
    assert (
        timedelta(seconds=10) <= next(at for at, name, _ in world.asked if name == "set_weights") - began <= timedelta(seconds=30)
    )
    assert world.clusters["two"].replicas == {"peccy-web": 6, "peccy-app": 12}


def test_a_member_that_was_left_cannot_take_over() -> None:
    """Leaving both zones leaves nobody; so does leaving for a member that is not ready."""
    world = ZoneWorld(site=zonal_site(members=2))
    carry_out(world, A)
    refused = a_plan(world, B).refusals
    assert Guard.LAST_ZONE in {refusal.guard for refusal in refused}
    assert "one has no DNS weight: it was left itself" in " ".join(map(str, refused))
    world = ZoneWorld(site=zonal_site(members=2), failing={"two"})
    assert [refusal.guard for refusal in a_plan(world, A).refusals] == [Guard.TARGET_NOT_READY]


def test_a_zone_that_only_holds_data_loses_its_writer_alone() -> None:
    """No member lives in the third zone, but the database may be written there."""
    world = ZoneWorld(site=zonal_site(members=2), instances={"db-0": C, "db-1": A})
    assert [step.name for step in carry_out(world, C).steps] == ["move-writer", "prove"]
    assert world.instances[world.writer] == A
    assert a_plan(world, C).steps == ()
    assert a_plan(world, C, back=True).steps == ()


def test_unknown_zones_are_usage() -> None:
    """Named with the zones there are."""
    world = ZoneWorld(site=zonal_site())
    with pytest.raises(ConfigError, match="no zone 'us-east-1a' in site peccy"):
        a_plan(world, "us-east-1a")


# --- whatever happens


def troubles(*operations: str) -> st.SearchStrategy[list[tuple[str, bool, int]]]:
    """Calls that get no answer: which, whether they take effect all the same, how often."""
    one = st.tuples(st.sampled_from(operations), st.booleans(), st.integers(1, 3))
    return st.lists(one, max_size=4, unique_by=lambda trouble: trouble[0])


def run_through(
    world: ZoneWorld, zone: str, prepared: list[tuple[str, bool, int]], *, back: bool = False, empty: bool = False
) -> None:
    plan, runs = a_plan(world, zone, back=back, empty=empty), MemoryRuns()
    for operation, applied, times in prepared:
        world.fail_next(operation, Indefinite("lost"), applied=applied, times=times)
    journal = runs.begin("zone", {}, world.clock.now())
    Run(site=world.site, ports=world.ports(), plan=plan, journal=journal).carry_out()
    world.failures.clear()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    members=st.sampled_from([1, 2]),
    zone=st.sampled_from([A, B]),
    writer=st.sampled_from([A, B]),
    lost=st.booleans(),
    empty=st.booleans(),
    leaving=troubles("evict", "close", "leave_zone", "move_writer", "scale", "set_weights", "placed", "targets", "quiesce"),
    returning=troubles("evict", "open", "return_to_zone", "start", "scale", "set_weights", "placed", "targets", "cordon"),
)
def test_no_client_is_harmed_and_twice_is_once(
    members: int,
    zone: str,
    writer: str,
    lost: bool,
    empty: bool,
    leaving: list[tuple[str, bool, int]],
    returning: list[tuple[str, bool, int]],
) -> None:
    """Calls fail, with and without effect: the zone is left all the same, and returned to; planning from either end is empty.

    A pinned member's own pods outlive it all, unless the zone is lost or was to be emptied.
    """
    empty = empty and members == 2
    other = B if writer == A else A
    world = ZoneWorld(site=zonal_site(members=members), instances={"db-0": writer, "db-1": other})
    member = "one" if members == 1 or zone == A else "two"
    if lost:
        world.lose(zone)
        world.clock.advance(timedelta(seconds=45))
    before, stays = serving(world, member), members == 2 and not lost and not empty
    run_through(world, zone, leaving, empty=empty)
    assert serving(world, member) == before if stays else ready_in(world, member, zone) == 0
    assert world.instances[world.writer] != zone
    assert a_plan(world, zone, empty=empty).steps == ()
    if lost:
        world.restore(zone)
    run_through(world, zone, returning, back=True)
    assert serving(world, member) == before if stays else ready_in(world, member, zone) > 0
    assert set(world.weights.values()) <= {50}
    assert a_plan(world, zone, back=True).steps == ()
    assert world.harmed == []
