"""How another shell harms a lab that is up, and heals it: a socket inside the lab that takes one fault at a time.

The socket lies in the lab's own mount namespace, so it is gone with the lab and only who may enter the lab can reach it. Each
connection is one order and one answer, a line of JSON each. It carries out what the site does and decides nothing; a drill has no
such socket, because harm that the drill does not know of would spoil its books.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hadr_lab.errors import LabError, ScenarioFailed, UsageError
from hadr_lab.scenario import Fault, kind_of, place_of
from hadr_lab.session import Session

SOCKET = Path("/run/lab/control.sock")
PATIENCE = timedelta(seconds=30)


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inject this fault, or take it back."""

    fault: Fault
    heal: bool = False


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Empty when it was done, else what was wrong, and whether it was the asker's mistake."""

    error: str = ""
    usage: bool = False


class Harmed(Protocol):
    """What faults act on."""

    async def inject(self, fault: Fault) -> None: ...

    async def heal(self, fault: Fault) -> None: ...


WORDS = {
    "lose-region": "REGION",
    "harm-zone": "ZONE|writer [--how lost|killed|blackholed|frozen|slow|lossy]",
    "lose-writer": "[MEMBER] [--how killed|frozen]",
    "read-only-database": "[MEMBER]",
    "lose-balancer-node": "ZONE",
    "lose-mount-target": "ZONE",
    "refuse-capacity": "ZONE",
    "overload-member": "MEMBER",
    "stall-replication": "[database|files]",
}
"""Every fault and the words that go with it."""
KEYS = {"REGION": "region", "ZONE": "zone", "ZONE|writer": "zone", "MEMBER": "member", "[MEMBER]": "member"}


def fault_of(kind: str, where: str, how: str = "") -> Fault:
    """The fault that the words of a command line name. Raises UsageError saying which there are."""
    if kind not in WORDS:
        raise UsageError(f"no fault is called {kind}; there are {', '.join(f'{name} {words}' for name, words in WORDS.items())}")
    place = WORDS[kind].split()[0]
    if not where and not place.startswith("["):
        raise UsageError(f"which {place.partition('|')[0].capitalize()}? the words are `{kind} {WORDS[kind]}`")
    if how and "--how" not in WORDS[kind]:
        raise UsageError(f"{kind} can be done in one way only; leave --how out")
    said: dict[str, Any] = {"fault": kind} | ({"how": how} if how else {})
    if kind == "stall-replication":
        if where not in ("", "database", "files"):
            raise UsageError(f"stall-replication of {where}? name `database` or `files`, or nothing for both")
        said |= {"database": where != "files", "files": where != "database"}
    elif where:
        said[KEYS[place]] = where
    try:
        fault: Fault = msgspec.convert(said, Fault)
    except msgspec.ValidationError as error:
        raise UsageError(f"{kind}: {error}; the words are `{kind} {WORDS[kind]}`") from None
    return fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The lab's side. One order is carried out after the other."""

    site: Harmed
    regions: tuple[str, ...]

    async def serve(self, path: Path = SOCKET) -> asyncio.Server:
        """Listen until the server is closed."""
        carrying_out = asyncio.Lock()

        async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = await reader.readline()
            async with carrying_out:
                reply = await self._answer(line)
            writer.write(msgspec.json.encode(reply) + b"\n")
            writer.close()

        return await asyncio.start_unix_server(asked, path)

    async def _answer(self, line: bytes) -> Reply:
        try:
            order = msgspec.json.decode(line, type=Order)
            region = getattr(order.fault, "region", self.regions[0])
            if region not in self.regions:
                raise UsageError(f"{region} is not part of this lab; its Regions are {', '.join(self.regions)}")
            await (self.site.heal(order.fault) if order.heal else self.site.inject(order.fault))
        except (LabError, msgspec.DecodeError) as error:
            return Reply(error=str(error), usage=not isinstance(error, LabError) or isinstance(error, UsageError))
        return Reply()


def ask(session: Session, order: Order, path: Path = SOCKET) -> None:
    """Have the lab of `session` carry out `order`. Raises UsageError for an order it cannot take, ScenarioFailed if it failed."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(PATIENCE.total_seconds())
        try:
            asking.connect(f"/proc/{session.pid}/root{path}")
            asking.sendall(msgspec.json.encode(order) + b"\n")
            answer = asking.makefile("rb").readline()
        except (FileNotFoundError, ConnectionRefusedError):
            raise UsageError("this lab takes no faults from outside: it runs a drill, or its site is not up yet") from None
        except OSError as error:
            raise ScenarioFailed(f"the lab did not answer on {path}: {error}; see its logs with `hadr-lab logs lab`") from error
    reply = msgspec.json.decode(answer, type=Reply) if answer else Reply(error="the lab ended meanwhile")
    if reply.error:
        raise UsageError(reply.error) if reply.usage else ScenarioFailed(reply.error)


def told(order: Order) -> str:
    """The order in words, for who gave it."""
    return f"{kind_of(order.fault)} {place_of(order.fault)}: {'healed' if order.heal else 'done'}"
