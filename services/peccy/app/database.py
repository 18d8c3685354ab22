"""The one thing the service asks of a database: run a statement within a bounded time.

Statements are written with `?` for values and must be understood by MySQL and SQLite alike. An implementation raises only
`Unavailable`, `Duplicate` and `NoTable`; it never leaves a connection in an unknown state and never waits without a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a statement returned: its rows, how many rows it touched, and the id it made (0: none).

    `unsure`: it was run again after a try whose outcome is not known, so what it found may be its own work.
    """

    rows: tuple[tuple[Any, ...], ...] = ()
    touched: int = 0
    made: int = 0
    unsure: bool = False


class Database(Protocol):
    """A database that may be slow, moved, read-only or gone at any time."""

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run one statement and commit it. Raises Unavailable, Duplicate or NoTable."""
        ...

    async def writable(self) -> None:
        """Return when the database answers and accepts writes, else raise Unavailable."""
        ...

    @property
    def schema(self) -> str:
        """The statement that makes the table of hobbies if it is not there."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
