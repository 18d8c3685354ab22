"""A small asynchronous Kubernetes client: what the lab's own components need of the API, over connections of a chosen namespace.

It knows paths, not kinds. It never retries a change by itself: callers are level-triggered and come back.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hadr_lab.dataplane.controlplane.sockets import tcp_socket

Json = dict[str, Any]
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
WATCH_SECONDS = 240
_log = logging.getLogger(__name__)


class ApiError(Exception):
    """The API server refused: HTTP status, the Status object's reason, and its message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Keep the three parts; the text has all of them."""
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError)
"""What a call raises when no answer came, as opposed to ApiError, which is an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An API server and who is asking: host name and port, the addresses behind the name, its CA (PEM), and a bearer token."""

    host: str
    addresses: tuple[str, ...]
    ca: str
    token: str
    port: int = 443

    @property
    def url(self) -> str:
        """The base of every request."""
        return f"https://{self.host}:{self.port}"


class _Table(AbstractResolver):
    """Answers one name with known addresses, so that no resolver of the machine is asked."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Every address of the endpoint, whatever the name."""
        if not self.addresses:
            raise OSError(f"{host}: no address is published")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0) for address in self.addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


class KubeApi:
    """One client of one API server. Close it with `aclose`."""

    def __init__(self, endpoint: Endpoint, *, netns: str, source: str = "") -> None:
        """Connections start in `netns`, from address `source` when given."""
        self.endpoint = endpoint
        trust = ssl.create_default_context(cadata=endpoint.ca)
        self._session = aiohttp.ClientSession(
            base_url=endpoint.url,
            connector=aiohttp.TCPConnector(
                ssl=trust,
                resolver=_Table(endpoint.addresses),
                use_dns_cache=False,
                happy_eyeballs_delay=None,
                limit=0,
                socket_factory=lambda _: tcp_socket(netns, source),
            ),
            headers={"Authorization": f"Bearer {endpoint.token}", "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=20, sock_connect=5),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """GET one object or a list."""
        return await self._call("GET", path, params=params)

    async def create(self, path: str, body: Json) -> Json:
        """POST one object."""
        return await self._call("POST", path, body=body)

    async def patch(self, path: str, body: Any, kind: str, params: Mapping[str, str] | None = None) -> Json:
        """PATCH with one of the four content types above."""
        return await self._call("PATCH", path, body=body, kind=kind, params=params)

    async def apply(self, path: str, body: Json, *, manager: str) -> Json:
        """Server-side apply as `manager`, taking over fields that somebody else owns."""
        return await self.patch(path, body, APPLY_PATCH, {"fieldManager": manager, "force": "true"})

    async def delete(self, path: str, body: Json | None = None) -> None:
        """DELETE; an object that is not there is fine."""
        try:
            await self._call("DELETE", path, body=body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def ready(self) -> bool:
        """Whether /readyz says ok, within a second."""
        try:
            async with self._session.get("/readyz", timeout=aiohttp.ClientTimeout(total=1)) as answer:
                return answer.status == 200
        except UNREACHABLE:
            return False

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        kind: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Json:
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, path, data=data, params=params, headers={"Content-Type": kind}) as answer:
            return _checked(answer.status, await answer.read())

    async def follow(self, path: str, params: Mapping[str, str] | None = None) -> AsyncIterator[tuple[str, Json]]:
        """For ever: ("RELIST", list) first and whenever the watch had to start over, then ADDED, MODIFIED, DELETED with objects."""
        chosen = dict(params or {})
        pause = 0.2
        while True:
            try:
                listed = await self.get(path, chosen)
                yield "RELIST", listed
                pause = 0.2
                async for event in self._watch(path, chosen, listed["metadata"]["resourceVersion"]):
                    yield event
            except (ApiError, *UNREACHABLE) as error:
                _log.debug("watch path=%s ended=%r", path, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)

    async def _watch(self, path: str, params: Mapping[str, str], version: str) -> AsyncIterator[tuple[str, Json]]:
        """Events after `version`, over as many connections as it takes; raises when the version is too old or nobody answers."""
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=WATCH_SECONDS + 30)
        while True:
            asked = {
                **params,
                "watch": "1",
                "resourceVersion": version,
                "allowWatchBookmarks": "true",
                "timeoutSeconds": str(WATCH_SECONDS),
            }
            async with self._session.get(path, params=asked, timeout=unlimited, read_bufsize=2**24) as answer:
                if answer.status != 200:
                    _checked(answer.status, await answer.read())
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        status = event["object"]
                        raise ApiError(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event["type"], event["object"]


def _checked(status: int, body: bytes) -> Json:
    """The decoded body of a success. Raises ApiError for anything else."""
    try:
        decoded = json.loads(body) if body else {}
    except ValueError:
        decoded = {"message": body.decode(errors="replace")[:300]}
    if status >= 400:
        raise ApiError(status, str(decoded.get("reason", "")), str(decoded.get("message", "")))
    assert isinstance(decoded, dict)  # noqa: S101  # the API server answers objects only
    return decoded
