"""One node of a balancer: a HAProxy in one zone that is kept as it should be, and what it sees of its targets.

Targets change through the runtime API. Only another configuration (listeners, rules, groups) starts a new HAProxy, which takes the
listening sockets over from the old one and begins with the targets that were healthy, so no request falls into a gap. A node that
crashed is started again; in a lost place nothing is started.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import Target
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.balancer import runtime
from hadr_lab.dataplane.balancer.checks import Group
from hadr_lab.dataplane.balancer.configuration import Configuration
from hadr_lab.dataplane.balancer.health import Sight
from hadr_lab.dataplane.balancer.runtime import Runtime
from hadr_lab.dataplane.balancer.targets import Held, Key, Step, static, steps
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import LabError, StartFailed
from hadr_lab.programs import Program

START_TIME = timedelta(seconds=5)
LOOK_EVERY = timedelta(seconds=0.25)
LOOK_EVERY_WHILE_INITIAL = timedelta(seconds=0.1)
PAUSE_AFTER_FAILURE = timedelta(seconds=0.5)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a node should serve now."""

    configuration: Configuration
    targets: dict[Key, Target]


@dataclass(slots=True, kw_only=True)
class Node:
    """A balancer's node in one zone. `run` keeps it until it is cancelled; `noticed` is called after each look.

    While it is `down` by a fault, its process is not started again.
    """

    name: str
    netns: str
    place: Place
    address: str
    folder: Path
    program: Program
    processes: Processes
    network: Addresses
    noticed: Callable[[], None]
    wanted: Wanted | None = None
    down: bool = False
    held: dict[Key, Held] = field(default_factory=dict)
    seen: dict[Key, Sight] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _process: Process | None = None
    _serving: Configuration | None = None
    _generation: int = 0

    @property
    def alive(self) -> bool:
        """Whether it answers for its address at this moment."""
        return not self.lost and self._process is not None and self._process.running and self._serving is not None

    @property
    def settled(self) -> bool:
        """Whether it can serve: it answers, and knows what to think of one of its targets if it has any.

        A process that has just started has no target to send to until checks have passed or failed, and says 503 until then.
        """
        return self.alive and (not self.held or any(held.known for held in self.held.values()))

    @property
    def lost(self) -> bool:
        """Whether it is out of the reach of those who would keep it."""
        return self.down or self.network.lost(self.place.region, self.place.zone)

    def take_down(self) -> None:
        """A fault: its process ends and stays ended until `down` is taken back."""
        self.down = True
        if self._process is not None:
            self._process.kill()

    @property
    def up_to_date(self) -> bool:
        """Whether it serves the configuration that is wanted, or has nothing to listen for."""
        if self.wanted is None:
            return False
        return not self.wanted.configuration.listeners or (self.alive and self._serving == self.wanted.configuration)

    def want(self, wanted: Wanted) -> None:
        """Say what it should serve from now on."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._wake.set()

    async def run(self) -> None:
        """Keep the node as wanted, for ever."""
        while True:
            pause = LOOK_EVERY_WHILE_INITIAL if any(not held.known for held in self.held.values()) else LOOK_EVERY
            try:
                await self._step()
            except (LabError, OSError, TimeoutError) as error:
                log.warning("balancer node=%s %s", self.name, error)
                self.seen = {}
                pause = PAUSE_AFTER_FAILURE
            self.noticed()
            await self._sleep(pause)

    async def stop(self) -> None:
        """End its process and make its address silent."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
        self._process = self._serving = None
        self.seen = {}
        await self.network.release(self.netns, self.address)

    async def _sleep(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _step(self) -> None:
        if self._process is not None and not self._process.running:
            self._process = self._serving = None
            self.seen, self.held = {}, {}
        wanted = self.wanted
        if wanted is None or self.lost:
            self.seen = {}
            return
        if not wanted.configuration.listeners:
            await self._silence()
            return
        if self._serving != wanted.configuration:
            await self._serve(wanted.configuration)
        await self._match(wanted)
        await self._look(wanted)

    async def _silence(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
        self._process = self._serving = None
        self.held, self.seen = {}, {}

    async def _serve(self, configuration: Configuration) -> None:
        await self.network.claim(self.netns, self.address)
        before, generation = self._process, self._generation + 1
        names = {group.name for group in configuration.groups}
        self.held = {key: held for key, held in self.held.items() if key.group in names and before is not None}
        path = self._write(configuration, generation)
        takeover = ("-x", self._socket(self._generation), "-sf", str(before.pid)) if before is not None else ()
        process = await self.processes.start(
            self.name, self.program, "-f", path, "-db", *takeover, netns=self.netns, place=self.place
        )
        try:
            await _answers(process, Runtime(socket=self._socket(generation)))
        except BaseException:
            process.kill()
            raise
        self._process, self._serving, self._generation = process, configuration, generation
        await self._resume()

    def _write(self, configuration: Configuration, generation: int) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        socket, path = self._socket(generation), self.folder / f"{generation}.cfg"
        socket.unlink(missing_ok=True)
        for file, text in configuration.files().items():
            file.write_text(text, newline="")
        path.write_text(configuration.text(socket=socket, servers=static(self.held, configuration.groups)))
        return path

    async def _resume(self) -> None:
        for key, held in self.held.items():
            if held.draining:
                await self._runtime().do(runtime.draining(*key))
            elif not held.healthy:
                await self._runtime().do(runtime.awaiting(*key))

    def _socket(self, generation: int) -> Path:
        return self.folder / f"{generation}.sock"

    def _runtime(self) -> Runtime:
        return Runtime(socket=self._socket(self._generation))

    async def _match(self, wanted: Wanted) -> None:
        groups = {group.name: group for group in wanted.configuration.groups}
        for step, key in steps(self.held, wanted.targets):
            match step:
                case Step.ADD:
                    await self._add(groups[key.group], key)
                case Step.DRAIN:
                    await self._runtime().do(runtime.draining(*key))
                    self.held[key].draining = True
                case Step.READY:
                    await self._runtime().do(runtime.readying(*key, known=self.held[key].known))
                    self.held[key].draining = False
                case Step.REMOVE:
                    if await self._runtime().removed(*key):
                        del self.held[key]

    async def _add(self, group: Group, key: Key) -> None:
        await self._runtime().do(runtime.adding(group, key.server))
        self.held[key] = Held(since=asyncio.get_running_loop().time())

    async def _look(self, wanted: Wanted) -> None:
        patience = {group.name: group.patience.total_seconds() for group in wanted.configuration.groups}
        now = asyncio.get_running_loop().time()
        seen = {Key(sight.group, sight.server): sight for sight in await self._runtime().look()}
        for key, held in self.held.items():
            sight = seen.get(key)
            if sight is None:
                continue
            if not held.known and not held.draining and (sight.passed or now - held.since > patience[key.group]):
                commands = runtime.opening(*key)
                await self._runtime().do(commands + runtime.passing(*key) if sight.passed else commands)
                held.known, held.healthy = True, sight.passed
            elif held.known:
                held.healthy = sight.up
        self.seen = seen


async def _answers(process: Process, haproxy: Runtime) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIME.total_seconds()
    while True:
        process.ensure_running()
        try:
            await haproxy.ask("show info")
        except OSError:
            if asyncio.get_running_loop().time() > deadline:
                raise StartFailed(f"{process.name}: no answer on {haproxy.socket} in {START_TIME}; see {process.log}") from None
            await asyncio.sleep(0.01)
        else:
            return
