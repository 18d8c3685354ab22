"""One container of a pod, run by kubelet's rules: pull, start, probe, and start again after the back-off until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hadr_lab.dataplane.controlplane.api import UNREACHABLE, ApiError
from hadr_lab.dataplane.nodes.backoff import FIRST, Backoff
from hadr_lab.dataplane.nodes.environment import MissingReference
from hadr_lab.dataplane.nodes.events import WARNING
from hadr_lab.dataplane.nodes.host import Host
from hadr_lab.dataplane.nodes.images import Recipe
from hadr_lab.dataplane.nodes.launcher import Launch, LaunchFailed, Running
from hadr_lab.dataplane.nodes.probes import Rule, Tally, Target, ask
from hadr_lab.dataplane.nodes.pulls import PullFailed
from hadr_lab.dataplane.nodes.status import Container, Ended, Up, Waiting

T = TypeVar("T")
Json = Mapping[str, Any]
CONFIG_RETRY = 2.0
START_FAILED = 128
FIRST_PROBE = 1.0
"""kubelet's first probe comes somewhere within the first period; here in its middle, at most this long after the start."""


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs one container. `configure` gives the launch for a recipe (raises MissingReference); `changed` tells of a new status."""

    host: Host
    pod: Callable[[], Json]
    spec: Json
    view: Container
    restart: str
    target: Callable[[], Target]
    configure: Callable[[Json, Recipe], Awaitable[Launch]]
    changed: Callable[[], None]
    running: Running | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _backoff: Backoff = field(default_factory=Backoff)
    _why_killed: str = ""

    async def keep(self) -> None:
        """Run it as often as its restart policy says; returns when it will not run again."""
        while not self.stopping.is_set():
            launch = await self._unless_stopped(self._prepared())
            if launch is None or await self._unless_stopped(self.host.power.wait()) is None:
                return
            began = datetime.now(UTC)
            code, reason, message = await self._once(launch)
            self._ended(code, began, reason, message)
            if self.stopping.is_set() or self.restart == "Never" or (self.restart == "OnFailure" and code == 0):
                return
            await self._unless_stopped(self._pause(began))
            self.view.restarts += 1

    async def _unless_stopped(self, work: Awaitable[T]) -> T | None:
        """The result of `work`, or None when the pod is stopped first."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() and not self.stopping.is_set() else None
        finally:
            task.cancel()
            stop.cancel()

    async def _prepared(self) -> Launch:
        """Pull the image and put the launch together, trying again as long as either fails."""
        recipe = await self._pulled()
        while True:
            try:
                launch = await self.configure(self.spec, recipe)
            except (MissingReference, ApiError) as error:
                self._wait("CreateContainerConfigError", str(error))
                self.host.events.pod(self.pod(), "Failed", f"Error: {error}", WARNING)
            except UNREACHABLE as error:
                self._wait("CreateContainerConfigError", repr(error))
            else:
                self.env = launch.env
                return launch
            await asyncio.sleep(CONFIG_RETRY)

    async def _pulled(self) -> Recipe:
        image, pause = self.spec["image"], FIRST
        while True:
            present, began = self.host.pulls.present(image), datetime.now(UTC)
            if not present:
                self.host.events.pod(self.pod(), "Pulling", f'Pulling image "{image}"')
            try:
                recipe = await self.host.pulls.ensure(image)
            except PullFailed as error:
                self.host.events.pod(self.pod(), "Failed", f'Failed to pull image "{image}": {error}', WARNING)
                self._wait("ErrImagePull", str(error))
                await asyncio.sleep(1)
                self._wait("ImagePullBackOff", f'Back-off pulling image "{image}": {error}')
                await asyncio.sleep(pause.total_seconds())
                pause *= 2
                continue
            took = (datetime.now(UTC) - began).total_seconds()
            said = "already present on machine" if present else f"pulled in {took:.1f} s (simulated)"
            self.host.events.pod(self.pod(), "Pulled", f'Container image "{image}" {said}')
            return recipe

    async def _once(self, launch: Launch) -> tuple[int, str, str]:
        """One run: (exit code, reason, message)."""
        self._why_killed = ""
        try:
            self.running = self.host.launcher.start(launch)
            await self.running.started
        except LaunchFailed as error:
            self.running = None
            self.host.events.pod(self.pod(), "Failed", f"Error: {error}", WARNING)
            return START_FAILED, "StartError", str(error)
        self.view.state, self.view.id = Up(datetime.now(UTC)), self.running.id
        self.view.started = "startupProbe" not in self.spec
        self.view.ready = self.view.started and "readinessProbe" not in self.spec
        self.host.events.pod(self.pod(), "Started", f"Container {self.view.name} started")
        self.changed()
        probing = asyncio.ensure_future(self._probe())
        try:
            code = await asyncio.shield(self.running.exited)
        finally:
            probing.cancel()
            self.running = None
        return code, "", self._why_killed

    def _ended(self, code: int, began: datetime, reason: str, message: str) -> None:
        ended = Ended(code=code, since=began, at=datetime.now(UTC), reason=reason, message=message)
        self.view.state = self.view.last = ended
        self.view.ready = self.view.started = False
        if self.restart == "Never" or self.stopping.is_set():
            self.view.last = None
        self.changed()

    async def _pause(self, began: datetime) -> None:
        pause = self._backoff.after(started=began, ended=datetime.now(UTC)).total_seconds()
        if pause:
            message = f"back-off {pause:.0f}s restarting failed container {self.view.name}"
            self._wait("CrashLoopBackOff", message)
            self.host.events.pod(self.pod(), "BackOff", f"Back-off restarting failed container {self.view.name}", WARNING)
        await asyncio.sleep(pause)

    def _wait(self, reason: str, message: str) -> None:
        self.view.state = Waiting(reason, message)
        self.changed()

    async def _probe(self) -> None:
        """Startup first, then readiness and liveness side by side, for as long as this run lasts."""
        if "startupProbe" in self.spec:
            await self._until_started(self.spec["startupProbe"])
        checks = []
        if "readinessProbe" in self.spec:
            checks.append(self._watch(self.spec["readinessProbe"], "Readiness", self._set_ready))
        if "livenessProbe" in self.spec:
            checks.append(self._watch(self.spec["livenessProbe"], "Liveness", self._set_alive))
        await asyncio.gather(*checks)

    async def _until_started(self, probe: Json) -> None:
        started = asyncio.Event()

        def heard(good: bool) -> None:
            if good:
                started.set()
            else:
                self._set_alive(good)

        watch = asyncio.ensure_future(self._watch(probe, "Startup", heard))
        try:
            await started.wait()
        finally:
            watch.cancel()
        self.view.started = True
        self.view.ready = "readinessProbe" not in self.spec
        self.changed()

    async def _watch(self, probe: Json, name: str, heard: Callable[[bool], None]) -> None:
        """Ask for ever; a container whose startup probe succeeded is asked the others at once."""
        rule = Rule.of(probe)
        follows = "startupProbe" in self.spec and name != "Startup"
        first = 0.0 if follows else min(rule.period / 2, FIRST_PROBE)
        tally = Tally(rule)
        await asyncio.sleep(rule.initial_delay + first)
        while True:
            await self.host.power.wait()
            trouble = await ask(probe, self.target(), self._execute)
            if trouble:
                self.host.events.pod(self.pod(), "Unhealthy", f"{name} probe failed: {trouble}", WARNING)
            if tally.count(good=not trouble):
                heard(not trouble)
            await asyncio.sleep(rule.period)

    def _set_ready(self, good: bool) -> None:
        if self.view.ready != good:
            self.view.ready = good
            self.changed()

    def _set_alive(self, good: bool) -> None:
        if good or self._why_killed:
            return
        self._why_killed = f"Container {self.view.name} failed a liveness or startup probe"
        self.host.events.pod(self.pod(), "Killing", f"{self._why_killed}, will be restarted")
        task = asyncio.ensure_future(self._terminate(float(self.pod()["spec"].get("terminationGracePeriodSeconds", 30))))
        task.add_done_callback(lambda done: done.exception())

    async def _execute(self, argv: list[str], timeout: float) -> tuple[int, str]:
        if self.running is None:
            raise OSError("the container does not run")
        try:
            return await self.host.launcher.execute(self.running, argv, self.env, timeout)
        except LaunchFailed as error:
            raise OSError(str(error)) from error

    async def stop(self, grace: float) -> None:
        """Not run again, and end what runs: preStop, SIGTERM, then SIGKILL when `grace` seconds are over."""
        self.stopping.set()
        await self._terminate(grace)

    async def _terminate(self, grace: float) -> None:
        running, loop = self.running, asyncio.get_running_loop()
        if running is None:
            return
        end = loop.time() + grace
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if hook:
            await self._pre_stop(hook, grace)
        self.host.launcher.signal(running, signal.SIGTERM)
        try:
            async with asyncio.timeout(max(end - loop.time(), 2 if hook else 0)):
                await asyncio.shield(running.exited)
        except TimeoutError:
            self.host.launcher.signal(running, signal.SIGKILL)
            await asyncio.shield(running.exited)

    async def _pre_stop(self, hook: Json, grace: float) -> None:
        try:
            if "sleep" in hook:
                await asyncio.sleep(min(hook["sleep"]["seconds"], grace))
            else:
                trouble = await ask({**hook, "timeoutSeconds": grace}, self.target(), self._execute)
                if trouble:
                    self.host.events.pod(self.pod(), "FailedPreStopHook", trouble, WARNING)
        except OSError as error:
            self.host.events.pod(self.pod(), "FailedPreStopHook", str(error), WARNING)
