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
from hadr.core.shift import Seen, wanted_weights, worse
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


def test_what_was_bad_before_is_not_held_against_it() -> None:
    """Only what is worse than the look beforehand sends it back; answers in a row do always."""
    before = Seen(asked=100, failed=10)
    assert not worse(before, Seen(asked=100, failed=11))
    assert worse(before, Seen(asked=100, failed=14))
    assert worse(before, Seen(asked=3, failed=3, in_a_row=3))
    assert not worse(Seen(), Seen(asked=10, failed=1))
    assert worse(Seen(), Seen(asked=10, failed=2))
    assert worse(Seen(asked=3, failed=2, in_a_row=2), Seen(asked=3, failed=3, in_a_row=3))
    assert not worse(Seen(asked=3, failed=3, in_a_row=3), Seen(asked=9, failed=9, in_a_row=9))
    assert Seen().share == 0


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
