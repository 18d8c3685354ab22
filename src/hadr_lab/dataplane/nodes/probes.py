"""Probes: the counting rules (pure) and the three ways of asking. Requests leave from the node's own namespace and address."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hadr_lab.dataplane.controlplane.sockets import tcp_socket

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When to ask and what to make of the answers, with Kubernetes' defaults."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Json) -> Rule:
        """The rule in a probe of a pod's spec."""
        return cls(
            initial_delay=probe.get("initialDelaySeconds", 0),
            period=probe.get("periodSeconds", 10),
            timeout=probe.get("timeoutSeconds", 1),
            successes=probe.get("successThreshold", 1),
            failures=probe.get("failureThreshold", 3),
        )


@dataclass(slots=True)
class Tally:
    """Consecutive answers. `verdict` is None until a threshold is reached, then True or False until the other one is."""

    rule: Rule
    verdict: bool | None = None
    run: int = 0
    last: bool | None = None

    def count(self, *, good: bool) -> bool:
        """Count one answer; returns whether to act: the verdict changed, or failed anew after as many failures again."""
        self.run = self.run + 1 if good == self.last else 1
        self.last = good
        if self.run < (self.rule.successes if good else self.rule.failures):
            return False
        changed = self.verdict is not good
        if not good:
            self.run = 0
        self.verdict = good
        return changed or not good


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a container's probes go: the pod's address, its named ports, and the node's namespace and address to ask from."""

    address: str
    ports: Mapping[str, int]
    netns: str
    source: str

    def port(self, given: int | str) -> int:
        """A port by number or name. Raises ValueError for a name that the container does not have."""
        if isinstance(given, int) or str(given).isdigit():
            return int(given)
        if given not in self.ports:
            raise ValueError(f"no port is called {given}")
        return self.ports[given]


Execute = Callable[[list[str], float], Awaitable[tuple[int, str]]]


async def ask(probe: Json, target: Target, execute: Execute) -> str:
    """Ask once; an empty text is success, anything else says what went wrong."""
    timeout = Rule.of(probe).timeout
    try:
        async with asyncio.timeout(timeout):
            if "httpGet" in probe:
                return await _http(probe["httpGet"], target)
            if "tcpSocket" in probe:
                return await _tcp(probe["tcpSocket"], target)
            if "exec" in probe:
                code, output = await execute(list(probe["exec"]["command"]), timeout)
                return "" if code == 0 else f"command ended with {code}: {output.strip()[-200:]}"
    except TimeoutError:
        return f"no answer within {timeout} s"
    except (OSError, ValueError) as error:
        return str(error)
    return f"a probe of this kind is not known: {', '.join(probe)}"


async def _connect(target: Target, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[Any, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    sock = tcp_socket(target.netns, target.source)
    try:
        await loop.sock_connect(sock, (host, port))
        return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname="" if tls else None)
    except BaseException:
        sock.close()
        raise


async def _tcp(check: Json, target: Target) -> str:
    _, writer = await _connect(target, check.get("host") or target.address, target.port(check["port"]), None)
    writer.close()
    return ""


async def _http(check: Json, target: Target) -> str:
    host, port = check.get("host") or target.address, target.port(check["port"])
    secure = check.get("scheme", "HTTP").upper() == "HTTPS"
    headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.35", "Accept": "*/*", "Connection": "close"}
    headers |= {header["name"]: header["value"] for header in check.get("httpHeaders") or ()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await _connect(target, host, port, _unverified() if secure else None)
    try:
        writer.write(f"GET {check.get('path') or '/'} HTTP/1.1\r\n{lines}\r\n".encode())
        first = (await reader.readline()).decode(errors="replace").split(" ", 2)
    finally:
        writer.transport.abort()
    if len(first) < 2 or not first[1].isdigit():
        return "the answer is not HTTP"
    return "" if 200 <= int(first[1]) < 400 else f"HTTP probe failed with statuscode: {first[1]}"


def _unverified() -> ssl.SSLContext:
    """Probes do not check certificates, as kubelet's do not."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
