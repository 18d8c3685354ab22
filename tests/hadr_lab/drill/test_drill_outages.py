"""The table of what clients feel of each kind of harm."""

from __future__ import annotations

import pytest
from tests.hadr_lab.drill.test_drill_expectations import a_result

from hadr_lab.drill.outages import WHY, Row, Table, as_text, kinds, row_of, scenario_of, struck
from hadr_lab.drill.sight import Pod, Sight
from hadr_lab.errors import ScenarioFailed
from hadr_lab.result import PlatformResult
from hadr_lab.scenario import Actor, HarmZone, ReadOnlyDatabase


def a_row(kind: str = "killed", **changes: object) -> Row:
    """A kind that clients got over after two seconds."""
    platform = PlatformResult(harmed=("r-1a",), targets_gone_s=1.5)
    given = {"client_outage_s": 2.0, "lost_writes": (), "platform": platform, "latency_before": {"p99": 0.02}} | changes
    script = scenario_of("a", kind, HarmZone(zone="r-1a"))
    return row_of(kind, script, a_result(**given))


def test_every_kind_of_the_issue_is_done_with_its_reason() -> None:
    """Killed, blackholed, frozen, slow, lossy, read-only database, and the loss as it really comes."""
    wanted = {"killed", "blackholed", "frozen", "slow", "lossy", "read-only database", "lost"}
    assert {name for name, _ in kinds("r-1a")} == wanted == set(WHY)


@pytest.mark.parametrize(("name", "fault"), kinds("r-1a"))
def test_each_is_a_drill_in_which_nobody_acts_and_nothing_may_be_lost(name: str, fault: object) -> None:
    """And it ends before Kubernetes itself would give the nodes up, so that one kind is not measured as another."""
    script = scenario_of("ha-single-cluster", name, fault)  # type: ignore[arg-type]
    assert script.act.by is Actor.NOBODY
    held = script.limits.hold + script.limits.recovery + script.steady.window + script.load.timeout + script.limits.after
    assert held.total_seconds() < 50
    assert isinstance(script.loss, ReadOnlyDatabase) or script.loss is fault


def test_a_kind_that_lasts_is_told_as_that_and_never_as_a_number() -> None:
    """No health check sees a slow zone, so the balancer never lets go of it."""
    table = Table(
        architecture="a",
        speed=20,
        seed=1,
        rows=(
            a_row(),
            a_row(
                "slow",
                clients_recovered=False,
                client_outage_s=None,
                latency_after={"p99": 1.2},
                platform=PlatformResult(harmed=("r-1a",)),
            ),
        ),
    )
    lines = as_text(table).splitlines()
    assert lines[2] == "| killed | 2.0 s | 3 of 30 | 20 ms -> - | 1.5 s | 0 of 10 |"
    assert lines[3] == "| slow | as long as it lasts | 3 of 30 | 20 ms -> 1.2 s | never | 0 of 10 |"
    assert "- **killed**: Addresses refuse at once" in as_text(table)


@pytest.mark.parametrize(("verdicts", "code"), [("valid valid", 0), ("valid invalid", 1), ("valid unknown", 2), ("", 2)])
def test_the_table_is_good_when_every_drill_of_it_is(verdicts: str, code: int) -> None:
    """Books that do not balance outweigh those that nobody can judge."""
    rows = tuple(a_row(verdict=verdict) for verdict in verdicts.split())
    assert Table(architecture="a", speed=20, seed=1, rows=rows).exit_code == code


def test_the_writers_zone_is_struck_if_the_workload_is_there_too() -> None:
    """Else one with a workload; without any there is nothing to strike."""
    pods = tuple(Pod(member="one", workload="web", zone=zone, ready=True) for zone in ("r-1b", "r-1a"))
    sight = Sight(at=0, pods=pods)
    assert struck(sight, "r-1b", "one") == "r-1b"
    assert struck(sight, "r-1c", "one") == "r-1a"
    with pytest.raises(ScenarioFailed, match="no ready pod in any zone"):
        struck(Sight(at=0), "r-1a", "one")
