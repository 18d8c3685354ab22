"""The HTTP face of the emulated AWS: decides per request who answers it, and in which Region.

A Region's front answers its own Region; what belongs to another Region, or to a global service whose control plane lives
elsewhere, it relays there. The edge's front answers nothing itself. A request that the emulator cannot answer gets exactly one
error code, `EmulatorUnsupported`, and is recorded, so that a gap is never taken for a finding of a drill.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn
from moto.core.responses import BaseResponse

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.dispatch import Dispatch, Unsupported
from hadr_lab.aws.faults import THROTTLING, Fail, Fault, Faults, Hang, Reset
from hadr_lab.aws.longpoll import EVERY_S, empty, without_wait
from hadr_lab.aws.relay import AddressOf, Connect, Relay, connect_directly
from hadr_lab.aws.retries import Retries
from hadr_lab.aws.s3 import S3
from hadr_lab.aws.scope import Incoming, Scope, scope_of
from hadr_lab.aws.service import ServiceLocks, Wire, error_answer
from hadr_lab.aws.sts import Sts

log = logging.getLogger(__name__)

GLOBAL_HOMES: Mapping[str, str] = {
    "route53": "us-east-1",
    "iam": "us-east-1",
    "globalaccelerator": "us-east-1",
    "cloudfront": "us-east-1",
    "organizations": "us-east-1",
}
"""Global services and the Region their control plane lives in; clients with an endpoint override sign them with their own."""

EDGE = "edge"
"""The namespace of the front that has no Region."""

READS = (
    "Describe",
    "Get",
    "List",
    "Head",
    "BatchGet",
    "Lookup",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Test",
    "Simulate",
    "Validate",
)

POLLS = ("ReceiveMessage",)
"""What is asked several times within one invocation: each time for what there is then."""

WARM = ("ec2", "iam", "sts", "s3", "ssm", "elbv2", "rds", "secretsmanager", "route53", "eks", "efs", "cloudwatch")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One answered call, as the call log has it. `status` 0: no answer was given (hang, reset). `error` is the answer's code.

    `agent` is what the client calls itself (User-Agent), so that the log can be asked for what `hadr` alone did.
    """

    at: datetime
    region: str
    service: str
    operation: str
    status: int
    access_key: str
    seconds: float
    error: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A call that the emulator could not answer."""

    service: str
    operation: str
    reason: str


class Front:
    """The emulated AWS API. `services` maps boto3's service names to classes of our own; the rest is moto's."""

    def __init__(
        self,
        services: Mapping[str, type[BaseResponse]],
        changes: Changes,
        home: Mapping[str, str] = GLOBAL_HOMES,
        *,
        address_of: AddressOf = lambda _region: None,
        connect: Connect = connect_directly,
        locks: ServiceLocks | None = None,
        faults: Faults | None = None,
        on_call: Callable[[Call], None] = lambda _call: None,
    ) -> None:
        self.changes = changes
        self.home = home
        self.faults = faults or Faults()
        self.on_call = on_call
        self.unsupported: list[Gap] = []
        self.relay = Relay(address_of=address_of, connect=connect)
        self.retries = Retries()
        self.dispatch = Dispatch(services={"s3": S3, "sts": Sts, **services}, locks=locks or ServiceLocks())
        self.pool = ThreadPoolExecutor(16, thread_name_prefix="aws")

    async def serve(self, region: str, sockets: Sequence[socket.socket]) -> None:
        """Serve as the front of `region` (`edge`: of none) on listening sockets, until cancelled."""

        async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._serve_one(region, scope, receive, send)

        config = uvicorn.Config(
            application,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        for listening in sockets:  # inherited by accepted sockets; asyncio sets it only where the protocol number was given
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(config)
        try:
            await server.serve(sockets=list(sockets))
        finally:
            for listener in server.servers:
                listener.close()
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            self.relay.close()

    def close(self) -> None:
        """Let go of the threads; nothing is served afterwards."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    async def warm(self, regions: Iterable[str] = (), services: Iterable[str] = WARM) -> None:
        """Load what the first calls would otherwise wait for: models and routers, and EC2 (VPCs, images) of `regions`.

        Costs about 2 s of one core; calls are answered meanwhile.
        """
        for service in services:
            await self._threaded(self.dispatch.warm, service)
        for region in regions:
            await self._threaded(self.dispatch.warm_region, region)

    async def _serve_one(self, front: str, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        request = await _incoming(scope, receive)
        if request is None:
            return
        target = scope_of(request, region="us-east-1" if front == EDGE else front)
        home = self.home.get(target.service, target.region)
        work = self._relayed(front, home, target, request) if home != front else self._answered(home, target, request)
        answer = await _unless_gone(work, receive)
        if answer is None:
            await _abort(receive, send)
            return
        await _reply(send, request.method, answer)

    async def _relayed(self, front: str, region: str, target: Scope, request: Incoming) -> Wire | None:
        """The answer of another Region's front; None when the connection to it broke."""
        try:
            answer = await self.relay.forward(front, region, request)
        except LookupError:
            return self._gap(target, "", request, f"Region {region} is not part of this lab")
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            log.info("relay front=%s region=%s service=%s failed: %r", front, region, target.service, error)
            return None
        headers = {name.decode("latin1"): value.decode("latin1") for name, value in answer.headers}
        return answer.status, headers, answer.body

    async def _answered(self, region: str, target: Scope, request: Incoming) -> Wire | None:
        """This Region's own answer, with faults; None when the connection is to be cut instead."""
        started = time.monotonic()
        operation = await self._threaded(self.dispatch.operation, target, request)
        answer: Wire | None = None
        try:
            delay, fault = self.faults.strike(region=region, service=target.service, operation=operation)
            if delay:
                await asyncio.sleep(delay.total_seconds())
            if fault is None:
                answer = await self._asked(target, operation, request)
            else:
                answer = await self._struck(fault, target, request)
            return answer
        finally:
            self._note(region, target, operation, answer, time.monotonic() - started, request.header("user-agent"))

    async def _asked(self, target: Scope, operation: str, request: Incoming) -> Wire:
        """The service's answer; a long poll asks again until something came or its time is over."""
        if (target.service, operation) != ("sqs", "ReceiveMessage"):
            answer: Wire = await self._threaded(self._call, target, operation, request)
            return answer
        request, patience = without_wait(request)
        until = time.monotonic() + patience
        while True:
            answer = await self._threaded(self._call, target, operation, request)
            if answer[0] != 200 or not empty(answer[2]) or time.monotonic() >= until:
                return answer
            await asyncio.sleep(EVERY_S)

    def _note(self, region: str, target: Scope, operation: str, answer: Wire | None, seconds: float, agent: str) -> None:
        call = Call(
            at=datetime.now(UTC),
            region=region,
            service=target.service,
            operation=operation,
            status=answer[0] if answer else 0,
            access_key=target.access_key,
            seconds=seconds,
            error=_error_code(answer) if answer and answer[0] >= 400 else "",
            agent=agent,
        )
        self.on_call(call)

    def _call(self, target: Scope, operation: str, request: Incoming) -> Wire:
        try:
            keys = () if operation.startswith((*READS, *POLLS)) else self.retries.keys(target, operation, request)
            if given := self.retries.answer(keys):
                return given
            answer = self.dispatch.answer(target, operation, request)
            self.retries.keep(keys, answer)
            if 200 <= answer[0] < 300 and not operation.startswith(READS):
                self.changes.notify()
            return answer
        except Unsupported as gap:
            log.warning(
                "unsupported service=%s operation=%s reason=%s", target.service, operation, gap.reason, exc_info=gap.__cause__
            )
            return self._gap(target, operation, request, gap.reason)

    async def _struck(self, fault: Fault, target: Scope, request: Incoming) -> Wire | None:
        match fault:
            case Hang(lasting=lasting):
                await asyncio.sleep(lasting.total_seconds() if lasting else 3600)
                return None
            case Reset():
                return None
            case Fail(code=code, message=message, status=status):
                return self._error(target, request, code, message, status)
            case _:
                code, status = THROTTLING.get(self.dispatch.protocol(target, request), ("ThrottlingException", 400))
                if target.service == "s3":
                    code, status = "SlowDown", 503
                return self._error(target, request, code, "Rate exceeded", status)

    def _gap(self, target: Scope, operation: str, request: Incoming, reason: str) -> Wire:
        """The one answer for everything the emulator cannot do; recorded."""
        self.unsupported.append(Gap(service=target.service, operation=operation, reason=reason))
        what = operation or f"{request.method} {request.raw_path.decode('latin1')}"
        return self._error(target, request, "EmulatorUnsupported", f"{target.service} {what}: {reason}", 400)

    def _error(self, target: Scope, request: Incoming, code: str, message: str, status: int) -> Wire:
        protocol = self.dispatch.protocol(target, request)
        return error_answer(protocol, code, message, status, s3=target.service == "s3")

    async def _threaded(self, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *args)


_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"')


def _error_code(answer: Wire) -> str:
    """The error code of an answer in any of the wire protocols; empty when it has none (a HEAD's)."""
    _, headers, body = answer
    named = next((value for name, value in headers.items() if name.lower() == "x-amzn-errortype"), "")
    if named:
        return named.partition(":")[0]
    found = _CODE.search(body.encode() if isinstance(body, str) else body or b"")
    return (found[1] or found[2]).decode(errors="replace") if found else ""


class _Server(uvicorn.Server):
    """A server that leaves the process's signal handlers alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _incoming(scope: MutableMapping[str, Any], receive: Receive) -> Incoming | None:
    """The whole request; None when the client went away while sending it."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Incoming(
        method=scope["method"],
        raw_path=scope["raw_path"],
        query=scope["query_string"],
        headers=tuple(scope["headers"]),
        body=bytes(body),
    )


async def _unless_gone(work: Awaitable[Wire | None], receive: Receive) -> Wire | None:
    """The result of `work`, which is dropped as soon as the client is gone."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        gone.cancel()


async def _reply(send: Send, method: str, answer: Wire) -> None:
    status, headers, body = answer
    content = body.encode() if isinstance(body, str) else (body or b"")
    drop = {"status", "connection", "keep-alive", "transfer-encoding", "date"}
    if method != "HEAD":
        drop.add("content-length")
    kept = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers.items() if name.lower() not in drop]
    if method != "HEAD" and status != 204:
        kept.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" or status in (204, 304) else content})


async def _abort(receive: Receive, send: Send) -> None:
    """Close the connection without an answer. ASGI has no message for it; uvicorn's `send` belongs to the connection's cycle."""
    cycle = getattr(send, "__self__", None)
    if cycle is not None:
        cycle.transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
