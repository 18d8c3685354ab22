"""A member's pods on a fraction of the processor: stopped and let go on in turns, as a CPU quota of the kernel does it.

Nothing is killed and nothing refused; requests only take as many times longer as the share is small, until queues and clients'
patience end.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from hadr_lab.dataplane.residents import send, within

PERIOD = timedelta(milliseconds=100)
"""The kernel's own period of a CPU quota."""
LOOK_EVERY = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Throttle:
    """`namespaces` gives the network namespaces of the pods that are meant, at that moment."""

    share: float
    namespaces: Callable[[], Awaitable[Collection[str]]]

    async def run(self) -> None:
        """Until cancelled; then everybody runs again."""
        pids: tuple[int, ...] = ()
        loop = asyncio.get_running_loop()
        looked = float("-inf")
        try:
            while True:
                if loop.time() - looked > LOOK_EVERY.total_seconds():
                    pids, looked = await self._pids(), loop.time()
                send(pids, signal.SIGCONT)
                await asyncio.sleep(self.share * PERIOD.total_seconds())
                send(pids, signal.SIGSTOP)
                await asyncio.sleep((1 - self.share) * PERIOD.total_seconds())
        finally:
            send(pids, signal.SIGCONT)

    async def _pids(self) -> tuple[int, ...]:
        return await asyncio.to_thread(within, await self.namespaces())
