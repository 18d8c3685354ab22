"""Liveness, readiness and what a client hears while a dependency is away."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest
from peccy_client import ME, Client, a_png, a_service, run

from app.database import Answer
from app.errors import Unavailable
from app.pictures import WORDS
from app.readiness import Readiness


class BrokenDatabase:
    """A database that answers reads with rows, refuses writes with `why`, or hangs."""

    schema = "CREATE"

    def __init__(self, *, why: str, reads: bool = False, hangs: bool = False) -> None:
        """Say what is wrong with it."""
        self.why, self.reads, self.hangs, self.asked = why, reads, hangs, 0

    async def run(self, statement: str, *values: Any) -> Answer:
        """Answer as broken as it is."""
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.reads and statement.startswith("SELECT"):
            return Answer(rows=((1, "go", "k"),) if "= ?" in statement else ((1, "go"),))
        raise Unavailable("database", self.why)

    async def writable(self) -> None:
        """Refuse."""
        await self.run("WRITE")

    async def close(self) -> None:
        """Nothing to close."""


def test_a_fresh_service_is_live_and_ready(tmp_path: Path) -> None:
    """Everything there: every probe is green."""

    async def scenario(client: Client) -> None:
        said = {"/livez": "UP", "/healthz": "UP", "/readyz": "ready", "/readyz/reads": "ready", "/readyz/local": "ready"}
        for probe, status in said.items():
            reply = await client.get(probe)
            assert (reply.status, reply.json) == (200, {"status": status})

    run(a_service(tmp_path), scenario)


def test_a_read_only_database_leaves_reads_and_names_the_reason(tmp_path: Path) -> None:
    """Before promotion the stand-by must serve reads, refuse writes with 503 and not be ready."""

    async def scenario(client: Client) -> None:
        ready = await client.get("/readyz")
        assert (ready.status, ready.json) == (503, {"reason": "database: read-only"})
        assert (await client.get("/readyz/reads")).status == 200
        assert (await client.get("/hobbies")).json == [{"id": 1, "name": "go"}]
        for reply in (await client.add("chess"), await client.ask("DELETE", "/hobbies/1")):
            assert (reply.status, reply.json) == (503, {"reason": "database: read-only"})
            assert reply.headers["retry-after"] == "1"

    run(a_service(tmp_path, database=BrokenDatabase(why="read-only", reads=True)), scenario)


def test_an_absent_database_is_503_everywhere_and_live(tmp_path: Path) -> None:
    """Restarting the process would not bring the database back, so /livez stays green."""

    async def scenario(client: Client) -> None:
        for reply in (
            await client.get("/hobbies"),
            await client.get("/hobbies/1"),
            await client.add("x"),
            await client.get("/readyz"),
        ):
            assert (reply.status, reply.json) == (503, {"reason": "database: cannot connect"})
        assert (await client.get("/readyz/reads")).status == 503
        assert (await client.get("/readyz/local")).status == 200  # or all pods would go, and only dead ones would be left to ask
        assert (await client.get("/livez")).status == 200
        assert (await client.put(a_png())).status == 200

    run(a_service(tmp_path, database=BrokenDatabase(why="cannot connect")), scenario)


def test_a_hanging_database_turns_readiness_red(tmp_path: Path) -> None:
    """A probe that hangs with its dependency would be as useless as none."""

    async def scenario(client: Client) -> None:
        reply = await client.get("/readyz")
        assert (reply.status, reply.json) == (503, {"reason": "database: no answer within 1 s"})

    run(a_service(tmp_path, database=BrokenDatabase(why="", hangs=True)), scenario)


def test_an_absent_file_store_is_503_with_the_reason(tmp_path: Path) -> None:
    """A missing mount must never become a local folder."""
    gone = tmp_path / "gone"

    async def scenario(client: Client) -> None:
        for reply in (await client.put(a_png()), await client.get("/infos/picture")):
            assert (reply.status, reply.json) == (503, {"reason": "files: absent"})
        assert "files: absent" in (await client.get("/readyz")).json["reason"]
        assert (await client.get("/readyz/local")).json == {"reason": "files: absent"}  # another zone's pods may have them
        assert not gone.exists()

    run(a_service(gone, database=BrokenDatabase(why="", reads=True)), scenario)


def test_a_file_store_that_comes_back_is_ready_again(tmp_path: Path) -> None:
    """Readiness is observed, never remembered."""
    mount = tmp_path / "mount"

    async def scenario(client: Client) -> None:
        assert (await client.get("/readyz")).status == 503
        mount.mkdir()
        assert (await client.get("/readyz")).status == 200
        assert (await client.put(a_png(), key="k")).status == 200

    run(a_service(mount), scenario)


def test_a_file_store_that_is_no_folder_is_not_ready(tmp_path: Path) -> None:
    """Works for any user, unlike permission bits."""
    (tmp_path / "pictures").write_text("in the way")
    (tmp_path / ".ready").write_text("in the way")

    async def scenario(client: Client) -> None:
        assert (await client.get("/readyz")).status == 503
        assert (await client.put(a_png())).json["reason"].startswith("files: ")

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EACCES])
def test_every_way_a_mount_fails_has_its_word(code: int) -> None:
    """People read these words in the middle of the night."""
    assert WORDS[code]


def test_many_askers_share_one_round_of_checks() -> None:
    """A hundred probes at once cost the dependencies one round."""
    database = BrokenDatabase(why="")

    class Counting:
        async def readable(self) -> None:
            database.asked += 1
            await asyncio.sleep(0.01)

        async def writable(self) -> None:
            database.asked += 1

    async def scenario() -> None:
        readiness = Readiness({"database": Counting()})
        await asyncio.gather(*(readiness.now() for _ in range(100)))
        await readiness.now()
        assert database.asked == 2

    asyncio.run(scenario())


def test_one_asker_that_gives_up_does_not_fail_the_others() -> None:
    """A probe with a short timeout must not cancel the round that others wait for."""

    class Slow:
        async def readable(self) -> None:
            await asyncio.sleep(0.05)

        async def writable(self) -> None:
            """Fine."""

    async def scenario() -> None:
        readiness = Readiness({"files": Slow()})
        other = asyncio.create_task(readiness.now())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await readiness.now()
        assert (await other).all == ()

    asyncio.run(scenario())


def test_who_answers_is_told_in_every_way(tmp_path: Path) -> None:
    """People ask /debugs, clients read the headers, errors carry them too."""

    async def scenario(client: Client) -> None:
        for what in ("hostname", "region", "version", "zone", "member"):
            assert (await client.get(f"/debugs/{what}")).json == {what: getattr(ME, what)}
        assert (await client.get("/debugs")).json["zone"] == "us-east-1a"
        assert (await client.get("/debugs/secrets")).status == 404
        assert (await client.get("/infos/name")).json == {"name": "peccy"}
        for target in ("/hobbies", "/nothing-here"):
            assert (await client.get(target)).headers["x-peccy-member"] == "one"

    run(a_service(tmp_path), scenario)
