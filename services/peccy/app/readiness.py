"""Whether this process can serve, found out by asking the database and the file store, not by having started.

Reads and writes are told apart: a read-only database leaves reads served. Checks run side by side, each within a second, and one
round serves every asker for half a second, so any number of probes costs two rounds a second and a loss shows within two seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from app.errors import Unavailable

CHECK_WITHIN = 1.0
VALID_FOR = 0.5


class Part(Protocol):
    """Something the service needs; both checks return when it is fine and raise Unavailable when not."""

    async def readable(self) -> None:
        """Check reads."""
        ...

    async def writable(self) -> None:
        """Check writes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of checks found: the reasons against serving reads and against serving writes (empty: ready)."""

    at: float
    reads: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every reason once, those against reads first."""
        return tuple(dict.fromkeys(self.reads + self.writes))


class Readiness:
    """The checks over `parts` (name -> part), shared by everybody who asks."""

    def __init__(self, parts: dict[str, Part], *, within: float = CHECK_WITHIN, valid_for: float = VALID_FOR) -> None:
        """Remember the parts; nothing is checked yet."""
        self._parts = parts
        self._within = within
        self._valid_for = valid_for
        self._task: asyncio.Task[Round] | None = None

    async def now(self) -> Round:
        """Return a round no older than half a second, joining one that is under way."""
        task = self._task
        if task is None or (task.done() and time.monotonic() - task.result().at > self._valid_for):
            task = self._task = asyncio.create_task(self._round())
        return await asyncio.shield(task)

    async def _round(self) -> Round:
        reads = [self._reason(name, part.readable) for name, part in self._parts.items()]
        writes = [self._reason(name, part.writable) for name, part in self._parts.items()]
        reasons = await asyncio.gather(*reads, *writes)
        return Round(
            at=time.monotonic(),
            reads=tuple(filter(None, reasons[: len(reads)])),
            writes=tuple(filter(None, reasons[len(reads) :])),
        )

    async def _reason(self, name: str, check: Callable[[], Awaitable[None]]) -> str:
        try:
            async with asyncio.timeout(self._within):
                await check()
        except TimeoutError:
            return f"{name}: no answer within {self._within:g} s"
        except Unavailable as error:
            return str(error)
        return ""
