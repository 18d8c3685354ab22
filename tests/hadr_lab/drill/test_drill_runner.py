"""Whole drills in virtual time against a fake lab: a site of two members, clients, a tool that recovers it or does not."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.hadr_lab.loads import a_summary

from hadr.core.journal import Chain
from hadr_lab import result as results
from hadr_lab.checker import Content, Row, balance
from hadr_lab.drill.answers import unready
from hadr_lab.drill.crossings import Counts
from hadr_lab.drill.ports import Answer, MemberPlace, Pictures, pictures_in
from hadr_lab.drill.runner import Drill
from hadr_lab.drill.sight import Pod, Sight, Target
from hadr_lab.errors import StartFailed
from hadr_lab.history import HISTORY, HistoryWriter, Kind, LoadSummary, Operation, Outcome, read_history, write_summary
from hadr_lab.load.picture import picture
from hadr_lab.load.spec import LoadSpec
from hadr_lab.result import Result
from hadr_lab.scenario import Act, Actor, Fault, HarmZone, LoseRegion, Scenario, StallReplication, Verb, load
from hadr_lab.waits import Wait, Waits

ONE, TWO = "10.1.0.4", "10.2.0.4"
START = 1_767_600_000.0


class FakeClock:
    """Virtual time: it jumps to the earliest sleeper when nobody else can run. `watchers` see each jump."""

    def __init__(self) -> None:
        self._now = START
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self.watchers: list[FakeLab] = []

    def now(self) -> float:
        """Virtual now."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait for the pump to get there."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + max(seconds, 0.0), next(self._numbers), future))
        await future

    async def pump(self) -> None:
        """Advance for ever."""
        while True:
            for _ in range(8):
                await asyncio.sleep(0)
            if self._sleepers:
                at, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    self._now = max(self._now, at)
                    for watcher in self.watchers:
                        watcher.run_clients()
                    future.set_result(None)


@dataclass
class FakeLoad:
    """A load whose operations the lab makes."""

    lab: FakeLab
    running: bool = True

    async def stop(self, grace: timedelta) -> None:
        """Everything still under way ends, then the account is written."""
        await self.lab.clock.sleep(2.0)
        self.running = False
        self.lab.end_load()


@dataclass
class FakeLab:
    """Two members. Clients run at 50/s; replication lags 40 ms; what is lost, promoted and moved are moments in virtual time."""

    clock: FakeClock
    run: Path
    rate: float = 50.0
    broken_from_start: bool = False
    never_detects: bool = False
    act_fails: bool = False
    writes_stay_broken: bool = False
    heals: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    cut: float | None = None
    harmed: float | None = None
    stalled: float | None = None
    moved: float | None = None
    spec: LoadSpec | None = None
    content_error: Exception | None = None
    weights_fail: bool = True
    load: FakeLoad | None = None
    host: str = "peccy.hadr.test"
    held: dict[str, int] = field(default_factory=lambda: {"one": 50, "two": 50})
    _writer: HistoryWriter | None = None
    _next: int = 0
    _began: float = 0.0
    _pending: list[Operation] = field(default_factory=list)
    _rows: dict[Kind, list[str]] = field(default_factory=lambda: {Kind.WRITE: [], Kind.FILE: []})
    waits: Waits = field(default_factory=lambda: Waits(speed=20.0, taken={Wait.AURORA_FAILOVER: 1}))

    @property
    def members(self) -> Mapping[str, MemberPlace]:
        """One and two."""
        return {
            "one": MemberPlace(region="us-east-1", networks=("10.1.0.0/16",)),
            "two": MemberPlace(region="us-east-2", networks=("10.2.0.0/16",)),
        }

    @property
    def reference(self) -> FakeLab:
        """The reference's three things are this lab's too."""
        return self

    async def inject(self, fault: Fault) -> None:
        """Lose one, or stop replication."""
        self.calls.append(str(fault.__struct_config__.tag))
        if isinstance(fault, LoseRegion):
            self.cut = self.clock.now()
        if isinstance(fault, StallReplication):
            self.stalled = self.clock.now()
        if isinstance(fault, HarmZone):
            self.harmed = self.clock.now()

    async def heal(self, fault: Fault) -> None:
        """Remember."""
        self.heals.append(str(fault.__struct_config__.tag))

    def weights(self) -> Mapping[str, int]:
        """As they are held."""
        return dict(self.held)

    def zones_of(self, fault: Fault) -> tuple[str, ...]:
        """The zone that is named."""
        return (fault.zone,) if isinstance(fault, HarmZone) else ()

    zones = ("us-east-1a", "us-east-1b", "us-east-1c")

    async def count(self) -> Counts:
        """A hundred bytes a second from a to the database in b, once there is a load."""
        sent = int((self.clock.now() - self._began) * 100) if self.load else 0
        way = ("us-east-1a", "us-east-1b")
        return Counts(at=self.clock.now(), pairs={way: sent}, flows={(*way, 3306): sent})

    async def look(self) -> Sight:
        """A web pod in each zone; the harmed one's is gone at once, and made anew in c twelve seconds later."""
        now = self.clock.now()
        lost = self.harmed is not None and now >= self.harmed
        refilled = self.harmed is not None and now >= self.harmed + 12
        zones = ["us-east-1b", "us-east-1c"] + (["us-east-1c"] if refilled else []) + ([] if lost else ["us-east-1a"])
        pods = tuple(Pod(member="one", workload="peccy-web", zone=zone, ready=True) for zone in zones)
        targets = tuple(Target(zone=zone, state="healthy") for zone in zones)
        return Sight(at=now, pods=pods, targets=targets, weights=self.weights())

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """Status by what is true; failover takes ten seconds and leaves a journal."""
        self.calls.append(args[0])
        if args[0] == "status":
            await self.clock.sleep(0.4)
            down = self.broken_from_start or (self.cut is not None and not self.never_detects)
            return Answer(code=1 if down else 0, said={"why": "no answer from one" if down else ""})
        await self.clock.sleep(1.0)
        began = self.clock.now()
        await self.clock.sleep(9.0)
        if self.act_fails:
            return Answer(code=1, said={"answer": "failed", "why": "promote-database: not the writer"})
        self.moved = self.clock.now()
        await self.clock.sleep(1.0)
        folder = Path(args[args.index("--runs") + 1]) / "run-1"
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text("{}")
        (folder / "journal.jsonl").write_text(a_journal(began))
        return Answer(code=0, said={"answer": "done", "why": ""})

    async def scale_node_maker(self, member: str, replicas: int) -> None:
        """Accepted."""
        self.calls.append(f"scale {member} {replicas}")

    async def workload(self, member: str) -> tuple[bool, str]:
        """Up four seconds after the cut."""
        return self.clock.now() > (self.cut or 0.0) + 4, "pods"

    async def set_weights(self, weights: Mapping[str, int]) -> None:
        """Reads come back anyway, by the health check; the API call itself dies with Region one."""
        self.calls.append(f"weights {dict(weights)}")
        self.moved = self.clock.now()
        if self.weights_fail:
            raise ConnectionError("route53.amazonaws.com does not answer")

    async def start_load(self, spec: LoadSpec) -> FakeLoad:
        """Clients begin now."""
        self.spec, self._began = spec, self.clock.now()
        self._writer = HistoryWriter(self.run / HISTORY)
        self.load = FakeLoad(self)
        return self.load

    async def database_rows(self, member: str) -> tuple[Row, ...]:
        """What two has."""
        if self.content_error:
            raise self.content_error
        return tuple(Row(key=key, id=n) for n, key in enumerate(self._rows[Kind.WRITE]))

    async def pictures(self, member: str) -> Pictures:
        """What two has."""
        keys = tuple(self._rows[Kind.FILE])
        return Pictures(keys=keys, latest=keys[-1] if keys else None)

    def peak_rss_mb(self) -> float:
        """Some."""
        return 3000.0

    def versions(self) -> Mapping[str, str]:
        """One."""
        return {"hadr": "0.1.0"}

    def run_clients(self) -> None:
        """Make every operation that was due by now, and record those that have ended."""
        if self._writer is None or self.load is None or self.spec is None:
            return
        now = self.clock.now()
        while self.load.running and self._began + self._next / self.rate <= now:
            self._pending.append(self._operation(self._next, self._began + self._next / self.rate))
            self._next += 1
        ended = [op for op in self._pending if op.finished <= now]
        self._pending = [op for op in self._pending if op.finished > now]
        for op in ended:
            self._writer.record(op)
        self._writer.flush()

    def end_load(self) -> None:
        """Close the books of the load."""
        assert self._writer is not None
        assert self.spec is not None
        for op in self._pending:
            self._writer.record(op)
        self._writer.close()
        write_summary(self.run, its_summary(self.spec.ids, self._writer.attempts))
        self._writer = None

    def _in_harm(self, at: float) -> bool:
        """For three seconds after a zone was harmed nobody is answered."""
        return self.harmed is not None and self.harmed <= at < self.harmed + 3

    def _operation(self, number: int, at: float) -> Operation:
        kind = (Kind.READ, Kind.READ, Kind.WRITE, Kind.READ, Kind.FILE)[number % 5]
        population = "forever" if number % 20 == 7 else "ttl"
        assert self.spec is not None
        key = f"{self.spec.ids}-{number}"
        lost = (self.cut is not None and at >= self.cut) or self._in_harm(at)
        back = self.moved is not None and at >= self.moved and population != "forever"
        refused = back and self.writes_stay_broken and kind is not Kind.READ
        outcome = Outcome.OK if (not lost or back) and not refused else Outcome.FAIL
        if outcome is Outcome.OK and kind is not Kind.READ:
            until = min(t for t in (self.cut, self.stalled, float("inf")) if t is not None)
            if lost or at + 0.05 < until:
                self._rows[kind].append(key)
        took = 0.01 if outcome is Outcome.OK or refused else 2.0
        return Operation(
            id=key,
            kind=kind,
            client=f"{population}-1",
            intended=at,
            sent=at,
            finished=at + took,
            outcome=outcome,
            status=200 if outcome is Outcome.OK else 503 if refused else None,
            address=TWO if back else ONE,
            attempt=1,
            latency_s=took,
            error="" if outcome is Outcome.OK else "503 database: read-only" if refused else "timeout waiting for a connection",
        )


def its_summary(ids: str, attempts: int) -> LoadSummary:
    """Of a load that was stopped."""
    span = {"started": START, "ended": START}
    return a_summary(attempts, ids=ids, interrupted=True, scheduling_lag_p99_s=0.002, scheduling_lag_max_s=0.01, **span)


def a_journal(began: float) -> str:
    """hadr's record: promotion and capacity side by side, then the workload, then the proof."""
    spans: dict[str, tuple[tuple[str, ...], float, float]] = {
        "promote-database": ((), 0.0, 6.0),
        "start-capacity": ((), 0.0, 2.0),
        "workload-ready": (("promote-database", "start-capacity"), 6.1, 9.0),
        "prove": (("workload-ready",), 9.0, 10.0),
    }
    steps = [
        {"name": name, "summary": name, "requires": list(requires), "after": [], "plane": "control", "best_effort": False}
        for name, (requires, _, _) in spans.items()
    ]
    opening = {"run": "r", "site": "s", "verb": "failover", "target": "two", "source": "one", "way": "switch", "digest": "d"}
    moments = [(start, name, "running") for name, (_, start, _) in spans.items()]
    moments += [(end, name, "done") for name, (_, _, end) in spans.items()]
    chain = Chain()

    def at(offset: float) -> datetime:
        return datetime.fromtimestamp(began + offset, UTC)

    lines = [chain.link(at(0), "run", step="", data={**opening, "allowed": [], "steps": steps})]
    lines += [
        chain.link(at(offset), "step", step=name, data={"status": status, "seen": "seen"})
        for offset, name, status in sorted(moments, key=lambda m: m[0])
    ]
    return "".join([*lines, chain.link(at(10.0), "end", step="", data={"status": "done", "why": "two serves"})])


def a_scenario(name: str = "region-loss", **changes: object) -> Scenario:
    """A scenario that ships, with changes."""
    return msgspec.structs.replace(load(name), **changes)


async def drilled(lab: FakeLab, scenario: Scenario, *, cancel_when: str = "") -> Result:
    """Carry out a drill in virtual time; cancelled when the lab gets the call `cancel_when`."""
    lab.clock.watchers.append(lab)
    pump = asyncio.create_task(lab.clock.pump())
    drill = Drill(lab=lab, scenario=scenario, run=lab.run, seed=7, speed=20.0, clock=lab.clock)
    task = asyncio.create_task(drill.carry_out())
    try:
        while cancel_when and cancel_when not in lab.calls and not task.done():  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0)
        if cancel_when:
            await asyncio.sleep(0)
            task.cancel()
        return await task
    finally:
        pump.cancel()


def run(tmp_path: Path, scenario: Scenario | None = None, **lab: object) -> tuple[Result, FakeLab]:
    """A drill from beginning to end."""
    world = FakeLab(clock=FakeClock(), run=tmp_path)
    for name, value in lab.items():
        setattr(world, name, value)
    return asyncio.run(drilled(world, scenario or a_scenario())), world


def test_a_region_is_lost_and_recovered(tmp_path: Path) -> None:
    """The main drill: valid, recovered, phases without a gap, and everything that must be left behind is there."""
    found, lab = run(tmp_path)
    assert (found.verdict, found.status, found.reasons, found.clients_recovered) == ("valid", "completed", (), True)
    assert found.exit_code == 0
    assert found.as_expected
    assert list(found.phases) == ["onset_to_detected", "detected_to_decided", "act", "prove", "clients_recovered"]
    assert found.phases["act"] == pytest.approx(9.0, abs=0.01)
    assert found.phases["prove"] == pytest.approx(1.0, abs=0.01)
    assert found.phases["detected_to_decided"] == pytest.approx(2.0, abs=0.3)
    assert found.critical_path_s == pytest.approx(8.9)
    assert found.sequential_s == pytest.approx(10.9)
    assert found.floor_s == pytest.approx(6.0)
    act, path = found.phases["act"], found.critical_path_s
    assert act is not None
    assert act <= 1.25 * path
    assert lab.cut is not None
    assert lab.moved is not None
    assert found.client_outage_s == pytest.approx(lab.moved - lab.cut, abs=0.1)
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {"plan.json", "journal.jsonl", "history.jsonl", "content.json", "result.json", "report.html"}
    assert results.read(tmp_path) == found


def test_the_judgement_can_be_repeated_from_what_is_left_behind(tmp_path: Path) -> None:
    """The run folder holds the content that the books were balanced against, so that anybody can check them again."""
    found, lab = run(tmp_path, a_scenario("region-loss-stalled-replication"))
    content = msgspec.json.decode((tmp_path / "content.json").read_bytes(), type=Content)
    assert lab.spec is not None
    books = balance(read_history(tmp_path).operations, content, ids=lab.spec.ids, loss=None)
    assert tuple(key for account in books.accounts.values() for key in account.lost) == found.lost_writes != ()


def test_the_result_has_every_key_of_the_contract(tmp_path: Path) -> None:
    """The keys that others read, by name."""
    run(tmp_path)
    keys = set(msgspec.json.decode((tmp_path / "result.json").read_bytes()))
    assert keys >= {
        *("scenario", "architecture", "seed", "speed", "started", "verdict", "phases", "client_outage_s", "requests"),
        *("failed_requests", "acked_writes", "lost_writes", "doubled_writes", "rpo_s", "critical_path_s", "floor_s"),
        *("peak_rss_mb", "simulated_waits", "versions"),
    }


def test_clients_that_never_resolve_again_are_told_apart(tmp_path: Path) -> None:
    """They stay broken, which their own row says, and the rest counts as recovered."""
    found, _ = run(tmp_path)
    assert found.populations["forever"].recovered is False
    assert found.populations["forever"].outage_s is None
    assert found.populations["ttl"].recovered is True


def test_a_stall_before_the_cut_loses_exactly_that(tmp_path: Path) -> None:
    """A second of writes is acknowledged and lost; the books still balance, and the loss window is that second."""
    found, lab = run(tmp_path, a_scenario("region-loss-stalled-replication"))
    assert found.verdict == "valid"
    assert lab.calls.index("stall-replication") < lab.calls.index("lose-region")
    assert len(found.lost_writes) == pytest.approx(20, abs=3)
    assert found.rpo_s == pytest.approx(1.0, abs=0.1)
    assert found.as_expected
    assert [fault.fault for fault in found.faults] == ["stall-replication", "lose-region"]
    assert found.faults[0].injected_s == pytest.approx(-1.0, abs=0.01)


def test_as_published_brings_reads_back_and_no_writes(tmp_path: Path) -> None:
    """The reference's three steps where DNS does move by itself: the result says what returned, what did not, and why."""
    scenario = a_scenario("as-published")
    expected = msgspec.structs.replace(scenario.expect, reads_recover=True)
    scenario = msgspec.structs.replace(scenario, expect=expected)
    found, lab = run(tmp_path, scenario, writes_stay_broken=True)
    assert [call for call in lab.calls if call.startswith(("scale", "weights"))] == [
        "scale two 2",
        "weights {'one': 0, 'two': 100}",
    ]
    assert [step.name for step in found.steps] == ["scale-karpenter", "wait-for-workload", "change-weights"]
    assert found.steps[2].status == "failed"
    assert "does not answer" in found.steps[2].proof
    assert found.kinds["read"].recovered
    assert not found.kinds["write"].recovered
    assert found.kinds["write"].at_the_end == "503 database: read-only"
    assert found.kinds["read"].at_the_end == ""
    assert not found.clients_recovered
    assert found.exit_code == 1
    assert found.as_expected


def test_a_published_step_that_never_ends_gives_up(tmp_path: Path) -> None:
    """A step that hangs fails at its share of the limit, and the list goes on."""

    class Hanging(FakeLab):
        async def workload(self, member: str) -> tuple[bool, str]:
            """Never."""
            return False, "Pending"

    lab = Hanging(clock=FakeClock(), run=tmp_path)
    found = asyncio.run(drilled(lab, a_scenario("as-published")))
    assert found.steps[1].status == "failed"
    assert "not done within" in found.steps[1].proof


def test_nothing_is_harmed_without_a_steady_state(tmp_path: Path) -> None:
    """A site that does not serve is left alone; the result says so and its verdict is unknown."""
    found, lab = run(tmp_path, broken_from_start=True)
    assert (found.status, found.verdict, found.exit_code) == ("aborted", "unknown", 2)
    assert "nothing was harmed" in found.reasons[0]
    assert lab.cut is None
    assert (tmp_path / "report.html").exists()


def test_a_tool_that_fails_leaves_clients_down(tmp_path: Path) -> None:
    """Its exit code and words are kept, the missing journal is said, clients did not recover."""
    found, _ = run(tmp_path, act_fails=True)
    assert (found.act_exit_code, found.clients_recovered, found.exit_code) == (1, False, 1)
    assert "promote-database: not the writer" in found.act_said
    assert "hadr left no journal" in found.reasons
    assert found.client_outage_s is None
    assert found.phases["act"] is None


def test_an_undetected_loss_is_said_and_acted_on(tmp_path: Path) -> None:
    """Nobody saw it within the limit: no time to detection is claimed."""
    found, _ = run(tmp_path, never_detects=True)
    assert found.phases["onset_to_detected"] is None
    assert any("not detected" in reason for reason in found.reasons)
    assert found.clients_recovered


def test_content_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    """Without the survivor's content nobody can say what was lost."""
    found, _ = run(tmp_path, content_error=OSError("socket is gone"))
    assert (found.verdict, found.rpo_s, found.exit_code) == ("unknown", None, 2)
    assert any("socket is gone" in reason for reason in found.reasons)


@pytest.mark.parametrize("moment", ["status", "lose-region", "failover"])
def test_an_interruption_writes_what_is_known(tmp_path: Path, moment: str) -> None:
    """Cancelled at any stage: the load is stopped, a result with verdict unknown is there, and the cancellation is passed on."""
    lab = FakeLab(clock=FakeClock(), run=tmp_path)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(drilled(lab, a_scenario(), cancel_when=moment))
    found = results.read(tmp_path)
    assert (found.status, found.verdict) == ("interrupted", "unknown")
    assert lab.load is None or not lab.load.running
    assert (tmp_path / "report.html").exists()


def test_faults_that_have_a_heal_are_healed(tmp_path: Path) -> None:
    """At its time when the drill gets there, and on the way out when it does not."""
    stall = StallReplication(at=timedelta(0), heal=timedelta(seconds=3))
    lose = LoseRegion(region="us-east-1", at=timedelta(seconds=1), heal=timedelta(hours=1))
    found, lab = run(tmp_path, a_scenario(faults=(stall, lose)))
    assert lab.heals == ["stall-replication", "lose-region"]
    assert found.faults[0].healed_s == pytest.approx(2.0, abs=0.5)


def test_a_heal_that_fails_is_said_and_the_result_is_written(tmp_path: Path) -> None:
    """Trouble on the way out does not cost the result."""

    class Stubborn(FakeLab):
        async def heal(self, fault: Fault) -> None:
            """Cannot."""
            raise OSError("no such network")

    lab = Stubborn(clock=FakeClock(), run=tmp_path)
    lose = LoseRegion(region="us-east-1", heal=timedelta(hours=1))
    found = asyncio.run(drilled(lab, a_scenario(faults=(lose,))))
    assert found.reasons == ("winding up: OSError: no such network",)
    assert found.clients_recovered


def test_a_lab_that_cannot_harm_fails_the_drill(tmp_path: Path) -> None:
    """An error of the lab's own ends the drill in order, as failed, with its words."""

    class Unable(FakeLab):
        async def inject(self, fault: Fault) -> None:
            """Cannot."""
            raise StartFailed("nft: no such table")

    found = asyncio.run(drilled(Unable(clock=FakeClock(), run=tmp_path), a_scenario()))
    assert (found.status, found.verdict) == ("failed", "unknown")
    assert "nft: no such table" in found.reasons


def test_nobody_acting_is_a_drill_too(tmp_path: Path) -> None:
    """No steps, no recovery, and no complaint about a journal."""
    scenario = a_scenario()
    found, _ = run(tmp_path, msgspec.structs.replace(scenario, act=msgspec.structs.replace(scenario.act, by=Actor.NOBODY)))
    assert (found.steps, found.reasons, found.clients_recovered) == ((), (), False)


def test_the_load_is_scaled_by_the_speed(tmp_path: Path) -> None:
    """Connection ages are AWS's time; the TTL is divided by the client itself."""
    _, lab = run(tmp_path)
    assert lab.spec is not None
    assert lab.spec.max_age_s == pytest.approx(3.0)
    assert lab.spec.speed == 20.0
    assert lab.spec.seed == 7
    assert replace(lab.spec).argv()


def test_an_answer_is_taken_from_what_a_program_printed() -> None:
    """JSON where there is some; the words for people otherwise."""
    assert Answer.of(1, b'{"why": "down"}', b"run r\n") == Answer(code=1, said={"why": "down"}, text="run r\n")
    assert Answer.of(64, b"", b"hadr: no such member") == Answer(code=64, text="hadr: no such member")
    assert Answer.of(0, b"plain", b"") == Answer(code=0, text="plain")


def test_pictures_are_read_with_their_keys(tmp_path: Path) -> None:
    """A file whose bytes carry another key than its name is not taken for that key."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(picture("a"))
    (tmp_path / "pictures" / "b.png").write_bytes(picture("c"))
    (tmp_path / "picture.png").write_bytes(picture("a"))
    assert pictures_in(tmp_path) == Pictures(keys=("a",), latest="a")
    assert pictures_in(tmp_path / "nowhere") == Pictures(keys=(), latest=None)


def a_lost_zone() -> Scenario:
    """A zone is lost and nobody acts."""
    return a_scenario(faults=(HarmZone(zone="us-east-1a"),), act=Act(by=Actor.NOBODY))


def test_a_zone_is_lost_and_nobody_acts(tmp_path: Path) -> None:
    """The clients notice, the site heals itself, and the drill waits until the pods are whole again in the other zones."""
    base = a_lost_zone()
    hold = msgspec.structs.replace(base.limits, hold=timedelta(seconds=2))
    expect = msgspec.structs.replace(
        base.expect, spread_before=True, refilled_within=timedelta(seconds=20), targets_gone_within=timedelta(seconds=30)
    )
    found, lab = run(tmp_path, msgspec.structs.replace(base, limits=hold, expect=expect))
    assert (found.verdict, found.status, found.clients_recovered, found.actor) == ("valid", "completed", True, "nobody")
    assert found.lost_writes == ()
    assert 2.9 <= (found.client_outage_s or 0) <= 3.2
    assert (found.phases["act"], found.phases["detected_to_decided"]) == (0.0, 0.0)
    assert 0 < (found.phases["onset_to_detected"] or 0) <= 2.1
    assert found.platform.harmed == ("us-east-1a",)
    assert found.platform.spread_before == {"one/peccy-web": ("us-east-1a", "us-east-1b", "us-east-1c")}
    assert found.platform.spread_after == {"one/peccy-web": ("us-east-1b", "us-east-1c")}
    assert 12 <= (found.platform.refilled_s or 0) <= 13.5
    assert (found.platform.targets_gone_s or 0) <= 1.5
    assert found.as_expected, [e for e in found.expectations if not e.met]
    assert "failover" not in lab.calls


def test_a_write_lost_with_a_zone_is_nothing_that_a_zone_explains(tmp_path: Path) -> None:
    """Storage outlives a zone: one acknowledged write that is not there makes the books invalid."""

    class Forgetful(FakeLab):
        async def database_rows(self, member: str) -> tuple[Row, ...]:
            return (await super().database_rows(member))[:-1]

    base = a_lost_zone()
    world = Forgetful(clock=FakeClock(), run=tmp_path)
    found = asyncio.run(drilled(world, base))
    assert (found.verdict, len(found.lost_writes)) == ("invalid", 1)


def test_a_healthy_zone_is_left_and_returned_to(tmp_path: Path) -> None:
    """Nothing is harmed: the clock starts with the act, hadr is asked twice, and no request fails."""
    act = Act(by=Actor.HADR, verb=Verb.EVACUATE, zone="us-east-1a", back=True)
    found, lab = run(tmp_path, a_scenario(faults=(), act=act))
    assert [call for call in lab.calls if call == "evacuate"] == ["evacuate", "evacuate"]
    assert (found.failed_requests, found.client_outage_s, found.clients_recovered) == (0, 0.0, True)
    assert found.platform.harmed == ("us-east-1a",)


def test_normal_running_is_a_drill_in_which_nothing_happens(tmp_path: Path) -> None:
    """What crosses zones is counted over the whole of it: a hundred bytes a second at fifty requests a second."""
    base = a_scenario(faults=(), act=Act(by=Actor.NOBODY))
    limits = msgspec.structs.replace(base.limits, hold=timedelta(seconds=10))
    found, _ = run(tmp_path, msgspec.structs.replace(base, limits=limits))
    assert (found.verdict, found.clients_recovered, found.failed_requests, found.client_outage_s) == ("valid", True, 0, 0.0)
    assert found.crossings is not None
    assert found.crossings.bytes_per_request == pytest.approx(2.0, abs=0.1)
    assert found.crossings.by_tier["app to database"] == found.crossings.bytes


def test_what_a_site_says_while_it_comes_up_is_no_health_check(tmp_path: Path) -> None:
    """Checks are taken off at the rate of a site that serves and has no load; of them AWS would make a twentieth."""

    class Restless(FakeLab):
        async def count(self) -> Counts:
            found = await super().count()
            (way,) = found.pairs
            said = 50_000 * ("status" in self.calls) + int(self.clock.now() * 100)
            return Counts(at=found.at, pairs={way: found.pairs[way] + said}, flows={(*way, 3306): found.pairs[way] + said})

    base = a_scenario(faults=(), act=Act(by=Actor.NOBODY))
    limits = msgspec.structs.replace(base.limits, hold=timedelta(seconds=10))
    lab = Restless(clock=FakeClock(), run=tmp_path)
    found = asyncio.run(drilled(lab, msgspec.structs.replace(base, limits=limits))).crossings
    assert found is not None
    assert found.checks_left_out == pytest.approx(95 * found.seconds, rel=0.01)
    assert found.bytes_per_request == pytest.approx(2.1, abs=0.1)


def test_a_pair_begins_when_both_with_weight_are_ready() -> None:
    """One that DNS leads to and that is not ready would be drawn by nobody; a stand-by has no weight and is not waited for."""
    weights = {"known": True, "value": {"one": 50, "two": 50}}
    said = {"readings": {"weights": weights}, "members": {"one": {"serving": "yes"}, "two": {"serving": "no"}}}
    assert unready(Answer(code=0, said=said)) == ["two"]
    stand_by = {"weights": {"known": True, "value": {"one": 100, "two": 0}}}
    assert unready(Answer(code=0, said=said | {"readings": stand_by})) == []
    unknown = {"weights": {"known": False, "why": "no answer"}}
    assert unready(Answer(code=0, said=said | {"readings": unknown})) == unready(Answer(code=0)) == []
