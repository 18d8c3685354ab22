"""The web tier on real nginx: what it serves itself, what it passes on, and what it says when no app answers."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.api import FORM_ROOM
from app.settings import PICTURE_LIMIT

WEB = Path(__file__).parents[1] / "web"


def web_environment() -> dict[str, str]:
    """PATH, and whatever else nginx needs: from the machine, else from the lab's cache of unpacked packages."""
    if shutil.which("nginx") is not None:
        return {"PATH": os.environ["PATH"]}
    from hadr_lab.progress import Progress
    from hadr_lab.toolchain import debian

    nginx = debian.obtain(Progress()).programs["nginx"]
    return {"PATH": f"{nginx.path.parent}{os.pathsep}{os.environ['PATH']}", **nginx.env}


def start(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ./start to its end: for settings that it must refuse."""
    return subprocess.run(
        ["sh", WEB / "start"], env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PECCY_WEB_PORT", "80 80"),
        ("PECCY_WEB_PORT", "http"),
        ("PECCY_WEB_BIND", "localhost"),
        ("PECCY_APP_URL", "https://app"),
        ("PECCY_APP_URL", "http://app;return 200"),
        ("PECCY_APP_URL", "http://"),
        ("PECCY_WEB_RESOLVER", "dns; include x"),
        ("PECCY_DATABASE_PATIENCE", "1;"),
        ("PECCY_DATABASE_PATIENCE", "50.1"),
        ("PECCY_DATABASE_PATIENCE", "-1"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_64(name: str, value: str) -> None:
    """Nothing that is not what it should be gets into the configuration."""
    done = start({"PECCY_WEB_RESOLVER": "127.0.0.1", name: value})
    assert done.returncode == 64
    assert done.stderr.startswith(f"peccy-web: {name}='")
    assert len(done.stderr.splitlines()) == 1


def test_the_body_limit_is_that_of_the_app() -> None:
    """One byte less here and the app could not say what was too large."""
    assert f"client_max_body_size {PICTURE_LIMIT + FORM_ROOM};" in (WEB / "nginx.conf").read_text()


def test_the_page_needs_nothing_from_outside() -> None:
    """No foreign host, no inline script: a strict content security policy holds."""
    text = "".join(path.read_text() for path in (WEB / "page").iterdir() if path.name != "icon.svg")
    assert "http://" not in text
    assert "https://" not in text
    html = (WEB / "page" / "index.html").read_text()
    assert "style=" not in html
    assert "onclick" not in html
    for name in ("style.css", "page.js", "icon.svg"):
        assert name in html
        assert (WEB / "page" / name).is_file()


@dataclass
class Upstream:
    """An app that hangs up on the first `refuse` requests, keeps the first `slow` waiting, and then answers.

    It remembers what it was sent.
    """

    refuse: int = 0
    slow: int = 0
    status: int = 200
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    port: int = 0

    def serve(self) -> http.server.ThreadingHTTPServer:
        """Start it on a free port."""
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                upstream.seen.append((self.command, self.path, body))
                if len(upstream.seen) <= upstream.refuse:
                    self.close_connection = True
                    return
                if len(upstream.seen) <= upstream.slow:
                    time.sleep(2.5)
                data = json.dumps({"reason": "database: read-only"} if upstream.status >= 500 else {"ok": True}).encode()
                self.send_response(upstream.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


@dataclass(frozen=True)
class Web:
    """A running nginx and the app behind it."""

    port: int
    upstream: Upstream

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body or None, dict(headers or {}))
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """nginx as ./start starts it, before an upstream that answers."""
    upstream = Upstream()
    server = upstream.serve()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = web_environment() | {
        "PECCY_WEB_PORT": str(port),
        "PECCY_WEB_BIND": "127.0.0.1",
        "PECCY_APP_URL": f"http://127.0.0.1:{upstream.port}/",
        "PECCY_WEB_RESOLVER": "127.0.0.1",
        "TMPDIR": str(tmp_path),
    }
    process = subprocess.Popen(["sh", WEB / "start"], env=env, stderr=subprocess.PIPE)
    try:
        _wait_for(port, process)
        yield Web(port=port, upstream=upstream)
    finally:
        process.terminate()
        process.communicate(timeout=10)
        server.shutdown()
        server.server_close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < limit, "nginx does not listen"
            time.sleep(0.05)
        else:
            return


@pytest.mark.lab
def test_the_page_is_served_with_a_strict_policy(web: Web) -> None:
    """The page, its parts, and not-found for anything else."""
    status, headers, body = web.ask("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-peccy-web-host"]
    assert b"<title>peccy</title>" in body
    for path, kind in (("/style.css", "text/css"), ("/page.js", "text/javascript"), ("/icon.svg", "image/svg+xml")):
        status, headers, _ = web.ask("GET", path)
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
    for path in ("/nothing", "/../start", "/hobbiesx"):
        assert web.ask("GET", path)[0] in (400, 404)
    assert web.upstream.seen == []


@pytest.mark.lab
def test_the_api_is_passed_on_as_it_is(web: Web) -> None:
    """Method, path with its query, and body arrive unchanged."""
    sent = [
        ("GET", "/hobbies?limit=3&before=7", b""),
        ("POST", "/hobbies", b'{"name": "go"}'),
        ("DELETE", "/hobbies/1", b""),
        ("PUT", "/infos/picture", b"x" * 200_000),
        ("GET", "/debugs/zone", b""),
        ("GET", "/readyz/reads", b""),
        ("GET", "/healthz", b""),
    ]
    for method, path, body in sent:
        status, _, answer = web.ask(method, path, body)
        assert (status, answer) == (200, b'{"ok": true}')
    assert web.upstream.seen == sent


@pytest.mark.lab
def test_livez_is_nginx_alone(web: Web) -> None:
    """Web's own liveness does not depend on the app."""
    status, headers, body = web.ask("GET", "/livez")
    assert (status, headers["content-type"], body) == (200, "application/json", b'{"status":"UP"}')
    assert web.upstream.seen == []


@pytest.mark.lab
def test_a_reason_of_the_app_gets_through(web: Web) -> None:
    """503 from the app is an answer, and it is not asked twice."""
    web.upstream.status = 503
    for path in ("/hobbies", "/readyz"):
        status, _, body = web.ask("GET", path)
        assert (status, json.loads(body)) == (503, {"reason": "database: read-only"})
    assert len(web.upstream.seen) == 2


@pytest.mark.lab
@pytest.mark.parametrize(
    ("method", "key", "times"),
    [("GET", "", 2), ("DELETE", "", 2), ("POST", "", 1), ("PUT", "", 1), ("POST", "k-1", 2), ("PUT", "k-1", 2)],
)
def test_only_what_is_safe_to_repeat_is_sent_again(web: Web, method: str, key: str, times: int) -> None:
    """An app that hangs up may have stored the write: without a key nobody may repeat it."""
    web.upstream.refuse = 1
    body = b"" if method in ("GET", "DELETE") else b"the body"
    status, _, answer = web.ask(method, "/hobbies", body, {"idempotency-key": key} if key else {})
    assert web.upstream.seen == [(method, "/hobbies", body)] * times
    assert (status, json.loads(answer)) == ((200, {"ok": True}) if times == 2 else (503, {"reason": "app: none answers"}))


@pytest.mark.lab
@pytest.mark.parametrize(("path", "times"), [("/hobbies", 1), ("/infos/picture", 2)])
def test_what_asks_the_database_is_waited_for(web: Web, path: str, times: int) -> None:
    """The app may wait for a writer that moves; anything else that takes so long comes from a hung app, and another is asked."""
    web.upstream.slow = 1
    assert web.ask("GET", path)[0] == 200
    assert len(web.upstream.seen) == times


@pytest.mark.lab
def test_no_app_is_503_with_the_reason_and_soon(web: Web) -> None:
    """Whatever is asked, the answer is JSON that says why, and probes are told within two seconds."""
    web.upstream.refuse = 1000
    for method, path in (("GET", "/hobbies"), ("POST", "/hobbies"), ("GET", "/readyz")):
        began = time.monotonic()
        status, headers, body = web.ask(method, path, b"{}" if method == "POST" else b"")
        assert (status, json.loads(body), headers["retry-after"]) == (503, {"reason": "app: none answers"}, "1")
        assert time.monotonic() - began < 2


@pytest.mark.lab
def test_a_body_over_the_limit_is_refused_in_json(web: Web) -> None:
    """The limit holds before the app is asked."""
    status, headers, body = web.ask("PUT", "/infos/picture", b"x" * (PICTURE_LIMIT + FORM_ROOM + 1))
    assert (status, headers["content-type"], json.loads(body)) == (413, "application/json", {"detail": "too large"})
    assert web.upstream.seen == []
