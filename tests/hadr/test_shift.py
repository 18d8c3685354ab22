"""Moving weight in stages: which stages, what refuses it, and that it goes back by itself when clients get worse off."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from hadr.adapters.memory import MemoryRuns, World, example_site
from hadr.cli import run
from hadr.config import load_site
from hadr.core.decide import Status
from hadr.core.errors import Denied, Indefinite, StepFailed, Throttled
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.shift import wanted_weights
from hadr.core.stages import stages
from hadr.engine.shift import Shift

SITE = example_site()
HOLD = timedelta(seconds=30)
WISH = {"one": 70, "two": 30}
SITE_FILE = Path(__file__).parent / "site.yaml"


def a_world() -> World:
    """Two members that both serve, half of the clients each."""
    return World(site=SITE, active="one", shared=True)


@dataclass(slots=True)
class Outcome:
    """How a shift ended."""

    world: World
    why: str = ""
    runs: MemoryRuns = field(default_factory=MemoryRuns)

    @property
    def record(self) -> RunRecord:
        return run_record(verify(self.runs.journal(self.runs.names()[-1])).entries)

    @property
    def weights(self) -> dict[str, int]:
        return {name: side.weight for name, side in self.world.sides.items()}


def carry_out(world: World, shares: tuple[float, ...] = (60,), on_stage: Callable[[str], None] = lambda _name: None) -> Outcome:
    outcome = Outcome(world)
    ports = world.ports()
    before = dict(ports.traffic.weights())

    def told(name: str, status: Status, seen: str) -> None:
        if status is Status.RUNNING:
            on_stage(name)

    journal = outcome.runs.begin("shift", {}, world.clock.now())
    way = stages(before, WISH, shares)
    try:
        Shift(site=SITE, ports=ports, before=before, stages=way, hold=HOLD, journal=journal, told=told).carry_out()
    except StepFailed as failed:
        outcome.why = str(failed)
    return outcome


def test_a_shift_holds_each_stage_and_ends_with_the_wish() -> None:
    """Every stage once, each for as long as asked, with a look beforehand."""
    world = a_world()
    began = world.clock.now()
    outcome = carry_out(world)
    assert (outcome.why, outcome.weights) == ("", WISH)
    assert world.weighed == [{"one": 60, "two": 40}, WISH]
    assert timedelta(seconds=70) <= world.clock.now() - began <= timedelta(seconds=80)
    assert outcome.record.status == "done"
    assert [(step.name, step.status) for step in outcome.record.steps] == [("60%", "done"), ("70%", "done"), ("return", "skipped")]


def test_it_goes_back_by_itself_when_clients_get_worse_off() -> None:
    """The member breaks in the second stage: the weights of before are there again, within seconds, and it says why."""
    world = a_world()

    def breaks(stage: str) -> None:
        if stage == "70%":
            world.sides["one"].replicas = dict.fromkeys(world.sides["one"].replicas, 0)

    outcome = carry_out(world, on_stage=breaks)
    assert outcome.weights == {"one": 50, "two": 50}
    assert "clients are worse off" in outcome.why
    assert "peccy-one.elb.test" in outcome.why
    assert outcome.why.endswith("The weights are back at one=50,two=50")
    assert outcome.record.status == "failed"
    assert {step.name: step.status for step in outcome.record.steps} == {"60%": "done", "70%": "failed", "return": "done"}
    ended = {step.name: step.length for step in outcome.record.steps}
    assert ended["70%"] <= timedelta(seconds=6)


@pytest.mark.parametrize("slower", [timedelta(milliseconds=600), timedelta(seconds=2)])
def test_it_goes_back_by_itself_when_clients_are_served_slowly(slower: timedelta) -> None:
    """No answer fails: the fifth slow one in a row is enough, and the words are in milliseconds, of now and of before."""
    world = a_world()

    def slows(stage: str) -> None:
        if stage == "70%":
            world.sides["one"].slower = slower

    outcome = carry_out(world, on_stage=slows)
    assert outcome.weights == {"one": 50, "two": 50}
    assert "clients are worse off: " in outcome.why
    assert "peccy-one.elb.test: 5 answers in a row took over 350 ms (100 ms before)" in outcome.why
    assert "peccy-two.elb.test" not in outcome.why
    assert outcome.why.endswith("The weights are back at one=50,two=50")
    assert {step.name: step.status for step in outcome.record.steps} == {"60%": "done", "70%": "failed", "return": "done"}
    ended = {step.name: step.length for step in outcome.record.steps}
    assert ended["70%"] <= timedelta(seconds=3) + 5 * (slower + timedelta(seconds=1))


def test_noise_undoes_nothing() -> None:
    """A busy machine: one round slow by seconds, then three out of four, in every stage; not five answers in a row anywhere."""
    world = a_world()
    stall, calm = [timedelta(seconds=1)] * 3, [timedelta(0)] * 3

    def stalls(_stage: str) -> None:
        world.hiccups = [timedelta(seconds=2.5)] * 3 + calm + (stall * 3 + calm) * 2

    outcome = carry_out(world, on_stage=stalls)
    assert (outcome.why, outcome.weights, world.hiccups) == ("", WISH, [])


def test_a_member_of_which_half_is_slow_is_left_too() -> None:
    """Every other answer takes half a second: never two in a row, but too many of the last."""
    world = a_world()

    def half(stage: str) -> None:
        if stage == "60%":
            world.hiccups = ([timedelta(seconds=0.5)] * 3 + [timedelta(0)] * 3) * 15

    outcome = carry_out(world, on_stage=half)
    assert outcome.weights == {"one": 50, "two": 50}
    assert "10 of the last 19 answers took over 350 ms (100 ms before)" in outcome.why


def test_a_member_that_was_slow_before_it_got_clients_is_held_to_that() -> None:
    """It is farther away: asked before the first stage although it has no weight; through the name nobody is worse off either."""
    world = a_world()
    world.sides["one"].slower = timedelta(seconds=0.9)
    world.sides["one"].weight, world.sides["two"].weight = 0, 100
    outcome = carry_out(world, shares=())
    assert (outcome.why, outcome.weights) == ("", WISH)


def test_what_a_member_failed_before_it_got_clients_is_held_against_it() -> None:
    """That nobody was sent to it is no reason to take its failures for usual."""
    world = a_world()
    world.sides["one"].weight, world.sides["two"].weight = 0, 100
    world.sides["one"].replicas = dict.fromkeys(world.sides["one"].replicas, 0)
    outcome = carry_out(world, shares=())
    assert outcome.weights == {"one": 0, "two": 100}
    assert "peccy-one.elb.test: 2 of 2 answers failed, last: 503 (no healthy target)" in outcome.why


def test_a_stage_says_how_clients_fared() -> None:
    """Failures and the median, of each host that was asked."""
    outcome = carry_out(a_world(), shares=())
    seen = {step.name: step.proof for step in outcome.record.steps}["70%"]
    assert "peccy-two.elb.test: 0 of 30 answers failed, median 100 ms (of the last 20)" in seen


def test_an_interrupted_shift_goes_back() -> None:
    """Ctrl-C in a stage is a reason like another."""

    def stop(stage: str) -> None:
        if stage == "70%":
            raise KeyboardInterrupt

    outcome = carry_out(a_world(), on_stage=stop)
    assert outcome.weights == {"one": 50, "two": 50}
    assert outcome.why == "interrupted. The weights are back at one=50,two=50"
    assert {step.name: step.status for step in outcome.record.steps} == {"60%": "done", "70%": "failed", "return": "done"}


@pytest.mark.parametrize("applied", [False, True])
def test_a_call_that_fails_for_a_while_is_asked_again(applied: bool) -> None:
    """Indefinite or throttled, once or twice: the weights are seen there before a stage is held."""
    world = a_world()
    world.fail_next("set_weights", Indefinite("read timed out"), applied=applied)
    world.fail_next("set_weights", Throttled("slow down"), times=2)
    outcome = carry_out(world)
    assert (outcome.why, outcome.weights) == ("", WISH)


def test_weights_that_cannot_be_moved_end_it() -> None:
    """Nothing was moved, and it says so; when even the return is impossible it says how to do it."""
    world = a_world()
    world.fail_next("set_weights", Denied("AccessDenied"), times=100)
    outcome = carry_out(world)
    assert outcome.weights == {"one": 50, "two": 50}
    assert "were not seen within 60 s; last: AccessDenied" in outcome.why
    assert "The weights are NOT back" in outcome.why
    assert outcome.why.endswith("hadr shift --to one=50,two=50")


@pytest.mark.parametrize(
    ("now", "wish", "shares", "expected"),
    [
        ((50, 50), "one=100,two=0", (), [(100, 0)]),
        ((0, 100), "one=70,two=30", (10, 30, 70), [(10, 90), (30, 70), (70, 30)]),
        ((100, 0), "one=70,two=30", (10,), [(90, 10), (70, 30)]),
        ((50, 50), "one=1,two=1", (), []),
        ((0, 0), "one=1,two=0", (), [(1, 0)]),
    ],
)
def test_stages(now: tuple[int, int], wish: str, shares: tuple[float, ...], expected: list[tuple[int, int]]) -> None:
    """Shares are those of the member that gains; the last stage is the wish itself."""
    found = stages({"one": now[0], "two": now[1]}, wanted_weights(SITE, wish), shares)
    assert [(stage.weights["one"], stage.weights["two"]) for stage in found] == expected


def hadr(world: World, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = run(
        ["shift", *arguments, "--site", str(SITE_FILE)],
        wire=lambda _site: world.ports(),
        runs_at=lambda _root: MemoryRuns(),
        out=Console(file=out, width=140),
        err=Console(file=err, width=140),
    )
    return code, out.getvalue(), err.getvalue()


def served() -> World:
    return World(site=load_site(SITE_FILE), active="one", shared=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "one=0,two=0"), "takes all weight away"),
        (("--to", "one=70"), "give every member a weight; two has none"),
        (("--to", "one=70,three=1"), "no member 'three'"),
        (("--to", "one=70,one=1"), "one is named twice"),
        (("--to", "one=300,two=1"), "is not MEMBER=WEIGHT"),
        (("--to", "one=x,two=1"), "is not MEMBER=WEIGHT"),
        (("--to", "one=70,two=30", "--stages", "40,60"), "have to be between 50 and 70, rising"),
        (("--to", "one=70,two=30", "--stages", "65,60"), "have to be between 50 and 70, rising"),
        (("--to", "one=70,two=30", "--stages", "few"), "no list of percentages"),
        (("--to", "one=70,two=30", "--hold", "soon"), "--hold: 'soon' is no time such as 60s or 5m"),
        (("--to", "one=70,two=30", "--hold", "0"), "--hold"),
    ],
)
def test_wrong_use_is_one_line_and_64(arguments: tuple[str, ...], said: str) -> None:
    """Nothing is asked of the world."""
    world = served()
    code, _, err = hadr(world, *arguments, "--yes")
    assert code == 64
    assert said in " ".join(err.split())
    assert world.asked == []


def test_a_stand_by_gets_no_clients() -> None:
    """Weight for a member that is not ready is refused by name; so is a shift while somebody is declared active."""
    world = World(site=load_site(SITE_FILE), active="one")
    code, _, err = hadr(world, "--to", "one=70,two=30", "--yes")
    assert code == 1
    assert "target-not-ready: two is not ready for clients: 503" in err
    world = served()
    world.sides["two"].declared_at = world.clock.now()
    code, _, err = hadr(world, "--to", "one=70,two=30", "--yes")
    assert code == 1
    assert "roles-unclear: two is declared active, so weights do not decide" in err
    assert world.asked == []


def test_the_verb_shifts_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shown, asked, done; --json holds the run; asked again there is nothing to do."""
    world = served()
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert hadr(world, "--to", "one=70,two=30")[0] == 1
    assert world.asked == []
    monkeypatch.setattr("sys.stdin", io.StringIO("peccy\n"))
    code, text, _ = hadr(world, "--to", "one=70,two=30", "--stages", "60", "--hold", "5s")
    assert code == 0
    assert "can shift from one=50 two=50 to one=70 two=30 in 2 stages" in text
    assert "shift to one=70,two=30 done in" in text
    code, text, _ = hadr(world, "--to", "one=0,two=100", "--hold", "5s", "--yes", "--json")
    assert (code, json.loads(text)["answer"]) == (0, "done")
    code, text, _ = hadr(world, "--to", "one=0,two=100", "--yes")
    assert code == 0
    assert "clients are shared like that already" in text
