"""Roles, readiness, guards, proofs and the choice of way, each as a table over a view."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hadr.adapters.memory import example_member, example_site
from hadr.core.course import Course, State, Way
from hadr.core.errors import ConfigError, UnsafePlan
from hadr.core.guards import Guard, refusals
from hadr.core.plan import choose_way, plan_failover
from hadr.core.proofs import prove
from hadr.core.readiness import findings
from hadr.core.roles import Role, Verdict, active_members, role_of, standing, writer_of
from hadr.core.steps import StepName
from hadr.core.view import (
    Answer,
    ComputeState,
    DatabaseState,
    DeploymentState,
    FilesRole,
    FilesState,
    Known,
    Lag,
    Read,
    TargetsState,
    Unknown,
    View,
    What,
)

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SITE = example_site()
SWITCH = Course(target="two", source="one", way=Way.SWITCH)
WEIGHTS = Course(target="two", source="one", way=Way.WEIGHTS)
ONE, TWO = frozenset({"192.0.2.1"}), frozenset({"192.0.2.2"})
GONE = Unknown(why="no connection")


def compute(**fields: Any) -> ComputeState:
    """Two's stand-by: node maker at 0, pods wanted and none there."""
    stand_by = ComputeState(
        capacity_desired=0,
        capacity_ready=0,
        nodes_ready=0,
        pods_wanted=4,
        pods_running=0,
        deployments=(
            DeploymentState(name="peccy-web", desired=2, available=0),
            DeploymentState(name="peccy-app", desired=2, available=0),
        ),
    )
    return replace(stand_by, **fields)


def serving(count: int = 2, desired: int = 2) -> tuple[DeploymentState, ...]:
    return tuple(DeploymentState(name=name, desired=desired, available=count) for name in ("peccy-web", "peccy-app"))


def database(**fields: Any) -> DatabaseState:
    state = DatabaseState(writer="one", status="available", switching_to=None, cluster_status="available", instances=1)
    return replace(state, **fields)


REPLICA = FilesState(role=FilesRole.DESTINATION, status="ENABLED", source="fs-one", synced=NOON - timedelta(minutes=1))


def a_view(**changes: Any) -> View:
    """One's Region silent, two a sound stand-by. Keys are What_member or What; a plain value becomes Known."""
    values: dict[str, Any] = {
        "compute_one": GONE,
        "database_one": GONE,
        "files_one": GONE,
        "targets_one": GONE,
        "lag_one": GONE,
        "endpoint_one": Answer(status=None, detail="timed out"),
        "addresses_one": ONE,
        "compute_two": compute(),
        "database_two": database(),
        "files_two": REPLICA,
        "targets_two": TargetsState(healthy=0, total=0),
        "lag_two": Lag(value=timedelta(seconds=0.4), measured=NOON - timedelta(seconds=50)),
        "endpoint_two": Answer(status=503, detail="no target"),
        "addresses_two": TWO,
        "switch_two": False,
        "answer": ONE,
        "weights": GONE,
        "service": Answer(status=None, detail="timed out"),
    }
    values |= changes
    readings = {}
    for key, value in values.items():
        what, _, member = key.partition("_")
        reading = value if isinstance(value, Known | Unknown) else Known(value=value, at=NOON)
        readings[Read(What(what), member)] = reading
    return View(at=NOON, readings=readings)


@pytest.mark.parametrize(
    ("changes", "active", "writer", "verdict"),
    [
        ({}, ("one",), "one", Verdict.NO),
        ({"answer": TWO, "service": Answer(status=200)}, ("two",), "one", Verdict.YES),
        ({"answer": ONE | TWO}, ("one", "two"), "one", Verdict.NO),
        ({"answer": GONE}, (), "one", Verdict.NO),
        ({"answer": frozenset({"203.0.113.9"})}, (), "one", Verdict.NO),
        ({"answer": frozenset()}, (), "one", Verdict.NO),
        ({"service": GONE, "database_two": GONE}, ("one",), None, Verdict.UNKNOWN),
        ({"database_one": database(writer="two")}, ("one",), None, Verdict.NO),
        ({"database_two": database(writer=None)}, ("one",), None, Verdict.NO),
    ],
)
def test_standing_tells_who_serves(changes: dict[str, Any], active: tuple[str, ...], writer: str | None, verdict: Verdict) -> None:
    """Active is what DNS answers, the writer what every Region that answers agrees on."""
    view = a_view(**changes)
    now = standing(SITE, view)
    assert (now.active, now.writer, now.serving) == (active, writer, verdict)
    assert writer_of(SITE, view) == writer


def test_roles_follow_dns() -> None:
    """Active, stand-by, and unknown when the name does not lead to a member."""
    assert (role_of(SITE, a_view(), "one"), role_of(SITE, a_view(), "two")) == (Role.ACTIVE, Role.STANDBY)
    assert role_of(SITE, a_view(answer=GONE), "one") is Role.UNKNOWN
    assert isinstance(active_members(SITE, a_view(answer=frozenset())), Unknown)


@pytest.mark.parametrize(
    ("changes", "rule", "verdict"),
    [
        ({"database_two": GONE}, "database", Verdict.UNKNOWN),
        ({"database_two": database(instances=0)}, "database", Verdict.NO),
        ({"database_two": database(cluster_status="creating")}, "database", Verdict.NO),
        ({"database_two": database(cluster_status="failing-over", switching_to="two")}, "database", Verdict.YES),
        ({"files_two": GONE}, "files", Verdict.UNKNOWN),
        ({"files_two": replace(REPLICA, status="ERROR")}, "files", Verdict.NO),
        ({"files_two": FilesState(role=FilesRole.ALONE)}, "files", Verdict.YES),
        ({"compute_two": GONE}, "compute", Verdict.UNKNOWN),
        ({"compute_two": compute(deployments=serving()[:1])}, "compute", Verdict.NO),
        ({"addresses_two": GONE}, "balancer", Verdict.UNKNOWN),
        ({"switch_two": GONE}, "traffic", Verdict.UNKNOWN),
        ({"switch_two": GONE, "weights": {"one": 100, "two": 0}}, "traffic", Verdict.YES),
        ({}, "traffic", Verdict.YES),
    ],
)
def test_readiness_rules(changes: dict[str, Any], rule: str, verdict: Verdict) -> None:
    """Each rule with the view that decides it; what is not right has evidence and a fix."""
    by_rule = {finding.rule: finding for finding in findings(SITE, a_view(**changes), "two")}
    assert by_rule[rule].verdict is verdict
    assert by_rule[rule].evidence
    assert bool(by_rule[rule].fix) == (verdict is not Verdict.YES)
    assert all(finding.verdict is Verdict.YES for name, finding in by_rule.items() if name != rule)


def test_a_member_without_switch_needs_the_control_plane() -> None:
    """Neither way there: not ready, and the way that is named is weights."""
    site = example_site(switches=False)
    by_rule = {finding.rule: finding for finding in findings(site, a_view(), "two")}
    assert by_rule["traffic"].verdict is Verdict.NO
    assert choose_way(a_view(), site.member("two"), site.member("one"))[0] is Way.WEIGHTS


@pytest.mark.parametrize(
    ("changes", "guards"),
    [
        ({}, []),
        ({"lag_two": GONE}, ["data-loss"]),
        ({"lag_two": Lag(value=timedelta(seconds=61), measured=NOON)}, ["data-loss"]),
        ({"lag_two": Lag(value=timedelta(0), measured=NOON - timedelta(minutes=11))}, ["data-loss"]),
        ({"files_two": replace(REPLICA, synced=None)}, ["data-loss"]),
        ({"files_two": replace(REPLICA, synced=NOON - timedelta(minutes=16))}, ["data-loss"]),
        ({"files_two": GONE}, ["target-not-ready", "data-loss"]),
        ({"files_two": FilesState(role=FilesRole.ALONE), "lag_two": GONE}, ["data-loss"]),
        ({"endpoint_one": Answer(status=200)}, ["two-writers"]),
        ({"endpoint_one": Answer(status=503)}, []),
        ({"database_one": database(writer="two")}, ["two-writers"]),
        ({"compute_two": GONE}, ["target-not-ready"]),
        ({"database_two": Known(value=database(), at=NOON - timedelta(seconds=61))}, ["stale-view"]),
        ({"switch_two": GONE, "weights": {"one": 100, "two": 0}}, ["target-not-ready"]),
        ({"database_two": database(writer="two"), "lag_two": GONE, "endpoint_one": Answer(status=200)}, []),
    ],
)
def test_guards(changes: dict[str, Any], guards: list[str]) -> None:
    """Each guard with the view that raises it, and by which name it is lifted."""
    plan = plan_failover(SITE, a_view(**changes), "two")
    assert [str(refusal.guard) for refusal in plan.refusals] == guards
    plan.require_safe(frozenset(Guard(name) for name in guards))
    if guards:
        with pytest.raises(UnsafePlan, match=f"--allow {guards[0]}"):
            plan.require_safe(frozenset())
        assert all(str(refusal) for refusal in plan.refusals)


def test_a_lift_lifts_its_own_guard_only() -> None:
    """Allowing data loss does not allow two writers."""
    plan = plan_failover(SITE, a_view(lag_two=GONE, endpoint_one=Answer(status=200)), "two")
    assert {refusal.guard for refusal in plan.standing_refusals({Guard.DATA_LOSS})} == {Guard.TWO_WRITERS}


def test_an_empty_plan_is_never_refused() -> None:
    """There is nothing that could be unsafe."""
    assert refusals(SITE, "failover", SWITCH, (), View(at=NOON)) == ()


def test_file_lag_of_a_file_system_outside_replication_is_no_lag() -> None:
    """Nothing is lost by breaking what is not there."""
    view = a_view(files_two=FilesState(role=FilesRole.ALONE))
    assert refusals(SITE, "failover", SWITCH, (StepName.BREAK,), view) == ()


PROOFS = [
    (StepName.FENCE, SWITCH, {}, State.UNSEEN),
    (StepName.FENCE, SWITCH, {"compute_one": compute(capacity_desired=2)}, State.NOT_YET),
    (StepName.FENCE, SWITCH, {"compute_one": compute(deployments=serving(1, 0), pods_running=2)}, State.UNDERWAY),
    (StepName.FENCE, SWITCH, {"compute_one": compute(deployments=serving(0, 0))}, State.PROVEN),
    (StepName.PROMOTE, SWITCH, {}, State.NOT_YET),
    (StepName.PROMOTE, SWITCH, {"database_two": GONE}, State.UNSEEN),
    (StepName.PROMOTE, SWITCH, {"database_two": database(switching_to="two")}, State.UNDERWAY),
    (StepName.PROMOTE, SWITCH, {"database_two": database(writer="two", cluster_status="promoting")}, State.UNDERWAY),
    (StepName.PROMOTE, SWITCH, {"database_two": database(writer="two")}, State.PROVEN),
    (StepName.PROMOTE, SWITCH, {"database_two": database(writer=None)}, State.NOT_YET),
    (StepName.BREAK, SWITCH, {}, State.NOT_YET),
    (StepName.BREAK, SWITCH, {"files_two": replace(REPLICA, status="DELETING")}, State.UNDERWAY),
    (StepName.BREAK, SWITCH, {"files_two": FilesState(role=FilesRole.ALONE)}, State.PROVEN),
    (StepName.BREAK, SWITCH, {"files_two": FilesState(role=FilesRole.SOURCE)}, State.PROVEN),
    (StepName.CAPACITY, SWITCH, {}, State.NOT_YET),
    (StepName.CAPACITY, SWITCH, {"compute_two": compute(capacity_desired=2, capacity_ready=1)}, State.UNDERWAY),
    (StepName.CAPACITY, SWITCH, {"compute_two": compute(capacity_desired=3, capacity_ready=2)}, State.PROVEN),
    (
        StepName.CAPACITY,
        SWITCH,
        {"compute_two": compute(capacity_desired=2, capacity_ready=2, deployments=serving(0, 0))},
        State.NOT_YET,
    ),
    (StepName.NODES, SWITCH, {}, State.UNDERWAY),
    (StepName.NODES, SWITCH, {"compute_two": compute(nodes_ready=1, pods_running=4)}, State.PROVEN),
    (StepName.NODES, SWITCH, {"compute_two": compute(nodes_ready=1, pods_wanted=0)}, State.UNDERWAY),
    (StepName.WORKLOAD, SWITCH, {}, State.UNDERWAY),
    (StepName.WORKLOAD, SWITCH, {"compute_two": compute(deployments=())}, State.UNDERWAY),
    (StepName.WORKLOAD, SWITCH, {"compute_two": compute(deployments=serving(0, 0))}, State.UNDERWAY),
    (StepName.WORKLOAD, SWITCH, {"compute_two": compute(deployments=serving())}, State.PROVEN),
    (StepName.TARGETS, SWITCH, {}, State.UNDERWAY),
    (StepName.TARGETS, SWITCH, {"targets_two": GONE}, State.UNSEEN),
    (StepName.TARGETS, SWITCH, {"endpoint_two": GONE}, State.UNSEEN),
    (StepName.TARGETS, SWITCH, {"targets_two": TargetsState(healthy=2, total=2)}, State.UNDERWAY),
    (
        StepName.TARGETS,
        SWITCH,
        {"targets_two": TargetsState(healthy=1, total=3, reasons=("2 x",)), "endpoint_two": Answer(status=200)},
        State.UNDERWAY,
    ),
    (
        StepName.TARGETS,
        SWITCH,
        {"targets_two": TargetsState(healthy=1, total=2), "endpoint_two": Answer(status=200)},
        State.PROVEN,
    ),
    (StepName.MOVE, SWITCH, {}, State.NOT_YET),
    (StepName.MOVE, SWITCH, {"switch_two": GONE}, State.UNSEEN),
    (StepName.MOVE, SWITCH, {"switch_two": True}, State.UNDERWAY),
    (StepName.MOVE, SWITCH, {"switch_two": True, "answer": GONE}, State.UNSEEN),
    (StepName.MOVE, SWITCH, {"switch_two": True, "answer": TWO, "addresses_two": GONE}, State.UNSEEN),
    (StepName.MOVE, SWITCH, {"switch_two": True, "answer": ONE | TWO}, State.UNDERWAY),
    (StepName.MOVE, SWITCH, {"switch_two": True, "answer": TWO, "addresses_one": GONE}, State.PROVEN),
    (StepName.MOVE, SWITCH, {"switch_two": False, "answer": TWO}, State.NOT_YET),
    (StepName.MOVE, WEIGHTS, {}, State.UNSEEN),
    (StepName.MOVE, WEIGHTS, {"weights": {"one": 100, "two": 0}}, State.NOT_YET),
    (StepName.MOVE, WEIGHTS, {"weights": {"one": 0, "two": 100}, "answer": TWO}, State.PROVEN),
    (StepName.MOVE, WEIGHTS, {"weights": {"one": 0, "two": 100}, "answer": TWO, "switch_one": True}, State.NOT_YET),
    (StepName.PROVE, SWITCH, {}, State.NOT_YET),
    (StepName.PROVE, SWITCH, {"switch_two": True, "answer": TWO}, State.NOT_YET),
    (StepName.PROVE, SWITCH, {"switch_two": True, "answer": TWO, "service": GONE}, State.NOT_YET),
    (StepName.PROVE, SWITCH, {"switch_two": True, "answer": TWO, "service": Answer(status=200)}, State.PROVEN),
]


@pytest.mark.parametrize(("step", "course", "changes", "state"), PROOFS)
def test_proofs(step: StepName, course: Course, changes: dict[str, Any], state: State) -> None:
    """Every step with the views that prove it, show it under way, refute it, or leave it unseen; each quotes what it saw."""
    proof = prove(step, SITE, course, a_view(**changes))
    assert proof.state is state, proof
    assert proof.seen


@pytest.mark.parametrize(
    ("to", "changes", "way"),
    [
        ("two", {"weights": {"one": 100, "two": 0}}, Way.SWITCH),
        ("two", {}, Way.SWITCH),
        ("one", {"weights": {"one": 0, "two": 100}}, Way.WEIGHTS),
        ("one", {}, Way.SWITCH),
    ],
)
def test_leaving_us_east_1_never_needs_its_control_plane(to: str, changes: dict[str, Any], way: Way) -> None:
    """Away from us-east-1 always the switch; elsewhere weights while their control plane answers. The plan says why."""
    chosen, why = choose_way(a_view(**changes), SITE.member(to), SITE.other(to))
    assert chosen is way
    assert why


def test_another_region_is_left_by_weights() -> None:
    """Two members outside us-east-1 do not need the switch while the control plane answers."""
    west, east = example_member("one", "us-west-2"), example_member("two", "eu-west-1")
    assert choose_way(a_view(weights={"one": 1}), east, west)[0] is Way.WEIGHTS


def test_readings_older_than_a_moment_are_taken_out() -> None:
    """What was asked for before something happened says nothing about it."""
    view = a_view(answer=Known(value=ONE, at=NOON - timedelta(seconds=1)))
    assert view.since(NOON).answer() == Unknown(why="not observed")
    assert view.since(NOON).compute("one") == GONE
    assert view.since(NOON).compute("two") == view.compute("two")


def test_planning_for_an_unknown_member_is_refused() -> None:
    """The error names the members there are."""
    with pytest.raises(ConfigError, match="no member 'three'"):
        plan_failover(SITE, a_view(), "three")


def test_the_digest_tells_decisions_apart_and_nothing_else() -> None:
    """A later moment gives the same digest; another action gives another."""
    first = plan_failover(SITE, a_view(), "two")
    later = plan_failover(SITE, replace(a_view(), at=NOON + timedelta(seconds=5)), "two")
    other = plan_failover(SITE, a_view(files_one=FilesState(role=FilesRole.SOURCE)), "two")
    assert first.digest == later.digest
    assert first.digest != other.digest


def test_requirements_skip_what_is_there_already() -> None:
    """With the nodes there, the workload waits for what the nodes waited for, when that is still missing."""
    view = a_view(compute_two=compute(nodes_ready=2, pods_running=4, capacity_desired=0))
    steps = {step.name: step for step in plan_failover(SITE, view, "two").steps}
    assert StepName.NODES not in steps
    assert steps[StepName.WORKLOAD].requires == (StepName.PROMOTE, StepName.BREAK, StepName.CAPACITY)


def test_an_unfenced_revived_side_is_a_note_and_no_plan() -> None:
    """When two serves, whatever one still runs is told, not acted on."""
    done = {
        "compute_one": compute(capacity_desired=2),
        "compute_two": compute(capacity_desired=2, capacity_ready=2, nodes_ready=2, pods_running=4, deployments=serving()),
        "database_two": database(writer="two"),
        "files_two": FilesState(role=FilesRole.ALONE),
        "targets_two": TargetsState(healthy=2, total=2),
        "endpoint_two": Answer(status=200),
        "switch_two": True,
        "answer": TWO,
        "service": Answer(status=200),
    }
    plan = plan_failover(SITE, a_view(**done), "two")
    assert plan.steps == ()
    assert plan.notes == ("one is not fenced: 0 available, 0 running, 6 replicas asked for",)
    assert plan_failover(SITE, a_view(**done | {"compute_one": compute(deployments=serving(0, 0))}), "two").notes == ()


def test_a_plan_with_any_step_ends_with_its_proof() -> None:
    """Even when the service happens to answer already, a write through it proves the outcome."""
    done = {
        "switch_two": True,
        "answer": TWO,
        "service": Answer(status=200),
    }
    steps = [step.name for step in plan_failover(SITE, a_view(**done), "two").steps]
    assert steps[-1] is StepName.PROVE
    assert StepName.MOVE not in steps


def test_steps_know_their_undo_and_needs() -> None:
    """Every step says what it needs, where, and how it is undone, by either way of moving traffic."""
    by_switch = plan_failover(SITE, a_view(), "two")
    by_weights = plan_failover(SITE, a_view(weights={"one": 0, "two": 100}, answer=TWO), "one")
    for plan in (by_switch, by_weights):
        assert all(step.needs and step.undo and step.regions for step in plan.steps)
    moves = {plan.course.way: step for plan in (by_switch, by_weights) for step in plan.steps if step.name is StepName.MOVE}
    assert moves[Way.SWITCH].plane == "data"
    assert moves[Way.WEIGHTS].plane == "control"
    assert moves[Way.WEIGHTS].needs[0] == "Route 53 control plane in us-east-1"
