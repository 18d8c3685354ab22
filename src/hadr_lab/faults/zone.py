"""Harm to a whole zone: its links, its processes, its kubelets, each as the kind of harm says.

It acts on what it finds in the zone, whoever started it, and goes on doing so until the heal: what appears in a dead zone dies,
what appears in a frozen one is frozen. It decides nothing about what should take over.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from hadr_lab.dataplane.residents import residents, send
from hadr_lab.scenario import HarmZone, ZoneHarm

SILENCE = timedelta(milliseconds=300)
"""Between the cut of a lost place's links and the end of its processes: a killed process would still deliver what it had sent."""
SWEEP = timedelta(seconds=0.5)


class Links(Protocol):
    """What a harmed zone means for the network."""

    async def lose(self, region: str, zone: str = "") -> None: ...
    async def restore(self, region: str, zone: str = "") -> None: ...
    async def cut(self, a: str, b: str | None = None, *, one_way: bool = False) -> None: ...
    async def heal(self, a: str, b: str | None = None, *, one_way: bool = False) -> None: ...
    async def impair(
        self, a: str, b: str | None = None, *, delay: timedelta = timedelta(0), loss: float = 0.0, one_way: bool = False
    ) -> None: ...
    def halt(self, zone: str) -> None: ...
    def resume(self, zone: str) -> None: ...


class Kubelets(Protocol):
    """What it means for the nodes of the zone."""

    def halt(self, zone: str) -> None: ...
    def resume(self, zone: str) -> None: ...
    def refresh(self) -> None: ...


def region_of(zone: str) -> str:
    """The Region of a zone, by its name."""
    return zone[:-1]


@dataclass(slots=True, kw_only=True)
class Zones:
    """The zones of one lab, as faults see them."""

    network: Links
    nodes: Kubelets
    _sweeps: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def harm(self, fault: HarmZone, zone: str) -> None:
        """Do it; returns when it is done. Raises UsageError for a zone that is not there."""
        match fault.how:
            case ZoneHarm.LOST:
                await self.network.lose(region_of(zone), zone)
                self.nodes.refresh()
                await asyncio.sleep(SILENCE.total_seconds())
                await self._sweep(zone, signal.SIGKILL)
            case ZoneHarm.KILLED:
                self._halt(zone)
                await self._sweep(zone, signal.SIGKILL)
            case ZoneHarm.FROZEN:
                self._halt(zone)
                await self._sweep(zone, signal.SIGSTOP)
            case ZoneHarm.BLACKHOLED:
                self.network.halt(zone)
                await self.network.cut(zone)
            case ZoneHarm.SLOW:
                await self.network.impair(zone, delay=fault.delay)
            case ZoneHarm.LOSSY:
                await self.network.impair(zone, loss=fault.loss)

    async def heal(self, fault: HarmZone, zone: str) -> None:
        """Take it back. What was killed is started again by its owners; what was frozen goes on."""
        if (sweep := self._sweeps.pop(zone, None)) is not None:
            sweep.cancel()
            await asyncio.gather(sweep, return_exceptions=True)
        match fault.how:
            case ZoneHarm.LOST:
                await self.network.restore(region_of(zone), zone)
                self.nodes.refresh()
            case ZoneHarm.KILLED:
                self._resume(zone)
            case ZoneHarm.FROZEN:
                send(await asyncio.to_thread(residents, zone), signal.SIGCONT)
                self._resume(zone)
            case ZoneHarm.BLACKHOLED:
                await self.network.heal(zone)
                self.network.resume(zone)
            case ZoneHarm.SLOW | ZoneHarm.LOSSY:
                await self.network.impair(zone)

    def _halt(self, zone: str) -> None:
        self.network.halt(zone)
        self.nodes.halt(zone)

    def _resume(self, zone: str) -> None:
        self.network.resume(zone)
        self.nodes.resume(zone)

    async def _sweep(self, zone: str, number: signal.Signals) -> None:
        """Send the signal to everybody there now, and again and again until the heal."""
        send(await asyncio.to_thread(residents, zone), number)
        self._sweeps[zone] = asyncio.get_running_loop().create_task(_again(zone, number))


async def _again(zone: str, number: signal.Signals) -> None:
    while True:
        await asyncio.sleep(SWEEP.total_seconds())
        send(await asyncio.to_thread(residents, zone), number)
