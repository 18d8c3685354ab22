"""A client that speaks ASGI to the application directly, and a builder of applications over a temporary folder."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app import api
from app.database import Database
from app.hobbies import Hobbies
from app.pictures import Pictures
from app.readiness import Readiness
from app.settings import Identity
from app.sqlite import Sqlite

ME = Identity(member="one", region="us-east-1", zone="us-east-1a", hostname="peccy-app-0", version="9.9.9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Client:
    """Sends requests to an ASGI application, one at a time or side by side."""

    def __init__(self, app: FastAPI) -> None:
        """Remember the application."""
        self._app = app

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None, pieces: int = 1
    ) -> Reply:
        """Send one request, its body in `pieces`, and return the whole response."""
        path, _, query = target.partition("?")
        packed = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": packed,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        sent: list[MutableMapping[str, Any]] = []
        step = max(1, -(-len(body) // pieces))
        waiting = [body[at : at + step] for at in range(0, len(body), step)] or [b""]

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return Reply(
            status=sent[0]["status"],
            headers={name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]},
            body=b"".join(part.get("body", b"") for part in sent[1:]),
        )

    async def get(self, target: str) -> Reply:
        """GET it."""
        return await self.ask("GET", target)

    async def add(self, name: Any, key: str | None = None) -> Reply:
        """POST /hobbies."""
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key is not None else {})
        return await self.ask("POST", "/hobbies", json.dumps({"name": name}).encode(), headers)

    async def put(self, data: bytes, key: str | None = None, kind: str = "image/png", pieces: int = 1) -> Reply:
        """PUT /infos/picture."""
        headers = {"content-type": kind} | ({"idempotency-key": key} if key is not None else {})
        return await self.ask("PUT", "/infos/picture", data, headers, pieces)


def a_service(
    files: Path, *, database: Database | None = None, history: int = 0, fence: Callable[[], Awaitable[None]] | None = None
) -> FastAPI:
    """An application over `files`, with SQLite in it unless another database is given."""
    hobbies = Hobbies(database or Sqlite(files / "peccy.sqlite3"))
    pictures = Pictures(files, history=history, probe=ME.hostname)
    readiness = Readiness({"database": hobbies, "files": pictures}, valid_for=0)
    local = Readiness({"files": pictures}, valid_for=0)
    return api.create(identity=ME, hobbies=hobbies, pictures=pictures, readiness=readiness, local=local, fence=fence)


def run(app: FastAPI, scenario: Callable[[Client], Awaitable[None]]) -> None:
    """Run `scenario` in a loop of its own, within the application's lifespan."""

    async def whole() -> None:
        async with app.router.lifespan_context(app):
            await scenario(Client(app))

    asyncio.run(whole())


def a_png(shade: int = 0, *, side: int = 4) -> bytes:
    """A small valid grey PNG; another shade is another picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([shade]) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def a_form(data: bytes, *, name: str = "file", boundary: str = "xyz") -> bytes:
    """A multipart form with one file."""
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="p.png"\r\ncontent-type: image/png\r\n\r\n'
    return head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
