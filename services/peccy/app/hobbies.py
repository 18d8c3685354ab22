"""The hobbies: a table with one row for each write, found by its id or by the key of the write that made it.

The schema is made by the first write that misses it, never at start: a process must start while the database is away or
read-only. Reading a table that is not there yet is an empty list, not an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.database import Database
from app.errors import Conflict, Duplicate, NoTable, Unavailable

LIST = "SELECT id, name FROM hobbies WHERE id < ? ORDER BY id DESC LIMIT ?"
READ = "SELECT id, name, idempotency_key FROM hobbies WHERE id = ?"
FIND = "SELECT id, name, idempotency_key FROM hobbies WHERE idempotency_key = ?"
INSERT = "INSERT INTO hobbies (name, idempotency_key) VALUES (?, ?)"
DELETE = "DELETE FROM hobbies WHERE id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hobby:
    """One row. `key` is the idempotency key of the write that made it."""

    id: int
    name: str
    key: str


class Hobbies:
    """The table, over any `Database`; `reads` may be another one that is nearer and a little behind."""

    def __init__(self, database: Database, *, reads: Database | None = None) -> None:
        """Remember the databases; nothing is asked of them yet."""
        self._database = database
        self._reads = reads or database

    async def newest(self, *, limit: int, before: int) -> tuple[tuple[int, str], ...]:
        """Return up to `limit` (id, name) with an id under `before`, newest first. Raises Unavailable."""
        try:
            return (await self._reads.run(LIST, before, limit)).rows
        except NoTable:
            return ()

    async def read(self, hobby_id: int) -> Hobby | None:
        """Return that row, or None. Raises Unavailable."""
        found = await self._one(self._reads, READ, hobby_id)
        return await self._one(self._database, READ, hobby_id) if found is None and self._reads is not self._database else found

    async def create(self, *, name: str, key: str) -> Hobby:
        """Store the hobby once for each `key`; a repeat returns the row the first one made.

        Raises Conflict when the key was used with another name, Unavailable when the outcome is not known or it cannot be
        stored: repeating with the same key is then safe.
        """
        try:
            made = await self._insert(name, key)
        except Duplicate:
            return await self._made_before(name, key)
        return Hobby(id=made, name=name, key=key)

    async def delete(self, hobby_id: int) -> bool:
        """Remove that row; whether there was one. Raises Unavailable.

        Where our own first try may have removed it, there was.
        """
        try:
            answer = await self._database.run(DELETE, hobby_id)
            return answer.touched > 0 or answer.unsure
        except NoTable:
            return False

    async def readable(self) -> None:
        """Return when the database answers a read, else raise Unavailable."""
        await self.newest(limit=1, before=1)

    async def writable(self) -> None:
        """Return when the database accepts writes, else raise Unavailable."""
        await self._database.writable()

    async def close(self) -> None:
        """Let go of the databases."""
        if self._reads is not self._database:
            await self._reads.close()
        await self._database.close()

    async def _insert(self, name: str, key: str) -> int:
        try:
            return (await self._database.run(INSERT, name, key)).made
        except NoTable:
            await self._database.run(self._database.schema)
            return (await self._database.run(INSERT, name, key)).made

    async def _made_before(self, name: str, key: str) -> Hobby:
        found = await self._one(self._database, FIND, key)
        if found is None:
            raise Unavailable("database", "the row of this key was deleted meanwhile; repeat the request")
        if found.name != name:
            raise Conflict(f"the key {key!r} was used before for another hobby")
        return found

    async def _one(self, database: Database, statement: str, value: int | str) -> Hobby | None:
        try:
            rows = (await database.run(statement, value)).rows
        except NoTable:
            return None
        return Hobby(id=rows[0][0], name=rows[0][1], key=rows[0][2]) if rows else None
