"""The hobbies: the older contract kept, writes made once for each key, wrong input of every kind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from peccy_client import Client, a_service, run


def test_an_added_hobby_is_listed_read_and_removed(tmp_path: Path) -> None:
    """The life of a hobby through every endpoint."""

    async def scenario(client: Client) -> None:
        added = await client.add("  chess ", key="k-1")
        assert (added.status, added.json) == (201, {"id": 1, "name": "chess", "key": "k-1"})
        assert added.headers["location"] == "/hobbies/1"
        assert (await client.get("/hobbies")).json == [{"id": 1, "name": "chess"}]
        assert (await client.get("/hobbies/1")).json == {"id": 1, "name": "chess", "key": "k-1"}
        removed = await client.ask("DELETE", "/hobbies/1")
        assert (removed.status, removed.body) == (204, b"")
        assert (await client.get("/hobbies")).json == []

    run(a_service(tmp_path), scenario)


def test_a_repeated_key_answers_the_first_result_and_adds_nothing(tmp_path: Path) -> None:
    """Retries after a lost answer must not double the write."""

    async def scenario(client: Client) -> None:
        first, again = await client.add("go", key="same"), await client.add("go", key="same")
        assert (again.status, again.json) == (201, first.json)
        assert len((await client.get("/hobbies")).json) == 1

    run(a_service(tmp_path), scenario)


def test_a_key_used_for_another_hobby_is_refused(tmp_path: Path) -> None:
    """One key names one write; another one under it would be lost silently."""

    async def scenario(client: Client) -> None:
        await client.add("go", key="same")
        assert (await client.add("chess", key="same")).status == 409
        assert [row["name"] for row in (await client.get("/hobbies")).json] == ["go"]

    run(a_service(tmp_path), scenario)


def test_repeats_that_race_make_one_row(tmp_path: Path) -> None:
    """Twenty requests with one key at once, against an empty database, make one row and one answer."""

    async def scenario(client: Client) -> None:
        replies = await asyncio.gather(*(client.add("go", key="race") for _ in range(20)))
        assert {(reply.status, reply.json["id"]) for reply in replies} == {(201, replies[0].json["id"])}
        assert len((await client.get("/hobbies")).json) == 1

    run(a_service(tmp_path), scenario)


def test_without_a_key_every_write_is_its_own(tmp_path: Path) -> None:
    """Clients of the older contract send no key and may add the same name twice."""

    async def scenario(client: Client) -> None:
        first, second = await client.add("go"), await client.add("go")
        assert first.json["key"] != second.json["key"]
        assert len((await client.get("/hobbies")).json) == 2

    run(a_service(tmp_path), scenario)


def test_the_list_is_bounded_newest_first_and_can_be_paged(tmp_path: Path) -> None:
    """A list that grows without limit would slow every read down during a drill."""

    async def scenario(client: Client) -> None:
        for number in range(1, 106):
            await client.add(f"hobby {number}")
        first = [row["id"] for row in (await client.get("/hobbies")).json]
        assert first == list(range(105, 5, -1))
        assert [row["id"] for row in (await client.get(f"/hobbies?limit=3&before={first[-1]}")).json] == [5, 4, 3]

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, None, 7, ["a"], {"a": 1}, "line\nbreak", "nul\0byte"])
def test_a_wrong_name_is_refused_and_stores_nothing(tmp_path: Path, name: Any) -> None:
    """Names are one line of 1 to 255 characters."""

    async def scenario(client: Client) -> None:
        assert (await client.add(name)).status == 422
        assert (await client.get("/hobbies")).json == []

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"nam": "x"}', b"\xff\xfe", b"[" * 2000])
def test_a_wrong_body_is_refused(tmp_path: Path, body: bytes) -> None:
    """Whatever the bytes are, the answer is a client error and never a server error."""

    async def scenario(client: Client) -> None:
        reply = await client.ask("POST", "/hobbies", body, {"content-type": "application/json"})
        assert reply.status in (400, 422)

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("key", ["", "a b", "../up", ".hidden", "x" * 65, "é", "a/b"])
def test_a_wrong_key_is_refused(tmp_path: Path, key: str) -> None:
    """Keys become file names, so only harmless ones are taken."""

    async def scenario(client: Client) -> None:
        assert (await client.add("go", key=key)).status == 422

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("target", ["/hobbies/0", "/hobbies/-1", "/hobbies/x", "/hobbies/1.5", f"/hobbies/{2**63}"])
def test_a_wrong_id_is_refused(tmp_path: Path, target: str) -> None:
    """Ids are positive 63-bit numbers."""

    async def scenario(client: Client) -> None:
        assert (await client.get(target)).status == 422
        assert (await client.ask("DELETE", target)).status == 422

    run(a_service(tmp_path), scenario)


def test_a_hobby_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    """Before and after the table was made."""

    async def scenario(client: Client) -> None:
        for _ in range(2):
            assert (await client.get("/hobbies/77")).status == 404
            assert (await client.ask("DELETE", "/hobbies/77")).status == 404
            await client.add("go")

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=0", f"before={2**63}"])
def test_a_wrong_page_is_refused(tmp_path: Path, query: str) -> None:
    """Pages have 1 to 1000 rows."""

    async def scenario(client: Client) -> None:
        assert (await client.get(f"/hobbies?{query}")).status == 422

    run(a_service(tmp_path), scenario)


def test_names_of_every_script_survive_the_way(tmp_path: Path) -> None:
    """Names are text, not ASCII."""

    async def scenario(client: Client) -> None:
        for name in ("바둑", "🎣 fishing", "Robert'); DROP TABLE hobbies;--", "50% ? %s"):
            assert (await client.add(name)).json["name"] == name
        assert len((await client.get("/hobbies")).json) == 4

    run(a_service(tmp_path), scenario)


def test_the_hot_path_answers_as_the_framework_does(tmp_path: Path) -> None:
    """The same request with a parameter goes another way; bodies, types and headers must be the same."""

    async def scenario(client: Client) -> None:
        for _ in range(2):
            for path, slow in (("/hobbies", "/hobbies?limit=100"), ("/livez", "/livez?x=1"), ("/healthz", "/healthz?x=1")):
                hot, cold = await client.get(path), await client.get(slow)
                assert (hot.status, hot.body, hot.headers) == (cold.status, cold.body, cold.headers)
            await client.add("바둑")

    run(a_service(tmp_path), scenario)
