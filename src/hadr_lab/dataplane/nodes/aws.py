"""The two AWS calls that a node itself makes: addresses for its pods (the VPC CNI's) and the folder of an EFS access point.

Signed requests over a connection that starts at the node, so that a cut node or a lost API is noticed as it would be on AWS.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from hadr_lab.dataplane.controlplane.sockets import tcp_socket

EC2_VERSION = "2016-11-15"
ASK_FOR_MORE = 5


class AwsFailed(Exception):
    """An AWS call failed or was not answered; the text is AWS's or the connection's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The Region's API front and the keys of the node's role."""

    url: str
    region: str
    access_key: str
    secret_key: str

    def headers(self, service: str, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """Signed headers of a request."""
        request = AWSRequest(method=method, url=self.url + path, data=body)
        if body:
            request.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        SigV4Auth(Credentials(self.access_key, self.secret_key), service, self.region).add_auth(request)
        return dict(request.headers.items())


@dataclass(slots=True, kw_only=True)
class NodeCalls:
    """AWS calls of one node, from its namespace and address."""

    front: Front
    netns: str
    source: str
    interface_id: str

    async def _call(self, service: str, method: str, path: str, body: bytes = b"") -> bytes:
        connector = aiohttp.TCPConnector(
            socket_factory=lambda _: tcp_socket(self.netns, self.source), happy_eyeballs_delay=None, force_close=True
        )
        timeout = aiohttp.ClientTimeout(total=10)
        headers = self.front.headers(service, method, path, body)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.request(method, self.front.url + path, data=body or None, headers=headers) as answer,
            ):
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AwsFailed(f"{service} did not answer: {error!r}") from error
        if answer.status >= 300:
            raise AwsFailed(f"{service} answered {answer.status}: {content.decode(errors='replace')[:300]}")
        return content

    async def _ec2(self, action: str, **parameters: str) -> ET.Element:
        form = urlencode({"Action": action, "Version": EC2_VERSION, **parameters})
        return ET.fromstring(await self._call("ec2", "POST", "/", form.encode()))  # noqa: S314  # our own front's answer

    async def addresses(self) -> tuple[str, ...]:
        """The secondary private addresses of the instance's network interface."""
        return secondary_addresses(await self._ec2("DescribeNetworkInterfaces", **{"NetworkInterfaceId.1": self.interface_id}))

    async def grow(self, number: int) -> None:
        """Have `number` more. Raises AwsFailed at the instance type's limit (one interface stands for all it could attach)."""
        count = str(number)
        await self._ec2("AssignPrivateIpAddresses", NetworkInterfaceId=self.interface_id, SecondaryPrivateIpAddressCount=count)

    async def access_point_path(self, access_point: str) -> str:
        """The folder of a file system that an EFS access point shows."""
        query = urlencode({"AccessPointId": access_point})
        points = json.loads(await self._call("elasticfilesystem", "GET", f"/2015-02-01/access-points?{query}"))["AccessPoints"]
        if not points:
            raise AwsFailed(f"access point {access_point} does not exist")
        return str((points[0].get("RootDirectory") or {}).get("Path") or "/")


def secondary_addresses(answer: ET.Element) -> tuple[str, ...]:
    """Addresses in a DescribeNetworkInterfaces answer that are not an interface's primary one."""
    items = answer.iterfind(".//{*}privateIpAddressesSet/{*}item")
    return tuple(item.findtext("{*}privateIpAddress") or "" for item in items if item.findtext("{*}primary") != "true")


class AddressSource(Protocol):
    """Where a node's pod addresses come from."""

    async def addresses(self) -> tuple[str, ...]:
        """All addresses for pods that the node has now."""

    async def grow(self, number: int) -> None:
        """Get up to `number` more."""


@dataclass(slots=True)
class Pool:
    """A node's warm pool: filled when the node joins, so that pods start without an AWS call, as with the VPC CNI."""

    source: AddressSource
    free: deque[str] = field(default_factory=deque)
    used: set[str] = field(default_factory=set)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def fill(self, wanted: int) -> None:
        """Have at least `wanted` free addresses. Raises AwsFailed."""
        async with self._lock:
            await self._look()
            if len(self.free) < wanted:
                await self.source.grow(wanted - len(self.free))
                await self._look()

    async def _look(self) -> None:
        known = self.used | set(self.free)
        self.free.extend(address for address in await self.source.addresses() if address not in known)

    async def take(self) -> str:
        """An address for a pod; asks AWS for more only when the pool is empty. Raises AwsFailed."""
        if not self.free:
            await self.fill(ASK_FOR_MORE)
        if not self.free:
            raise AwsFailed("the node got no address")
        address = self.free.popleft()
        self.used.add(address)
        return address

    def give_back(self, address: str) -> None:
        """An address that a pod no longer needs; the longest unused is taken first next time."""
        if address in self.used:
            self.used.discard(address)
            self.free.append(address)
