"""One drill from steady state to report. It decides when things happen; the lab makes them happen, and the checker judges alone.

Whatever ends it early (an error, an interruption), the load is stopped, faults that have a heal are healed, and a result with what
is known is written; its verdict is then unknown. It never harms a site that was not in its steady state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec

from hadr_lab import result as results
from hadr_lab.checker import Content, Limits, judge
from hadr_lab.drill.account import Setting, able, result_of, sustained
from hadr_lab.drill.actors import Acted, ByHadr, actor_for, whither
from hadr_lab.drill.answers import reason_of, unready
from hadr_lab.drill.back import Back, GoingBack, verb_back
from hadr_lab.drill.evidence import Evidence, Injected
from hadr_lab.drill.expectations import compare
from hadr_lab.drill.outage import outage, success_rate
from hadr_lab.drill.platform import as_expected
from hadr_lab.drill.ports import Clock, Lab, RunningLoad, WallClock
from hadr_lab.errors import LabError, ScenarioFailed
from hadr_lab.history import HISTORY, HistoryTail, Kind, Operation, read_history
from hadr_lab.load.spec import DURATION_LIMIT, LoadSpec
from hadr_lab.report import REPORT
from hadr_lab.report import write as write_report
from hadr_lab.result import Result
from hadr_lab.scenario import Actor, Scenario, Verb, kind_of, place_of

CONTENT = "content.json"
"""What the surviving member held at the end: with `history.jsonl` all that the judgement stands on."""
PAUSE_S = 0.25
LOOK_S = 1.0
ON_THE_WAY_S = 0.5
"""An answer that left a Region before it was cut off is heard this much later at most, plus the load generator's own lateness."""
IDLE_S = 4.0
"""How long the site is left without a load, to tell health checks from requests: eight rounds of them at speed 20."""
STATUS_LIMIT = timedelta(seconds=20)
UNKNOWN_IN_A_ROW = 2
"""So often must `hadr status` be unable to tell before an operator takes the member for lost."""


@dataclass(slots=True, kw_only=True)
class Drill:
    """A drill of `scenario` in `lab`; everything it leaves is in `run`. `told` hears a line for each event."""

    lab: Lab
    scenario: Scenario
    run: Path
    seed: int = 1
    speed: float = 1.0
    clock: Clock = field(default_factory=WallClock)
    told: Callable[[str], None] = lambda _line: None
    _seen: list[Operation] = field(default_factory=list)
    _heals: list[Injected] = field(default_factory=list)
    _load: RunningLoad | None = None

    async def carry_out(self) -> Result:
        """Run it to its end and write `result.json` and `report.html`. Cancelled, it writes what is known and passes that on."""
        evidence = Evidence(scenario=self.scenario, seed=self.seed, speed=self.speed, started=self.clock.now())
        try:
            await self._script(evidence)
            evidence.status = "completed"
        except LabError as error:
            evidence.status = "failed" if evidence.injected else "aborted"
            evidence.reasons.append(str(error))
        except BaseException as error:
            evidence.status = "interrupted"
            evidence.reasons.append(f"interrupted: {type(error).__name__} {error}".strip())
            raise
        finally:
            found = await self._wind_up(evidence)
        return found

    async def _script(self, evidence: Evidence) -> None:
        tail = HistoryTail(self.run / HISTORY)
        await self._reach_steady_state(evidence, tail)
        evidence.before = await self.lab.look()
        await self._run_normally(evidence)
        watching = asyncio.ensure_future(self._watch(evidence))
        try:
            if not self._shifting:
                await self._harm(evidence)
            await self._detect(evidence, tail)
            await self._act(evidence)
            await self._recover(evidence, tail, since=evidence.onset)
            await self._go_back(evidence, tail)
            await self._pause(self.scenario.limits.after.total_seconds())
            evidence.weights_after = self.lab.weights()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if self.scenario.loss is None:
            evidence.counts.append(await self.lab.count())
        await self._stop_load(evidence)
        evidence.content = await self._content(evidence)

    async def _reach_steady_state(self, evidence: Evidence, tail: HistoryTail) -> None:
        steady = self.scenario.steady
        deadline = self.clock.now() + steady.within.total_seconds()
        await self._site_serves(deadline)
        idle = await self.lab.count()
        await self._pause(IDLE_S)
        evidence.idle = (idle, await self.lab.count())
        self.told("load: starting the clients")
        self._load = await self.lab.start_load(self._spec())
        last = "no answer yet"
        while self.clock.now() < deadline:
            await self._pause(PAUSE_S)
            self._take(tail)
            last = self._unsteady()
            if not last:
                self.told("steady state: every kind of request succeeds")
                return
        raise ScenarioFailed(f"steady state not reached within {steady.within.total_seconds():g} s, so nothing was harmed: {last}")

    async def _site_serves(self, deadline: float) -> None:
        while True:
            answer = await self.lab.hadr("status", "--json", timeout=STATUS_LIMIT)
            silent = unready(answer)
            if answer.code == 0 and not silent:
                return
            if self.clock.now() >= deadline:
                why = f"{', '.join(silent)} not ready" if silent else f"hadr status ended {answer.code}: {answer.text[-200:]}"
                raise ScenarioFailed(f"the site does not serve, so nothing was harmed: {why}")
            await self._pause(PAUSE_S)

    def _unsteady(self) -> str:
        """Why the last window is not the steady state; empty when it is."""
        if self._load is not None and not self._load.running:
            raise ScenarioFailed(f"the load ended by itself; see its log in {self.run / 'logs'}")
        steady, shape = self.scenario.steady, self.scenario.load
        start = self.clock.now() - steady.window.total_seconds()
        if not self._seen or self._seen[0].intended > start:
            return "the clients have not run for a whole window yet"
        window = [op for op in self._seen if op.intended >= start]
        for kind, share in ((Kind.READ, shape.reads), (Kind.WRITE, shape.writes), (Kind.FILE, shape.files)):
            of_kind = [op for op in window if op.kind is kind]
            rate = success_rate(of_kind)
            if share and (rate is None or rate < steady.success):
                why = next((op.error for op in of_kind if not op.succeeded), "none was answered")
                return f"{kind}: {'no' if rate is None else f'{rate:.0%}'} success, {why}"
        return ""

    async def _harm(self, evidence: Evidence) -> None:
        start = self.clock.now()
        for fault in self.scenario.faults:
            await self._pause(start + fault.at.total_seconds() - self.clock.now())
            self.told(f"fault: {kind_of(fault)} ({place_of(fault)})")
            zones = self.lab.zones_of(fault)
            injected = Injected(fault=fault, began=self.clock.now(), done=self.clock.now(), zones=zones)
            evidence.injected.append(injected)
            self._heals += [injected] if fault.heal is not None else []
            await self.lab.inject(fault)
            injected.done = self.clock.now()

    async def _run_normally(self, evidence: Evidence) -> None:
        """Count what crosses zones over one window in which nothing is harmed; without a harm the whole drill is such a window."""
        evidence.counts.append(await self.lab.count())
        if self.scenario.loss is not None:
            await self._pause(self.scenario.steady.window.total_seconds())
            evidence.counts.append(await self.lab.count())

    async def _watch(self, evidence: Evidence) -> None:
        """Look at pods and targets once a second, for the record."""
        while True:
            evidence.sights.append(await self.lab.look())
            await self.clock.sleep(LOOK_S)

    async def _detect(self, evidence: Evidence, tail: HistoryTail) -> None:
        """Until somebody knows: an operator who asks hadr, or the clients themselves where nobody fails over."""
        act = self.scenario.act
        if self.scenario.loss is None or self._shifting:
            if act.by is Actor.NOBODY:
                evidence.act_began = self.clock.now()
                await self._pause(self.scenario.limits.hold.total_seconds())
            return
        if self._by_clients:
            await self._detect_by_clients(evidence, tail)
        else:
            await self._detect_by_operator(evidence)

    async def _detect_by_clients(self, evidence: Evidence, tail: HistoryTail) -> None:
        """The first request that fails after the onset, of clients that can follow. A harm nobody feels is held for its time."""
        onset = evidence.onset or self.clock.now()
        until = onset + self.scenario.limits.hold.total_seconds()
        while self.clock.now() < until or not evidence.sights:
            self._take(tail)
            self._notice(evidence, onset)
            await self._pause(PAUSE_S)

    @property
    def _by_clients(self) -> bool:
        return self.scenario.act.by is Actor.NOBODY or self.scenario.act.verb is not Verb.FAILOVER

    @property
    def _shifting(self) -> bool:
        """Whether it is hadr's own act that may be disturbed: then harm is done once it has moved the weights."""
        return self.scenario.act.by is Actor.HADR and self.scenario.act.verb is Verb.SHIFT

    def _notice(self, evidence: Evidence, onset: float) -> None:
        """Where nobody fails over, the clients are who knows first. A planned act is nothing to detect."""
        if not self._by_clients or self.scenario.loss is None:
            return
        failed = (op.finished for op in able(self._seen) if op.finished >= onset and not op.succeeded)
        if evidence.detected is None and (first := min(failed, default=None)) is not None:
            evidence.detected = first
            self.told("detected: the first request of a client failed")

    async def _detect_by_operator(self, evidence: Evidence) -> None:
        """Ask as an operator would until the answer is no (or nobody can tell, twice in a row)."""
        deadline = self.clock.now() + self.scenario.limits.detection.total_seconds()
        unknown = 0
        while self.clock.now() < deadline:
            answer = await self.lab.hadr("status", "--json", timeout=STATUS_LIMIT)
            unknown = 0 if answer.code in (0, 1) else unknown + 1
            if answer.code == 1 or unknown >= UNKNOWN_IN_A_ROW:
                evidence.detected = self.clock.now()
                self.told(f"detected: {reason_of(answer) or 'the active member does not serve'}")
                return
            await self._pause(PAUSE_S)
        evidence.reasons.append("the loss was not detected within the limit; somebody acted all the same")

    async def _act(self, evidence: Evidence) -> None:
        scenario = self.scenario
        if scenario.act.by is Actor.NOBODY:
            evidence.acted = Acted(said="nobody acted")
            return
        await self._pause(scenario.act.delay.total_seconds())
        evidence.act_began = self.clock.now()
        self.told(f"act: {scenario.act.by.value} {whither(scenario.act)}")
        actor = actor_for(scenario.act, lab=self.lab, clock=self.clock, run=self.run, source=scenario.serving)
        acting = asyncio.ensure_future(actor.act(self._patience))
        try:
            while not acting.done():
                await self._pause(PAUSE_S)
                await self._disturb(evidence)
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)
        evidence.acted = acting.result()
        if self._shifting and scenario.faults and not evidence.injected:
            evidence.reasons.append("the weights never moved, so nothing was harmed")
        evidence.act_ended = self.clock.now()
        if evidence.acted.doubt:
            evidence.reasons.append(evidence.acted.doubt)
        self.told(f"acted: exit {evidence.acted.exit_code} {evidence.acted.said}".rstrip())

    async def _disturb(self, evidence: Evidence) -> None:
        """Harm a shift that has begun to move the weights, once."""
        if self._shifting and not evidence.injected and evidence.before and self.lab.weights() != evidence.before.weights:
            await self._harm(evidence)

    @property
    def _patience(self) -> timedelta:
        """How long an act may take here."""
        return max(self.scenario.limits.act / self.speed, self.scenario.limits.act_least)

    async def _go_back(self, evidence: Evidence, tail: HistoryTail) -> None:
        """Turn the roles back where the scenario says so and they were moved, as soon as nothing speaks against it."""
        act = self.scenario.act
        if not act.turns_back or evidence.acted.exit_code != 0:
            return
        back = evidence.back = Back(asked=self.clock.now())
        by = ByHadr(lab=self.lab, act_=act, run=self.run)
        going = GoingBack(lab=self.lab, act=act, home=self.scenario.serving, by=by, now=self.clock.now, pause=self._pause)
        if not await going.until_allowed(back, self.scenario.limits.back):
            evidence.reasons.append(f"nobody went back, for hadr refused: {back.refused}")
            return
        self.told(f"back: hadr {verb_back(act)} towards {self.scenario.serving}")
        await going.go(back, self._patience)
        if back.acted.doubt:
            evidence.reasons.append(f"the way back: {back.acted.doubt}")
        self.told(f"went back: exit {back.acted.exit_code} {back.acted.said}".rstrip())
        await self._recover(evidence, tail, since=back.began)

    async def _recover(self, evidence: Evidence, tail: HistoryTail, *, since: float | None) -> None:
        """Wait until the clients that can follow have sustained success and the platform is what the scenario expects of it.

        At most for the limit beyond one window, or for as long as the platform may take.
        """
        onset, rule = since, sustained(self.scenario)
        timeout = self.scenario.load.timeout.total_seconds()
        deadline = self.clock.now() + self.scenario.limits.recovery.total_seconds() + rule.window_s + timeout
        for patience in (self.scenario.expect.refilled_within, self.scenario.expect.whole_within):
            if patience is not None and onset is not None:
                deadline = max(deadline, onset + patience.total_seconds() + LOOK_S)
        recovered = False
        while onset is not None and self.clock.now() < deadline:
            self._take(tail)
            self._notice(evidence, onset)
            settled = self.clock.now() - timeout - PAUSE_S
            known = [op for op in able(self._seen) if op.intended <= settled]
            if not recovered and outage(known, onset=onset, end=settled, sustained=rule).recovered:
                recovered = True
                self.told("clients: recovered")
            if recovered and not self._heals and as_expected(evidence):
                return
            await self._pause(PAUSE_S)
        if not recovered:
            self.told("clients: not recovered within the limit")

    async def _stop_load(self, evidence: Evidence) -> None:
        if self._load is None:
            return
        load, self._load = self._load, None
        evidence.load_ended = self.clock.now()
        await load.stop(self.scenario.load.timeout + timedelta(seconds=5))

    async def _content(self, evidence: Evidence) -> Content | None:
        """What the surviving member holds; None, with the reason in the evidence, when it cannot be read."""
        survivor = evidence.survivor
        try:
            rows, pictures = await asyncio.gather(self.lab.database_rows(survivor), self.lab.pictures(survivor))
        except Exception as error:  # noqa: BLE001  whatever a driver raises, the drill is judged as unknown with this reason
            evidence.reasons.append(f"content of {survivor}: {type(error).__name__}: {error}")
            return None
        content = Content(rows=rows, files=pictures.keys, latest=pictures.latest)
        (self.run / CONTENT).write_bytes(msgspec.json.encode(content))
        return content

    async def _wind_up(self, evidence: Evidence) -> Result:
        await self._leave_in_order(evidence)
        history = read_history(self.run)
        late = ON_THE_WAY_S + (history.summary.scheduling_lag_max_s if history.summary else 0.0)
        loss = evidence.explanation(self.lab.members[self.scenario.serving].networks, on_the_way_s=late)
        limits = Limits(scheduling_lag_s=self.scenario.load.scheduling_lag.total_seconds())
        judgement = judge(history, evidence.content, loss=loss, limits=limits)
        setting = Setting(
            members=self.lab.members,
            zones=self.lab.zones,
            waits=self.lab.waits,
            versions=self.lab.versions(),
            peak_rss_mb=self.lab.peak_rss_mb(),
        )
        found = result_of(evidence, history, judgement, setting, ended=self.clock.now())
        found = results.with_expectations(found, compare(self.scenario.expect, found, waits=self.lab.waits))
        results.write(self.run, found)
        write_report(self.run / REPORT, found, history.operations)
        return found

    async def _leave_in_order(self, evidence: Evidence) -> None:
        """Heal and stop; what goes wrong here is a reason in the result, never a result that is missing."""
        doings: list[Awaitable[None]] = [*map(self._heal, list(self._heals)), self._stop_load(evidence)]
        for doing in doings:
            try:
                await doing
            except Exception as error:  # noqa: BLE001  whatever a lab raises, the result is written
                evidence.reasons.append(f"winding up: {type(error).__name__}: {error}")

    async def _pause(self, seconds: float) -> None:
        """Sleep, healing what is due on the way; returns at once for 0 or less."""
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 0:
            await self.clock.sleep(min(left, PAUSE_S))
            for injected in list(self._heals):
                if (
                    injected.fault.heal
                    and self.clock.now() - injected.began >= (injected.fault.heal - injected.fault.at).total_seconds()
                ):
                    await self._heal(injected)

    async def _heal(self, injected: Injected) -> None:
        self._heals.remove(injected)
        self.told(f"heal: {kind_of(injected.fault)} ({place_of(injected.fault)})")
        await self.lab.heal(injected.fault)
        injected.healed = self.clock.now()

    def _take(self, tail: HistoryTail) -> None:
        self._seen += tail.read()

    def _spec(self) -> LoadSpec:
        shape, limits = self.scenario.load, self.scenario.limits
        once = self._patience + limits.recovery
        back = once + limits.back if self.scenario.act.turns_back else timedelta(0)
        longest = self.scenario.steady.within + limits.detection + once + back + limits.after + timedelta(minutes=2)
        return LoadSpec(
            out=self.run,
            host=self.lab.host,
            rate=shape.rate,
            duration_s=min(longest.total_seconds(), DURATION_LIMIT),
            reads=shape.reads,
            writes=shape.writes,
            files=shape.files,
            clients=shape.clients,
            ttl=shape.ttl,
            pinned=shape.pinned,
            forever=shape.forever,
            timeout_s=shape.timeout.total_seconds(),
            attempts=shape.attempts,
            max_age_s=shape.connection_max_age.total_seconds() / self.speed,
            speed=self.speed,
            seed=self.seed,
            ids=f"d{int(self.clock.now()):x}",
        )
