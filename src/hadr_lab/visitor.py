"""A browser's way from the host to the service: resolves its name and connects as a client at the edge does, each time anew.

The inner process lives in no place of the lab's network, so question and connection are both made from the edge's namespace.
It follows the name wherever it leads and never prefers a member.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import timedelta

from dnslib import DNSRecord

from hadr_lab.dataplane.network.netns import make_socket
from hadr_lab.dataplane.network.network import Network
from hadr_lab.load.resolver import read_answer

EDGE = "edge"
PATIENCE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Connects to port 80 of `host`, asking the name server at `resolver`."""

    network: Network
    host: str
    resolver: str

    async def connect(self) -> socket.socket:
        """A connection to the first address that answers. Raises OSError when there is none."""
        refusal = OSError(f"{self.host} has no address")
        for address in await self._addresses():
            try:
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    return await self.network.connect(EDGE, address, 80)
            except OSError as error:  # TimeoutError is one
                refusal = error
        raise refusal

    async def _addresses(self) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        with make_socket(EDGE, socket.SOCK_DGRAM) as asking:
            await loop.sock_connect(asking, (self.resolver, 53))
            await loop.sock_sendall(asking, DNSRecord.question(self.host, "A").pack())
            async with asyncio.timeout(PATIENCE.total_seconds()):
                packet = await loop.sock_recv(asking, 4096)
        return read_answer(DNSRecord.parse(packet)).addresses
