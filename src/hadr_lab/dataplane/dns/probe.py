"""One health probe of one endpoint, as Route 53's checkers make it: TCP, HTTP or HTTPS, with their time limits.

Certificates are not validated, redirects are not followed, and 2xx and 3xx are success. A probe never raises: whatever goes wrong
is its result.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from hadr_lab.dataplane.dns.zones import Check

SEARCHED = 5120
"""The search string must appear within so many bytes of the body."""

LEAST = timedelta(seconds=0.5)
"""Time limits are scaled with the lab's speed, but a limit below this would measure the machine, not the endpoint."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of a probe: 4 s to connect (TCP checks: 10 s), 2 s for the status, 2 s more for the body (developer guide)."""

    connect: timedelta
    connect_only: timedelta
    answer: timedelta

    @classmethod
    def at_speed(cls, speed: float) -> Limits:
        """AWS's limits divided by the lab's speed."""
        four, ten, two = (max(timedelta(seconds=seconds) / speed, LEAST) for seconds in (4, 10, 2))
        return cls(connect=four, connect_only=ten, answer=two)


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one probe and the words GetHealthCheckStatus has for it."""

    well: bool
    status: str


def failure(why: str) -> Seen:
    """A failed probe."""
    return Seen(well=False, status=f"Failure: {why}")


Resolve = Callable[[str], str | None]
"""A host name to one of its addresses, or None."""


async def probe(check: Check, resolve: Resolve, limits: Limits) -> Seen:
    """Probe the endpoint of `check` once."""
    address = check.address or resolve(check.host)
    if address is None:
        return failure(f"DNS resolution failed: no address for {check.host}")
    try:
        if check.type == "TCP":
            return await _tcp(address, check.port, limits)
        return await _http(check, address, limits)
    except TimeoutError:
        return failure("The health checker did not get an answer from the endpoint within the time limit.")
    except (OSError, EOFError, ValueError) as error:
        return failure(f"The health checker could not talk to the endpoint: {error or type(error).__name__}")


async def _tcp(address: str, port: int, limits: Limits) -> Seen:
    try:
        async with asyncio.timeout(limits.connect_only.total_seconds()):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return failure("The health checker could not establish a connection within the timeout limit.")
    writer.transport.abort()
    return Seen(well=True, status="Success: TCP connection established.")


async def _http(check: Check, address: str, limits: Limits) -> Seen:
    try:
        async with asyncio.timeout(limits.connect.total_seconds()):
            reader, writer = await _connected(check, address)
    except TimeoutError:
        return failure("The health checker could not establish a connection within the timeout limit.")
    try:
        async with asyncio.timeout(limits.answer.total_seconds()):
            writer.write(_request(check, address))
            status = int((await reader.readline()).split(b" ", 2)[1])
        if not check.search or not 200 <= status < 400:
            return _judged(status)
        async with asyncio.timeout(limits.answer.total_seconds()):
            found = check.search.encode() in await _body(reader)
        return _judged(status) if found else failure("The search string was not found in the response body.")
    except IndexError:
        return failure("The endpoint did not answer in HTTP.")
    finally:
        writer.transport.abort()


async def _connected(check: Check, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not check.type.startswith("HTTPS"):
        return await asyncio.open_connection(address, check.port)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = check.host if check.sni else ""
    return await asyncio.open_connection(address, check.port, ssl=context, server_hostname=name)


def _request(check: Check, address: str) -> bytes:
    usual = 443 if check.type.startswith("HTTPS") else 80
    host = check.host or address
    named = host if check.port == usual else f"{host}:{check.port}"
    path = check.path if check.path.startswith("/") else f"/{check.path}"
    agent = f"Amazon-Route53-Health-Check-Service (ref {check.check_id})"
    return f"GET {path} HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\nUser-Agent: {agent}\r\nAccept: */*\r\n\r\n".encode()


async def _body(reader: asyncio.StreamReader) -> bytes:
    while (await reader.readline()).strip():
        pass
    body = b""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while len(body) < SEARCHED and (more := await reader.read(SEARCHED - len(body))):
            body += more
    return body


def _judged(status: int) -> Seen:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    text = f"HTTP Status Code {status}" + (f", {phrase}" if phrase else "")
    return Seen(well=True, status=f"Success: {text}") if 200 <= status < 400 else failure(text)
