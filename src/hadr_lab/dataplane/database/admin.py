"""Administrative SQL over a server's unix socket: as root, from the lab's own process, across network namespaces.

Every call has a time limit and its own connection, and every failure is one of the two errors below. Nothing that stands for
AWS's reach over the network may go this way: see fence.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncmy
import asyncmy.errors
from asyncmy.cursors import DictCursor

from hadr_lab.errors import LabError

ANSWER_TIME = timedelta(seconds=3)
Row = Mapping[str, Any]


class DatabaseAway(LabError):
    """A server does not answer on its admin socket."""


class DatabaseRefused(LabError):
    """A server answered a statement with an error; `code` is MariaDB's."""

    def __init__(self, message: str, code: int) -> None:
        """Keep the server's error number for those who decide by it."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Access to one server. `user` is root (no password over the socket) unless said otherwise."""

    socket: Path
    user: str = "root"
    password: str = ""

    async def rows(self, *statements: str, within: timedelta = ANSWER_TIME) -> list[Row]:
        """Run the statements on one connection and return the last one's rows. Raises DatabaseAway or DatabaseRefused."""
        found: list[Row] = []
        async with self._connection(within) as cursor:
            for statement in statements:
                await cursor.execute(statement)
                found = list(await cursor.fetchall()) if cursor.description else []
        return found

    async def value(self, expression: str, *, within: timedelta = ANSWER_TIME) -> str:
        """The value of one expression as text; NULL is empty."""
        rows = await self.rows(f"SELECT {expression} AS value", within=within)
        value = rows[0]["value"]
        return "" if value is None else str(value)

    @asynccontextmanager
    async def _connection(self, within: timedelta) -> AsyncIterator[Any]:
        connection = None
        try:
            async with asyncio.timeout(within.total_seconds()):
                connection = await self._connected()
                async with connection.cursor(DictCursor) as cursor:
                    yield cursor
                await connection.ensure_closed()
                connection = None
        except (OSError, EOFError, TimeoutError, asyncmy.errors.InterfaceError) as error:
            raise DatabaseAway(f"{self.socket}: no answer within {within.total_seconds():g} s ({error!r})") from error
        except asyncmy.errors.Error as error:
            raise self._translated(error) from error
        finally:
            if connection is not None:
                connection.close()

    async def _connected(self) -> Any:
        """A new connection, or its refusal. A cancellation that arrives meanwhile is kept.

        asyncmy waits for its socket with asyncio.wait_for, which up to Python 3.11 goes on as if nothing had been asked when it is
        cancelled in one of the turns of the loop between the socket's being there and its noticing (cpython issue 86296).
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in one
        asked, connection = task.cancelling(), None
        try:
            connection = await asyncmy.connect(
                unix_socket=str(self.socket),
                user=self.user,
                password=self.password,
                autocommit=True,
                init_command="SET sql_notes = 0",  # "already exists" is what idempotent statements are for
            )
            return connection
        finally:
            if task.cancelling() > asked:
                if connection is not None:
                    connection.close()
                raise asyncio.CancelledError

    def _translated(self, error: Exception) -> LabError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if 2000 <= code < 3000:  # the client library's own errors: no connection, or a lost one
            return DatabaseAway(f"{self.socket}: {error}")
        return DatabaseRefused(f"{self.socket}: {error}", code)
