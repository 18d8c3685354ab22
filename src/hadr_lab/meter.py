"""How much memory the whole lab uses: the proportional share of every process in its pid namespace, sampled.

Proportional (PSS), so that pages that forked pods share are counted once; the state on the lab's RAM file system is added.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

EVERY = timedelta(seconds=5)


def _pss_kb(pid: Path) -> int:
    try:
        for line in (pid / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0  # it ended while we looked
    return 0


def processes_mb() -> float:
    """Memory of all processes of the lab now, in MB of 10^6 bytes."""
    return sum(_pss_kb(pid) for pid in Path("/proc").glob("[0-9]*")) * 1024 / 1e6


def state_mb(folder: Path) -> float:
    """What the RAM file system that holds `folder` has in use, in MB of 10^6 bytes."""
    held = os.statvfs(folder)
    return (held.f_blocks - held.f_bfree) * held.f_frsize / 1e6


@dataclass(slots=True)
class Meter:
    """The peak of processes and state together since it was made."""

    state: Path
    peak_mb: float = 0.0

    def sample(self) -> float:
        """Look once and return the present use."""
        now = processes_mb() + state_mb(self.state)
        self.peak_mb = max(self.peak_mb, now)
        return now

    async def run(self) -> None:
        """Look every few seconds, for ever, in a thread: reading /proc takes tens of milliseconds."""
        while True:
            await asyncio.to_thread(self.sample)
            await asyncio.sleep(EVERY.total_seconds())
