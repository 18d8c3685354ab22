"""Waits for a writer that moves, so that a request meets a failover as a pause and not as an error.

A statement that finds no database, or one that takes no writes, is kept until the one look that all share sees a writer, and is run
again then. Never longer than `patience` after the trouble began: a move is waited for, an outage is told. Reads and writes are told
apart, because a read-only database serves reads. A statement is run again after an unknown outcome, too: it must be safe to repeat,
or its caller must mind `Answer.unsure`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.database import Answer, Database
from app.errors import Away, ReadOnly, Unavailable

LOOK_EVERY = 0.25
"""Seconds from one look for the writer to the next. A look at a host that is gone takes a second, so they overlap: four at most."""
MOST_WAITING = 1000
"""Requests that may wait at once; each holds a few kilobytes here and two connections of a web pod."""
AT_ONCE = 8
"""Statements run again side by side, when hundreds wait: fewer than there are connections, so that none times out in a queue."""
TURN_WITHIN = 2.0
"""Seconds that one of them waits for its turn once the writer is back, beside its patience; nginx waits five longer than that."""
DOUBTS = 2
"""So often is a statement run again after an unknown outcome: a writer that takes too long over it does not get it for ever."""


class Trouble:
    """What is known of one kind of statement: well, or in trouble since a while, with the last reason seen."""

    def __init__(self, patience: float) -> None:
        """Well."""
        self._patience = patience
        self._seen = 0.0
        self.until = 0.0
        self.why: Away | None = None
        self.over = asyncio.Event()

    def met(self, why: Away) -> None:
        """A statement failed. One that fails long after the others begins another trouble."""
        now = time.monotonic()
        if self.why is None or now - self._seen > self._patience:
            self.until = now + self._patience
        self.why, self._seen = why, now
        self.over.clear()

    def goes_on(self, seen: Unavailable) -> None:
        """A look failed; while it lasts, the newest reason is the one to tell."""
        if self.why is not None and isinstance(seen, Away):
            self.met(seen)

    def end(self) -> None:
        """It is well again; who waits goes on."""
        self.why = None
        self.over.set()


class Patient:
    """A `Database` that waits for `database` while its writer moves, at most `patience` seconds; `writable` never waits."""

    def __init__(self, database: Database, *, patience: float, most: int = MOST_WAITING, look_every: float = LOOK_EVERY) -> None:
        """Remember it; `database` is closed with this."""
        self._database, self._most, self._look_every = database, most, look_every
        self._reads, self._writes = Trouble(patience), Trouble(patience)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self.schema = database.schema

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run one statement, later if need be. Raises Unavailable with what was seen, Duplicate or NoTable."""
        trouble = self._reads if statement.startswith("SELECT") else self._writes
        first: Away | None = None
        if trouble.why is None or time.monotonic() >= trouble.until:  # no move takes so long: who asks now hears how it is
            try:
                answer = await self._database.run(statement, *values)
            except Away as error:
                trouble.met(error)
                if time.monotonic() >= trouble.until:
                    raise
                first = error
            else:
                if trouble.why is not None:
                    trouble.end()
                return answer
        if self._waiting >= self._most:
            raise _refusal(trouble, (first,))
        self._waiting += 1
        try:
            return await self._later(trouble, first, statement, values)
        finally:
            self._waiting -= 1

    async def writable(self) -> None:
        """Whether the database accepts writes at this moment."""
        await self._database.writable()

    async def close(self) -> None:
        """Look no more, and let go of the database."""
        for task in (self._looking, *self._looks):
            if task is not None:
                task.cancel()
        await self._database.close()

    async def _later(self, trouble: Trouble, first: Away | None, statement: str, values: tuple[Any, ...]) -> Answer:
        until = trouble.until
        doubts = [first] if first is not None and first.perhaps else []
        while True:
            self._look_out()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await trouble.over.wait()
                async with asyncio.timeout(TURN_WITHIN):
                    await self._gate.acquire()
            except TimeoutError:
                raise _refusal(trouble, doubts) from None
            try:
                if trouble.why is not None:  # it began again before it was this one's turn
                    continue
                answer = await self._database.run(statement, *values)
                return replace(answer, unsure=True) if doubts else answer
            except Away as error:
                trouble.met(error)
                doubts += [error] if error.perhaps else []
                if len(doubts) > DOUBTS:
                    raise
            finally:
                self._gate.release()

    def _look_out(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_often())

    async def _look_often(self) -> None:
        """One for all: look for the writer until nobody waits for it."""
        while self._waiting and not (self._reads.why is None and self._writes.why is None):
            await asyncio.sleep(self._look_every)
            look = asyncio.create_task(self._look())
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)

    async def _look(self) -> None:
        try:
            await self._database.writable()
        except ReadOnly as error:
            self._reads.end()
            self._writes.goes_on(error)
        except Unavailable as error:
            self._reads.goes_on(error)
            self._writes.goes_on(error)
        else:
            self._reads.end()
            self._writes.end()


def _refusal(trouble: Trouble, tries: Sequence[Away | None]) -> Unavailable:
    """What to tell: the statement's own unknown outcome before what is seen now, which may sound as if nothing had been changed."""
    told = next((error for error in tries if error is not None and error.perhaps), None) or trouble.why
    return Unavailable(told.part, told.why) if told is not None else Unavailable("database", "it came back too late")
