"""A small HTTP server of JSON on 127.0.0.1, for the adapters' tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Answering(BaseHTTPRequestHandler):
    """A request's JSON in, an answer's JSON out, and nothing on stderr."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Quiet."""

    def body(self) -> Any:
        """The JSON that was sent."""
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def send(self, code: int, body: object) -> None:
        """Answer with JSON."""
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class KubernetesAnswering(Answering):
    """As an API server answers: lists, and a Status for what went wrong."""

    def items(self, items: list[dict[str, Any]]) -> None:
        """Answer with a list."""
        self.send(200, {"metadata": {}, "items": items})

    def status(self, code: int, message: str) -> None:
        """Answer with a failure."""
        self.send(code, {"kind": "Status", "status": "Failure", "code": code, "message": message})


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port on 127.0.0.1 at which `handler` answers until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
