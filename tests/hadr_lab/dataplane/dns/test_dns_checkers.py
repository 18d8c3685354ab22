"""Health probes and checkers against real listeners on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hadr_lab.dataplane.dns.checkers import Checkers, Streak
from hadr_lab.dataplane.dns.probe import Limits, Seen, probe
from hadr_lab.dataplane.dns.zones import Check, Observation

LIMITS = Limits(connect=timedelta(seconds=2), connect_only=timedelta(seconds=2), answer=timedelta(seconds=0.3))


@asynccontextmanager
async def endpoint(reply: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers every connection with `reply` (None: never), its port, and the requests it saw."""
    seen: list[bytes] = []
    open_now: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            if reply is not None:
                writer.write(reply)
                await writer.drain()
            else:
                await reader.read()
        except (EOFError, OSError):
            pass
        open_now.discard(writer)
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        for writer in open_now:
            writer.transport.abort()
        await asyncio.sleep(0.01)


def probed(check_type: str, reply: bytes | None, search: str = "") -> tuple[Seen, list[bytes]]:
    """One probe of an endpoint that answers `reply`."""

    async def scenario() -> tuple[Seen, list[bytes]]:
        async with endpoint(reply) as (port, seen):
            check = Check(check_id="c", type=check_type, host="app.hadr.test", port=port, path="readyz", search=search)
            return await probe(check, lambda _host: "127.0.0.1", LIMITS), seen

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("reply", "well", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, "Success: HTTP Status Code 200, OK"),
        (b"HTTP/1.1 302 Found\r\n\r\n", True, "Success: HTTP Status Code 302, Found"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", False, "Failure: HTTP Status Code 403, Forbidden"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False, "Failure: HTTP Status Code 503, Service Unavailable"),
        (b"SSH-2.0-nonsense\r\n", False, "Failure: The endpoint did not answer in HTTP."),
        (b"", False, "Failure: The endpoint did not answer in HTTP."),
        (None, False, "Failure: The health checker did not get an answer from the endpoint within the time limit."),
    ],
)
def test_http_status_decides(reply: bytes | None, well: bool, words: str) -> None:
    """2xx and 3xx in time are success; anything else is a failure that says why."""
    seen, requests = probed("HTTP", reply)
    assert seen == Seen(well=well, status=words)
    assert requests[0].startswith(b"GET /readyz HTTP/1.1\r\nHost: app.hadr.test:")


@pytest.mark.parametrize(("body", "well"), [(b"all is well", True), (b"x" * 6000 + b"well", False), (b"", False)])
def test_a_string_is_searched_in_the_first_5120_bytes(body: bytes, well: bool) -> None:
    """The string must be there, and early enough."""
    seen, _ = probed("HTTP_STR_MATCH", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + body, "well")
    assert seen.well is well


def test_tcp_needs_only_a_connection() -> None:
    """A TCP check succeeds with the handshake and fails on a closed port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check = Check(check_id="c", type="TCP", address="127.0.0.1", port=port)
        assert asyncio.run(probe(check, lambda _host: None, LIMITS)).well
    assert not asyncio.run(probe(check, lambda _host: None, LIMITS)).well


def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    """DNS failure counts as an unhealthy endpoint."""
    seen = asyncio.run(probe(Check(check_id="c", type="HTTP", host="gone.hadr.test"), lambda _host: None, LIMITS))
    assert seen.status == "Failure: DNS resolution failed: no address for gone.hadr.test"


def test_limits_scale_with_speed_down_to_half_a_second() -> None:
    """AWS's 4, 10 and 2 seconds are divided by the speed, but never below 0.5 s."""
    assert Limits.at_speed(1).connect == timedelta(seconds=4)
    assert Limits.at_speed(4).connect == timedelta(seconds=1)
    assert Limits.at_speed(100).answer == timedelta(seconds=0.5)


@pytest.mark.parametrize(
    ("results", "opinions"),
    [
        ("+++", [None, None, True]),
        ("--+---", [None, None, None, None, None, False]),
        ("+++--+---++", [None, None, True, True, True, True, True, True, False, False, False]),
    ],
)
def test_an_opinion_follows_three_equal_results(results: str, opinions: list[bool | None]) -> None:
    """Below the threshold nothing changes."""
    streak = Streak(3)
    assert [streak.add(well=result == "+") for result in results] == opinions


def test_checkers_follow_the_endpoint_and_the_list() -> None:
    """Three checkers agree on a healthy endpoint, notice its end, and stop when the check is gone."""

    async def scenario() -> None:
        told: list[Observation] = []
        checkers = Checkers(speed=1000, resolve=lambda _host: "127.0.0.1", told=told.append)
        async with endpoint(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
            check = Check(check_id="c", type="HTTP", host="app.hadr.test", port=port, interval_s=10)
            checkers.set([check, Check(check_id="calculated", type="CALCULATED")])
            await until(lambda: checkers.verdicts["c"] == [True] * 3)
        await until(lambda: checkers.verdicts["c"] == [False] * 3)
        assert set(checkers.verdicts) == {"c"}
        assert len({seen.checker for seen in told}) == 3
        checkers.set([])
        assert checkers.verdicts == {}
        await asyncio.sleep(0)
        count = len(told)
        await asyncio.sleep(0.05)
        assert len(told) == count

    asyncio.run(scenario())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is a value, nobody signals it
            await asyncio.sleep(0.01)
