"""Would a failover work now: each rule with what breaks it, and the verb's answers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hadr.adapters.memory import World, example_site
from hadr.adapters.memory.world import sound_check
from hadr.cli import run
from hadr.config import load_site
from hadr.core.errors import CallError, Denied, Gone, Indefinite
from hadr.core.inspection import healthy, inspect, worst
from hadr.core.readiness import Finding
from hadr.core.roles import Verdict, readiness_reads
from hadr.core.view import FilesRole, HealthCheck
from hadr.engine import observe

SITE = example_site()
ONE, TWO = SITE.members
READY, AWAY = sound_check(SITE, ONE).children


def found_in(world: World, target: str = "two") -> dict[str, Finding]:
    view = observe(world.site, world.ports(), reads=readiness_reads(world.site))
    return {finding.rule: finding for finding in inspect(world.site, view, target)}


def a_world() -> World:
    return World(site=SITE, active="one")


def test_a_sound_site_is_ready() -> None:
    """Every rule holds, with its evidence; nothing that serves was touched."""
    world = a_world()
    found = found_in(world)
    assert {finding.verdict for finding in found.values()} == {Verdict.YES}
    assert all(finding.evidence and not finding.fix for finding in found.values())
    assert world.asked == []


Break = Callable[[World], object]


def set_check(member: str, check: HealthCheck | None) -> Break:
    return lambda world: world.checks.update({member: check})


def calculated(*children: HealthCheck, threshold: int = 2) -> HealthCheck:
    return HealthCheck(name="c", calculated=True, threshold=threshold, children=children)


def alone(world: World) -> None:
    for side in world.sides.values():
        side.role = FilesRole.ALONE


def fail(operation: str, error: CallError) -> Break:
    return lambda world: world.fail_next(operation, error, times=2)


BROKEN: list[tuple[Break, str, Verdict]] = [
    (lambda world: setattr(world, "writer", "two"), "roles", Verdict.NO),
    (lambda world: setattr(world, "lag", timedelta(minutes=2)), "database-lag", Verdict.NO),
    (lambda world: setattr(world, "lag", None), "database-lag", Verdict.UNKNOWN),
    (alone, "file-replication", Verdict.NO),
    (lambda world: setattr(world, "delays", replace(world.delays, sync=timedelta(minutes=20))), "file-replication", Verdict.NO),
    (lambda world: setattr(world.sides["two"], "files_at", world.clock.now()), "file-replication", Verdict.NO),
    (fail("files", Indefinite("silent")), "file-replication", Verdict.UNKNOWN),
    (fail("targets", Gone("no target group peccy-two")), "target-group", Verdict.NO),
    (fail("targets", Indefinite("silent")), "target-group", Verdict.UNKNOWN),
    (fail("compute", Gone("no Deployment karpenter")), "compute", Verdict.NO),
    (fail("compute", Indefinite("silent")), "compute", Verdict.UNKNOWN),
    (fail("declared", Denied("AccessDenied")), "switch", Verdict.UNKNOWN),
    (fail("try_switch", Denied("AccessDenied")), "switch-writable", Verdict.UNKNOWN),
    (fail("try_switch", Gone("NoSuchBucket")), "switch-writable", Verdict.NO),
    (fail("check", Indefinite("silent")), "health-check-of-one", Verdict.UNKNOWN),
    (set_check("one", None), "health-check-of-one", Verdict.NO),
    (set_check("two", None), "health-check-of-two", Verdict.NO),
    (set_check("one", READY), "health-check-of-one", Verdict.NO),
    (set_check("one", AWAY), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(READY, replace(AWAY, inverted=False))), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(READY, AWAY, threshold=1)), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(READY, replace(AWAY, path="/active/three"))), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(READY, replace(AWAY, disabled=True))), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(replace(READY, host="another.elb.test"), AWAY)), "health-check-of-one", Verdict.NO),
    (set_check("one", calculated(calculated(READY, AWAY), threshold=1)), "", Verdict.YES),
    (
        set_check("one", calculated(READY, replace(AWAY, host="s3.us-east-2.amazonaws.com", path="/switch-us-east-2/active/two"))),
        "",
        Verdict.YES,
    ),
]


@pytest.mark.parametrize(("harm", "rule", "verdict"), BROKEN)
def test_each_rule_sees_what_breaks_it(harm: Break, rule: str, verdict: Verdict) -> None:
    """The rule says so with evidence and a fix; the verdict of all is that one."""
    world = a_world()
    harm(world)
    found = found_in(world)
    wrong = {name: finding for name, finding in found.items() if finding.verdict is not Verdict.YES}
    if not rule:
        assert wrong == {}
        return
    assert found[rule].verdict is verdict, found[rule]
    assert found[rule].evidence
    assert found[rule].fix
    assert worst(tuple(wrong.values())) in (verdict, Verdict.NO)


def test_a_declared_stand_by_is_not_one() -> None:
    """The switch object that is there already says that two is active."""
    world = a_world()
    world.sides["two"].declared_at = world.clock.now()
    assert found_in(world)["switch"].verdict is Verdict.NO


def test_a_lost_region_leaves_knowledge_missing() -> None:
    """Nothing that could be seen is wrong with the stand-by: unknown, not no, but for what the lost side takes with it."""
    world = a_world()
    world.lose("one")
    found = found_in(world)
    assert {finding.verdict for name, finding in found.items() if name in ("compute", "database", "switch")} == {Verdict.YES}
    assert found["health-check-of-one"].verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("check", "answers", "well"),
    [
        (READY, True, True),
        (AWAY, True, False),
        (replace(READY, disabled=True), False, True),
        (replace(AWAY, disabled=True), False, False),
        (calculated(READY, READY, AWAY), True, True),
        (replace(calculated(READY, READY), inverted=True), True, False),
        (calculated(threshold=0), False, True),
    ],
)
def test_health_checks_are_worked_out_as_route_53_does(check: HealthCheck, answers: bool, well: bool) -> None:
    """Inverted, disabled and calculated ones."""
    assert healthy(check, lambda _leaf: answers) is well


def hadr(world: World, *arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    site = str(Path(__file__).parent / "site.yaml")
    code = run(
        ["readiness", *arguments, "--site", site],
        wire=lambda _site: world.ports(),
        out=Console(file=out, width=140),
        err=Console(file=out, width=140),
    )
    return code, out.getvalue()


def test_the_verb_answers_yes_no_and_unknown() -> None:
    """First line, exit code and JSON agree; the fix and the next command are there."""
    world = World(site=load_site(Path(__file__).parent / "site.yaml"), active="one")
    code, text = hadr(world)
    assert (code, text.splitlines()[0]) == (0, "peccy: a failover to two would work now; 12 rules hold")
    world.lag = None
    code, text = hadr(world)
    assert (code, text.splitlines()[0]) == (2, "peccy: whether a failover to two would work is unknown; look at database-lag")
    world.checks["one"] = None
    code, text = hadr(world, "--json")
    told: Any = json.loads(text)
    assert (code, told["ready"], told["to"]) == (1, "no", "two")
    assert {f["rule"]: f["verdict"] for f in told["findings"]}["health-check-of-one"] == "no"
    code, text = hadr(world)
    assert "Mend health-check-of-one: attach one" in text
    assert hadr(world, "--to", "three")[0] == 64
