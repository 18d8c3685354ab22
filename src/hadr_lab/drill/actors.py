"""Those who recover the site: `hadr`, the reference's published three steps, or nobody. Each says what it did, step by step.

An actor acts once, with a limit, and never judges whether clients are served: that is measured from outside.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from hadr_lab.drill.answers import weights_before, words_of
from hadr_lab.drill.ports import Answer, Clock, Lab
from hadr_lab.drill.steps import StepSpan, from_journal
from hadr_lab.scenario import Act, Actor, Verb

JOURNAL = "journal.jsonl"
PLAN = "plan.json"
BACK = "-back"
"""What the files of the way back are called after: `plan-back.json`, `journal-back.jsonl`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What was done: the steps, the exit code of the tool (None: none, or it did not end in time), its last words, any doubt."""

    steps: tuple[StepSpan, ...] = ()
    exit_code: int | None = None
    said: str = ""
    doubt: str = ""


class Recovers(Protocol):
    """Somebody who acts."""

    async def act(self, limit: timedelta) -> Acted:
        """Recover the site, giving up at `limit`."""


def actor_for(act: Act, *, lab: Lab, clock: Clock, run: Path, source: str) -> Recovers:
    """The actor that a scenario asks for."""
    match act.by:
        case Actor.HADR:
            return ByHadr(lab=lab, act_=act, run=run)
        case Actor.AS_PUBLISHED:
            return AsPublished(lab=lab, clock=clock, source=source, target=act.target)
        case Actor.NOBODY:
            return Nobody()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nobody:
    """Nothing is done."""

    async def act(self, limit: timedelta) -> Acted:  # noqa: ARG002  the protocol's
        """Do nothing."""
        return Acted(said="nobody acted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHadr:
    """`hadr failover`, `switchover`, `evacuate` or `shift`, once; its plan and journal are copied into the drill's folder.

    An evacuation or a shift that is to be undone is asked for twice; the journal of the way out is the one that is measured. Roles
    are turned back by an act of its own, with a journal of its own.
    """

    lab: Lab
    act_: Act
    run: Path

    async def act(self, limit: timedelta) -> Acted:
        """Run it and read its journal."""
        answer, acted = await self._ask(self._words(), "", limit)
        if not self.act_.back or self.act_.turns_back or answer.code != 0:
            return acted
        words = self._shift(weights_before(answer)) if self.act_.verb is Verb.SHIFT else (*self._words(), "--return")
        back = await self.lab.hadr(*words, "--runs", str(self.run / "hadr-return"), "--json", timeout=limit)
        return replace(acted, exit_code=back.code, said=f"{acted.said}; return: {words_of(back)}")

    async def go_back(self, verb: str, home: str, limit: timedelta) -> Acted:
        """Turn the roles back to `home` by that verb, and read that journal."""
        return (await self._ask((verb, "--to", home, "--yes"), BACK, limit))[1]

    async def _ask(self, words: tuple[str, ...], of: str, limit: timedelta) -> tuple[Answer, Acted]:
        runs = self.run / f"hadr{of}"
        answer = await self.lab.hadr(*words, "--runs", str(runs), "--json", timeout=limit)
        doubt = self._collect(runs, of)
        steps, broken = from_journal(self.run / named(JOURNAL, of)) if not doubt else ((), doubt)
        return answer, Acted(steps=steps, exit_code=answer.code, said=words_of(answer), doubt=broken)

    def _words(self) -> tuple[str, ...]:
        allow = [word for guard in self.act_.allow for word in ("--allow", guard)]
        if self.act_.verb is Verb.EVACUATE:
            keep = ("--keep-writer",) if self.act_.keep_writer else ()
            return ("evacuate", "--zone", self.act_.zone, "--hold", self._hold, "--yes", *keep, *allow)
        if self.act_.verb is Verb.SHIFT:
            stages = ("--stages", ",".join(f"{share:g}" for share in self.act_.stages)) if self.act_.stages else ()
            return (*self._shift(self.act_.to), *stages, *allow)
        return (self.act_.verb.value, "--to", self.act_.target, "--yes", *allow)

    def _shift(self, weights: Mapping[str, int]) -> tuple[str, ...]:
        to = ",".join(f"{name}={weight}" for name, weight in weights.items())
        return ("shift", "--to", to, "--hold", self._hold, "--yes")

    @property
    def _hold(self) -> str:
        return f"{self.act_.hold.total_seconds():g}s"

    def _collect(self, runs: Path, of: str) -> str:
        """Copy the newest run's record; says what is missing."""
        journals = sorted(runs.glob(f"*/{JOURNAL}"), key=lambda path: path.stat().st_mtime_ns)
        if not journals:
            return "hadr left no journal"
        for name in (JOURNAL, PLAN):
            if (journals[-1].parent / name).exists():
                shutil.copyfile(journals[-1].parent / name, self.run / named(name, of))
        return ""


def named(file: str, of: str) -> str:
    """The name of a file of the way out (`of` empty) or of the way back in the drill's folder."""
    stem, dot, kind = file.partition(".")
    return f"{stem}{of}{dot}{kind}"


def whither(act: Act) -> str:
    """Where the act leads, in a few words."""
    match act.verb:
        case Verb.FAILOVER | Verb.SWITCHOVER:
            return f"towards {act.target}"
        case Verb.EVACUATE:
            return f"leaves {act.zone}"
        case Verb.SHIFT:
            return "shifts to " + ",".join(f"{name}={weight}" for name, weight in act.to.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class AsPublished:
    """The reference's procedure: node maker 0 -> 2, wait for the pods, move the DNS weights. Done in that order, each even if
    the one before it failed, as somebody who works through a written list does."""

    lab: Lab
    clock: Clock
    source: str
    target: str

    async def act(self, limit: timedelta) -> Acted:
        """Work through the list; each step has the whole limit divided by three."""
        reference, share = self.lab.reference, limit / 3
        steps = [
            await self._step("scale-karpenter", (), lambda: reference.scale_node_maker(self.target, 2), share),
            await self._step("wait-for-workload", ("scale-karpenter",), self._workload, share),
            await self._step(
                "change-weights", ("wait-for-workload",), lambda: reference.set_weights({self.source: 0, self.target: 100}), share
            ),
        ]
        failed = [f"{step.name}: {step.proof}" for step in steps if step.status != "done"]
        return Acted(steps=tuple(steps), exit_code=1 if failed else 0, said="; ".join(failed))

    async def _workload(self) -> None:
        while not (await self.lab.reference.workload(self.target))[0]:
            await self.clock.sleep(0.5)

    async def _step(self, name: str, requires: tuple[str, ...], do: Callable[[], Awaitable[None]], limit: timedelta) -> StepSpan:
        started, status, proof = self.clock.now(), "done", "the API accepted it; nothing was checked"
        try:
            await _within(self.clock, do(), limit)
        except Exception as error:  # noqa: BLE001  a step boundary: whatever a client library raises, the list goes on
            status, proof = "failed", f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return StepSpan(name=name, requires=requires, status=status, started=started, ended=self.clock.now(), proof=proof)


async def _within(clock: Clock, doing: Awaitable[None], limit: timedelta) -> None:
    """Await `doing` for at most `limit` of the drill's clock. Raises TimeoutError after it."""
    work, timer = asyncio.ensure_future(doing), asyncio.ensure_future(clock.sleep(limit.total_seconds()))
    try:
        await asyncio.wait((work, timer), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise TimeoutError(f"not done within {limit.total_seconds():g} s")
        work.result()
    finally:
        for task in (work, timer):
            task.cancel()
        await asyncio.gather(work, timer, return_exceptions=True)
