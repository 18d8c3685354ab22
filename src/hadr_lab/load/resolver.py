"""A stub resolver as real clients have one: UDP, tries again on silence, and caches that honour the TTL or never ask again.

TTLs on the wire are AWS's whole seconds; the lab's speed divides them here, because a client's cache is where a TTL is spent.
Nothing is resolved behind the caller's back, and no answer is invented: without an answer the caller is told so.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dnslib import QTYPE, RCODE, DNSError, DNSRecord

from hadr_lab.errors import UsageError

RESOLV_CONF = Path("/etc/resolv.conf")
FIRST_SILENCE_S = 0.5
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one query gave: addresses with their time to live, or why there are none."""

    addresses: tuple[str, ...] = ()
    ttl_s: float = 0.0
    error: str = ""


Told = Callable[[Answer], None]


def nameserver(path: Path = RESOLV_CONF) -> str:
    """The first IPv4 name server of a resolv.conf. Raises UsageError when there is none."""
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and ":" not in words[1]:
            return words[1]
    raise UsageError(f"{path}: no IPv4 nameserver line; give --nameserver")


class Resolver(asyncio.DatagramProtocol):
    """Asks one name server over UDP. Each query gets `TRIES` datagrams, the silence before the next doubling from half a second."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, _Query] = {}
        self.queries = 0

    async def open(self, server: str, port: int) -> None:
        """Bind a socket that hears only that server."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, remote_addr=(server, port))

    def close(self) -> None:
        """Forget every query and close the socket."""
        for query in self._waiting.values():
            query.timer.cancel()
        self._waiting.clear()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error is not an answer: the next try, or the end of the tries, decides."""

    def ask(self, name: str, told: Told) -> None:
        """Resolve `name`; `told` is called once, later, with the answer or with why there is none."""
        number = self._rng.getrandbits(16)
        while number in self._waiting:
            number = self._rng.getrandbits(16)
        self._send(number, name, told, tries=1)

    def _send(self, number: int, name: str, told: Told, *, tries: int) -> None:
        record = DNSRecord.question(name, "A")
        record.header.id = number
        self.queries += 1
        if self._transport is not None:
            self._transport.sendto(record.pack())
        silence = FIRST_SILENCE_S * 2 ** (tries - 1)
        timer = asyncio.get_running_loop().call_later(silence, self._silent, number)
        self._waiting[number] = _Query(name=name, told=told, tries=tries, timer=timer)

    def _silent(self, number: int) -> None:
        query = self._waiting.pop(number)
        if query.tries < TRIES:
            self._send(number, query.name, query.told, tries=query.tries + 1)
        else:
            query.told(Answer(error=f"resolver silent after {TRIES} tries"))

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  the socket hears one server only
        """Hand an answer to its query; anything that answers no query of ours is dropped."""
        try:
            record = DNSRecord.parse(data)
        except (DNSError, ValueError, IndexError):
            return
        query = self._waiting.get(record.header.id)
        if query is None or not record.questions or str(record.q.qname).rstrip(".").lower() != query.name.rstrip(".").lower():
            return
        del self._waiting[record.header.id]
        query.timer.cancel()
        query.told(read_answer(record))


def read_answer(record: DNSRecord) -> Answer:
    """The A records of a response; the TTL is the shortest of the chain."""
    if record.header.rcode != RCODE.NOERROR:
        return Answer(error=f"resolver says {RCODE.get(record.header.rcode)}")
    addresses = tuple(str(rr.rdata) for rr in record.rr if rr.rtype == QTYPE.A)
    if not addresses:
        return Answer(error="resolver knows no address")
    return Answer(addresses=addresses, ttl_s=float(min(rr.ttl for rr in record.rr)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    name: str
    told: Told
    tries: int
    timer: asyncio.TimerHandle


class NameCache:
    """One client's cache of one name. Queries at the same time are one query; an error is not cached."""

    def __init__(self, resolver: Resolver, name: str, *, speed: float, forever: bool) -> None:
        self._resolver = resolver
        self._name = name
        self._speed = speed
        self._forever = forever
        self._addresses: tuple[str, ...] = ()
        self._expires = 0.0
        self._turn = 0
        self._asking: list[Told] = []

    def lookup(self, told: Told) -> None:
        """Give the addresses, rotated by one each time: at once from the cache, or when the answer comes."""
        if self._addresses and time.perf_counter() < self._expires:
            told(self._rotated())
            return
        self._asking.append(told)
        if len(self._asking) == 1:
            self._resolver.ask(self._name, self._answered)

    def forget(self) -> None:
        """Ask again at the next lookup; a client that never re-resolves keeps what it has."""
        if not self._forever:
            self._expires = 0.0

    def _answered(self, answer: Answer) -> None:
        if answer.addresses:
            self._addresses = answer.addresses
            self._expires = float("inf") if self._forever else time.perf_counter() + answer.ttl_s / self._speed
        waiting, self._asking = self._asking, []
        for told in waiting:
            told(self._rotated() if answer.addresses else answer)

    def _rotated(self) -> Answer:
        at = self._turn % len(self._addresses)
        self._turn += 1
        return Answer(addresses=self._addresses[at:] + self._addresses[:at])
