"""Reads from the copy of the database in this zone, so that they cross none; from the writer while that copy cannot.

A copy is a little behind: who must see what was just written (an idempotency key, a row that the copy has not) asks the writer.
"""

from __future__ import annotations

import time
from typing import Any

from app.database import Answer, Database
from app.errors import NoTable, Unavailable

COPY_WITHIN = 0.4
"""Seconds the copy gets; with the writer's own limit after it the answer still comes before nginx gives up."""
REST = 5.0
"""Seconds a copy that failed is left alone, so that its loss costs one request in a while and not each one the wait."""


class Nearest:
    """A `Database` for reads, over a `copy` nearby and the `writer`."""

    def __init__(self, *, copy: Database, writer: Database, rest: float = REST) -> None:
        """Remember both; `copy` is closed with this, `writer` is its owner's."""
        self._copy, self._writer, self._rest = copy, writer, rest
        self._resting_until = 0.0
        self.schema = writer.schema

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run a statement that changes nothing. Raises Unavailable or NoTable when the writer does, too."""
        if time.monotonic() >= self._resting_until:
            try:
                return await self._copy.run(statement, *values)
            except NoTable:
                pass  # it may not have come to the copy yet
            except Unavailable:
                self._resting_until = time.monotonic() + self._rest
        return await self._writer.run(statement, *values)

    async def writable(self) -> None:
        """Whether the writer accepts writes."""
        await self._writer.writable()

    async def close(self) -> None:
        """Let go of the copy."""
        await self._copy.close()
