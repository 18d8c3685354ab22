"""The older service's contract, endpoint by endpoint: what each answers, and that nothing else is offered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from peccy_client import ME, Client, a_form, a_png, a_service, run

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
OFFERED = {
    "/infos/name": {"GET"},
    "/infos/picture": {"GET", "PUT"},
    "/hobbies": {"GET", "POST"},
    "/hobbies/1": {"GET", "DELETE"},
    "/debugs": {"GET"},
    "/debugs/hostname": {"GET"},
    "/debugs/region": {"GET"},
    "/debugs/version": {"GET"},
    "/debugs/zone": {"GET"},
    "/debugs/member": {"GET"},
    "/healthz": {"GET"},
    "/livez": {"GET"},
    "/readyz": {"GET"},
    "/readyz/reads": {"GET"},
    "/readyz/local": {"GET"},
}


@pytest.mark.parametrize("target", OFFERED)
def test_every_other_method_is_refused(tmp_path: Path, target: str) -> None:
    """405 with the methods that are offered, and nothing is stored."""

    async def scenario(client: Client) -> None:
        for method in sorted(set(METHODS) - OFFERED[target]):
            reply = await client.ask(method, target, b"{}", {"content-type": "application/json"})
            assert reply.status == 405, method
            assert set(reply.headers["allow"].split(", ")) <= OFFERED[target]
        assert (await client.get("/hobbies")).json == []

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize(
    "target", ["/", "/infos", "/infos/", "/hobbies/", "/debugs/", "/infos/names", "/debugs/passwd", "/readyz/x", "/%2e%2e"]
)
def test_every_other_path_is_not_found(tmp_path: Path, target: str) -> None:
    """A JSON 404 (or the way to the right path), never a server error."""

    async def scenario(client: Client) -> None:
        reply = await client.get(target)
        assert reply.status in (307, 404)
        assert reply.status == 307 or isinstance(reply.json["detail"], str)

    run(a_service(tmp_path), scenario)


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("/infos/name", {"name": "peccy"}),
        ("/hobbies", []),
        ("/debugs/hostname", {"hostname": ME.hostname}),
        ("/debugs/region", {"region": ME.region}),
        ("/debugs/version", {"version": ME.version}),
        ("/healthz", {"status": "UP"}),
    ],
)
def test_what_the_older_service_answered_is_answered(tmp_path: Path, target: str, answer: Any) -> None:
    """Byte for byte what its clients parse."""

    async def scenario(client: Client) -> None:
        reply = await client.get(target)
        assert (reply.status, reply.headers["content-type"], reply.json) == (200, "application/json", answer)

    run(a_service(tmp_path), scenario)


def test_a_client_of_the_older_service_needs_no_change(tmp_path: Path) -> None:
    """No key, a form for the picture, id and name in what is made, 204 without a body for what is removed."""

    async def scenario(client: Client) -> None:
        made = await client.ask("POST", "/hobbies", json.dumps({"name": "go"}).encode(), {"content-type": "application/json"})
        assert {"id": 1, "name": "go"}.items() <= made.json.items()
        assert {"id": 1, "name": "go"}.items() <= (await client.get("/hobbies/1")).json.items()
        assert (await client.get("/hobbies")).json == [{"id": 1, "name": "go"}]
        gone = await client.ask("DELETE", "/hobbies/1")
        assert (gone.status, gone.body) == (204, b"")
        assert (await client.put(a_form(a_png(5)), kind="multipart/form-data; boundary=xyz")).json["result"] == "ok"
        shown = await client.get("/infos/picture")
        assert (shown.headers["content-type"], shown.body) == ("image/png", a_png(5))

    run(a_service(tmp_path), scenario)
