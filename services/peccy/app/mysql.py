"""MySQL (Aurora, MariaDB) behind a small pool that survives a database which hangs, restarts, moves or turns read-only.

Every statement has one time limit that covers waiting for a connection, connecting and the answer. A connection on which anything
unexpected happened is closed, and the idle ones with it, so the next statement resolves the name again and finds where the database
is now. A database that says it is read-only counts as moved. Never: two statements on one connection, a wait without a limit.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncmy
from asyncmy import errors as sql

from app.database import Answer
from app.errors import Away, Duplicate, NoTable, ReadOnly, Unavailable
from app.settings import MySqlTarget

POOL_SIZE = 10
ANSWER_WITHIN = 1.5
CONNECT_WITHIN = 1
IDLE_AT_MOST = 30.0
STATEMENTS = 16
"""Prepared statements kept on each connection; they halve the driver's work (46 -> 24 us for a list of five)."""

DUPLICATE = 1062
NO_TABLE = 1146
READ_ONLY = frozenset({1290, 1836, 1792, 1874})
"""ER_OPTION_PREVENTS_STATEMENT (--read-only), ER_READ_ONLY_MODE, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_INNODB_READ_ONLY."""
ENDING = frozenset({1040, 1053, 1927, 4031})
"""ER_CON_COUNT_ERROR, ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED, ER_CLIENT_INTERACTION_TIMEOUT: a server that comes or goes."""
DRIVERS = range(2000, 3000)
"""Codes that the driver gives when it heard nothing, or nothing that makes sense; a server's own begin at 1000."""

SCHEMA = """CREATE TABLE IF NOT EXISTS hobbies (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(255) NOT NULL,
  idempotency_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
  created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) DEFAULT CHARACTER SET utf8mb4"""


class MySql:
    """A `Database` on a MySQL server. Made without a connection; connects when first asked."""

    schema = SCHEMA

    def __init__(self, target: MySqlTarget, *, answer_within: float = ANSWER_WITHIN, size: int = POOL_SIZE) -> None:
        """Remember where the database is; at most `size` connections, each statement within `answer_within` seconds."""
        self._target = target
        self._within = answer_within
        self._slots = asyncio.Semaphore(size)
        self._idle: list[tuple[float, Any]] = []

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run one statement, committed at once. Raises Unavailable (Away while it may be moving), Duplicate or NoTable."""
        try:
            async with asyncio.timeout(self._within), self._slots:
                return await self._on_connection(statement.replace("?", "%s"), values)
        except TimeoutError:
            raise Away("database", f"no answer within {self._within:g} s", perhaps=True) from None

    async def writable(self) -> None:
        """Return when the server answers and takes writes; Aurora's readers show it in innodb_read_only, MariaDB's in read_only."""
        answer = await self.run("SELECT @@global.read_only, @@global.innodb_read_only")
        if any(value not in (0, "OFF") for value in answer.rows[0]):
            self._forget_idle()
            raise ReadOnly("database", "read-only")

    async def close(self) -> None:
        """Close the idle connections; those in use close themselves with their statement's end."""
        self._forget_idle()

    async def _on_connection(self, statement: str, values: tuple[Any, ...]) -> Answer:
        try:
            connection = await self._take()
        except (sql.MySQLError, OSError, RuntimeError) as error:
            self._forget_idle()
            kind = Unavailable if _answered(error) else Away
            raise kind("database", f"cannot connect: {_words(error)}") from error
        try:
            answer = await _execute(connection, statement, values)
        except (sql.IntegrityError, sql.ProgrammingError) as error:
            self._idle.append((time.monotonic(), connection))
            raise _meaning(error) from error
        except (sql.MySQLError, OSError, RuntimeError) as error:
            connection.close()
            self._forget_idle()
            raise _meaning(error) from error
        except BaseException:
            connection.close()
            self._forget_idle()
            raise
        self._idle.append((time.monotonic(), connection))
        return answer

    async def _take(self) -> Any:
        """Return the connection used last, if it is fresh and still open, else a new one."""
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_AT_MOST and not connection._stream_broken:  # `connected` misses the server's end
                return connection
            connection.close()
        return await self._connect()

    async def _connect(self) -> Any:
        """Return a new connection within CONNECT_WITHIN seconds.

        In a task of its own: asyncio.wait_for, which the driver uses while connecting, can swallow a cancellation that comes at the
        moment the socket opens (Python 3.11), after which the wait for the server's greeting would have no limit.
        """
        target = self._target
        try:
            user, password = target.credentials()
        except (OSError, ValueError) as error:
            raise Unavailable("database", f"cannot connect: {_words(error)}") from error
        opening = asyncmy.connect(
            host=target.host,
            port=target.port,
            user=user,
            password=password,
            database=target.name,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_WITHIN,
            stmt_cache_size=STATEMENTS,
        )
        task = asyncio.ensure_future(opening)
        try:
            done, _ = await asyncio.wait((task,), timeout=CONNECT_WITHIN)
        except asyncio.CancelledError:
            _abandon(task)
            raise
        if not done:
            _abandon(task)
            raise OSError(f"{target.host}:{target.port} does not answer")
        return task.result()

    def _forget_idle(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()


def _abandon(task: asyncio.Task[Any]) -> None:
    """Cancel until it has ended, and close what it may have opened all the same."""
    if task.done():
        if not task.cancelled() and task.exception() is None:
            task.result().close()
        return
    task.cancel()
    asyncio.get_running_loop().call_later(0.1, _abandon, task)


async def _execute(connection: Any, statement: str, values: tuple[Any, ...]) -> Answer:
    async with connection.cursor() as cursor:
        touched = await cursor.execute(statement, values)
        rows = await cursor.fetchall() if cursor.description else ()
        return Answer(rows=tuple(rows), touched=touched, made=cursor.lastrowid or 0)


def _meaning(error: BaseException) -> Exception:
    code = error.args[0] if error.args else None
    if code == DUPLICATE:
        return Duplicate(_words(error))
    if code == NO_TABLE:
        return NoTable(_words(error))
    if code in READ_ONLY:
        return ReadOnly("database", "read-only")
    if _answered(error):
        return Unavailable("database", _words(error))
    return Away("database", _words(error), perhaps=True)


def _answered(error: BaseException) -> bool:
    """Whether a server that means to stay said so: then it is no move, and waiting would not help."""
    code = error.args[0] if isinstance(error, sql.MySQLError) and error.args else None
    return isinstance(code, int) and code >= 1000 and code not in DRIVERS and code not in ENDING


def _words(error: BaseException) -> str:
    """One line a person can use; a driver's error is (code, text)."""
    return " ".join(str(error.args[-1] if error.args else type(error).__name__).split())
