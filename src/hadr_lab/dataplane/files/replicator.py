"""One replication: its two processes, what they report, and its end.

The sender runs in the source's Region and the receiver in the destination's, so a partition stops them and a lost Region takes its
side with it. Stalling freezes the sender: neither the writers nor the receiver notice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hadr_lab
from hadr_lab.aws.views import FileReplication
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.processes import Place, Process, Processes

SHORTEST_SILENCE = timedelta(seconds=10)
PROGRAMS = {"PYTHONPATH": str(Path(hadr_lab.__file__).parent.parent)}


@dataclass(slots=True, kw_only=True)
class Replicator:
    """A replication that is kept running. `synced` is told up to when the destination is in step."""

    view: FileReplication
    source: Path
    destination: Path
    aside: Path
    address: str
    port: int
    interval: timedelta
    processes: Processes
    network: Addresses
    synced: Callable[[datetime], None]
    stalled: bool = False
    _sender: Process | None = None
    _receiver: Process | None = None
    _reports: int | None = None
    _rest: bytes = field(default=b"")

    async def keep(self) -> None:
        """Start what does not run and may run."""
        if not _runs(self._receiver) and not self.network.lost(self.view.destination_region):
            await self._receive()
        if not _runs(self._sender) and not self.stalled and not self.network.lost(self.view.source_region):
            await self._send()

    def stall(self, on: bool) -> None:
        """Fault: freeze the sender (True) or let it go on."""
        self.stalled = on
        if self._sender is not None and self._sender.running:
            self._sender.kill(signal.SIGSTOP if on else signal.SIGCONT)

    async def stop(self) -> None:
        """End both sides; the destination keeps the last whole files."""
        for process in (self._sender, self._receiver):
            if process is not None:
                process.kill()
                await process.wait()
        self._forget_reports()

    async def _send(self) -> None:
        self._sender = await self.processes.start(
            f"files-{self.view.source_id}-sender",
            Path(sys.executable),
            "-m",
            "hadr_lab.dataplane.files.sender",
            self.source,
            self.address,
            str(self.port),
            str(self.interval.total_seconds()),
            netns=self.view.source_region,
            place=Place(region=self.view.source_region),
            env=PROGRAMS,
        )

    async def _receive(self) -> None:
        await self.network.claim(self.view.destination_region, self.address)
        self._forget_reports()
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._reports = ours
        try:
            self._receiver = await self.processes.start(
                f"files-{self.view.source_id}-receiver",
                Path(sys.executable),
                "-m",
                "hadr_lab.dataplane.files.receiver",
                self.destination,
                self.aside,
                self.address,
                str(self.port),
                str(max(SHORTEST_SILENCE, self.interval * 3).total_seconds()),
                str(theirs),
                netns=self.view.destination_region,
                place=Place(region=self.view.destination_region),
                env=PROGRAMS,
                pass_fds=(theirs,),
            )
        finally:
            os.close(theirs)
        asyncio.get_running_loop().add_reader(ours, self._read, ours)

    def _read(self, reports: int) -> None:
        data = os.read(reports, 65536)
        if not data:
            self._forget_reports()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self.synced(datetime.fromtimestamp(int(lines[-1]) / 1e9, UTC))

    def _forget_reports(self) -> None:
        if self._reports is not None:
            asyncio.get_running_loop().remove_reader(self._reports)
            os.close(self._reports)
        self._reports, self._rest = None, b""


def _runs(process: Process | None) -> bool:
    return process is not None and process.running
