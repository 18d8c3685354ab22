"""The command line over the in-memory world: first lines, tables, JSON and exit codes. Golden text at a fixed width."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hadr.adapters.memory import MemoryRuns, World
from hadr.cli import run
from hadr.cli.verbs import app
from hadr.config import load_site
from hadr.core.errors import Denied, Indefinite
from hadr.core.guards import Guard

SITE = Path(__file__).parent / "site.yaml"
GOLDEN = Path(__file__).parent / "golden"
WIDTH = 110


@dataclass(slots=True)
class Terminal:
    """hadr at a desk: a world, its runs, and what was printed by the last command."""

    world: World
    runs: MemoryRuns = field(default_factory=MemoryRuns)
    out: str = ""
    err: str = ""

    def __call__(self, *arguments: str) -> int:
        out, err = io.StringIO(), io.StringIO()
        code = run(
            arguments,
            wire=lambda _site: self.world.ports(),
            runs_at=lambda _root: self.runs,
            out=Console(file=out, width=WIDTH, highlight=False, markup=False),
            err=Console(file=err, width=WIDTH, highlight=False, markup=False),
        )
        self.out = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
        self.err = err.getvalue()
        return code

    def site(self, *arguments: str) -> int:
        """The same with the site's file named."""
        return self(*arguments, "--site", str(SITE))

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def desk() -> Terminal:
    return Terminal(World(site=load_site(SITE), active="one"))


@pytest.fixture
def lost(desk: Terminal) -> Terminal:
    desk.world.lose("one")
    return desk


Typed = Callable[[str], None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    def put(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return put


def test_status_of_a_served_site(desk: Terminal) -> None:
    """Yes in the first line, exit 0."""
    assert desk.site("status") == 0
    assert desk.out.splitlines()[0] == "peccy: served; active is one"


def test_status_of_a_lost_region_is_no(lost: Terminal) -> None:
    """The active member does not serve: exit 1, also told in the JSON that drills poll."""
    assert lost.site("status") == 1
    assert lost.out.splitlines()[0].startswith("peccy: NOT served; active is one; peccy.hadr.test: no answer")
    assert lost.site("status", "--json") == 1
    told = lost.json()
    assert (told["serving"], told["active"], told["writer"]) == ("no", ["one"], "one")
    assert told["members"]["one"]["serving"] == "no"
    assert told["members"]["two"]["can_take_over"] == "yes"
    assert told["members"]["one"]["readings"]["compute"]["known"] is False
    assert told["members"]["two"]["readings"]["lag"]["value"]["lag_s"] == 0.4


def test_status_that_nobody_can_tell_is_unknown(desk: Terminal) -> None:
    """Exit 2 when the client's eye itself does not answer."""
    desk.world.fail_next("ready", Indefinite("resolver is silent"), times=9)
    assert desk.site("status") == 2
    assert "whether it is served is unknown" in desk.out.splitlines()[0]


def test_a_plan_changes_nothing(lost: Terminal) -> None:
    """Exit 0, steps and lengths in the JSON, and no call that changes anything."""
    assert lost.site("plan", "failover", "--to", "two", "--json") == 0
    plan = lost.json()
    assert [step["name"] for step in plan["steps"]][:3] == ["fence", "promote-database", "break-file-replication"]
    assert plan["traffic"]["way"] == "switch"
    assert plan["critical_path"]["estimate_s"] < plan["sequential_estimate_s"]
    assert re.fullmatch(r"[0-9a-f]{64}", plan["digest"])
    assert lost.world.asked == []


def test_a_refused_plan_is_no_and_a_blind_one_unknown(desk: Terminal) -> None:
    """Exit 1 when something speaks against it, 2 when only knowledge is missing, 0 when it is allowed."""
    assert desk.site("plan", "failover", "--to", "two") == 1
    assert "refused by two-writers" in desk.out.splitlines()[0]
    assert desk.site("plan", "failover", "--to", "two", "--allow", "two-writers") == 0
    desk.world.lose("one")
    desk.world.lag = None
    assert desk.site("plan", "failover", "--to", "two") == 2
    assert "Next: mend what is refused, or accept it: hadr failover --to two --allow data-loss" in desk.out


def test_a_failover_is_done_and_reported(lost: Terminal) -> None:
    """Exit 0; the JSON holds plan and run; report and runs tell the same afterwards."""
    assert lost.site("failover", "--to", "two", "--yes", "--json") == 0
    done = lost.json()
    assert done["answer"] == "done"
    assert done["run"]["status"] == "done"
    assert done["run"]["act_s"] <= 1.25 * done["run"]["critical_path_s"]
    assert "promote-database" in lost.err
    name = done["run"]["run"]
    assert lost("report", name, "--json") == 0
    assert lost.json() == done["run"]
    assert lost("report") == 0
    assert lost.out.splitlines()[0] == "peccy: failover to two done in 3 min 56 s"
    assert lost("runs", "--json") == 0
    assert [kept["run"] for kept in lost.json()] == [name]
    assert lost("runs") == 0
    assert lost.out.splitlines()[0] == "1 runs below runs"


def test_a_planned_change_is_done_and_reported(desk: Terminal) -> None:
    """Switching over asks for the name like every change, says how long clients wait, and reports like every run."""
    assert desk.site("plan", "switchover", "--to", "two") == 0
    assert desk.out.splitlines()[0].startswith("peccy: can switch over to two in 15 steps, about ")
    assert "Clients get no answer for about" in desk.out
    assert desk.world.asked == []
    assert desk.site("switchover", "--to", "two", "--yes", "--json") == 0
    assert desk.json()["run"]["verb"] == "switchover"
    assert desk("report") == 0
    assert desk.out.splitlines()[0].startswith("peccy: switchover to two done in ")
    assert desk.site("switchover", "--to", "two") == 0
    assert desk.out.splitlines()[0] == "peccy: two serves and one follows already; there is nothing to do"


def test_the_way_back_after_a_failover(lost: Terminal, typed: Typed) -> None:
    """Failback, or protect and switchover: refused while the old side is lost, done once it is back."""
    assert lost.site("failover", "--to", "two", "--yes") == 0
    assert lost.site("plan", "failback", "--to", "one") == 1
    assert "failing back to one is refused by source-not-ready" in lost.out.splitlines()[0]
    lost.world.restore("one")
    lost.world.clock.advance(timedelta(minutes=10))
    assert lost.site("plan", "protect") == 0
    assert lost.out.splitlines()[0].startswith("peccy: can protect two by one in ")
    assert "Note: one's files are overwritten: what one wrote and two never got is lost with it" in lost.out
    typed("peccy\n")
    assert lost.site("protect") == 0
    assert lost.out.split("peccy: ")[-1].startswith("protect to one done in ")
    assert lost.site("protect", "--to", "one") == 0
    assert lost.out.splitlines()[0] == "peccy: one follows two already; there is nothing to do"
    lost.world.clock.advance(timedelta(minutes=10))
    assert lost.site("failback", "--to", "one", "--yes") == 0
    assert lost.site("status") == 0
    assert lost.out.splitlines()[0] == "peccy: served; active is one"


def test_protecting_needs_to_know_the_writer(desk: Terminal) -> None:
    """Without --to nobody guesses; the member without the writer is meant when it is known."""
    desk.world.fail_next("database", Indefinite("rds is silent"), times=9)
    assert desk.site("protect", "--yes") == 1
    assert "roles-unclear: which member holds the database writer is not known" in desk.err
    assert desk.site("protect", "--to", "three", "--yes") == 64
    assert desk.world.asked == []


def test_a_second_failover_has_nothing_to_do(lost: Terminal) -> None:
    """Exit 0 and no further run."""
    assert lost.site("failover", "--to", "two", "--yes") == 0
    assert lost.site("failover", "--to", "two", "--yes", "--json") == 0
    assert lost.json()["answer"] == "nothing-to-do"
    assert lost.site("failover", "--to", "two") == 0
    assert lost.out.splitlines()[0] == "peccy: two serves already; there is nothing to do"
    assert len(lost.runs.names()) == 1


def test_a_refused_failover_does_nothing(desk: Terminal) -> None:
    """Exit 1 with the guard's name and the flag that lifts it; nothing asked, no run begun."""
    assert desk.site("failover", "--to", "two", "--yes") == 1
    assert "Refused [two-writers]: one may still accept writes" in desk.out
    assert desk.site("failover", "--to", "two", "--yes", "--json") == 1
    assert desk.json()["answer"] == "refused"
    assert "one may still accept writes" in desk.json()["why"]
    assert desk.world.asked == []
    assert desk.runs.names() == ()


def test_a_lifted_guard_is_in_the_journal(desk: Terminal) -> None:
    """Whoever allowed it can be asked later."""
    assert desk.site("failover", "--to", "two", "--yes", "--allow", "two-writers", "--json") == 0
    assert desk.json()["run"]["allowed"] == ["two-writers"]
    assert desk.json()["plan"]["refusals"][0]["lifted"] is True


def test_a_failed_failover_says_which_step_and_why(lost: Terminal) -> None:
    """Exit 1; report says the same, also 1."""
    lost.world.fail_next("promote", Denied("rds: AccessDenied"))
    assert lost.site("failover", "--to", "two", "--yes") == 1
    assert lost.out.split("peccy: ")[-1].startswith("failover to two FAILED: promote-database: refused: rds: AccessDenied")
    assert lost("report") == 1
    lost.world.fail_next("promote", Denied("rds: AccessDenied"))
    assert lost.site("failover", "--to", "two", "--yes", "--json") == 1
    assert lost.json()["answer"] == "failed"
    assert "Nothing was undone" in lost.json()["why"]


def test_the_sites_name_is_asked_for(lost: Terminal, typed: Typed) -> None:
    """Another word does nothing; the name goes on."""
    typed("pecy\n")
    assert lost.site("failover", "--to", "two") == 1
    assert "not confirmed; nothing was done" in lost.err
    assert lost.world.asked == []
    typed("")
    assert lost.site("failover", "--to", "two") == 1
    assert lost.world.asked == []
    typed("peccy\n")
    assert lost.site("failover", "--to", "two") == 0


def test_what_was_shown_is_what_is_done(lost: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Region comes back while the question stands: something else would be done, so nothing is."""

    class Slow(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]  # typeshed disagrees with itself
            lost.world.restore("one")
            return super().readline()

    monkeypatch.setattr("sys.stdin", Slow("peccy\n"))
    assert lost.site("failover", "--to", "two") == 1
    assert "stale-view: the situation changed since the plan was shown" in lost.err
    assert lost.world.asked == []


def test_an_interrupted_run_is_unknown(lost: Terminal) -> None:
    """A journal without an end: report exits 2."""
    assert lost.site("failover", "--to", "two", "--yes") == 0
    journal = lost.runs.journals[lost.runs.names()[0]]
    del journal.lines[-3:]
    assert lost("report") == 2
    assert "was interrupted" in lost.out.splitlines()[0]


def test_an_altered_journal_is_not_reported(lost: Terminal) -> None:
    """Exit 1 and the line at which it was altered."""
    assert lost.site("failover", "--to", "two", "--yes") == 0
    journal = lost.runs.journals[lost.runs.names()[0]]
    journal.lines[4] = journal.lines[4].replace('"seq":5', '"seq": 5')
    assert lost("report") == 1
    assert "journal line 6 does not follow from line 5" in lost.err


USAGE = [
    (["failover"], "Missing option '--to'"),
    (["failover", "--to", "three"], "no member 'three' in site peccy; its members are: one, two"),
    (["plan", "failover", "--to", "three"], "no member 'three'"),
    (["failover", "--to", "two", "--json"], "--json leaves nobody to ask: add --yes"),
    (["failover", "--to", "two", "--allow", "everything"], "'everything' is not one of"),
    (["status", "--nonsense"], "No such option: --nonsense"),
]


@pytest.mark.parametrize(("arguments", "said"), USAGE)
def test_wrong_use_is_one_line_and_64(desk: Terminal, arguments: list[str], said: str) -> None:
    """Nothing is asked of the world."""
    assert desk.site(*arguments) == 64
    assert said in desk.err
    assert len(desk.err.strip().splitlines()) == 1
    assert desk.world.asked == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--site", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["report"], "there is no run below runs yet"),
        (["report", "r7"], "no run 'r7'"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_what_is_not_there_is_one_line_and_64(desk: Terminal, arguments: list[str], said: str) -> None:
    """Files, runs and verbs that do not exist."""
    assert desk(*arguments) == 64
    assert said in desk.err


def test_version_and_help(desk: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are answers: exit 0."""
    assert desk("--version") == 0
    assert capsys.readouterr().out.startswith("hadr 0.")
    assert desk("--help") == 0
    assert "failover" in capsys.readouterr().out


def test_every_verb_and_guard_is_documented() -> None:
    """The reference page names each of them."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "hadr.md").read_text()
    verbs = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    groups = [group.name for group in app.registered_groups]
    missing = [name for name in (*verbs, *groups, *Guard) if f"`{name}" not in page]
    assert missing == []


def test_a_mistake_in_hadr_is_one_line() -> None:
    """An unforeseen error is told by type, not by a page of frames."""

    def broken(_site: object) -> Any:
        raise RuntimeError("boom")

    err = io.StringIO()
    code = run(["status", "--site", str(SITE)], wire=broken, err=Console(file=err, width=WIDTH))
    assert code == 1
    assert err.getvalue().startswith("hadr: a mistake in hadr: RuntimeError: boom")


@pytest.mark.parametrize(
    ("name", "region_lost", "arguments"),
    [
        ("status", False, ("status",)),
        ("status-lost", True, ("status",)),
        ("plan", True, ("plan", "failover", "--to", "two")),
        ("plan-refused", False, ("plan", "failover", "--to", "two")),
    ],
)
def test_golden_text(desk: Terminal, name: str, region_lost: bool, arguments: tuple[str, ...]) -> None:
    """What people read, word for word; HADR_GOLDEN=write renews the files."""
    if region_lost:
        desk.world.lose("one")
    desk.site(*arguments)
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("HADR_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(desk.out + "\n")
    assert desk.out + "\n" == path.read_text()
