"""A drill in which hadr moves the weights: told to the tool, disturbed on the way, and whether clients followed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.hadr_lab.drill.test_drill_expectations import a_result
from tests.hadr_lab.drill.test_drill_runner import ONE, TWO, FakeClock, FakeLab, a_scenario, drilled

from hadr.core.journal import Chain
from hadr_lab.drill.expectations import compare
from hadr_lab.drill.following import Held, held
from hadr_lab.drill.ports import Answer
from hadr_lab.drill.sight import Sight
from hadr_lab.history import Operation
from hadr_lab.result import Result, ShareResult, StageResult
from hadr_lab.scenario import Expect, Fault
from hadr_lab.waits import Waits

BEFORE = {"one": 50, "two": 50}
HELD_S = 15.0


@dataclass
class Shifted(FakeLab):
    """Clients draw a member every six seconds by weights that have propagated; hadr shifts, and returns once somebody is harmed."""

    deaf: bool = False
    asked: tuple[str, ...] = ()
    overloaded: float | None = None

    def __post_init__(self) -> None:
        """The weights so far."""
        self.moves: list[tuple[float, dict[str, int]]] = [(0.0, BEFORE)]

    async def inject(self, fault: Fault) -> None:
        """Only remembered."""
        await super().inject(fault)
        self.overloaded = self.clock.now()

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """A shift of one stage that is held; broken off when somebody is harmed while it is."""
        if args[0] != "shift":
            return await super().hadr(*args, timeout=timedelta(0))
        self.asked = args
        self.calls.append(" ".join(args[:3]))
        before = dict(self.held)
        await self.clock.sleep(10.0)
        began = self.clock.now()
        self._weigh({name: int(weight) for name, _, weight in (part.partition("=") for part in args[2].split(","))})
        until = began + HELD_S
        while self.clock.now() < until and self.overloaded is None:
            await self.clock.sleep(0.5)
        failed = self.overloaded is not None
        if failed:
            await self.clock.sleep(4.0)
        over = self.clock.now()
        if failed:
            self._weigh(before)
        folder = Path(args[args.index("--runs") + 1]) / "run-1"
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text(a_journal(began, over, over + 0.3 if failed else None))
        why = "clients are worse off. The weights are back at one=50,two=50" if failed else "weights"
        said = {"answer": "failed" if failed else "done", "why": why, "plan": {"from": before}}
        return Answer(code=1 if failed else 0, said=said)

    def _weigh(self, weights: dict[str, int]) -> None:
        self.held = weights
        self.moves.append((self.clock.now(), weights))

    def _operation(self, number: int, at: float) -> Operation:
        """As in a site where nobody is lost, at the member that this client drew last."""
        found = super()._operation(number, at)
        client = number % 40
        moment = at - (at - client / 10) % 6
        weights = BEFORE if self.deaf else next(weights for since, weights in reversed(self.moves) if since + 3 <= moment)
        share = weights["one"] / sum(weights.values())
        drawn = ONE if random.Random(f"{client} {moment}").random() < share else TWO
        return replace(found, client=f"ttl-{client}", address=drawn)


def a_journal(began: float, over: float, back: float | None) -> str:
    """hadr's record of a shift of one stage, and of the return where there was one."""
    step = {"summary": "s", "requires": [], "after": [], "plane": "control"}
    steps = [step | {"name": "100%", "best_effort": False}, step | {"name": "return", "best_effort": True}]
    chain = Chain()

    def at(moment: float) -> datetime:
        return datetime.fromtimestamp(moment, UTC)

    opening = {"run": "r", "site": "s", "verb": "shift", "target": "", "source": "", "way": "weights", "digest": "", "allowed": []}
    lines = [chain.link(at(began), "run", step="", data={**opening, "steps": steps})]

    def moved(moment: float, name: str, status: str) -> None:
        lines.append(chain.link(at(moment), "step", step=name, data={"status": status}))

    moved(began, "100%", "running")
    moved(over, "100%", "failed" if back else "done")
    if back:
        moved(over, "return", "running")
    moved(back or over, "return", "done" if back else "skipped")
    lines.append(chain.link(at(back or over), "end", step="", data={"status": "failed" if back else "done", "why": ""}))
    return "".join(lines)


def shifted(tmp_path: Path, scenario: str, *, deaf: bool = False) -> tuple[Result, Shifted]:
    """The scenario from beginning to end."""
    lab = Shifted(clock=FakeClock(), run=tmp_path, deaf=deaf)
    return asyncio.run(drilled(lab, a_scenario(scenario))), lab


def unmet(found: Result) -> set[str]:
    """What was not as expected."""
    return {each.what for each in found.expectations if not each.met}


def test_a_shift_is_asked_for_and_undone_by_the_weights_of_before(tmp_path: Path) -> None:
    """As the scenario says, and back to where the tool says that it began; clients drew as weighted in each of three stages."""
    found, lab = shifted(tmp_path, "shift-and-return")
    assert [call for call in lab.calls if "shift" in call] == ["shift --to one=100,two=0", "shift --to one=50,two=50"]
    assert lab.asked[3:6] == ("--hold", "15s", "--yes")
    assert unmet(found) == set()
    assert [stage.weights for stage in found.stages] == [BEFORE, {"one": 100, "two": 0}, BEFORE]
    assert found.stages[1].shares is not None
    assert found.stages[1].shares.drawn.get("two", 0) == 0
    assert (found.failed_requests, found.act_exit_code, found.weights_after) == (0, 0, BEFORE)
    assert found.phases["act"] == pytest.approx(HELD_S, abs=0.6)


def test_clients_that_stay_where_they_were_are_found_out(tmp_path: Path) -> None:
    """Weights moved in Route 53 alone prove nothing."""
    found, _ = shifted(tmp_path, "shift-and-return", deaf=True)
    assert unmet(found) == {"clients follow the weights"}
    stage = found.stages[1]
    assert stage.shares is not None
    assert (stage.shares.fair, stage.shares.statistic) == (False, None)


def test_a_shift_is_disturbed_once_it_has_moved_the_weights(tmp_path: Path) -> None:
    """Not before; what answers to the harm is the return, and how long it took is told in phases."""
    found, lab = shifted(tmp_path, "shift-to-broken-member")
    assert lab.overloaded is not None
    assert lab.moves[1][0] + 1.0 <= lab.overloaded <= lab.moves[1][0] + 1.8
    assert lab.asked[5:8] == ("--yes", "--stages", "75")
    assert lab.moves[-1][1] == BEFORE == found.weights_after
    assert (found.act_exit_code, found.clients_recovered) == (1, True)
    assert "The weights are back at one=50,two=50" in found.act_said
    assert found.moments["decided"] == pytest.approx(4.5, abs=0.6)
    assert found.phases["act"] == pytest.approx(0.3, abs=0.01)
    assert unmet(found) == set()


def test_a_shift_that_moves_nothing_is_not_disturbed(tmp_path: Path) -> None:
    """A tool that refuses leaves the drill without an onset, and the result says why."""

    class Refusing(Shifted):
        async def hadr(self, *args: str, timeout: timedelta) -> Answer:
            """Refused."""
            if args[0] != "shift":
                return await super().hadr(*args, timeout=timeout)
            return Answer(code=1, text="hadr: refused: target-not-ready")

    lab = Refusing(clock=FakeClock(), run=tmp_path)
    found = asyncio.run(drilled(lab, a_scenario("shift-to-broken-member")))
    assert lab.overloaded is None
    assert "the weights never moved, so nothing was harmed" in found.reasons
    assert "words of the act" in unmet(found)


def a_stage(drawn: Mapping[str, int] | None, one: int, two: int, *, fair: bool = True) -> StageResult:
    """A stage of ten seconds."""
    shares = None if drawn is None else ShareResult(drawn=dict(drawn), statistic=0.0, chance=1.0, fair=fair)
    return StageResult(weights={"one": one, "two": two}, since_s=0.0, until_s=10.0, shares=shares)


@pytest.mark.parametrize(
    ("stages", "met"),
    [
        ((a_stage({"one": 9}, 50, 50), a_stage({"one": 9}, 100, 0)), True),
        ((a_stage({"one": 9}, 50, 50), a_stage({"two": 9}, 100, 0, fair=False)), False),
        ((a_stage({"one": 9}, 50, 50), a_stage(None, 100, 0)), False),
        ((a_stage({"one": 9}, 50, 50), a_stage({"one": 9}, 100, 0), a_stage(None, 50, 50)), True),
        ((a_stage({"one": 9}, 50, 50),), False),
        ((), False),
    ],
)
def test_following_is_claimed_only_where_it_was_seen(stages: tuple[StageResult, ...], met: bool) -> None:
    """Weights that never moved, or a stage that nobody can judge, are no proof."""
    expect = Expect(clients_follow=True)
    seen = {e.what: e.met for e in compare(expect, a_result(stages=stages), waits=Waits(speed=20))}
    assert seen["clients follow the weights"] is met


@pytest.mark.parametrize(
    ("expect", "changes", "missed"),
    [
        (Expect(act_exit=1), {"act_exit_code": 0}, {"exit code of the act"}),
        (Expect(act_exit=1), {"act_exit_code": 1}, set()),
        (Expect(act_says="are back"), {"act_said": "The weights are NOT back"}, {"words of the act"}),
        (Expect(weights_after=BEFORE), {"weights_after": {"one": 25, "two": 75}}, {"weights afterwards"}),
        (Expect(weights_after=BEFORE), {"weights_after": dict(reversed(BEFORE.items()))}, set()),
    ],
)
def test_what_a_shift_leaves_is_compared(expect: Expect, changes: dict[str, object], missed: set[str]) -> None:
    """The tool's word and Route 53's."""
    found = compare(expect, a_result(phases={}, **changes), waits=Waits(speed=20))
    assert {e.what for e in found if not e.met} == missed


def test_a_stage_lasts_from_the_first_look_that_saw_it_to_the_last() -> None:
    """So it never begins before the change nor ends after the next."""
    looks = [Sight(at=at, weights={"one": one}) for at, one in ((1, 50), (2, 50), (3, 100), (4, 100), (5, 100), (6, 50))]
    assert list(held(looks)) == [
        Held(weights={"one": 50}, since=1, until=2),
        Held(weights={"one": 100}, since=3, until=5),
        Held(weights={"one": 50}, since=6, until=6),
    ]
    assert list(held([])) == []
