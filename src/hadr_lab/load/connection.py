"""One keep-alive HTTP/1.1 connection with one request at a time, driven by callbacks: a task per request costs twice the CPU.

It parses, and reports each end exactly once. It never retries and never judges an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httptools


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a request on a connection ended: an answer, or (status 0) the reason why there is none."""

    status: int = 0
    body: bytes = b""
    error: str = ""


class Connection(asyncio.Protocol):
    """Ready for a request while `open` and not busy. After an answer that asks for it, or any error, it is closed."""

    def __init__(self, address: str, born: float) -> None:
        self.address = address
        self.born = born
        self.open = False
        self._transport: asyncio.Transport | None = None
        self._done: Callable[[Reply], None] | None = None
        self._parser: httptools.HttpResponseParser | None = None  # refers back to this; it is there from the handshake to the end
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        self._transport = transport  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)
        self.open = True

    def request(self, data: bytes, done: Callable[[Reply], None]) -> None:
        """Send one request; `done` is called once. The connection must be open and idle."""
        if self._transport is None or not self.open or self._done is not None:
            done(Reply(error="connection closed before sending"))
            return
        self._done = done
        self._transport.write(data)

    def abort(self) -> None:
        """Close at once without a word to the caller of `request`."""
        self.open = False
        self._done = None
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; bytes that are no HTTP answer, or that nobody asked for, end the connection."""
        try:
            if self._done is None or self._parser is None:
                raise httptools.HttpParserError("unasked for")
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._end(Reply(error=f"not an HTTP answer: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed or reset it; a request under way ends with the reason."""
        self.open = False
        self._end(Reply(error=f"connection lost: {exc}" if exc else "connection closed by the other side"))
        self._transport = self._parser = None

    def on_body(self, body: bytes) -> None:
        """Parser callback: a part of the body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Parser callback: the answer is whole."""
        parser = self._parser
        if parser is None:
            return
        reply = Reply(status=parser.get_status_code(), body=bytes(self._body))
        keep = parser.should_keep_alive()
        self._body.clear()
        if keep:
            done, self._done = self._done, None
            if done is not None:
                done(reply)
        else:
            self._end(reply)

    def _end(self, reply: Reply) -> None:
        self.open = False
        done, self._done = self._done, None
        if self._transport is not None:
            self._transport.close()
        if done is not None:
            done(reply)
