"""The client's eye: the machine's own resolver, plain HTTP with short timeouts, and a write that removes itself.

It sees what clients see and nothing else. A service that is silent, refuses or breaks off is an answer ("no answer"), because for
a client it is one; only a name that does not resolve cannot be judged.

What a readiness answer took is measured as a client without anything cached or kept open feels it: resolving the name, each address
that is tried, the handshakes, the request and the whole body, in one length of time on the machine's monotonic clock.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import timedelta

from hadr.core.errors import Gone, Indefinite, Rejected, Unreachable
from hadr.core.site import Site
from hadr.core.view import Answer

CONNECT_S, TOTAL_S, LARGEST = 1.0, 3.0, 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Status and beginning of the body of one HTTP answer."""

    status: int
    body: bytes


class ClientProbe:
    """Looks at the service from where hadr runs."""

    def __init__(self, site: Site) -> None:
        self._host = site.traffic.host
        self._settings = site.probe

    def resolve(self, host: str) -> frozenset[str]:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise Indefinite(f"the resolver does not answer for {host}: {error.strerror}") from error
            raise Gone(f"{host} does not resolve: {error.strerror}") from error
        return frozenset(str(address[4][0]) for address in found)

    def ready(self, host: str) -> Answer:
        began = time.monotonic()
        try:
            addresses = self.resolve(host)
        except Gone as error:
            return Answer(status=None, detail=str(error))
        try:
            reply = self._ask(addresses, "GET", self._settings.ready)
        except (Unreachable, Indefinite) as error:
            return Answer(status=None, detail=str(error))
        took = timedelta(seconds=time.monotonic() - began)
        return Answer(status=reply.status, detail="" if 200 <= reply.status < 300 else _words(reply.body), took=took)

    def write_through(self, *, key: str) -> str:
        """The name of the row is its key, so that what is read back can only be what was written now."""
        path = self._settings.write
        body = json.dumps({"name": key}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        service = self._addresses()
        made = self._expect(self._ask(service, "POST", path, body=body, headers=headers), "POST", path, sent=True)
        row = self._read_back(service, key, made)
        one = f"{path.rstrip('/')}/{row}"
        self._expect(self._ask(service, "DELETE", one), "DELETE", one, sent=True)
        return f"wrote {key} through {self._host}, read it back and removed it"

    def _addresses(self) -> frozenset[str]:
        """The service's own; a name without address was sent nothing."""
        try:
            return self.resolve(self._host)
        except Gone as error:
            raise Unreachable(str(error)) from error

    def _read_back(self, service: frozenset[str], key: str, made: Reply) -> str:
        """The id of the row, once the service shows it."""
        row = _field(made.body, "id")
        one = f"{self._settings.write.rstrip('/')}/{row}"
        shown = self._expect(self._ask(service, "GET", one), "GET", one, sent=False)
        if key not in (_field(shown.body, "key"), _field(shown.body, "name")):
            raise Rejected(f"GET {one} of {self._host} does not show what was written: {_words(shown.body)}")
        return row

    def _expect(self, reply: Reply, method: str, path: str, *, sent: bool) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        what = f"{method} {path} of {self._host} answered {reply.status} {_words(reply.body)}"
        if sent and reply.status >= 500 and reply.status != 503:
            raise Indefinite(what)
        raise Rejected(what)

    def _ask(
        self, addresses: frozenset[str], method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request to the first of `addresses` that takes a connection, with the service's name as Host."""
        connection = self._connect(addresses, time.monotonic() + TOTAL_S)
        try:
            sent = {"Host": self._host, "User-Agent": "hadr", "Connection": "close", **(headers or {})}
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Reply(status=answer.status, body=answer.read(LARGEST))
        except (OSError, http.client.HTTPException) as error:
            raise Indefinite(f"{method} {path} of {self._host}: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def _connect(self, addresses: frozenset[str], end: float) -> http.client.HTTPConnection:
        """Tries each address, as clients do. Raises Unreachable with the last refusal."""
        last: object = "no address"
        for address in sorted(addresses):
            left = min(end - time.monotonic(), CONNECT_S)
            if left <= 0:
                break
            try:
                plain = socket.create_connection((address, self._settings.port), timeout=left)
                plain.settimeout(max(end - time.monotonic(), 0.1))
                return self._over(plain)
            except OSError as error:
                last = f"{address}: {error or type(error).__name__}"
        raise Unreachable(f"no connection ({last})")

    def _over(self, plain: socket.socket) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._host, self._settings.port)
        connection.sock = plain
        if self._settings.scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self._host)
        return connection


def _field(body: bytes, name: str) -> str:
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError):
        return ""


def _words(body: bytes) -> str:
    """The reason in an error body, shortened to one line."""
    text = _field(body, "reason") or body.decode(errors="replace")
    return " ".join(text.split())[:120]
