"""The sockets of the name server: UDP and TCP on one address in each of several network namespaces.

Every answer comes from the one current view. A value that cannot be packed costs its client an answer, never the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from hadr_lab.dataplane.dns.answers import Answer, Rcode, View
from hadr_lab.dataplane.dns.wire import Question, pack, parse, refuse

log = logging.getLogger(__name__)

AT_ONCE = 64
"""Packets read from one socket before others get their turn."""

QUERY_BYTES = 4096
TCP_IDLE_S = 10


@dataclass(slots=True)
class NameServing:
    """Answers on any number of sockets. `view` is replaced as a whole when a new snapshot comes."""

    view: View
    asked: int = 0
    _listeners: list[asyncio.Server] = field(default_factory=list)
    _datagrams: list[socket.socket] = field(default_factory=list)

    async def listen(self, origin: str, udp: socket.socket, tcp: socket.socket) -> None:
        """Serve on two bound sockets for clients in `origin` (a Region's name, or the edge)."""
        udp.setblocking(False)
        asyncio.get_running_loop().add_reader(udp, self._readable, udp, origin)
        self._datagrams.append(udp)
        self._listeners.append(await asyncio.start_server(lambda r, w: self._stream(r, w, origin), sock=tcp))

    def close(self) -> None:
        """Stop serving and close every socket."""
        for udp in self._datagrams:
            asyncio.get_running_loop().remove_reader(udp)
            udp.close()
        for listener in self._listeners:
            listener.close()

    def reply(self, packet: bytes, origin: str, *, udp: bool) -> bytes | None:
        """The packet to send back, or None for what deserves no answer."""
        self.asked += 1
        if len(packet) < 12 or packet[2] & 0x80:
            return None
        question = parse(packet)
        if question is None:
            return refuse(packet, Rcode.FORMERR)
        if question.flags & 0x7800:
            return refuse(packet, Rcode.NOTIMP)
        answer = self._answer(question, origin)
        try:
            return pack(question, answer, question.limit if udp else None)
        except (ValueError, OSError, struct.error) as error:
            log.warning("cannot pack name=%s type=%s: %s", question.name, question.kind, error)
            return pack(question, Answer(rcode=Rcode.NOERROR))

    def _answer(self, question: Question, origin: str) -> Answer:
        return self.view.answer(question.name, question.kind, origin)

    def _readable(self, udp: socket.socket, origin: str) -> None:
        for packet, client in _received(udp):
            reply = self.reply(packet, origin, udp=True)
            if reply is not None:
                with contextlib.suppress(OSError):  # the client is gone or unreachable: its own timeout tells it
                    udp.sendto(reply, client)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, origin: str) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError):
            while True:
                async with asyncio.timeout(TCP_IDLE_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    packet = await reader.readexactly(length)
                reply = self.reply(packet, origin, udp=False)
                if reply is None:
                    break
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        writer.close()


def _received(udp: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    """The packets that wait, up to a bound."""
    for _ in range(AT_ONCE):
        try:
            yield udp.recvfrom(QUERY_BYTES)
        except BlockingIOError:
            return
        except OSError as error:  # an ICMP error of an earlier answer
            log.debug("udp: %s", error)


def bound(address: str, port: int = 53) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket on `address`, in the network namespace of the calling thread. Port 0: one free for both."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        udp.bind((address, port))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind((address, udp.getsockname()[1]))
        tcp.listen(64)
    except OSError:
        udp.close()
        tcp.close()
        raise
    return udp, tcp
