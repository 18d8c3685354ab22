"""Would the loss of a zone be survived: each rule against a site that lacks that very thing, and the verbs that tell it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hadr.adapters.memory import MemoryRuns, ZoneWorld, zonal_site
from hadr.cli import run
from hadr.config import load_site
from hadr.core.errors import Gone, Indefinite
from hadr.core.roles import Verdict, readiness_reads
from hadr.core.survival import survives, zone_findings
from hadr.core.view import View
from hadr.engine import observe

A, B, C = "ap-southeast-1a", "ap-southeast-1b", "ap-southeast-1c"
INFRA = Path(__file__).parents[2] / "infra"
SITES = {members: INFRA / root / "tests" / "site.yaml" for members, root in ((1, "ha-single-cluster"), (2, "ha-multi-cluster"))}


def a_view(world: ZoneWorld) -> View:
    return observe(world.site, world.ports(), reads=readiness_reads(world.site))


def wrong(world: ZoneWorld, zone: str) -> dict[str, Verdict]:
    """The rules that do not hold for the loss of the zone."""
    found = zone_findings(world.site, a_view(world), zone)
    return {finding.rule: finding.verdict for finding in found if finding.verdict is not Verdict.YES}


@pytest.mark.parametrize("members", [1, 2])
def test_a_site_with_everything_survives_each_zone(members: int) -> None:
    """Also the zone in which no member's workload lives, of which only data is asked."""
    world = ZoneWorld(site=zonal_site(members=members))
    view = a_view(world)
    assert {zone: survives(world.site, view, zone) for zone in world.site.zones} == dict.fromkeys((A, B, C), Verdict.YES)
    rules = [finding.rule for finding in zone_findings(world.site, view, C)]
    assert rules == (["database", "files"] if members == 2 else ["pods", "node-maker", "way-in", "database", "files"])


def no_writer_elsewhere(world: ZoneWorld) -> None:
    world.instances = {"db-0": A}


def pods_in_one_zone(world: ZoneWorld) -> None:
    for one in world.clusters["one"].processes:
        one.machine = next(machine for machine in world.clusters["one"].machines if machine.zone == A)


def maker_in_one_zone(world: ZoneWorld) -> None:
    world.clusters["one"].maker_zones = {A}


def silent_cluster(world: ZoneWorld) -> None:
    world.fail_next("placed", Indefinite("no answer"))


def no_mounts_known(world: ZoneWorld) -> None:
    world.fail_next("mounts", Gone("FileSystemNotFound"))


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (no_writer_elsewhere, {"database": Verdict.NO}),
        (pods_in_one_zone, {"pods": Verdict.NO}),
        (maker_in_one_zone, {"node-maker": Verdict.NO}),
        (silent_cluster, {"pods": Verdict.UNKNOWN, "node-maker": Verdict.UNKNOWN}),
        (no_mounts_known, {"files": Verdict.NO}),
    ],
)
def test_what_is_missing_is_told(harm: Callable[[ZoneWorld], None], found: dict[str, Verdict]) -> None:
    """One rule for each thing; what does not answer is unknown, what is not there a no."""
    world = ZoneWorld(site=zonal_site())
    harm(world)
    assert wrong(world, A) == found


def test_a_left_zone_leaves_nothing_to_lose_with_another() -> None:
    """After one of two members handed over, the other one's zone is not survived; the first one's is."""
    world = ZoneWorld(site=zonal_site(members=2))
    world.weights = {"one": 0, "two": 100}
    view = a_view(world)
    assert survives(world.site, view, A) is Verdict.YES
    assert wrong(world, B) == {"way-in": Verdict.NO}


def test_pods_of_a_member_that_was_left_stand_in_for_nobody() -> None:
    """They run on, but no client is sent to them: the other zone is not survived, and the one that was left has nothing to lose."""
    world = a_world(2)
    assert hadr(world, "evacuate", "--zone", A, "--hold", "5s", "--yes", members=2)[0] == 0
    view = a_view(world)
    assert survives(world.site, view, A) is Verdict.YES
    assert wrong(world, B) == {"pods": Verdict.NO, "way-in": Verdict.NO}
    _, text, _ = hadr(world, "status", members=2)
    assert "3/3 ready, 3 cordoned" in text
    assert "DNS weights: two=100 one=0" in text


def hadr(world: ZoneWorld, *words: str, members: int = 1) -> tuple[int, str, str]:
    """One command line against the world: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    runs = MemoryRuns()
    code = run(
        [*words, "--site", str(SITES[members])],
        wire=lambda _site: world.ports(),
        runs_at=lambda _root: runs,
        out=Console(file=out, width=140),
        err=Console(file=err, width=140),
    )
    return code, out.getvalue(), err.getvalue()


def a_world(members: int = 1) -> ZoneWorld:
    return ZoneWorld(site=load_site(SITES[members]))


def test_status_shows_the_zones() -> None:
    """Served, zone by zone; the exit code is that of being served."""
    code, text, _ = hadr(a_world(), "status")
    assert code == 0
    assert text.startswith(
        "peccy: served; would survive the loss of ap-northeast-1a yes, ap-northeast-1c yes, ap-northeast-1d yes\n"
    )
    rows = [line for line in text.splitlines() if line.startswith(("nodes", "pods", "targets", "balancer", "database", "files"))]
    assert len(rows) == 6
    assert "writer available" in next(row for row in rows if row.startswith("database"))
    code, text, _ = hadr(a_world(2), "status", "--json", members=2)
    told = json.loads(text)
    assert (code, told["serving"], told["writer_zone"], told["zones"][A]["survives_its_loss"]) == (0, "yes", A, "yes")
    assert told["members"]["two"]["readings"]["placed"]["known"]


def test_readiness_is_about_every_zone() -> None:
    """Yes 0, no 1, unknown 2; of two members the wiring of their records as well; a stand-by is asked for in vain."""
    code, text, _ = hadr(a_world(2), "readiness", members=2)
    assert code == 0, text
    assert "health-check-of-one" in text
    world = a_world()
    world.instances = dict(list(world.instances.items())[:1])
    code, text, _ = hadr(world, "readiness")
    assert code == 1
    assert "Mend ap-northeast-1a database: add an instance of peccy-one in another zone" in text
    world = a_world()
    world.fail_next("instances", Indefinite("no answer"), times=9)
    code, text, _ = hadr(world, "readiness", "--json")
    assert (code, json.loads(text)["ready"]) == (2, "unknown")
    assert hadr(a_world(), "readiness", "--to", "one")[0] == 64


def test_evacuate_shows_asks_and_applies() -> None:
    """plan changes nothing; refused is 1; with --yes --json the run is in the answer; twice is nothing to do."""
    world, zone = a_world(), "ap-northeast-1a"
    code, text, _ = hadr(world, "plan", "evacuate", "--zone", zone)
    assert code == 0
    assert text.startswith("peccy: can leave ap-northeast-1a in 5 steps, about ")
    assert "Next: hadr evacuate --zone ap-northeast-1a" in text
    assert "Note: the database is away for some seconds" in text
    assert world.asked == []
    code, text, _ = hadr(world, "evacuate", "--zone", zone, "--yes", "--json")
    told: dict[str, Any] = json.loads(text)
    assert (code, told["answer"], told["run"]["zone"]) == (0, "done", zone)
    assert [step["status"] for step in told["run"]["steps"]] == ["done"] * 5
    code, text, _ = hadr(world, "evacuate", "--zone", zone, "--yes")
    assert (code, text.splitlines()[0]) == (0, "peccy: ap-northeast-1a is left already; there is nothing to do")
    code, text, _ = hadr(world, "evacuate", "--zone", zone, "--return", "--yes")
    assert code == 0
    assert text.startswith("peccy: can return to ap-northeast-1a in ")
    assert "peccy: return of ap-northeast-1a done in " in text


def test_evacuate_refuses_by_code() -> None:
    """1 refused, 2 unknown, 64 wrong use."""
    world = a_world()
    world.clusters["one"].maker_zones = {"ap-northeast-1a"}
    code, text, _ = hadr(world, "plan", "evacuate", "--zone", "ap-northeast-1a")
    assert (code, "is refused by target-not-ready" in text) == (1, True)
    world = a_world()
    world.fail_next("placed", Indefinite("no answer"))
    assert hadr(world, "plan", "evacuate", "--zone", "ap-northeast-1a", "--json")[0] == 2
    for words in (
        ("--zone", "us-east-1a"),
        ("--zone", "ap-northeast-1a", "--hold", "soon"),
        ("--zone", "ap-northeast-1a", "--json"),
        (),
    ):
        assert hadr(a_world(), "evacuate", *words)[0] == 64, words


@pytest.mark.parametrize("members", [1, 2])
def test_the_writer_may_be_kept(members: int) -> None:
    """Then nothing in leaving a healthy zone makes a write wait."""
    world = a_world(members)
    zone = world.instances[world.writer]
    code, text, _ = hadr(world, "evacuate", "--zone", zone, "--keep-writer", "--hold", "5s", "--yes", members=members)
    assert code == 0, text
    assert "move-writer" not in text
    assert world.instances[world.writer] == zone
    assert world.harmed == []


def test_a_member_is_emptied_only_when_asked_to() -> None:
    """The plan says what becomes of who never asks DNS again, and what to type; a spread member is refused in one line."""
    world = a_world(2)
    _, text, _ = hadr(world, "plan", "evacuate", "--zone", A, members=2)
    assert "Note: clients that never ask DNS again stay with one, which goes on serving them (--empty stops it" in " ".join(
        text.split()
    )
    assert "empty-member" not in text
    code, text, _ = hadr(world, "plan", "evacuate", "--zone", A, "--empty", members=2)
    assert (code, f"Next: hadr evacuate --zone {A} --empty\n" in text) == (0, True)
    assert "Note: one is stopped at the end" in text
    code, text, _ = hadr(world, "evacuate", "--zone", A, "--empty", "--hold", "5s", "--yes", members=2)
    assert code == 0, text
    assert world.clusters["one"].replicas == {"peccy-web": 0, "peccy-app": 0}
    assert world.harmed == []
    code, _, told = hadr(a_world(), "evacuate", "--zone", "ap-northeast-1a", "--empty", "--yes")
    assert (code, "--empty stops a member that lives in one zone only" in told) == (64, True)
    assert hadr(a_world(2), "evacuate", "--zone", A, "--empty", "--return", "--yes", members=2)[0] == 64


def test_stages_and_hold_of_weights_are_given() -> None:
    """A pinned member's weights go over the shares that were asked for, and back in one."""
    world = a_world(2)
    code, text, told = hadr(world, "evacuate", "--zone", A, "--stages", "60,80", "--hold", "5s", "--yes", members=2)
    assert code == 0, text
    stages = [line.split(maxsplit=3)[-1] for line in told.splitlines() if "move-weights" in line and "%" in line]
    assert stages == [f"{share}% {word}" for share in (60, 80, 100) for word in ("running", "done")]
    assert world.weighed == [{"two": 60, "one": 40}, {"two": 80, "one": 20}, {"two": 100, "one": 0}]
    assert hadr(world, "evacuate", "--zone", A, "--stages", "60,40", "--return", "--yes", members=2)[0] == 64


def test_all_weight_goes_to_one_member_and_comes_back() -> None:
    """`shift` 50/50 to 100/0 and back works for members that share their data; all weight away is refused."""
    world = a_world(2)
    assert hadr(world, "shift", "--to", "one=100,two=0", "--hold", "5s", "--yes", members=2)[0] == 0
    assert world.weights == {"one": 100, "two": 0}
    world.clock.advance(timedelta(minutes=2))
    assert hadr(world, "shift", "--to", "one=50,two=50", "--stages", "30", "--hold", "5s", "--yes", members=2)[0] == 0
    assert world.weights == {"one": 50, "two": 50}
    assert hadr(world, "shift", "--to", "one=0,two=0", "--yes", members=2)[0] == 64
    assert world.harmed == []
