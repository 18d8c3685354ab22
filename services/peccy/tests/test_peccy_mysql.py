"""The MySQL pool against servers that refuse, hang or cut off: every statement ends in time and nothing is used up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.errors import Away, Unavailable
from app.mysql import MySql
from app.settings import MySqlTarget

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept and never say a word, as a frozen server does (its kernel still accepts)."""
    await reader.read()
    writer.close()


async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hang up at once."""
    writer.close()


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak another protocol."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)
    await writer.drain()
    await reader.read()
    writer.close()


def against(handler: Handler, scenario: Callable[[MySql], Awaitable[None]], *, answer_within: float = 0.3) -> None:
    """Run `scenario` with a pool of three on a server with that behaviour."""

    async def whole() -> None:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = MySql(MySqlTarget(host="127.0.0.1", port=port), size=3, answer_within=answer_within)
        await scenario(pool)
        await pool.close()
        server.close()
        await asyncio.sleep(0.3)

    asyncio.run(whole())


def test_a_silent_server_ends_every_statement() -> None:
    """Sixty statements at staggered times on three connections: each ends, and so does the next one after them."""

    async def scenario(pool: MySql) -> None:
        async def one() -> None:
            await asyncio.sleep(random.uniform(0, 0.4))
            with pytest.raises(Away, match=r"no answer|cannot connect"):
                await pool.run("SELECT 1")

        async with asyncio.timeout(60):
            for _ in range(3):
                await asyncio.gather(*(one() for _ in range(60)))

    against(silent, scenario)


def test_no_slot_is_lost_to_a_silent_server() -> None:
    """After any number of failures every connection of the pool can be used again."""

    async def scenario(pool: MySql) -> None:
        for _ in range(4):
            await asyncio.gather(*(pool.run("SELECT 1") for _ in range(9)), return_exceptions=True)
        await asyncio.sleep(0.3)
        assert [await asyncio.wait_for(pool._slots.acquire(), 0.5) for _ in range(3)] == [True, True, True]
        for _ in range(3):
            pool._slots.release()

    against(silent, scenario, answer_within=0.1)


@pytest.mark.parametrize("handler", [rude, babbling])
def test_a_server_that_is_not_one_is_unavailable(handler: Handler) -> None:
    """Whatever comes back, the error is the service's own."""

    async def scenario(pool: MySql) -> None:
        for _ in range(5):
            with pytest.raises(Away, match="database: "):
                await pool.run("SELECT 1")

    against(handler, scenario)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 1), ("no-such-host.invalid", 3306)])
def test_a_database_that_is_nowhere_is_unavailable(host: str, port: int) -> None:
    """Refused or without a name: the reason says so and nothing hangs."""

    async def scenario() -> None:
        with pytest.raises(Away, match=r"database: (cannot connect|no answer)"):
            await MySql(MySqlTarget(host=host, port=port)).run("SELECT 1")

    asyncio.run(scenario())


@pytest.mark.parametrize("content", [None, "{", '{"username": "x"}'])
def test_a_secret_that_cannot_be_used_is_unavailable(tmp_path: Path, content: str | None) -> None:
    """A missing or broken mounted secret is a reason like any other, not a server error."""
    secret = tmp_path / "credentials.json"
    if content is not None:
        secret.write_text(content)

    async def scenario() -> None:
        with pytest.raises(Unavailable, match="database: cannot connect: ") as told:
            await MySql(MySqlTarget(host="127.0.0.1", port=1, password_file=secret)).run("SELECT 1")

        assert not isinstance(told.value, Away)  # no move: waiting would not help

    asyncio.run(scenario())
