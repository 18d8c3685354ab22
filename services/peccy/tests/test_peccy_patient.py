"""Waiting for a writer that moves: who waits, who does not and how long, and that nothing is done twice or denied."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from peccy_client import Client, a_service, run

from app.database import Answer
from app.errors import Away, ReadOnly, Unavailable
from app.hobbies import DELETE, Hobbies, Hobby
from app.main import build
from app.nearest import Nearest
from app.patient import AT_ONCE, DOUBTS, Patient
from app.settings import from_env
from app.sqlite import Sqlite

NOBODY = Away("database", "cannot connect: refused")
READ_ONLY = ReadOnly("database", "read-only")
BROKE = Away("database", "Lost connection during query", perhaps=True)


class Moving:
    """A real database that fails with `error` while it is set; `late`: after it has carried the statement out."""

    def __init__(self, real: Sqlite) -> None:
        """Well."""
        self.real, self.schema = real, real.schema
        self.error: Unavailable | None = None
        self.late = False
        self.asked: list[str] = []
        self.looks = self.now = self.most = 0
        self.pause = 0.0

    async def run(self, statement: str, *values: Any) -> Answer:
        """Fail or pass on."""
        self.asked.append(statement)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.pause)
            if self.late:
                await self.real.run(statement, *values)
            if self.error is not None and not (isinstance(self.error, ReadOnly) and statement.startswith("SELECT")):
                raise self.error
            return await self.real.run(statement, *values)
        finally:
            self.now -= 1

    async def writable(self) -> None:
        """Fail or pass on."""
        self.looks += 1
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        """Close it."""
        await self.real.close()


def patiently(
    folder: Path, scenario: Callable[[Moving, Patient], Awaitable[None]], *, patience: float = 20, most: int = 1000
) -> None:
    """Run `scenario` over a database that may move, with one row `go` of key `k-go` in it."""

    async def whole() -> None:
        moving = Moving(Sqlite(folder / "database"))
        patient = Patient(moving, patience=patience, most=most, look_every=0.01)
        await Hobbies(moving).create(name="go", key="k-go")
        moving.asked.clear()
        await scenario(moving, patient)
        await patient.close()

    asyncio.run(whole())


async def soon(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def broken_off(moving: Moving, patient: Patient) -> asyncio.Task[Hobby]:
    """A write that was carried out and whose answer never came; it waits now for a writer to be run again on."""
    moving.error, moving.late = BROKE, True
    waiting = asyncio.create_task(Hobbies(patient).create(name="chess", key="k"))
    await soon(lambda: moving.looks > 0)
    moving.late = False
    return waiting


@pytest.mark.parametrize("error", [NOBODY, READ_ONLY, BROKE])
def test_a_write_waits_for_the_writer_and_is_done_once(tmp_path: Path, error: Away) -> None:
    """The client hears 201 and nothing of the move."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        hobbies = Hobbies(patient)
        moving.error = error
        waiting = [asyncio.create_task(hobbies.create(name="chess", key=f"k{number}")) for number in range(5)]
        await soon(lambda: moving.looks > 2)
        assert not any(task.done() for task in waiting)
        moving.error = None
        made = await asyncio.gather(*waiting)
        assert sorted(hobby.id for hobby in made) == [2, 3, 4, 5, 6]

    patiently(tmp_path, scenario)


def test_a_write_that_was_carried_out_before_the_connection_broke_is_found_by_its_key(tmp_path: Path) -> None:
    """The repeat meets its own row, and the answer is that row."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        waiting = await broken_off(moving, patient)
        moving.error = None
        assert (await waiting).id == 2
        assert len(await Hobbies(patient).newest(limit=9, before=9)) == 2

    patiently(tmp_path, scenario)


@pytest.mark.parametrize(("error", "late"), [(BROKE, True), (BROKE, False), (NOBODY, False)])
def test_a_row_that_our_own_first_try_removed_is_not_denied(tmp_path: Path, error: Away, late: bool) -> None:
    """The second DELETE touches nothing, and 404 would say that there was nothing to remove."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error, moving.late = error, late
        waiting = asyncio.create_task(Hobbies(patient).delete(1))
        await soon(lambda: moving.looks > 0)
        moving.error, moving.late = None, False
        assert await waiting is True
        assert moving.asked == [DELETE, DELETE]
        assert await Hobbies(patient).newest(limit=9, before=9) == ()

    patiently(tmp_path, scenario)


def test_a_row_that_was_never_there_is_still_denied_after_a_wait(tmp_path: Path) -> None:
    """Nothing was tried on a database that could not be reached, so 404 is the truth."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = NOBODY
        waiting = asyncio.create_task(Hobbies(patient).delete(77))
        await soon(lambda: moving.looks > 0)
        moving.error = None
        assert await waiting is False

    patiently(tmp_path, scenario)


def test_after_its_patience_the_reason_is_told_and_then_at_once(tmp_path: Path) -> None:
    """A long outage must not keep every client waiting; once the database is back, the next move is waited for again."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        hobbies = Hobbies(patient)
        moving.error = READ_ONLY
        with pytest.raises(Unavailable, match="database: read-only"):
            await hobbies.create(name="chess", key="k")
        looks = moving.looks
        assert looks > 2
        with pytest.raises(Unavailable, match="database: read-only"):
            await hobbies.create(name="chess", key="k")
        assert moving.looks - looks <= 1  # one that was under way
        moving.error = None
        assert (await hobbies.create(name="chess", key="k")).id == 2
        moving.error = NOBODY
        waiting = asyncio.create_task(hobbies.create(name="kites", key="k2"))
        await soon(lambda: moving.looks > looks + 2)
        moving.error = None
        assert (await waiting).name == "kites"

    patiently(tmp_path, scenario, patience=0.3)


def test_a_writer_that_is_back_in_time_is_in_time_for_all_who_wait(tmp_path: Path) -> None:
    """Their turns come one after the other, the last of them after the patience has ended: that is no reason to refuse."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        hobbies = Hobbies(patient)
        moving.error = NOBODY
        waiting = [asyncio.create_task(hobbies.create(name="chess", key=f"k{number}")) for number in range(3 * AT_ONCE)]
        await soon(lambda: moving.looks > 0)
        moving.pause = 0.3
        moving.error = None
        assert len({hobby.id for hobby in await asyncio.gather(*waiting)}) == 3 * AT_ONCE

    patiently(tmp_path, scenario, patience=0.5)


def test_who_comes_late_waits_no_longer_than_who_came_first(tmp_path: Path) -> None:
    """Patience is the trouble's, not each request's: all are refused at its end."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = NOBODY
        first = asyncio.create_task(Hobbies(patient).delete(1))
        await asyncio.sleep(0.3)
        second = asyncio.create_task(Hobbies(patient).delete(1))
        await asyncio.wait([first])
        await asyncio.wait([second], timeout=0.3)
        assert second.done()
        assert [type(task.exception()) for task in (first, second)] == [Unavailable, Unavailable]
        assert moving.asked == [DELETE]  # the second saw what the first had met

    patiently(tmp_path, scenario, patience=0.6)


def test_a_read_only_database_serves_reads_while_writes_wait(tmp_path: Path) -> None:
    """Also the reads that met it while it did not answer at all: the old writer restarts as a reader."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        hobbies = Hobbies(patient)
        moving.error = NOBODY
        write = asyncio.create_task(hobbies.create(name="chess", key="k"))
        read = asyncio.create_task(hobbies.newest(limit=9, before=9))
        await soon(lambda: moving.looks > 1)
        moving.error = READ_ONLY
        assert await read == ((1, "go"),)
        assert await hobbies.newest(limit=9, before=9) == ((1, "go"),)
        assert not write.done()
        moving.error = None
        assert (await write).id == 2

    patiently(tmp_path, scenario)


def test_one_looks_for_all_and_they_go_on_a_few_at_a_time(tmp_path: Path) -> None:
    """Two hundred wait; neither the lookout nor the moment of return is a stampede."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = NOBODY
        waiting = [asyncio.create_task(Hobbies(patient).create(name="x", key=f"k{number}")) for number in range(200)]
        began = time.monotonic()
        await asyncio.sleep(0.2)
        assert moving.looks <= (time.monotonic() - began) / 0.01 + 1
        moving.error, moving.most = None, 0
        assert len({hobby.id for hobby in await asyncio.gather(*waiting)}) == 200
        assert moving.most <= AT_ONCE
        looks = moving.looks
        await asyncio.sleep(0.1)
        assert moving.looks <= looks + 1  # nobody waits, nobody looks

    patiently(tmp_path, scenario)


def test_no_more_than_so_many_wait(tmp_path: Path) -> None:
    """Whoever comes beyond that hears the reason at once."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = READ_ONLY
        waiting = [asyncio.create_task(Hobbies(patient).delete(1)) for _ in range(3)]
        await soon(lambda: moving.looks > 0)
        with pytest.raises(Unavailable, match="read-only"):
            await Hobbies(patient).delete(1)
        moving.error = None
        assert sorted(await asyncio.gather(*waiting)) == [False, False, True]

    patiently(tmp_path, scenario, most=3)


def test_an_unknown_outcome_is_never_told_as_a_refusal(tmp_path: Path) -> None:
    """It broke while it ran, then the database was read-only: that reason would say that nothing had been stored."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        waiting = await broken_off(moving, patient)
        moving.error = READ_ONLY
        with pytest.raises(Unavailable, match="Lost connection"):
            await waiting

    patiently(tmp_path, scenario, patience=0.3)


def test_a_statement_that_always_breaks_is_not_repeated_for_ever(tmp_path: Path) -> None:
    """The database is well and takes writes; it is this statement that it cannot answer in time."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        async def well() -> None:
            """Whatever happens to statements."""

        moving.error, moving.writable = BROKE, well  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="Lost connection"):
            await Hobbies(patient).delete(1)
        assert moving.asked == [DELETE] * (1 + DOUBTS)

    patiently(tmp_path, scenario)


def test_what_no_waiting_helps_is_told_at_once(tmp_path: Path) -> None:
    """A wrong password is no move."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = Unavailable("database", "cannot connect: Access denied")
        with pytest.raises(Unavailable, match="Access denied"):
            await Hobbies(patient).delete(1)
        assert moving.looks == 0

    patiently(tmp_path, scenario)


def test_who_gives_up_waiting_leaves_no_trace(tmp_path: Path) -> None:
    """A cancelled request frees its place, and its turn."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        moving.error = NOBODY
        waiting = [asyncio.create_task(Hobbies(patient).delete(1)) for _ in range(2 * AT_ONCE)]
        await soon(lambda: moving.looks > 0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        stays = [asyncio.create_task(Hobbies(patient).delete(1)) for _ in range(2 * AT_ONCE)]
        moving.error = None
        assert sum(await asyncio.gather(*stays)) == 1

    patiently(tmp_path, scenario, most=2 * AT_ONCE)


def test_reads_go_on_from_the_copy_while_the_writer_moves(tmp_path: Path) -> None:
    """They do not even notice; without the copy they wait with the writes."""

    async def scenario(moving: Moving, patient: Patient) -> None:
        copy = Moving(Sqlite(tmp_path / "copy"))
        await Hobbies(copy).create(name="go", key="k-go")
        hobbies = Hobbies(patient, reads=Nearest(copy=copy, writer=patient))
        moving.error = NOBODY
        assert await hobbies.newest(limit=9, before=9) == ((1, "go"),)
        assert moving.asked == []
        copy.error = NOBODY
        waiting = asyncio.create_task(hobbies.newest(limit=9, before=9))
        await soon(lambda: moving.looks > 0)
        moving.error = None
        assert await waiting == ((1, "go"),)
        await copy.close()

    patiently(tmp_path, scenario)


def test_over_http_a_request_waits_and_says_201(tmp_path: Path) -> None:
    """List, row and write, as a client sees them."""
    moving = Moving(Sqlite(tmp_path / "database"))

    async def scenario(client: Client) -> None:
        assert (await client.add("go", key="k")).status == 201
        moving.error = NOBODY
        asked = asyncio.gather(client.get("/hobbies"), client.get("/hobbies/1"), client.add("chess", key="k2"))
        await soon(lambda: moving.looks > 0)
        moving.error = None
        assert [reply.status for reply in await asked] == [200, 200, 201]

    run(a_service(tmp_path, database=Patient(moving, patience=20, look_every=0.01)), scenario)


def test_readiness_does_not_wait(tmp_path: Path) -> None:
    """Nobody listens on port 1: a change would wait for a minute, /readyz says so at once."""
    env = {"PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": "1", "PECCY_FILES": str(tmp_path)}

    async def scenario(client: Client) -> None:
        waiting = [asyncio.create_task(client.add("go")), asyncio.create_task(client.get("/hobbies"))]
        for probe in ("/readyz", "/readyz/reads"):
            reply = await client.get(probe)
            assert reply.status == 503
            assert reply.json["reason"].startswith("database: cannot connect")
        assert (await client.get("/livez")).status == 200
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()

    run(build(from_env(env)), scenario)


def test_without_patience_nothing_waits(tmp_path: Path) -> None:
    """0 is how it was before."""
    env = {"PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": "1", "PECCY_FILES": str(tmp_path)}

    async def scenario(client: Client) -> None:
        async with asyncio.timeout(10):
            assert (await client.get("/hobbies")).status == (await client.add("go")).status == 503

    run(build(from_env(env | {"PECCY_DATABASE_PATIENCE": "0"})), scenario)
