"""A drill whose act moves the roles and that ends at home again: when it goes back, what that costs clients, whose data counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.hadr_lab.drill.test_drill_runner import ONE, FakeClock, FakeLab, a_journal, a_scenario, drilled

from hadr_lab.checker import Row
from hadr_lab.drill.ports import Answer
from hadr_lab.drill.steps import StepSpan, acting
from hadr_lab.history import Kind, Operation, Outcome
from hadr_lab.result import Result, table
from hadr_lab.scenario import Fault

REFUSED = {"refusals": [{"guard": "data-loss", "what": "how far the database is behind is unknown", "lifted": False}]}
QUIET_S = (2.0, 8.0)
"""From when to when after the order to turn round nobody is answered."""


@dataclass
class Turned(FakeLab):
    """Roles are moved by hadr in ten seconds, six of them without answers; after a loss the way back is refused until `well`."""

    asked: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    quiet: list[tuple[float, float]] = field(default_factory=list)
    home_at: float | None = None
    healed: float | None = None
    well_after: float = 5.0
    turn_fails: bool = False

    async def heal(self, fault: Fault) -> None:
        """Remember when."""
        await super().heal(fault)
        self.healed = self.clock.now()

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """A plan is refused until the other side is well; a planned move takes ten seconds."""
        self.asked += [" ".join(args[:4]) if args[0] == "plan" else " ".join(args[:3])] if args[0] != "status" else []
        if args[0] in ("status", "failover"):
            return await super().hadr(*args, timeout=timeout)
        await self.clock.sleep(0.5)
        if args[0] == "plan":
            lame = self.cut is not None and (self.healed is None or self.clock.now() < self.healed + self.well_after)
            return Answer(code=2 if lame else 0, said=REFUSED if lame else {"refusals": []})
        began = self.clock.now()
        self.quiet.append((began + QUIET_S[0], began + QUIET_S[1]))
        self.home_at = began + QUIET_S[1] if "one" in args else None
        await self.clock.sleep(10.0)
        folder = Path(args[args.index("--runs") + 1]) / "run-1"
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text(a_journal(began))
        failed = self.turn_fails and args[2] == "one"
        return Answer(code=1 if failed else 0, said={"answer": "failed" if failed else "done", "why": ""})

    async def database_rows(self, member: str) -> tuple[Row, ...]:
        """Remember whose."""
        self.read.append(member)
        return await super().database_rows(member)

    def _operation(self, number: int, at: float) -> Operation:
        """Nobody is answered while writes are stopped; at home again, one answers."""
        found = super()._operation(number, at)
        if any(since <= at < until for since, until in self.quiet):
            if found.kind is not Kind.READ and found.id in self._rows[found.kind]:
                self._rows[found.kind].remove(found.id)
            return replace(found, outcome=Outcome.FAIL, status=503, error="503 app: none answers")
        if self.home_at is not None and at >= self.home_at:
            return replace(found, address=ONE)
        return found


def turned(tmp_path: Path, scenario: str, **lab: object) -> tuple[Result, Turned]:
    """The scenario from beginning to end."""
    world = Turned(clock=FakeClock(), run=tmp_path)
    for name, value in lab.items():
        setattr(world, name, value)
    return asyncio.run(drilled(world, a_scenario(scenario))), world


def unmet(found: Result) -> set[str]:
    """What was not as expected."""
    return {each.what for each in found.expectations if not each.met}


def test_a_planned_move_is_undone_by_another_one(tmp_path: Path) -> None:
    """Asked for as an operator would, once clients are well; each direction has its own outage, steps and files."""
    found, lab = turned(tmp_path, "switchover-and-back")
    assert lab.asked == ["switchover --to two", "plan switchover --to one", "switchover --to one"]
    assert (found.verdict, found.reasons, unmet(found), found.exit_code) == ("valid", (), set(), 0)
    assert found.back is not None
    assert found.client_outage_s == pytest.approx(6.0, abs=0.1)
    assert found.back.client_outage_s == pytest.approx(6.0, abs=0.1)
    assert 250 < found.back.failed_requests < found.failed_requests < 610
    assert (found.moments["detected"], found.phases["onset_to_detected"]) == (None, None)
    assert found.moments["recovered"] is not None
    assert found.back.began_s is not None
    assert found.moments["recovered"] + 4 <= found.back.began_s
    assert found.back.refused_s == pytest.approx(0.5)
    assert found.back.refused == ""
    assert [step.name for step in found.back.steps] == [step.name for step in found.steps]
    assert found.back.steps[0].started_s == pytest.approx(found.back.began_s, abs=1.5)
    assert {"journal.jsonl", "journal-back.jsonl"} <= {path.name for path in tmp_path.iterdir()}
    assert lab.read == ["one"]
    assert "client outage of the way back" in table(found)


def test_after_a_loss_the_way_back_waits_for_the_heal_and_until_nothing_speaks_against_it(tmp_path: Path) -> None:
    """The outage of the loss ends before; the last refusal is told; home's data is judged, though home was lost on the way."""
    found, lab = turned(tmp_path, "region-loss-and-back")
    assert lab.asked[0] == "failover --to two"
    assert set(lab.asked[1:-1]) == {"plan failback --to one"}
    assert lab.asked[-1] == "failback --to one"
    assert (found.verdict, found.reasons, unmet(found)) == ("valid", (), set())
    assert lab.cut is not None
    assert lab.moved is not None
    assert found.client_outage_s == pytest.approx(lab.moved - lab.cut, abs=0.1)
    assert found.back is not None
    assert found.back.refused == "data-loss: how far the database is behind is unknown"
    assert found.back.refused_s == pytest.approx(5.0, abs=2.0)
    assert found.faults[0].healed_s == pytest.approx(60.0, abs=0.5)
    assert found.back.client_outage_s == pytest.approx(6.0, abs=0.1)
    assert lab.read == ["one"]


def test_nobody_goes_back_while_it_is_refused(tmp_path: Path) -> None:
    """Roles stay where they are and that side's data is judged; the result says what the tool said."""
    found, lab = turned(tmp_path, "region-loss-and-back", well_after=1e6)
    assert "failback --to one" not in lab.asked
    assert found.reasons == ("nobody went back, for hadr refused: data-loss: how far the database is behind is unknown",)
    assert unmet(found) == {"client outage of the way back", "exit code of the way back"}
    assert found.back is not None
    assert (found.back.began_s, found.back.exit_code) == (None, None)
    assert lab.read == ["two"]
    assert "refused: data-loss" in table(found)


def test_a_way_back_that_fails_is_told(tmp_path: Path) -> None:
    """By its exit code; the data judged is then that of the side that roles were moved to."""
    found, lab = turned(tmp_path, "switchover-and-back", turn_fails=True)
    assert unmet(found) == {"exit code of the way back"}
    assert lab.read == ["two"]


def test_what_waits_for_the_proof_is_no_part_of_the_act() -> None:
    """Nor is what waits for that; what is beside it is."""
    spans: dict[str, tuple[str, ...]] = {
        "switch": (),
        "prove": ("switch",),
        "free": ("prove", "switch"),
        "reverse": ("free",),
        "beside": ("switch",),
    }
    steps = [StepSpan(name=name, requires=requires) for name, requires in spans.items()]
    assert [step.name for step in acting(steps)] == ["switch", "beside"]
