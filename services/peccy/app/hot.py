"""The requests that come most, answered before the framework: the list as every page and client asks for it, and liveness.

The same answers as the routes of `api` give (a test compares them), at about a third of the CPU: routing, parameter handling and
response classes cost more than the database does. Anything with parameters, or any other method, goes on to the framework.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import Unavailable
from app.hobbies import Hobbies

PAGE = 100
LARGEST_ID = 2**63 - 1
UP = b'{"status":"UP"}'
JSON_TYPE = (b"content-type", b"application/json")


def listed(rows: tuple[tuple[int, str], ...]) -> bytes:
    """The list of hobbies as JSON."""
    return json.dumps([{"id": number, "name": name} for number, name in rows], ensure_ascii=False, separators=(",", ":")).encode()


class HotPaths:
    """Answers some GETs without parameters itself and passes everything else to `app`."""

    def __init__(self, app: ASGIApp, *, hobbies: Hobbies) -> None:
        """Remember what is answered here."""
        self._app = app
        self._hobbies = hobbies
        self._answers: dict[str, Callable[[], Awaitable[bytes]]] = {
            "/hobbies": self._list,
            "/livez": self._live,
            "/healthz": self._live,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answer = self._answers.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None or scope["method"] != "GET" or scope["query_string"]:
            await self._app(scope, receive, send)
            return
        status, body = 200, b""
        more: list[tuple[bytes, bytes]] = []
        try:
            body = await answer()
        except Unavailable as error:
            status, body, more = 503, refusal(error), [(b"retry-after", b"1")]
        headers = [(b"content-length", b"%d" % len(body)), JSON_TYPE, *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _list(self) -> bytes:
        return listed(await self._hobbies.newest(limit=PAGE, before=LARGEST_ID))

    async def _live(self) -> bytes:
        return UP


def refusal(error: Exception) -> bytes:
    """The body of a 503."""
    return json.dumps({"reason": str(error)}, ensure_ascii=False, separators=(",", ":")).encode()
