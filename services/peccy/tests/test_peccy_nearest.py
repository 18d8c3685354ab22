"""Reads from the copy of the database nearby: when it is used, when it is not, and what must never come from it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.database import Answer
from app.errors import NoTable, Unavailable
from app.hobbies import Hobbies
from app.nearest import Nearest
from app.settings import from_env
from app.sqlite import Sqlite


class Counting:
    """A database that counts what it is asked, and fails with `error` if told to."""

    def __init__(self, real: Sqlite, error: Exception | None = None) -> None:
        """Over a real one."""
        self.real, self.error, self.asked, self.closed = real, error, 0, False
        self.schema = real.schema

    async def run(self, statement: str, *values: Any) -> Answer:
        """Count, fail or pass on."""
        self.asked += 1
        if self.error:
            raise self.error
        return await self.real.run(statement, *values)

    async def writable(self) -> None:
        """Pass on."""
        await self.real.writable()

    async def close(self) -> None:
        """Close it."""
        self.closed = True
        await self.real.close()


class Pair:
    """A writer, a copy that nothing replicates to, and the hobbies over both."""

    def __init__(self, folder: Path, error: Exception | None = None, rest: float = 5) -> None:
        """Two files."""
        self.writer = Counting(Sqlite(folder / "writer"))
        self.copy = Counting(Sqlite(folder / "copy"), error)
        self.hobbies = Hobbies(self.writer, reads=Nearest(copy=self.copy, writer=self.writer, rest=rest))

    async def fill(self) -> None:
        """The same two rows in both, as when replication has caught up."""
        for database in (self.writer, self.copy):
            for name in ("go", "chess"):
                await Hobbies(database).create(name=name, key=f"k-{name}")
        self.writer.asked = self.copy.asked = 0


def test_lists_and_rows_come_from_the_copy(tmp_path: Path) -> None:
    """The writer, perhaps in another zone, is not asked."""

    async def scenario() -> None:
        pair = Pair(tmp_path)
        await pair.fill()
        assert await pair.hobbies.newest(limit=9, before=9) == ((2, "chess"), (1, "go"))
        found = await pair.hobbies.read(1)
        assert found is not None
        assert found.key == "k-go"
        assert (pair.copy.asked, pair.writer.asked) == (2, 0)
        await pair.hobbies.close()
        assert pair.copy.closed
        assert pair.writer.closed

    asyncio.run(scenario())


def test_what_was_just_written_is_never_denied(tmp_path: Path) -> None:
    """The copy has neither the row nor the key yet: the row is found, a repeat of the write is recognised."""

    async def scenario() -> None:
        pair = Pair(tmp_path)
        await pair.fill()
        made = await pair.hobbies.create(name="kites", key="k-kites")
        assert await pair.hobbies.read(made.id) == made
        assert await pair.hobbies.create(name="kites", key="k-kites") == made
        assert await pair.hobbies.delete(made.id)
        assert await pair.hobbies.read(made.id) is None
        await pair.hobbies.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [Unavailable("database", "cannot connect"), NoTable("not replicated yet")])
def test_a_copy_that_cannot_is_stood_in_for_by_the_writer(tmp_path: Path, error: Exception) -> None:
    """Losing it costs nobody an answer."""

    async def scenario() -> None:
        pair = Pair(tmp_path, error)
        await Hobbies(pair.writer).create(name="go", key="k")
        assert await pair.hobbies.newest(limit=9, before=9) == ((1, "go"),)
        await pair.hobbies.readable()
        await pair.hobbies.writable()
        await pair.hobbies.close()

    asyncio.run(scenario())


def test_a_copy_that_failed_is_left_alone_for_a_while_and_then_asked_again(tmp_path: Path) -> None:
    """Not every request waits for it; once it is back, the reads are as well."""

    async def scenario() -> None:
        pair = Pair(tmp_path, rest=0.2)
        await pair.fill()
        pair.copy.error = Unavailable("database", "no answer within 0.4 s")
        for _ in range(10):
            await pair.hobbies.newest(limit=9, before=9)
        assert (pair.copy.asked, pair.writer.asked) == (1, 10)
        pair.copy.error = None
        await asyncio.sleep(0.25)
        await pair.hobbies.newest(limit=9, before=9)
        assert (pair.copy.asked, pair.writer.asked) == (2, 10)
        await pair.hobbies.close()

    asyncio.run(scenario())


def test_both_away_is_the_writers_reason(tmp_path: Path) -> None:
    """And it is 503 for the client, as without a copy."""

    async def scenario() -> None:
        pair = Pair(tmp_path, Unavailable("database", "the copy"))
        pair.writer.error = Unavailable("database", "the writer")
        with pytest.raises(Unavailable, match="the writer"):
            await pair.hobbies.newest(limit=9, before=9)
        await pair.hobbies.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(("reads", "copy"), [("", None), ("db", None), ("db-b", "db-b")])
def test_the_same_host_is_no_copy(reads: str, copy: str | None) -> None:
    """Without one in the zone the fact is the writer's name, or nothing."""
    settings = from_env({"PECCY_DATABASE_HOST": "db", "PECCY_DATABASE_READ_HOST": reads, "PECCY_DATABASE_PASSWORD": "x"})
    assert (settings.copy.host if settings.copy else None) == copy
    assert settings.copy is None or settings.copy.password == "x"
