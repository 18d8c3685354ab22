"""The service on a real MariaDB that is killed, frozen and made read-only under it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from peccy_client import Client, a_service, run
from real_mariadb import Server, a_mariadb

from app.errors import Away, ReadOnly, Unavailable
from app.mysql import MySql
from app.patient import Patient

pytestmark = pytest.mark.lab


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A database of its own for each test."""
    with a_mariadb(tmp_path / "mariadb") as running:
        yield running


def serving(server: Server, files: Path, scenario: Callable[[Client], Awaitable[None]], *, patience: float = 0) -> None:
    """Run `scenario` against the service on that database."""
    database = MySql(server.target)
    run(a_service(files, database=Patient(database, patience=patience) if patience else database), scenario)


async def as_boss(server: Server, statement: str) -> None:
    """Run a statement that the service itself may not."""
    boss = MySql(replace(server.target, user="boss", name=""))
    await boss.run(statement)
    await boss.close()


async def ready_again(client: Client, *, within: float) -> None:
    """Wait until /readyz is green; fail when it takes longer."""
    limit = time.monotonic() + within
    last = await client.get("/readyz")
    while last.status != 200 and time.monotonic() < limit:
        await asyncio.sleep(0.05)
        last = await client.get("/readyz")
    assert last.status == 200, last.body


def test_everything_works_on_a_fresh_database(server: Server, tmp_path: Path) -> None:
    """The first write makes the schema, also when twenty race for it with one key."""

    async def scenario(client: Client) -> None:
        assert (await client.get("/readyz")).status == 200
        assert (await client.get("/hobbies")).json == []
        replies = await asyncio.gather(*(client.add("바둑 50% ?", key="race") for _ in range(20)))
        assert Counter(reply.status for reply in replies) == {201: 20}
        assert len({reply.json["id"] for reply in replies}) == 1
        hobby = replies[0].json
        assert (await client.get(f"/hobbies/{hobby['id']}")).json == hobby
        assert (await client.add("other", key="race")).status == 409
        assert (await client.ask("DELETE", f"/hobbies/{hobby['id']}")).status == 204
        assert (await client.get("/hobbies")).json == []

    serving(server, tmp_path, scenario)


def test_a_read_only_server_serves_reads_and_refuses_writes_with_the_reason(server: Server, tmp_path: Path) -> None:
    """As before promotion; writable again, it is used again at once."""

    async def scenario(client: Client) -> None:
        assert (await client.add("go")).status == 201
        await as_boss(server, "SET GLOBAL read_only=1")
        for reply in (await client.add("chess"), await client.get("/readyz"), await client.ask("DELETE", "/hobbies/1")):
            assert (reply.status, reply.json) == (503, {"reason": "database: read-only"})
        assert (await client.get("/readyz/reads")).status == 200
        assert [row["name"] for row in (await client.get("/hobbies")).json] == ["go"]
        await as_boss(server, "SET GLOBAL read_only=0")
        assert (await client.add("chess")).status == 201

    serving(server, tmp_path, scenario)


def test_a_read_only_server_without_the_schema_is_ready_for_reads(server: Server, tmp_path: Path) -> None:
    """The stand-by starts before anything was ever written."""

    async def scenario(client: Client) -> None:
        await as_boss(server, "SET GLOBAL read_only=1")
        assert (await client.get("/readyz/reads")).status == 200
        assert (await client.get("/hobbies")).json == []
        assert (await client.add("go")).json == {"reason": "database: read-only"}

    serving(server, tmp_path, scenario)


def test_a_frozen_server_holds_nobody_for_long(server: Server, tmp_path: Path) -> None:
    """The kernel still accepts connections, so only time limits help; /readyz is red within 2 s and green after the thaw."""

    async def scenario(client: Client) -> None:
        await asyncio.gather(*(client.get("/hobbies") for _ in range(30)))
        server.signal(signal.SIGSTOP)
        began = time.monotonic()
        assert (await client.get("/readyz")).status == 503
        assert time.monotonic() - began < 2
        assert (await client.get("/livez")).status == 200
        for _ in range(2):
            began = time.monotonic()
            replies = await asyncio.gather(*(client.get("/hobbies") for _ in range(40)))
            assert Counter(reply.status for reply in replies) == {503: 40}
            assert time.monotonic() - began < 3
        server.signal(signal.SIGCONT)
        await ready_again(client, within=5)
        replies = await asyncio.gather(*(client.get("/hobbies") for _ in range(40)))
        assert Counter(reply.status for reply in replies) == {200: 40}

    serving(server, tmp_path, scenario)


def test_a_killed_server_is_used_again_when_it_is_back_and_keeps_what_was_acknowledged(server: Server, tmp_path: Path) -> None:
    """No write that was answered with 201 is missing after crash recovery, and none is doubled by its repeats."""

    async def scenario(client: Client) -> None:
        acked = set()
        for number in range(50):
            assert (await client.add("x", key=f"k{number}")).status == 201
            acked.add(f"k{number}")
        server.signal(signal.SIGKILL)
        assert (await client.add("x", key="during")).status == 503
        assert (await client.get("/readyz")).status == 503
        await asyncio.to_thread(server.start)
        await ready_again(client, within=5)
        assert (await client.add("x", key="during")).status == 201
        rows = (await client.get("/hobbies?limit=1000")).json
        keys = [(await client.get(f"/hobbies/{row['id']}")).json["key"] for row in rows]
        assert sorted(keys) == sorted(acked | {"during"})

    serving(server, tmp_path, scenario)


def test_idle_connections_of_a_restarted_server_cost_no_request(server: Server, tmp_path: Path) -> None:
    """A connection that the server closed meanwhile is seen as such and replaced before it is used."""

    async def scenario(client: Client) -> None:
        await asyncio.gather(*(client.get("/hobbies") for _ in range(30)))
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.start)
        assert {(await client.get("/hobbies")).status for _ in range(30)} == {200}

    serving(server, tmp_path, scenario)


def test_a_restart_under_load_costs_nobody_an_answer(server: Server, tmp_path: Path) -> None:
    """Whatever was under way when the server was killed, and came while it was away, is answered well and stored once."""

    async def scenario(client: Client) -> None:
        assert (await client.add("first")).status == 201
        replies = []

        async def load(worker: int) -> None:
            for number in range(60):
                replies.append(await client.add(f"w{worker}", key=f"w{worker}-{number}"))
                replies.append(await client.get("/hobbies"))
                await asyncio.sleep(0.02)

        workers = [asyncio.create_task(load(worker)) for worker in range(20)]
        await asyncio.sleep(0.3)
        server.signal(signal.SIGKILL)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(server.start)
        await asyncio.gather(*workers)
        assert Counter(reply.status for reply in replies) == {201: 20 * 60, 200: 20 * 60}
        rows = (await client.get("/hobbies?limit=1000")).json
        rest = (await client.get(f"/hobbies?limit=1000&before={rows[-1]['id']}")).json
        assert len(rows + rest) == 1 + 20 * 60

    serving(server, tmp_path, scenario, patience=30)


def test_what_goes_wrong_is_told_apart(server: Server, tmp_path: Path) -> None:
    """Moved or moving is waited for; a statement or a login that is refused is not."""

    async def scenario() -> None:
        pool = MySql(server.target)
        with pytest.raises(Unavailable) as told:
            await pool.run("INSERT INTO missing_database.x VALUES (1)")
        assert not isinstance(told.value, Away)
        with pytest.raises(Unavailable, match="Access denied") as told:
            await MySql(replace(server.target, password="wrong")).run("SELECT 1")
        assert not isinstance(told.value, Away)
        await as_boss(server, "SET GLOBAL read_only=1")
        with pytest.raises(ReadOnly):
            await pool.run(pool.schema)
        with pytest.raises(ReadOnly):
            await pool.writable()
        sleeping = asyncio.create_task(pool.run("SELECT SLEEP(1)"))
        await asyncio.sleep(0.3)
        server.signal(signal.SIGKILL)
        with pytest.raises(Away) as broke:
            await sleeping
        assert broke.value.perhaps
        with pytest.raises(Away, match="cannot connect") as refused:
            await pool.run("SELECT 1")
        assert not refused.value.perhaps
        await pool.close()

    asyncio.run(scenario())
