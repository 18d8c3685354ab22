"""One line of the table: a closed loop of requests against one process, and what the process itself used of a core meanwhile.

Every request counts once: answered with 200, answered with something else, cut off, or without an answer within `PATIENCE` seconds.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import cast

PATIENCE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one measurement found. `used` is in core-seconds, latencies in seconds, `outcomes` by status or by how it ended."""

    connections: int
    seconds: float
    used: float
    outcomes: Counter[str]
    latencies: tuple[float, ...]
    alive: bool

    @property
    def per_core(self) -> float:
        """Good answers for each second of a core."""
        return self.outcomes["200"] / max(self.used, 0.01)

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return sum(self.outcomes.values()) - self.outcomes["200"]

    def text(self) -> str:
        """The line as it is printed."""
        bad = ", ".join(f"{count} {what}" for what, count in sorted(self.outcomes.items()) if what != "200")
        times = " ".join(f"p{part} {self._latency(part) * 1e3:.1f} ms" for part in (50, 99)) if self.latencies else "no answer"
        died = "" if self.alive else "; THE PROCESS DIED"
        return (
            f"{self.connections:4} connections {self.outcomes['200'] / self.seconds:7.0f}/s {self.per_core:7.0f} per core-second"
            f"  {times}  failed {self.failed}{f' ({bad})' if bad else ''}{died}"
        )

    def _latency(self, part: int) -> float:
        return self.latencies[min(len(self.latencies) - 1, len(self.latencies) * part // 100)]


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last is whole; opens nothing anew."""

    def __init__(self, path: str, until: float, outcomes: Counter[str], latencies: list[float]) -> None:
        """Count into the given."""
        self._request = f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()
        self._until, self._outcomes, self._latencies = until, outcomes, latencies
        self._got = b""
        self._sent = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect one answer and ask again."""
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return
        self._outcomes[head[9:12].decode()] += 1
        self._latencies.append(time.perf_counter() - self._sent)
        self._got = b""
        self._sent = 0.0
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """A request under way that gets no answer counts."""
        if self._sent:
            self._outcomes["cut off"] += 1
        self._sent = 0.0
        if not self.ended.done():
            self.ended.set_result(None)

    def give_up(self) -> None:
        """Count a request that is still under way as one without an answer, and hang up."""
        if self._sent:
            self._outcomes["unanswered"] += 1
            self._sent = 0.0
        self._transport.abort()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)


async def measure(pid: int, port: int, path: str, connections: int, seconds: float) -> Line:
    """Ask for so many seconds over so many connections."""
    outcomes: Counter[str] = Counter()
    latencies: list[float] = []
    loop = asyncio.get_running_loop()
    began, before = time.perf_counter(), core_seconds(pid)
    opened = []
    for _ in range(connections):
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(path, began + seconds, outcomes, latencies), "127.0.0.1", port
            )
            opened.append(connection)
        except OSError:
            outcomes["refused"] += 1
    used = before
    ends = [connection.ended for connection in opened]
    while ends and not all(end.done() for end in ends) and time.perf_counter() < began + seconds + PATIENCE:
        await asyncio.wait(ends, timeout=0.2)
        used = max(used, core_seconds(pid))  # the last figure of a process that dies
    for connection in opened:
        connection.give_up()
    latencies.sort()
    return Line(
        connections=connections, seconds=seconds, used=max(used, core_seconds(pid)) - before, outcomes=outcomes,
        latencies=tuple(latencies), alive=core_seconds(pid) > 0,
    )  # fmt: skip


def core_seconds(pid: int) -> float:
    """What the process has used of the processor; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return 0.0 if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
