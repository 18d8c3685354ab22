"""Carry out a plan: observe, decide, perform, until the goal is observed or a step that counts has failed.

Level-triggered: nothing is remembered between processes. Started again after a crash, observing and planning again is the resume.
Every request is in the journal before it is sent, so that a journal never knows less than the world.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hadr.core.actions import Done, Outcome, Refused, ShiftWeights
from hadr.core.decide import Decision, Progress, Settled, Status, conclude, decide, watched
from hadr.core.errors import StepFailed
from hadr.core.guards import Guard
from hadr.core.plan import Plan
from hadr.core.site import Site
from hadr.core.steps import Step, StepName
from hadr.engine.observe import Board
from hadr.engine.perform import perform
from hadr.engine.shift import Shift
from hadr.ports import Job, Journal, Ports

log = logging.getLogger("hadr.engine")

QUICKEST, SLOWEST = timedelta(seconds=0.25), timedelta(seconds=5)


def pace(running_for: timedelta) -> timedelta:
    """How often to look: a twentieth of the time the youngest step has run, so that looking costs 5 % at most."""
    return min(max(running_for / 20, QUICKEST), SLOWEST)


@dataclass(slots=True, kw_only=True)
class Run:
    """One plan under way. `told` is called with each change of a step, for whoever narrates."""

    site: Site
    ports: Ports
    plan: Plan
    journal: Journal
    allowed: Collection[Guard] = ()
    told: Callable[[Step, Status, str], None] = lambda _step, _status, _seen: None
    progress: dict[StepName, Progress] = field(default_factory=dict)
    _asking: dict[StepName, Job[Outcome]] = field(default_factory=dict)

    def carry_out(self) -> None:
        """Run every step. Raises UnsafePlan before anything was asked, StepFailed when a step that counts failed."""
        self.plan.require_safe(self.allowed)
        self._write("run", data=self._opening())
        self.progress = {step.name: Progress() for step in self.plan.steps}
        board = Board(site=self.site, ports=self.ports)
        while not self._turn(board):
            self.ports.workers.wait(self._pace())
        for settled in conclude(self.plan, self.progress):
            self._settle(settled)
        self._close()

    def _turn(self, board: Board) -> bool:
        """One round: take in what came back, decide until nothing new follows, ask for what is needed next."""
        self._take_outcomes()
        board.collect()
        while True:
            decision = decide(self.site, self.plan, board.view(), self.progress, self._now())
            if decision.over:
                return True
            self._apply(decision)
            if not (decision.begin or decision.settle):
                break
        board.ask(watched(self.plan, self.progress), every=self._pace())
        return False

    def _apply(self, decision: Decision) -> None:
        for name, seen in decision.seen:
            self._note(name, seen)
        for settled in decision.settle:
            self._settle(settled)
        for name in decision.begin:
            self._change(name, status=Status.RUNNING, began=self._now())
            self._write("step", step=name, data={"status": Status.RUNNING})
            self.told(self._step(name), Status.RUNNING, "")
        for name in decision.ask:
            self._ask(name)

    def _ask(self, name: StepName) -> None:
        action = self._step(name).action
        if action is None:
            return
        attempt = self.progress[name].attempts + 1
        self._write("ask", step=name, data={"action": type(action).__name__, "attempt": attempt})
        self._change(name, asking=True, attempts=attempt)
        if isinstance(action, ShiftWeights):
            self._came_back(name, self._shift(name, action))
            return
        self._asking[name] = self.ports.workers.submit(partial(perform, self.site, self.ports, action, run=self.journal.run))

    def _take_outcomes(self) -> None:
        for name, job in list(self._asking.items()):
            if job.done:
                del self._asking[name]
                self._came_back(name, job.result())

    def _came_back(self, name: StepName, outcome: Outcome) -> None:
        self._change(name, asking=False, outcome=outcome, outcome_at=self._now())
        self._write("outcome", step=name, data=_outcome(outcome))

    def _shift(self, name: StepName, action: ShiftWeights) -> Outcome:
        """Move weights in stages here and now: nothing else goes on meanwhile, and what clients see decides."""
        shift = Shift(
            site=self.site,
            ports=self.ports,
            before=action.before,
            stages=action.stages,
            hold=action.hold,
            journal=self.journal,
            told=lambda stage, status, seen: self.told(self._step(name), Status.RUNNING, f"{stage} {status} {seen}".rstrip()),
            within=True,
        )
        try:
            shift.carry_out()
        except StepFailed as failed:
            return Refused(why=str(failed), final=True)
        return Done(detail=f"weights {' '.join(f'{name}={weight}' for name, weight in action.stages[-1].weights.items())}")

    def _settle(self, settled: Settled) -> None:
        self._change(settled.step, status=settled.status, seen=settled.seen)
        self._write("step", step=settled.step, data={"status": settled.status, "seen": settled.seen})
        self.told(self._step(settled.step), settled.status, settled.seen)

    def _note(self, name: StepName, seen: str) -> None:
        """Write down what is seen of a step whenever it changes."""
        if self.progress[name].seen != seen:
            self._change(name, seen=seen)
            self._write("seen", step=name, data={"seen": seen})

    def _close(self) -> None:
        failed = [step.name for step in self.plan.steps if self._counts_as_failed(step)]
        if not failed:
            self._write("end", data={"status": "done", "why": self.plan.goal})
            return
        first = next(name for name in failed if self.progress[name].status is not Status.SKIPPED)
        why = f"{first}: {self.progress[first].seen}"
        self._write("end", data={"status": "failed", "why": why})
        raise StepFailed(f"{why}. Nothing was undone; look at `hadr status`, then start the same command again")

    def _counts_as_failed(self, step: Step) -> bool:
        return not step.best_effort and self.progress[step.name].status is not Status.DONE

    def _pace(self) -> timedelta:
        began = [p.began for p in self.progress.values() if p.status is Status.RUNNING and p.began is not None]
        return pace(self._now() - max(began)) if began else QUICKEST

    def _opening(self) -> Mapping[str, Any]:
        plan = self.plan
        return {
            "run": self.journal.run,
            "site": plan.site,
            "verb": plan.verb,
            "target": plan.course.target,
            "source": plan.course.source,
            "way": plan.course.way,
            "zone": plan.course.zone,
            "digest": plan.digest,
            "allowed": sorted(self.allowed),
            "lifted": [str(refusal) for refusal in plan.refusals],
            "steps": [_planned(step) for step in plan.steps],
        }

    def _step(self, name: StepName) -> Step:
        return next(step for step in self.plan.steps if step.name is name)

    def _change(self, name: StepName, **fields: Any) -> None:
        self.progress[name] = replace(self.progress[name], **fields)

    def _write(self, kind: str, *, step: str = "", data: Mapping[str, Any]) -> None:
        self.journal.append(self._now(), kind, step=step, data=data)
        log.info("kind=%s step=%s %s", kind, step, " ".join(f"{k}={v!r}" for k, v in data.items() if k != "steps"))

    def _now(self) -> datetime:
        return self.ports.clock.now()


def _planned(step: Step) -> Mapping[str, Any]:
    return {
        "name": step.name,
        "summary": step.summary,
        "requires": step.requires,
        "after": step.after,
        "plane": step.plane,
        "needs": step.needs,
        "regions": step.regions,
        "budget_s": step.budget.total_seconds(),
        "undo": step.undo,
        "best_effort": step.best_effort,
    }


def _outcome(outcome: Outcome) -> Mapping[str, Any]:
    if isinstance(outcome, Done):
        return {"outcome": "done", "detail": outcome.detail}
    kind = "refused" if isinstance(outcome, Refused) else "unknown"
    return {"outcome": kind, "detail": outcome.why}
