"""The picture: both ways to send it, checked before it is kept, stored once for each key and never in half."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from peccy_client import Client, a_form, a_png, a_service, run

from app.errors import ReadOnly, Unavailable
from app.png import is_whole
from app.settings import PICTURE_LIMIT


def test_there_is_a_picture_before_anyone_sent_one(tmp_path: Path) -> None:
    """The built-in face is a whole PNG of its own."""

    async def scenario(client: Client) -> None:
        reply = await client.get("/infos/picture")
        assert (reply.status, reply.headers["content-type"], is_whole(reply.body)) == (200, "image/png", True)

    run(a_service(tmp_path), scenario)


def test_a_sent_picture_is_shown_and_kept_under_its_key(tmp_path: Path) -> None:
    """The checker counts pictures by their keys; people see the newest."""

    async def scenario(client: Client) -> None:
        reply = await client.put(a_png(1), key="p-1", pieces=3)
        assert (reply.status, reply.json) == (200, {"result": "ok", "key": "p-1"})
        await client.put(a_png(2), key="p-2")
        assert (await client.get("/infos/picture")).body == a_png(2)

    run(a_service(tmp_path), scenario)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"p-1.png", "p-2.png"}
    assert (tmp_path / "picture.png").read_bytes() == a_png(2)


def test_no_picture_is_stored_while_the_fence_is_closed(tmp_path: Path) -> None:
    """503 with the database's reason, and nothing is written; the picture of before is still shown; open again, it is stored."""
    closed: list[Unavailable] = []

    async def fence() -> None:
        for error in closed:
            raise error

    async def scenario(client: Client) -> None:
        await client.put(a_png(1), key="p-1")
        closed.append(ReadOnly("database", "read-only"))
        reply = await client.put(a_png(2), key="p-2")
        assert (reply.status, reply.json) == (503, {"reason": "database: read-only"})
        assert (await client.put(b"no picture", key="p-3")).status == 415
        assert (await client.get("/infos/picture")).body == a_png(1)
        assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"p-1.png"}
        closed.clear()
        assert (await client.put(a_png(2), key="p-2")).status == 200

    run(a_service(tmp_path, fence=fence), scenario)
    assert (tmp_path / "picture.png").read_bytes() == a_png(2)


def test_a_form_with_the_field_file_works_too(tmp_path: Path) -> None:
    """The older contract sends multipart/form-data."""

    async def scenario(client: Client) -> None:
        reply = await client.put(a_form(a_png(3)), kind="multipart/form-data; boundary=xyz")
        assert reply.status == 200
        assert (await client.get("/infos/picture")).body == a_png(3)

    run(a_service(tmp_path), scenario)


def test_a_repeat_does_not_bring_an_older_picture_back(tmp_path: Path) -> None:
    """A late retry of the first write must not undo the second."""

    async def scenario(client: Client) -> None:
        await client.put(a_png(1), key="first")
        await client.put(a_png(2), key="second")
        assert (await client.put(a_png(1), key="first")).json["key"] == "first"
        assert (await client.get("/infos/picture")).body == a_png(2)

    run(a_service(tmp_path), scenario)


def test_a_repeat_finishes_what_the_first_one_left_undone(tmp_path: Path) -> None:
    """A process that died between the two files left the newest picture stale; the retry puts it right."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "picture.png").write_bytes(a_png(1))
    os.utime(tmp_path / "picture.png", (1, 1))
    (tmp_path / "pictures" / "cut.png").write_bytes(a_png(2))

    async def scenario(client: Client) -> None:
        assert (await client.put(a_png(2), key="cut")).status == 200
        assert (await client.get("/infos/picture")).body == a_png(2)

    run(a_service(tmp_path), scenario)


def test_a_key_used_for_another_picture_is_refused(tmp_path: Path) -> None:
    """One key names one write."""

    async def scenario(client: Client) -> None:
        await client.put(a_png(1), key="same")
        assert (await client.put(a_png(2), key="same")).status == 409

    run(a_service(tmp_path), scenario)


def test_only_the_newest_are_kept_when_a_history_is_set(tmp_path: Path) -> None:
    """PECCY_PICTURE_HISTORY bounds the folder."""

    async def scenario(client: Client) -> None:
        for shade in range(5):
            await client.put(a_png(shade), key=f"k{shade}")
            await asyncio.sleep(0.01)

    run(a_service(tmp_path, history=2), scenario)
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"k3.png", "k4.png"}


BROKEN = {
    "cut short": a_png()[:-3],
    "no end chunk": a_png()[:-12],
    "flipped bit": a_png()[:50] + bytes([a_png()[50] ^ 1]) + a_png()[51:],
    "trailing bytes": a_png() + b"<script>",
    "no size": a_png()[:16] + bytes(8) + a_png()[24:],
    "signature only": a_png()[:8],
    "huge length": a_png()[:8] + b"\xff\xff\xff\xff" + a_png()[12:],
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_damaged_picture_is_refused(tmp_path: Path, kind: str) -> None:
    """Half a picture would be replicated as it is."""

    async def scenario(client: Client) -> None:
        assert (await client.put(BROKEN[kind])).status == 422

    run(a_service(tmp_path), scenario)
    assert not (tmp_path / "pictures").exists()


@pytest.mark.parametrize("data", [b"", b"GIF89a....", b"\xff\xd8\xff\xe0", b"<svg/>"])
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes) -> None:
    """What the client says it is does not count, what it is does."""

    async def scenario(client: Client) -> None:
        assert (await client.put(data)).status == 415

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("kind", ["", "text/plain", "image/jpeg", "application/json", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(tmp_path: Path, kind: str) -> None:
    """Only image/png and forms are taken."""

    async def scenario(client: Client) -> None:
        assert (await client.put(a_png(), kind=kind)).status == 415

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize("announced", [True, False])
def test_a_picture_over_the_limit_is_refused(tmp_path: Path, announced: bool) -> None:
    """Announced or not, no more than the limit is kept in memory."""
    body = a_png() + bytes(PICTURE_LIMIT)

    async def scenario(client: Client) -> None:
        headers = {"content-type": "image/png"} | ({"content-length": str(len(body))} if announced else {})
        assert (await client.ask("PUT", "/infos/picture", body, headers, pieces=40)).status == 413

    run(a_service(tmp_path), scenario)


WRONG_FORMS = {
    "no boundary": (a_form(a_png()), "multipart/form-data"),
    "other boundary": (a_form(a_png()), "multipart/form-data; boundary=abc"),
    "other field": (a_form(a_png(), name="picture"), "multipart/form-data; boundary=xyz"),
    "cut short": (a_form(a_png())[:-20], "multipart/form-data; boundary=xyz"),
    "empty": (b"", "multipart/form-data; boundary=xyz"),
    "no file": (b"--xyz--\r\n", "multipart/form-data; boundary=xyz"),
}


@pytest.mark.parametrize("kind", WRONG_FORMS)
def test_a_form_that_does_not_fit_is_refused(tmp_path: Path, kind: str) -> None:
    """Nothing is guessed from a broken form."""
    body, content_type = WRONG_FORMS[kind]

    async def scenario(client: Client) -> None:
        assert (await client.put(body, kind=content_type)).status == 422

    run(a_service(tmp_path), scenario)


def test_readers_never_see_half_a_picture(tmp_path: Path) -> None:
    """Reads during writes see one whole picture or another."""

    async def scenario(client: Client) -> None:
        async def write() -> None:
            for shade in range(30):
                await client.put(a_png(shade, side=64))

        async def read() -> None:
            for _ in range(60):
                assert is_whole((await client.get("/infos/picture")).body)

        await asyncio.gather(write(), read(), read())

    run(a_service(tmp_path), scenario)
