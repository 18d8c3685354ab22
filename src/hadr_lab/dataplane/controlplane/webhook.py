"""EKS authentication: TokenReview in, user out.

The API server of each cluster posts the bearer tokens it does not know. Who a token is comes from `identify` (STS), what that
identity may do in this cluster from `access` (the cluster's access entries). It answers yes or no, never anything about why no.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

Identify = Callable[[str, str], str | None]
"""(token, cluster name) -> ARN of the identity, or None when the token is not valid for that cluster. Never raises."""

Access = Callable[[str, str, str], tuple[str, Sequence[str]] | None]
"""(Region, cluster name, ARN) -> (user name, groups) from the access entries, or None. Never raises."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """Decides TokenReviews of every cluster of a Region."""

    region: str
    identify: Identify
    access: Access

    def review(self, cluster: str, token: str) -> dict[str, object]:
        """The status of a TokenReview."""
        arn = self.identify(token, cluster)
        user = self.access(self.region, cluster, arn) if arn else None
        _log.info("token-review region=%s cluster=%s arn=%s allowed=%s", self.region, cluster, arn, user is not None)
        if user is None:
            return {"authenticated": False}
        name, groups = user
        return {"authenticated": True, "user": {"username": name, "uid": arn, "groups": [*groups, "system:authenticated"]}}

    async def answer(self, request: web.Request) -> web.Response:
        """One TokenReview over HTTP."""
        review = await request.json()
        token = str(review.get("spec", {}).get("token", ""))
        status = self.review(request.match_info["cluster"], token)
        return web.json_response({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status})

    async def serve(self, listening: socket.socket) -> web.AppRunner:
        """Answer on this socket until the runner is cleaned up; a cluster's path is `/clusters/<name>`."""
        app = web.Application()
        app.router.add_post("/clusters/{cluster}", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        return runner
