"""HAProxy's runtime API: the commands for targets, and the reading of its statistics.

Commands are plain text made by pure functions; `Runtime.ask` sends them over the admin socket, which lies on the file system and
so works across network namespaces. A server is always drained, marked down and only then made ready: there is no moment in which a
target gets a request before it passed a check.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hadr_lab.dataplane.balancer.checks import Group
from hadr_lab.dataplane.balancer.health import Sight
from hadr_lab.errors import LabError

ANSWER_TIME = timedelta(seconds=2)
SERVERS_OF_ALL = "show stat -1 4 -1"
GONE = (["Server deleted."], ["No such server."])


class RuntimeRefused(LabError):
    """HAProxy did not carry out a runtime command."""


def awaiting(group: str, server: str) -> tuple[str, ...]:
    """Make a server of the live backend wait for its first passed check."""
    name = f"live.{group}/{server}"
    return (
        f"set server {name} state drain",
        f"enable health {name}",
        f"set server {name} health down",
        f"set server {name} state ready",
    )


def adding(group: Group, server: str) -> tuple[str, ...]:
    """Make a new target known to both backends; neither sends it anything yet."""
    return (
        f"add server live.{group.name}/{server} {server} {group.options()}",
        f"add server open.{group.name}/{server} {server}",
        *awaiting(group.name, server),
    )


def opening(group: str, server: str) -> tuple[str, ...]:
    """Let the backend for failing open use a target that has left its initial state."""
    return (f"set server open.{group}/{server} state ready",)


def passing(group: str, server: str) -> tuple[str, ...]:
    """Count a new target as healthy after its first passed check, whatever the healthy threshold: ELB's rule."""
    return (f"set server live.{group}/{server} health up",)


def draining(group: str, server: str) -> tuple[str, ...]:
    """No new request for the target; those under way end by themselves."""
    return tuple(f"set server {kind}.{group}/{server} state drain" for kind in ("live", "open"))


def readying(group: str, server: str, *, known: bool) -> tuple[str, ...]:
    """A draining target was registered again."""
    back = (f"set server live.{group}/{server} state ready",)
    return back + opening(group, server) if known else (*back, f"set server open.{group}/{server} state maint")


def removing(kind: str, group: str, server: str) -> tuple[str, ...]:
    """Cut what is left and forget the target in one backend. HAProxy refuses while a connection lingers: ask again then."""
    name = f"{kind}.{group}/{server}"
    return (f"set server {name} state maint", f"shutdown sessions server {name}", f"del server {name}")


def sights(statistics: str) -> tuple[Sight, ...]:
    """The servers of the live backends out of `show stat`'s CSV."""
    rows = csv.DictReader(statistics.removeprefix("# ").splitlines())
    return tuple(
        Sight(
            group=row["pxname"].removeprefix("live."),
            server=row["svname"],
            status=row["status"],
            check=row["check_status"],
            code=row["check_code"],
        )
        for row in rows
        if row["pxname"].startswith("live.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The admin socket of one HAProxy."""

    socket: Path

    async def ask(self, *commands: str) -> str:
        """Send the commands at once and return all answers. Raises OSError or TimeoutError when HAProxy does not answer."""
        async with asyncio.timeout(ANSWER_TIME.total_seconds()):
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
            try:
                writer.write("; ".join(commands).encode() + b"\n")
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()

    async def do(self, commands: Iterable[str]) -> None:
        """Carry out commands of which each must succeed silently or with `registered`. Raises RuntimeRefused otherwise."""
        held = tuple(commands)
        if not held:
            return
        answers = [line for line in (await self.ask(*held)).splitlines() if line.strip()]
        bad = [line for line in answers if "registered" not in line]
        if bad:
            raise RuntimeRefused(f"{self.socket}: HAProxy answered {bad[0]!r} to one of: {'; '.join(held)}")

    async def removed(self, group: str, server: str) -> bool:
        """Remove a target; False when HAProxy still holds a connection to it and must be asked again."""
        gone = []
        for kind in ("live", "open"):
            answers = (await self.ask(*removing(kind, group, server))).split("\n")
            gone.append([line.strip() for line in answers if line.strip()][-1:] in GONE)
        return all(gone)

    async def look(self) -> tuple[Sight, ...]:
        """Every target as this HAProxy sees it now."""
        return sights(await self.ask(SERVERS_OF_ALL))
