"""Carry out a shift: a stage at a time, watching as a client while each is held; back to where it was as soon as that is worse.

The first change is made only after a look at how clients fare without it. Whatever ends a shift early, the last thing it does is to
put the weights back and to see them there. What a killed shift leaves are weights that a next one starts from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hadr.core.decide import Status
from hadr.core.errors import CallError, StepFailed
from hadr.core.seen import Seen, worse
from hadr.core.site import Site
from hadr.core.stages import Stage, Weights
from hadr.core.view import Answer
from hadr.ports import Job, Journal, Ports

log = logging.getLogger("hadr.engine")

EVERY, BASELINE = timedelta(seconds=1), timedelta(seconds=10)
PATIENCE = timedelta(seconds=60)
RETURN = "return"

Watched = dict[str, Seen]


@dataclass(slots=True, kw_only=True)
class Shift:
    """One shift under way. `told` is called with each change of a stage, for whoever narrates.

    `within` a larger run, whose journal it is: then that run writes its beginning and its end.
    """

    site: Site
    ports: Ports
    before: Weights
    stages: Sequence[Stage]
    hold: timedelta
    journal: Journal
    told: Callable[[str, Status, str], None] = lambda _name, _status, _seen: None
    within: bool = False

    def carry_out(self) -> None:
        """Raises StepFailed when clients got worse off or weights could not be moved; then the weights are back."""
        if not self.within:
            self._write("run", data=self._opening())
        baseline = self._look()
        try:
            for stage in self.stages:
                with self._step(stage.name):
                    self._hold(stage, baseline)
        except (StepFailed, KeyboardInterrupt) as reason:
            self._return(str(reason) or "interrupted")
        self._step_over(RETURN, Status.SKIPPED, "not needed")
        self._end("done", f"weights {_words(self.stages[-1].weights)}")

    def _look(self) -> Watched:
        """How clients fare before anything is moved. A member that gets its first ones is asked too, for what its answers take."""
        served = self._hosts(self.before)
        seen = self._watch(self._hosts(self.before, *(stage.weights for stage in self.stages)), min(self.hold, BASELINE), {})
        return {host: one if host in served else one.only_lengths() for host, one in seen.items()}

    def _hold(self, stage: Stage, baseline: Watched) -> None:
        self._weigh(stage.weights, stage.name)
        seen = self._watch(self._hosts(stage.weights), self.hold, baseline)
        bad = self._worse(baseline, seen)
        if bad:
            raise StepFailed(f"clients are worse off: {'; '.join(f'{host}: {why}' for host, why in bad.items())}")
        fared = "; ".join(f"{host}: {one}" for host, one in seen.items())
        self._write("seen", step=stage.name, data={"seen": f"weights {_words(stage.weights)}; {fared}"})

    def _return(self, why: str) -> None:
        try:
            with self._step(RETURN):
                self._weigh(self.before, RETURN)
        except StepFailed as stuck:
            end = (
                f"{why}. The weights are NOT back ({stuck}): hadr shift --to {','.join(f'{k}={v}' for k, v in self.before.items())}"
            )
        else:
            end = f"{why}. The weights are back at {_words(self.before)}"
        self._end("failed", end)
        raise StepFailed(end)

    def _end(self, status: str, why: str) -> None:
        if not self.within:
            self._write("end", data={"status": status, "why": why})

    def _weigh(self, weights: Weights, step: str) -> None:
        """Ask until the weights are seen there. Raises StepFailed after PATIENCE."""
        until, attempt, last = self._now() + PATIENCE, 0, ""
        while self._now() < until:
            attempt += 1
            self._write("ask", step=step, data={"action": "SetWeights", "weights": dict(weights), "attempt": attempt})
            try:
                said = self._call(lambda: self.ports.traffic.set_weights(weights, run=self.journal.run))
                self._write("outcome", step=step, data={"outcome": "done", "detail": said})
                there = self._call(self.ports.traffic.weights)
                if dict(there) == dict(weights):
                    return
                last = f"weights are {_words(there)}"
            except CallError as error:
                last = str(error)
                self._write("outcome", step=step, data={"outcome": "unknown", "detail": last})
            self._pause(timedelta(seconds=min(2**attempt, 10)))
        raise StepFailed(f"weights {_words(weights)} were not seen within {PATIENCE.total_seconds():.0f} s; last: {last}")

    def _call(self, call: Callable[[], Any]) -> Any:
        job = self.ports.workers.submit(call)
        while not job.done:
            self.ports.workers.wait(timedelta(seconds=0.25))
        return job.result()

    def _hosts(self, *weights: Weights) -> tuple[str, ...]:
        """Whom to ask: the name, and each member that has weight in any of these."""
        weighted = [member.balancer for member in self.site.members if any(one[member.name] for one in weights)]
        return (self.site.traffic.host, *weighted)

    def _watch(self, hosts: Sequence[str], time: timedelta, baseline: Watched) -> Watched:
        """Ask as a client, once a second, each of `hosts`; ends early when it is worse than before."""
        seen = {host: Seen() for host in hosts}
        until = self._now() + time
        while self._now() < until:
            following = self._now() + EVERY
            for host, answer in self._ask(hosts).items():
                seen[host] = seen[host].and_then(answer)
            if self._worse(baseline, seen):
                break
            self._pause(following - self._now())
        return seen

    def _worse(self, baseline: Watched, seen: Watched) -> Mapping[str, str]:
        return worse(baseline, seen, name=self.site.traffic.host)

    def _ask(self, hosts: Sequence[str]) -> Mapping[str, Answer]:
        jobs = {host: self.ports.workers.submit(partial(self.ports.probe.ready, host)) for host in hosts}
        while not all(job.done for job in jobs.values()):
            self.ports.workers.wait(timedelta(seconds=0.25))
        return {host: _answer(job) for host, job in jobs.items()}

    def _pause(self, time: timedelta) -> None:
        until = self._now() + time
        while self._now() < until:
            self.ports.workers.wait(until - self._now())

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._write("step", step=name, data={"status": Status.RUNNING})
        try:
            self.told(name, Status.RUNNING, "")
            yield
        except StepFailed as failed:
            self._step_over(name, Status.FAILED, str(failed))
            raise
        except KeyboardInterrupt:
            self._step_over(name, Status.FAILED, "interrupted")
            raise
        self._step_over(name, Status.DONE, "")

    def _step_over(self, name: str, status: Status, seen: str) -> None:
        self._write("step", step=name, data={"status": status, **({"seen": seen} if seen else {})})
        self.told(name, status, seen)

    def _opening(self) -> Mapping[str, Any]:
        names = [stage.name for stage in self.stages]
        steps = [_planned(f"weights {_words(stage.weights)}", stage.name, names[:n]) for n, stage in enumerate(self.stages)]
        return {
            "run": self.journal.run,
            "site": self.site.name,
            "verb": "shift",
            "target": _words(self.stages[-1].weights),
            "source": _words(self.before),
            "way": "weights",
            "digest": "",
            "allowed": [],
            "steps": [*steps, _planned(f"weights {_words(self.before)}", RETURN, []) | {"best_effort": True}],
        }

    def _write(self, kind: str, *, step: str = "", data: Mapping[str, Any]) -> None:
        self.journal.append(self._now(), kind, step=step, data=data)
        log.info("kind=%s step=%s", kind, step)

    def _now(self) -> datetime:
        return self.ports.clock.now()


def _answer(job: Job[Answer]) -> Answer:
    """A client that cannot even ask got no answer."""
    try:
        return job.result()
    except CallError as error:
        return Answer(status=None, detail=str(error))


def _planned(summary: str, name: str, before: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "summary": summary, "requires": list(before[-1:]), "after": [], "plane": "control", "best_effort": False}


def _words(weights: Weights) -> str:
    return ",".join(f"{name}={weight}" for name, weight in sorted(weights.items()))
