"""Whether an instance still serves, as AWS sees it: over the network, from its own side of the Region.

A server greets whoever connects; a frozen one lets connect and says nothing, a silent zone does not even do that. One missed
greeting means nothing: a slow or lossy zone must not lose its writer. It decides nothing about who takes over.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from hadr_lab.dataplane.network.netns import make_socket

EVERY = timedelta(seconds=0.5)
GREETING_TIME = timedelta(seconds=1.5)
MISSED_IN_A_ROW = 3


@dataclass(slots=True)
class Vigil:
    """How often in a row the greeting was missed."""

    missed: int = 0

    def saw(self, greeted: bool) -> bool:
        """Take in one look; whether the instance counts as gone now."""
        self.missed = 0 if greeted else self.missed + 1
        return self.missed >= MISSED_IN_A_ROW


async def greets(address: str, port: int, *, netns: str, within: timedelta = GREETING_TIME) -> bool:
    """Whether a database at `address` says anything to somebody who connects from namespace `netns`."""
    loop = asyncio.get_running_loop()
    with make_socket(netns) as connection:
        try:
            async with asyncio.timeout(within.total_seconds()):
                await loop.sock_connect(connection, (address, port))
                return bool(await loop.sock_recv(connection, 64))
        except (OSError, TimeoutError):
            return False
