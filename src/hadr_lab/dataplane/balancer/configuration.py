"""The HAProxy configuration of one balancer node, as text made from values alone.

Two backends a target group: `live` checks the health of its targets, `open` knows the same targets without checks and serves only
when `live` has none left. What HAProxy answers by itself is made to look as ELB's answers do: 502 for a refused connection, 504 for
one that timed out. It must stay pure: the same values give the same text, and a node reloads only when the text differs.

Both sides keep their connections for ELB's idle timeout of 60 s, and a target has 10 s to accept one. The connection of a health
check is bounded by those 10 s or the check's interval, whichever is shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import Listener
from hadr_lab.dataplane.balancer.checks import Group, milliseconds
from hadr_lab.dataplane.balancer.routing import frontend

IDLE_TIMEOUT = timedelta(seconds=60)
CONNECT_TIMEOUT = timedelta(seconds=10)
CHECK_HEADERS = "hdr Host '%[srv_name]' hdr User-Agent ELB-HealthChecker/2.0"
MARK = "x-hadr-lab-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A target as a static line of a new configuration. `healthy` ones serve at once, the others wait for a check."""

    name: str
    healthy: bool
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one node is to serve: address, listeners, groups. Targets come and go without a new configuration."""

    address: str
    folder: Path
    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]

    def text(self, *, socket: Path, servers: Mapping[str, Iterable[Server]] | None = None) -> str:
        """The whole file, with the admin socket at `socket` and `servers` (group name -> servers) as static lines."""
        names = {group.arn: group.name for group in self.groups}
        held = servers or {}
        lines = [*_head(socket)]
        for listener in self.listeners:
            bodies = {index: str(path) for index, path in self._bodies(listener).items()}
            lines += frontend(listener, address=self.address, names=names, bodies=bodies)
        for group in self.groups:
            lines += self._backends(group, list(held.get(group.name, ())))
        return "\n".join(lines) + "\n"

    def files(self) -> dict[Path, str]:
        """The files that the text names: bodies of fixed responses and the answers HAProxy gives by itself."""
        made = {self.folder / f"{status}.http": _answer(status, reason) for status, reason in REASONS.items()}
        made[self.folder / "refused.http"] = _answer(502, REASONS[502], f"{MARK}: yes\r\n")
        for listener in self.listeners:
            for index, path in self._bodies(listener).items():
                made[path] = listener.rules[index].fixed_body
        return made

    def _bodies(self, listener: Listener) -> dict[int, Path]:
        rules = enumerate(listener.rules)
        return {i: self.folder / f"body-{listener.port}-{i}.txt" for i, r in rules if r.fixed_status is not None and r.fixed_body}

    def _backends(self, group: Group, servers: list[Server]) -> list[str]:
        return [
            f"backend live.{group.name}",
            f"  timeout check {milliseconds(group.timeout)}",
            "  option httpchk",
            f"  http-check send meth GET uri '{_literal(group.path)}' ver HTTP/1.1 {CHECK_HEADERS}",
            f"  http-check expect status {group.matcher.replace(' ', '')}",
            *self._errors(),
            *(f"  server {s.name} {s.name} {group.options()}{'' if s.healthy else ' disabled'}" for s in servers),
            f"backend open.{group.name}",
            *self._errors(),
            *(f"  server {s.name} {s.name}{'' if s.known else ' disabled'}" for s in servers),
        ]

    def _errors(self) -> list[str]:
        late = milliseconds(CONNECT_TIMEOUT) - 10
        return [
            f"  errorfile 502 '{self.folder}/502.http'",
            f"  errorfile 503 '{self.folder}/refused.http'",
            f"  errorfile 504 '{self.folder}/504.http'",
            "  http-after-response set-var(txn.took) date(0,ms),sub(txn.began)",
            f"  http-after-response set-status 504 if {{ res.hdr({MARK}) -m found }} {{ var(txn.took) -m int ge {late} }}",
            f"  http-after-response del-header {MARK}",
        ]


REASONS: dict[int, str] = {502: "Bad Gateway", 504: "Gateway Time-out"}


def _answer(status: int, reason: str, extra: str = "") -> str:
    return f"HTTP/1.1 {status} {reason}\r\nserver: awselb/2.0\r\n{extra}content-length: 0\r\n\r\n"


def _head(socket: Path) -> list[str]:
    return [
        "global",
        "  nbthread 1",
        "  maxconn 1500",
        "  no strict-limits",
        "  hard-stop-after 60s",
        "  spread-checks 0",
        f"  stats socket {socket} mode 600 level admin expose-fd listeners",
        "defaults",
        "  mode http",
        "  balance roundrobin",
        "  retries 0",
        f"  timeout connect {milliseconds(CONNECT_TIMEOUT)}",
        f"  timeout client {milliseconds(IDLE_TIMEOUT)}",
        f"  timeout server {milliseconds(IDLE_TIMEOUT)}",
        f"  timeout http-keep-alive {milliseconds(IDLE_TIMEOUT)}",
        f"  timeout http-request {milliseconds(IDLE_TIMEOUT)}",
    ]


def _literal(text: str) -> str:
    """`text` as it may stand between single quotes in a configuration."""
    return text.replace("'", "%27")
