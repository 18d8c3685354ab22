"""The lab's side of the name server: starts its process, feeds it snapshots, takes what its health checkers saw.

At most ten snapshots a second, and only when something changed. If the process ends it is started again; what it knew is sent anew.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from hadr_lab.dataplane.dns.messages import Observed, Serving, Update, packed, received
from hadr_lab.dataplane.dns.zones import Check, Observation, Snapshot, Zone
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import StartFailed

log = logging.getLogger(__name__)

EVERY = timedelta(milliseconds=100)
START_WITHIN = timedelta(seconds=20)
BALANCER = ".elb.amazonaws.com"


class Source(Protocol):
    """Route 53 as its name servers see it. Quick and thread-safe."""

    def published(self) -> tuple[tuple[Zone, ...], tuple[Check, ...]]:
        """Zones as they are after propagation, and health checks; equal to the last while nothing changed."""

    def answering(self, snapshot: Snapshot) -> None:
        """What the name servers answer from, from now on."""

    def observed(self, observations: Iterable[Observation]) -> None:
        """What the checkers saw since the last call."""


@dataclass(slots=True)
class NameServer:
    """The name server's process. `listen` maps a network namespace to the resolver's address in it; `home` has the checkers.

    `balancer_healthy` says whether a load balancer (by host name) has a healthy target.
    """

    processes: Processes
    route53: Source
    names: Names
    balancer_healthy: Callable[[str], bool]
    speed: float
    listen: Mapping[str, str]
    home: str = "edge"
    port: int = 53
    serving: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Keep the name server serving, for ever. Raises StartFailed when it cannot be started at all."""
        while True:
            process, feed = await self._start()
            reader, writer = await asyncio.open_connection(sock=feed)
            try:
                await self._await_serving(process, reader)
                self.serving.set()
                await self._converse(reader, writer)
            finally:
                self.serving.clear()
                writer.close()
                await process.stop(timedelta(seconds=1))
            log.warning("name server ended; starting it again")

    async def _start(self) -> tuple[Process, socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await self.processes.start(
                "name-server",
                Path(sys.executable),
                "-m",
                "hadr_lab.dataplane.dns",
                f"--feed={theirs.fileno()}",
                f"--speed={self.speed}",
                f"--port={self.port}",
                *(f"{where}={address}" for where, address in self.listen.items()),
                netns=self.home,
                place=Place(),
                env={"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
                pass_fds=(theirs.fileno(),),
            )
        return process, ours

    async def _await_serving(self, process: Process, reader: asyncio.StreamReader) -> None:
        try:
            async with asyncio.timeout(START_WITHIN.total_seconds()):
                first = await received(reader)
        except (EOFError, OSError, TimeoutError) as error:
            raise StartFailed(f"name server did not open its sockets; see {process.log}\n{process.last_words()}") from error
        if not isinstance(first, Serving):
            raise StartFailed(f"name server said {first} first; see {process.log}")

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Feed and listen until the process is gone; what goes wrong on our own side is raised."""
        both = [asyncio.create_task(self._listen(reader)), asyncio.create_task(self._feed(writer))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except (EOFError, OSError):
            return
        finally:
            for task in both:
                task.cancel()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            message = await received(reader)
            if isinstance(message, Observed):
                self.route53.observed(message.observations)

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        last: Snapshot | None = None
        while True:
            current = self.snapshot()
            if current != last:
                self.route53.answering(current)
                writer.write(packed(Update(current)))
                await writer.drain()
                last = current
            await asyncio.sleep(EVERY.total_seconds())

    def snapshot(self) -> Snapshot:
        """What is to be answered from at this moment."""
        zones, checks = self.route53.published()
        names = self.names.snapshot()
        balancers = {name: self.balancer_healthy(name) for name in names if name.endswith(BALANCER)}
        return Snapshot(zones=zones, checks=checks, names=names, balancers=balancers)
