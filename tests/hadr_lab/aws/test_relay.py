"""The relay: bytes stay as they are, connections are reused while that is safe, and a break is an error, not a second try."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from hadr_lab.aws.relay import Relay
from hadr_lab.aws.scope import Incoming, Scope, scope_of

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def request(method: str = "GET", path: bytes = b"/", query: bytes = b"", body: bytes = b"", **headers: str) -> Incoming:
    """A request; `x_amz_target="..."` stands for the header `x-amz-target`."""
    named = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Incoming(method=method, raw_path=path, query=query, headers=named, body=body)


@asynccontextmanager
async def other_front(handler: Handler) -> AsyncIterator[tuple[Relay, list[int]]]:
    """A front of another Region that answers by `handler`, a relay to it, and the count of its connections."""
    connections = [0]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[0] += 1
        try:
            await handler(reader, writer)
        except (EOFError, OSError):
            pass
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    relay = Relay(address_of=lambda region: ("127.0.0.1", port) if region == "us-east-2" else None)
    try:
        yield relay, connections
    finally:
        relay.close()
        server.close()
        await asyncio.sleep(0.02)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")), 0)
    return head + await reader.readexactly(length)


def test_what_was_signed_arrives_unchanged() -> None:
    """Path escapes, the order of the query, header values and the body are those of the client."""
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amzn-RequestId: r\r\n\r\nok")
        await reader.read()

    async def scenario() -> None:
        sent = request("PUT", b"/clusters/a%2Fb/x", b"b=2&a=%201", b"\x00body", host="eks.example", x_amz_date="20260101T000000Z")
        async with other_front(handler) as (relay, _):
            answer = await relay.forward("edge", "us-east-2", sent)
            assert (answer.status, answer.body, dict(answer.headers)[b"x-amzn-requestid"]) == (200, b"ok", b"r")

    asyncio.run(scenario())
    assert seen[0].startswith(b"PUT /clusters/a%2Fb/x?b=2&a=%201 HTTP/1.1\r\nhost: eks.example\r\nx-amz-date: 20260101T000000Z\r\n")
    assert seen[0].endswith(b"\r\n\r\n\x00body")


def test_connections_are_reused_until_the_other_side_closes() -> None:
    """Two requests share a connection; after `Connection: close` the next one gets its own."""
    answers = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answers.pop(0))

    async def scenario() -> None:
        async with other_front(handler) as (relay, connections):
            bodies = [(await relay.forward("edge", "us-east-2", request())).body for _ in range(4)]
            assert bodies == [b"", b"abc", b"", b""]
            assert connections == [2]

    asyncio.run(scenario())


def test_a_head_request_has_no_body_to_wait_for() -> None:
    """The length of a HEAD answer is not followed by that many bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")
        await reader.read()

    async def scenario() -> None:
        async with other_front(handler) as (relay, _):
            answer = await asyncio.wait_for(relay.forward("edge", "us-east-2", request("HEAD")), 5)
            assert (answer.body, dict(answer.headers)[b"content-length"]) == (b"", b"500")

    asyncio.run(scenario())


@pytest.mark.parametrize("half", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_a_broken_answer_is_an_error_and_nothing_is_sent_twice(half: bytes) -> None:
    """A connection that ends early is reported; the relay does not repeat a request that may have been carried out."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(half)
        await writer.drain()
        await asyncio.sleep(0.05)

    async def scenario() -> None:
        async with other_front(handler) as (relay, connections):
            with pytest.raises((OSError, EOFError)):
                await relay.forward("edge", "us-east-2", request())
            assert connections == [1]

    asyncio.run(scenario())


def test_an_unknown_region_is_a_lookup_error() -> None:
    """Nothing is connected to for a Region that the lab has not."""

    async def scenario() -> None:
        with pytest.raises(LookupError):
            await Relay(address_of=lambda _region: None).forward("edge", "eu-west-1", request())

    asyncio.run(scenario())


SIGNED = "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=x"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (request(authorization=SIGNED.format(key="K", region="us-east-2", service="elasticfilesystem")), ("efs", "us-east-2", "K")),
        (
            request(authorization=SIGNED.format(key="K", region="us-east-2", service="elasticloadbalancing")),
            ("elbv2", "us-east-2", "K"),
        ),
        (
            request(
                body=b"Action=DescribeLoadBalancers&Version=2012-06-01",
                authorization=SIGNED.format(key="K", region="us-east-2", service="elasticloadbalancing"),
            ),
            ("elb", "us-east-2", "K"),
        ),
        (
            request(path=b"/v20180820/accesspoint", authorization=SIGNED.format(key="K", region="r", service="s3")),
            ("s3control", "r", "K"),
        ),
        (request(query=b"X-Amz-Credential=K%2F20260101%2Fus-east-2%2Fsts%2Faws4_request&Action=A"), ("sts", "us-east-2", "K")),
        (request(host="bucket.name.s3.us-east-2.amazonaws.com"), ("s3", "us-east-2", "")),
        (request(host="bucket.s3.amazonaws.com"), ("s3", "us-east-1", "")),
        (request(host="s3.dualstack.us-east-2.amazonaws.com:80"), ("s3", "us-east-2", "")),
        (request(host="198.18.2.10", path=b"/bucket/key"), ("s3", "us-east-1", "")),
        (request(host="198.18.2.10", body=b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"), ("sts", "us-east-1", "")),
        (request(host="sts.us-east-2.amazonaws.com"), ("sts", "us-east-2", "")),
    ],
)
def test_the_scope_of_a_request(made: Incoming, expected: tuple[str, str, str]) -> None:
    """Signed, presigned and anonymous requests name their service and Region in their own ways."""
    service, region, key = expected
    assert scope_of(made, region="us-east-1") == Scope(service=service, region=region, access_key=key)
