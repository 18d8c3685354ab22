"""The generator against a small name server and a small peccy: pace, retries, populations, and an honest history."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from dnslib import RR, A, DNSRecord

from hadr_lab.history import HISTORY, EpochClock, History, HistoryWriter, Kind, Outcome, read_history, write_summary
from hadr_lab.load.generator import Generator
from hadr_lab.load.spec import LoadSpec


@dataclass
class FakeNames(asyncio.DatagramProtocol):
    """Answers every question with `addresses`; `silent` counts datagrams it still swallows."""

    addresses: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    ttl: int = 60
    silent: int = 0
    queries: int = 0
    port: int = 0
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer, unless it is to be silent."""
        self.queries += 1
        if self.silent:
            self.silent -= 1
            return
        reply = DNSRecord.parse(data).reply()
        for address in self.addresses:
            reply.add_answer(RR(reply.q.qname, rdata=A(address), ttl=self.ttl))
        assert self._transport is not None
        self._transport.sendto(reply.pack(), addr)


@dataclass
class FakePeccy:
    """An HTTP/1.1 server that keeps keys as peccy does. `answer` overrides: "hang", "reset", or a status with a body."""

    port: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    answer: str | tuple[int, dict[str, str]] = ""
    hang_times: int = 0
    close_each: bool = False
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        self.connections += 1
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await reader.readexactly(int(headers.get("Content-Length", 0)))
        key = headers.get("Idempotency-Key", "")
        if key:
            self.keys[key] += 1
        if self.hang_times:
            self.hang_times -= 1
            return True
        if self.answer == "hang":
            return True
        if self.answer == "reset":
            writer.transport.abort()
            return False
        status, said = self.answer if isinstance(self.answer, tuple) else (201 if key else 200, {"key": key})
        body = json.dumps(said).encode()
        extra = "Connection: close\r\n" if self.close_each else ""
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body)
        await writer.drain()
        return not self.close_each

    def drop_connections(self) -> None:
        """Reset everything that is open."""
        for writer in list(self._writers):
            writer.transport.abort()


@asynccontextmanager
async def a_world(address: str = "127.0.0.1") -> AsyncIterator[tuple[FakeNames, FakePeccy]]:
    """A running name server and a running peccy."""
    loop = asyncio.get_running_loop()
    names, peccy = FakeNames(), FakePeccy()
    transport, _ = await loop.create_datagram_endpoint(lambda: names, local_addr=("127.0.0.1", 0))
    server = await asyncio.start_server(peccy.handle, address, 0)
    peccy.port = server.sockets[0].getsockname()[1]
    try:
        yield names, peccy
    finally:
        server.close()
        peccy.drop_connections()
        await asyncio.sleep(0)
        await server.wait_closed()
        transport.close()
        await asyncio.sleep(0.01)


def a_spec(out: Path, names: FakeNames, peccy: FakePeccy, **changes: Any) -> LoadSpec:
    """A short load at the two fakes."""
    values: dict[str, Any] = {
        "out": out,
        "host": "peccy.hadr.test",
        "port": peccy.port,
        "nameserver": "127.0.0.1",
        "nameserver_port": names.port,
        "rate": 200.0,
        "duration_s": 0.5,
        "clients": 10,
        "timeout_s": 0.3,
        "backoff_s": 0.05,
    }
    return LoadSpec(**(values | changes))


async def run(spec: LoadSpec, meanwhile: Any = None) -> History:
    """Run a load in this process and read what it left behind."""
    writer = HistoryWriter(spec.out / HISTORY)
    generator = Generator(spec, writer, EpochClock())
    other = asyncio.create_task(meanwhile(generator)) if meanwhile else None
    summary = await generator.run()
    writer.close()
    write_summary(spec.out, summary)
    if other:
        await other
    return read_history(spec.out)


def test_offers_the_whole_rate_and_every_answer_is_in_the_history(tmp_path: Path) -> None:
    """At 200/s for half a second, 100 operations of all kinds are offered and acknowledged."""

    async def body() -> tuple[History, FakePeccy]:
        async with a_world() as (names, peccy):
            return await run(a_spec(tmp_path, names, peccy)), peccy

    history, peccy = asyncio.run(body())
    assert history.gaps == ()
    assert history.summary is not None
    assert history.summary.offered == 100
    assert {op.outcome for op in history.operations} == {Outcome.OK}
    assert {op.kind for op in history.operations} == set(Kind)
    assert len(history.operations) == 100
    acked = {op.id for op in history.operations if op.kind is not Kind.READ}
    assert set(peccy.keys) == acked
    assert all(op.address == "127.0.0.1" and op.sent is not None and op.finished >= op.sent for op in history.operations)


def test_latency_counts_from_the_intended_time(tmp_path: Path) -> None:
    """A service that stands still for 200 ms shows up in the operations that were due meanwhile: no coordinated omission."""

    async def stall(_: Generator) -> None:
        await asyncio.sleep(0.2)
        time.sleep(0.2)  # noqa: ASYNC251  freezes generator and service alike, as a starved machine does

    async def body() -> History:
        async with a_world() as (names, peccy):
            return await run(a_spec(tmp_path, names, peccy, timeout_s=2.0), stall)

    history = asyncio.run(body())
    assert sum(op.latency_s > 0.05 for op in history.operations) >= 20
    assert history.summary is not None
    assert history.summary.scheduling_lag_p99_s > 0.1


def test_a_timed_out_write_is_info_and_is_tried_again_with_its_key(tmp_path: Path) -> None:
    """The first answers never come: the attempt is info, the next one carries the same key and is acknowledged."""

    async def body() -> tuple[History, FakePeccy]:
        async with a_world() as (names, peccy):
            peccy.hang_times = 3
            return await run(a_spec(tmp_path, names, peccy, reads=0, files=0, rate=20.0)), peccy

    history, peccy = asyncio.run(body())
    unsure = [op for op in history.operations if op.outcome is Outcome.INFO]
    assert len(unsure) == 3
    assert all("timeout waiting for an answer" in op.error for op in unsure)
    for op in unsure:
        later = [o for o in history.operations if o.id == op.id and o.attempt == op.attempt + 1]
        assert later
        assert peccy.keys[op.id] >= 2


def test_retries_are_bounded(tmp_path: Path) -> None:
    """A service that is always read-only gets each write at most `attempts` times, each a definite failure with the reason."""

    async def body() -> History:
        async with a_world() as (names, peccy):
            peccy.answer = (503, {"reason": "database is read-only"})
            return await run(a_spec(tmp_path, names, peccy, reads=0, rate=20.0, attempts=3))

    history = asyncio.run(body())
    assert {op.outcome for op in history.operations} == {Outcome.FAIL}
    assert {op.attempt for op in history.operations} == {1, 2, 3}
    assert len(history.operations) == 3 * 10
    assert {op.error for op in history.operations} == {"503 database is read-only"}


def test_nobody_listening_is_a_definite_failure(tmp_path: Path) -> None:
    """A refused connection sends nothing, so even a write certainly had no effect."""

    async def body() -> History:
        async with a_world() as (names, peccy):
            names.addresses = ["127.0.0.7"]
            return await run(a_spec(tmp_path, names, peccy, attempts=1, rate=20.0))

    history = asyncio.run(body())
    assert {op.outcome for op in history.operations} == {Outcome.FAIL}
    assert all(op.error.startswith("connect: ") and op.sent is None for op in history.operations)


def test_only_those_who_ask_again_follow_a_moved_name(tmp_path: Path) -> None:
    """The name moves and the old address dies: ttl clients follow after the TTL, pinned after their error, forever never."""

    async def body() -> History:
        async with a_world("127.0.0.2") as (names, old), a_world("127.0.0.3") as (_, new):
            names.addresses = ["127.0.0.2"]
            names.ttl = 2
            server = await asyncio.start_server(new.handle, "127.0.0.3", old.port)

            async def move(_: Generator) -> None:
                await asyncio.sleep(0.4)
                names.addresses = ["127.0.0.3"]
                old.answer = "reset"
                old.drop_connections()

            spec = a_spec(
                tmp_path, names, old, ttl=40.0, pinned=30.0, forever=30.0, speed=10.0, max_age_s=0.2, duration_s=1.5, attempts=1
            )
            history = await run(spec, move)
            server.close()
            new.drop_connections()
            return history

    history = asyncio.run(body())
    end = max(op.intended for op in history.operations)
    late = [op for op in history.operations if op.intended > end - 0.5]
    assert {op.address for op in late if op.population == "ttl"} == {"127.0.0.3"}
    assert {op.address for op in late if op.population == "pinned"} == {"127.0.0.3"}
    assert {op.address for op in late if op.population == "forever"} == {"127.0.0.2"}
    assert all(op.succeeded for op in late if op.population != "forever")


def test_pinned_clients_keep_a_connection_that_works(tmp_path: Path) -> None:
    """A name that moves while the old address still works does not move clients that pool connections for ever."""

    async def body() -> History:
        async with a_world("127.0.0.2") as (names, old):
            names.addresses = ["127.0.0.2"]
            names.ttl = 0

            async def move(_: Generator) -> None:
                await asyncio.sleep(0.3)
                names.addresses = ["127.0.0.9"]

            spec = a_spec(tmp_path, names, old, ttl=0, pinned=100, forever=0, clients=2, rate=8.0, duration_s=1.0, max_age_s=0.05)
            return await run(spec, move)

    history = asyncio.run(body())
    assert {op.address for op in history.operations} == {"127.0.0.2"}


def test_pinned_clients_leave_a_balancer_that_has_nobody_behind_it(tmp_path: Path) -> None:
    """A connection that only brings 503 does not work, however well it is kept up."""

    async def body() -> History:
        async with a_world("127.0.0.2") as (names, old), a_world("127.0.0.3") as (_, new):
            names.addresses = ["127.0.0.2"]
            names.ttl = 0
            server = await asyncio.start_server(new.handle, "127.0.0.3", old.port)

            async def move(_: Generator) -> None:
                await asyncio.sleep(0.3)
                names.addresses = ["127.0.0.3"]
                old.answer = (503, {"reason": "nobody"})

            spec = a_spec(tmp_path, names, old, ttl=0, pinned=100, forever=0, clients=2, rate=20.0, duration_s=1.5, attempts=1)
            history = await run(spec, move)
            server.close()
            new.drop_connections()
            return history

    history = asyncio.run(body())
    end = max(op.intended for op in history.operations)
    assert {op.address for op in history.operations if op.intended > end - 0.5} == {"127.0.0.3"}


def test_a_silent_resolver_is_asked_again(tmp_path: Path) -> None:
    """One lost datagram costs half a second, not the operation."""

    async def body() -> tuple[History, FakeNames]:
        async with a_world() as (names, peccy):
            names.silent = 1
            return await run(a_spec(tmp_path, names, peccy, clients=1, timeout_s=2.0, rate=10.0)), names

    history, names = asyncio.run(body())
    assert names.queries == 2
    assert all(op.succeeded for op in history.operations)
    assert 0.4 < history.operations[0].latency_s < 1.0


def test_the_ttl_is_divided_by_the_speed(tmp_path: Path) -> None:
    """At speed 20 a TTL of 4 s is spent after 0.2 s, so half a second of one client needs several queries, not one per request."""

    async def body() -> FakeNames:
        async with a_world() as (names, peccy):
            names.ttl = 4
            await run(a_spec(tmp_path, names, peccy, clients=1, speed=20.0, max_age_s=0.0, ttl=1, pinned=0, forever=0))
            return names

    names = asyncio.run(body())
    assert 2 <= names.queries <= 5


def test_in_flight_requests_are_bounded(tmp_path: Path) -> None:
    """Past the limit an operation is not sent and says so, instead of using up the machine."""

    async def body() -> History:
        async with a_world() as (names, peccy):
            peccy.answer = "hang"
            return await run(a_spec(tmp_path, names, peccy, max_in_flight=5, attempts=1, timeout_s=1.0))

    history = asyncio.run(body())
    assert history.summary is not None
    assert history.summary.in_flight_max == 5
    assert sum("too many" in op.error for op in history.operations) == 95


def test_the_process_flushes_a_complete_history_on_sigterm(tmp_path: Path) -> None:
    """SIGTERM in the middle of an hour's load: it ends, exit 0, and no line is missing."""

    async def body() -> int:
        async with a_world() as (names, peccy), asyncio.timeout(60):
            spec = a_spec(tmp_path, names, peccy, duration_s=3600.0)
            env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
            child = await asyncio.create_subprocess_exec(sys.executable, "-m", "hadr_lab.load", *spec.argv(), env=env)
            for _ in range(200):
                await asyncio.sleep(0.05)
                if peccy.keys:
                    break
            child.send_signal(signal.SIGTERM)
            return await child.wait()

    code = asyncio.run(body())
    history = read_history(tmp_path)
    assert code == 0
    assert history.gaps == ()
    assert history.summary is not None
    assert history.summary.interrupted
    assert history.operations
    assert 10 < history.summary.peak_rss_mb < 80, "its own, not that of whoever started it"
