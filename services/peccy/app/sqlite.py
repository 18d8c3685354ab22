"""SQLite in a thread: the database of a laptop and of the tests, when no other is configured.

One connection, used by one thread, opened by the first statement. It behaves towards the service as MySQL does (same errors, same
time limit), so every endpoint can be tested without a server.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from app.database import Answer
from app.errors import Duplicate, NoTable, Unavailable
from app.threads import Threads

ANSWER_WITHIN = 1.5

SCHEMA = """CREATE TABLE IF NOT EXISTS hobbies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  idempotency_key TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
)"""


class Sqlite:
    """A `Database` in the file `path`, whose folder must exist."""

    schema = SCHEMA

    def __init__(self, path: Path, *, answer_within: float = ANSWER_WITHIN) -> None:
        """Remember the path; the file is opened by the first statement."""
        self._path = path
        self._threads = Threads(part="database", size=1, within=answer_within)
        self._connection: sqlite3.Connection | None = None

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run one statement, committed at once. Raises Unavailable, Duplicate or NoTable."""
        return await self._threads.run(self._execute, statement, values)

    async def writable(self) -> None:
        """Return when a write would be accepted: takes the write lock and gives it back."""
        await self._threads.run(self._try_lock)

    async def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            await self._threads.run(self._connection.close)
        self._threads.close()

    def _execute(self, statement: str, values: tuple[Any, ...]) -> Answer:
        try:
            cursor = self._open().execute(statement, values)
            return Answer(rows=tuple(cursor.fetchall()), touched=cursor.rowcount, made=cursor.lastrowid or 0)
        except sqlite3.Error as error:
            raise _meaning(error) from error

    def _try_lock(self) -> None:
        self._execute("BEGIN IMMEDIATE", ())
        self._execute("ROLLBACK", ())

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        return self._connection


def _meaning(error: sqlite3.Error) -> Exception:
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return Duplicate(text)
    if "no such table" in text:
        return NoTable(text)
    return Unavailable("database", "read-only" if "readonly" in text else text)
