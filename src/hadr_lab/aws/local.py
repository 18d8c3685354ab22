"""The emulated API alone, on loopback in a thread of this process, with boto3 clients of it: no data plane, no namespaces.

Contract tests stand on it, and it is the quickest way to try a call. Never part of a running lab.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from moto.core.responses import BaseResponse

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.front import EDGE, Call, Front
from hadr_lab.aws.service import ServiceLocks

REGIONS = ("us-east-1", "us-east-2")
_MAKING = threading.Lock()  # a session makes one client at a time


@dataclass(slots=True)
class Running:
    """A served front. `fronts` maps a Region, or `edge`, to the port of its front on 127.0.0.1."""

    front: Front
    fronts: Mapping[str, int]
    calls: list[Call] = field(default_factory=list)

    def url(self, front: str = EDGE) -> str:
        """The endpoint URL of one of the fronts."""
        return f"http://127.0.0.1:{self.fronts[front]}"

    def client(self, service: str, region: str = "us-east-1", *, front: str = EDGE, key: str = "operator", **options: Any) -> Any:
        """A boto3 client of `service` in `region` that enters through `front`."""
        config = Config(**({"retries": {"max_attempts": 0}, "read_timeout": 60} | options))
        with _MAKING:
            return _session().client(
                service,
                region_name=region,
                endpoint_url=self.url(front),
                aws_access_key_id=key,
                aws_secret_access_key="secret",
                config=config,
            )


@cache
def _session() -> Any:
    """The one session of this process: each has service models of its own, and EC2's take a second to load."""
    return boto3.session.Session()


def listening() -> socket.socket:
    """A listening socket on 127.0.0.1 with a port of its own."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    made.listen(128)
    return made


@contextmanager
def running(
    services: Mapping[str, type[BaseResponse]], changes: Changes | None = None, *, locks: ServiceLocks | None = None
) -> Iterator[Running]:
    """Serve `services` (and moto behind them) as two Regions and the edge, until the block ends."""
    sockets = {name: listening() for name in (*REGIONS, EDGE)}
    ports: dict[str, int] = {name: made.getsockname()[1] for name, made in sockets.items()}
    calls: list[Call] = []
    front = Front(
        services,
        changes or Changes(),
        address_of=lambda region: ("127.0.0.1", ports[region]) if region in ports else None,
        locks=locks,
        on_call=calls.append,
    )
    loop = asyncio.new_event_loop()
    everything = loop.create_task(_everything(front, sockets))
    serving = threading.Thread(target=_serve, args=(loop, everything), daemon=True)
    serving.start()
    try:
        yield Running(front=front, fronts=ports, calls=calls)
    finally:
        loop.call_soon_threadsafe(everything.cancel)
        serving.join(10)
        front.close()


async def _everything(front: Front, sockets: Mapping[str, socket.socket]) -> None:
    await asyncio.gather(*(front.serve(region, [made]) for region, made in sockets.items()))


def _serve(loop: asyncio.AbstractEventLoop, everything: asyncio.Task[None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(everything)
    except asyncio.CancelledError:
        pass
    finally:
        loop.run_until_complete(_the_rest())
        loop.close()


async def _the_rest() -> None:
    """Let the requests that were cut off come to their end."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    if rest:
        await asyncio.wait(rest, timeout=2)
