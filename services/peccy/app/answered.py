"""Headers on every response that say who answered: the only way for a client to see a failover without asking.

A plain ASGI layer with the headers packed once; it never touches bodies.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Identity


class AnsweredBy:
    """Adds x-peccy-member, -region, -zone and -host to every HTTP response of `app`."""

    def __init__(self, app: ASGIApp, *, identity: Identity) -> None:
        """Pack the headers once."""
        self._app = app
        self._headers = [
            (b"x-peccy-member", identity.member.encode("latin-1", "replace")),
            (b"x-peccy-region", identity.region.encode("latin-1", "replace")),
            (b"x-peccy-zone", identity.zone.encode("latin-1", "replace")),
            (b"x-peccy-host", identity.hostname.encode("latin-1", "replace")),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
