"""Forwarders: sockets that the outer process opened on the host's loopback, answered from inside the lab's network.

A listening socket keeps the network namespace it was made in, so the inner process can accept the host's connections and pass
them on to an address that exists in the lab only. Bytes are passed on as they are; nothing is looked into.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

Connect = Callable[[], Awaitable[socket.socket]]
CHUNK = 65536


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        return
    finally:
        writer.close()


async def forward(listening: socket.socket, connect: Connect) -> asyncio.Server:
    """Pass every connection accepted on `listening` on to the one `connect` makes. The server lives until it is closed."""

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner = await connect()
            inner_reader, inner_writer = await asyncio.open_connection(sock=inner)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, inner_writer))
            both.create_task(_pump(inner_reader, writer))

    listening.setblocking(False)
    return await asyncio.start_server(accepted, sock=listening)
