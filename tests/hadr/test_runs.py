"""Going on with a run and taking one back: by its verb, from what is seen now."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hadr.adapters.memory import MemoryRuns, World, ZoneWorld
from hadr.cli import run
from hadr.config import load_site
from hadr.core.errors import Denied

HERE = Path(__file__).parent
INFRA = HERE.parents[1] / "infra"
DR, SINGLE, MULTI = HERE / "site.yaml", INFRA / "ha-single-cluster/tests/site.yaml", INFRA / "ha-multi-cluster/tests/site.yaml"


class Desk:
    """A world, the runs that were made in it, and a command line."""

    def __init__(self, site: Path) -> None:
        self.site, self.runs = site, MemoryRuns()
        self.world: World | ZoneWorld = ZoneWorld(site=load_site(site)) if site != DR else World(site=load_site(site), active="one")

    def __call__(self, *words: str) -> tuple[int, str]:
        out, err = io.StringIO(), io.StringIO()
        code = run(
            [*words, "--site", str(self.site)],
            wire=lambda _site: self.world.ports(),
            runs_at=lambda _root: self.runs,
            out=Console(file=out, width=140),
            err=Console(file=err, width=140),
        )
        return code, out.getvalue() + err.getvalue()


def test_an_evacuation_that_failed_is_gone_on_with() -> None:
    """The same zone, from what is there; what is done already is not done twice; after that there is nothing to resume."""
    desk = Desk(SINGLE)
    desk.world.fail_next("leave_zone", Denied("not allowed"), times=1)
    assert desk("evacuate", "--zone", "ap-northeast-1a", "--yes")[0] == 1
    code, said = desk("resume", "--yes")
    assert code == 0, said
    assert "Already there: replace-pods" in said
    code, said = desk("resume", "--yes")
    assert (code, "was done; there is nothing to resume" in said) == (0, True)


def test_a_member_that_was_to_be_emptied_still_is() -> None:
    """Going on with `--empty` needs no word of it; without it the member's pods are left alone."""
    for words, replicas in (((), 6), (("--empty",), 0)):
        desk = Desk(MULTI)
        assert isinstance(desk.world, ZoneWorld)
        desk.world.fail_next("scale", Denied("not allowed"), times=1)
        assert desk("evacuate", "--zone", "ap-southeast-1a", "--hold", "5s", *words, "--yes")[0] == 1
        code, said = desk("resume", "--yes")
        assert code == 0, said
        assert desk.world.clusters["one"].replicas["peccy-app"] == replicas


@pytest.mark.parametrize(("words", "moved"), [((), True), (("--keep-writer",), False)])
def test_a_writer_that_was_to_stay_still_does(words: tuple[str, ...], *, moved: bool) -> None:
    """Going on needs no word of `--keep-writer`; without it the writer leaves the zone as it was to."""
    desk = Desk(SINGLE)
    assert isinstance(desk.world, ZoneWorld)
    before = desk.world.writer
    for call in ("leave_zone", "move_writer"):
        desk.world.fail_next(call, Denied("not allowed"), times=1)
    assert desk("evacuate", "--zone", "ap-northeast-1a", *words, "--yes")[0] == 1
    assert desk("resume", "--yes")[0] == 0
    assert (desk.world.writer != before) is moved


def test_an_evacuation_is_taken_back_by_its_return_and_the_other_way_round() -> None:
    """Named by its run."""
    desk = Desk(SINGLE)
    desk("evacuate", "--zone", "ap-northeast-1c", "--yes")
    (name,) = desk.runs.names()
    code, said = desk("abort", name, "--yes")
    assert (code, "return of ap-northeast-1c done" in said) == (0, True)
    code, said = desk("abort", "--yes", "--json")
    assert (code, json.loads(said[: said.rindex("}") + 1])["plan"]["verb"]) == (0, "evacuate")


def test_a_shift_is_taken_back_to_the_weights_of_before() -> None:
    """And gone on with to those that were wanted."""
    desk = Desk(MULTI)
    assert isinstance(desk.world, ZoneWorld)
    desk("shift", "--to", "one=80,two=20", "--hold", "5s", "--yes")
    assert desk.world.weights == {"one": 80, "two": 20}
    assert desk("abort", "--yes")[0] == 0
    assert desk.world.weights == {"one": 50, "two": 50}


def test_a_failover_is_gone_on_with_but_not_taken_back() -> None:
    """Its undo is named step by step, newest first; exit code 1, because nothing was done."""
    desk = Desk(DR)
    assert isinstance(desk.world, World)
    desk.world.lose("one")
    desk.world.fail_next("declare", Denied("not allowed"), times=1)
    assert desk("failover", "--to", "two", "--yes")[0] == 1
    code, said = desk("abort")
    assert code == 1
    assert "move-traffic (failed): remove two's switch object" in said
    assert said.index("move-traffic") < said.index("promote-database (done): switch over to one")
    assert json.loads(desk("abort", "--json")[1])["undo"][0].startswith("move-traffic")
    assert desk("resume", "--yes")[0] == 0


@pytest.mark.parametrize("verb", ["resume", "abort"])
def test_what_is_no_run_of_this_site_is_usage(verb: str, tmp_path: Path) -> None:
    """No run yet, an unknown one, one of another site."""
    desk = Desk(SINGLE)
    assert desk(verb)[0] == 64
    assert desk(verb, "nothing")[0] == 64
    desk("evacuate", "--zone", "ap-northeast-1a", "--yes")
    desk.site = tmp_path / "site.yaml"
    desk.site.write_text(SINGLE.read_text().replace("site: peccy", "site: other"))
    code, said = desk(verb)
    assert (code, "was about site peccy, and" in said) == (64, True)
