"""Carries a request to another Region's front over a real TCP connection, byte for byte, so that its signature stays whole.

A lost Region must look like silence: connecting has no short timeout, and an answer that does not come is waited for until the
client gives up. Nothing is sent twice. The sockets are made by the integrator's `connect`, in the caller's network namespace.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from hadr_lab.aws.scope import Incoming

AddressOf = Callable[[str], tuple[str, int] | None]
"""A Region's front address, or None when the lab has no such Region."""

Connect = Callable[[str, str, int], Awaitable[socket.socket]]
"""(network namespace, address, port) to a connected, non-blocking socket made in that namespace."""

IDLE = timedelta(seconds=20)
"""How long a connection is kept for reuse; the fronts keep theirs open for longer, so none is closed under a request."""

GIVE_UP = timedelta(minutes=5)
"""When nobody can be waiting any more."""


async def connect_directly(_namespace: str, address: str, port: int) -> socket.socket:
    """The `Connect` of a process that is already in the right namespace."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass(frozen=True, slots=True)
class Answer:
    """A relayed answer."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@dataclass(slots=True)
class _Line:
    """One open connection to a front and when it was last used."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: float = 0.0

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass(slots=True)
class Relay:
    """Keeps connections to other Regions' fronts, one pool for each pair of namespace and address."""

    address_of: AddressOf
    connect: Connect = connect_directly
    _idle: dict[tuple[str, str, int], list[_Line]] = field(default_factory=dict)

    async def forward(self, namespace: str, region: str, request: Incoming) -> Answer:
        """Send `request` to the front of `region` and return its answer.

        Raises LookupError when there is no such Region, OSError or EOFError when the connection fails.
        """
        address = self.address_of(region)
        if address is None:
            raise LookupError(region)
        where = (namespace, *address)
        async with asyncio.timeout(GIVE_UP.total_seconds()):
            line = await self._line(where)
            try:
                line.writer.write(_packed(request))
                answer, reusable = await _answer(line.reader, request.method)
            except BaseException:
                line.close()
                raise
        if reusable:
            line.used = asyncio.get_running_loop().time()
            self._idle.setdefault(where, []).append(line)
        else:
            line.close()
        return answer

    def close(self) -> None:
        """Close the connections that wait for reuse."""
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()

    async def _line(self, where: tuple[str, str, int]) -> _Line:
        oldest = asyncio.get_running_loop().time() - IDLE.total_seconds()
        lines = self._idle.get(where, [])
        while lines:
            line = lines.pop()
            if line.used >= oldest and not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.close()
        connection = await self.connect(*where)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader, writer = await asyncio.open_connection(sock=connection, limit=1 << 20)
        return _Line(reader=reader, writer=writer)


HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding", b"expect", b"content-length"))


def _packed(request: Incoming) -> bytes:
    """The request as sent on: the same line, headers and body; only the framing headers are our own."""
    target = request.raw_path + (b"?" + request.query if request.query else b"")
    lines = [request.method.encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in request.headers if name not in HOP]
    if request.body or b"content-length" in (name for name, _ in request.headers):
        lines.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


async def _answer(reader: asyncio.StreamReader, method: str) -> tuple[Answer, bool]:
    """Read one HTTP/1.1 answer as the fronts give it (always with a length); the second value: may be reused."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    status = int(head[0].split(b" ", 2)[1])
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in head[1:]))
    named = dict(headers)
    bodiless = method == "HEAD" or status in (204, 304)
    body = b"" if bodiless else await _body(reader, named)
    return Answer(status, headers, body), named.get(b"connection", b"").lower() != b"close"


async def _body(reader: asyncio.StreamReader, headers: dict[bytes, bytes]) -> bytes:
    if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
        return await reader.readexactly(int(headers.get(b"content-length", b"0")))
    chunks = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(chunks)
