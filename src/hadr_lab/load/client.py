"""One simulated client: its name cache, its connections and its habits. An `Exchange` is one attempt of one operation by it.

Habits by population: `ttl` honours the TTL and renews connections past their age; `pinned` keeps a connection while it works and
resolves again when it broke or answered that nobody serves behind it; `forever` resolves once in its life. No client retries by
itself; the generator decides that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hadr_lab.history import Kind
from hadr_lab.load.connection import Connection, Reply
from hadr_lab.load.resolver import Answer, NameCache

NOBODY_SERVES = frozenset({0, 502, 503, 504})
"""A broken exchange, and the answers by which a balancer says that it has nobody to send to."""


@dataclass(slots=True, kw_only=True)
class Client:
    """`max_age_s` is None for clients that keep a connection as long as it works."""

    name: str
    names: NameCache
    port: int
    timeout_s: float
    max_age_s: float | None
    connections: int = 0
    idle: list[Connection] = field(default_factory=list)

    def take(self) -> Connection | None:
        """An idle connection that is still good, newest first; stale ones are closed on the way."""
        while self.idle:
            connection = self.idle.pop()
            fresh = self.max_age_s is None or time.perf_counter() - connection.born < self.max_age_s
            if connection.open and fresh:
                return connection
            connection.abort()
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request if it survived this one."""
        if connection.open:
            self.idle.append(connection)

    def failed(self) -> None:
        """Nobody served: pinned clients ask the resolver again, on new connections (the others keep to their own rule)."""
        if self.max_age_s is None:
            self.close()
            self.names.forget()

    def close(self) -> None:
        """Close every idle connection."""
        for connection in self.idle:
            connection.abort()
        self.idle.clear()


class Exchange:
    """One attempt: resolve if needed, connect if needed, send, wait, within the client's timeout. `done` is called exactly once.

    When it has ended it refers to nothing that refers to it: left to the garbage collector, a minute of attempts that time out
    stops the whole generator for half a second.
    """

    __slots__ = (
        "_connecting",
        "_connection",
        "_data",
        "_done",
        "_timer",
        "address",
        "attempt",
        "client",
        "intended",
        "key",
        "kind",
        "sent",
    )

    def __init__(
        self, *, client: Client, kind: Kind, key: str, attempt: int, intended: float, done: Callable[[Exchange, Reply], None]
    ) -> None:
        self.client = client
        self.kind = kind
        self.key = key
        self.attempt = attempt
        self.intended = intended
        self.sent: float | None = None
        self.address: str | None = None
        self._data = b""
        self._done: Callable[[Exchange, Reply], None] | None = done
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, data: bytes) -> None:
        """Begin; returns at once."""
        self._data = data
        self._timer = asyncio.get_running_loop().call_later(self.client.timeout_s, self._timed_out)
        connection = self.client.take()
        if connection is not None:
            self._send(connection)
        else:
            self.client.names.lookup(self._resolved)

    def _resolved(self, answer: Answer) -> None:
        if self._done is None:
            return
        if not answer.addresses:
            self._finish(Reply(error=answer.error))
            return
        self.address = answer.addresses[0]
        self._connecting = asyncio.get_running_loop().create_task(self._connect(answer.addresses[0]))

    async def _connect(self, address: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(address, time.perf_counter()), address, self.client.port
            )
        except OSError as error:
            self._finish(Reply(error=f"connect: {error.strerror or error}"))
            return
        self.client.connections += 1
        if self._done is None:
            self.client.give_back(connection)
        else:
            self._send(connection)

    def _send(self, connection: Connection) -> None:
        self._connection = connection
        self.address = connection.address
        self.sent = time.perf_counter() if connection.open else None
        connection.request(self._data, self._finish)

    def _timed_out(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.abort()
        waited = "an answer" if self.sent else "a connection" if self.address else "the resolver"
        self._finish(Reply(error=f"timeout waiting for {waited}"))

    def _finish(self, reply: Reply) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._connecting = None
        if self._connection is not None:
            self.client.give_back(self._connection)
        if reply.status in NOBODY_SERVES:
            self.client.failed()
        done(self, reply)
