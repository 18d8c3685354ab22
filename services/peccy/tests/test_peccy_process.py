"""One real process: settings, start, drain on SIGTERM, and what importing must not do."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from peccy_client import Client, a_png, run

from app.errors import ConfigError
from app.main import build
from app.settings import MySqlTarget, from_env

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("port", ["x", "-1", "65536", "8000.0", "²"])
def test_a_wrong_port_is_named(port: str) -> None:
    """The message says which variable and what it was."""
    with pytest.raises(ConfigError, match="PECCY_PORT="):
        from_env({"PECCY_PORT": port})


def test_defaults_need_no_environment() -> None:
    """A laptop starts with nothing set: SQLite, own port, unknown zone."""
    settings = from_env({})
    assert (settings.database, settings.port, settings.identity.zone) == (None, 8000, "unknown")


def test_files_are_fenced_by_the_database_or_not_at_all(tmp_path: Path) -> None:
    """Asked for, a picture is refused where the database is away; not asked for, it is stored. Another word is named."""
    away = {"PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": "1", "PECCY_FILES": str(tmp_path)}
    statuses = []

    async def scenario(client: Client) -> None:
        reply = await client.put(a_png(1))
        statuses.append((reply.status, "database: cannot connect" in reply.body.decode()))

    for env in (away, away | {"PECCY_FILES_FENCE": "database"}):
        run(build(from_env(env)), scenario)
    assert statuses == [(200, False), (503, True)]
    with pytest.raises(ConfigError, match="PECCY_FILES_FENCE='yes': expected database, or nothing"):
        from_env({"PECCY_FILES_FENCE": "yes"})


def test_the_zone_may_be_a_file_that_is_missing(tmp_path: Path) -> None:
    """A downward API volume may be absent; unknown is the honest answer."""
    (tmp_path / "zone").write_text("us-east-1b\n")
    assert from_env({"PECCY_ZONE": str(tmp_path / "zone")}).identity.zone == "us-east-1b"
    assert from_env({"PECCY_ZONE": str(tmp_path / "no")}).identity.zone == "unknown"


def test_a_password_file_is_read_again_each_time(tmp_path: Path) -> None:
    """Secrets Manager rotates the password under a running pod."""
    secret = tmp_path / "password"
    secret.write_text("old\n")
    target = from_env({"PECCY_DATABASE_HOST": "db", "PECCY_DATABASE_PASSWORD_FILE": str(secret)}).database
    assert target is not None
    assert target.credentials() == ("peccy", "old")
    secret.write_text("new\n")
    assert target.credentials() == ("peccy", "new")


def test_a_secret_as_rds_keeps_it_gives_user_and_password(tmp_path: Path) -> None:
    """The value of the managed secret is mounted as it is, so nothing has to take it apart on the way."""
    secret = tmp_path / "credentials.json"
    target = MySqlTarget(host="db", password_file=secret)
    secret.write_text('{"username": "admin", "password": "{p\u00e4"}')
    assert target.credentials() == ("admin", "{pä")
    for broken in ('{"username": "admin"}', "{"):
        secret.write_text(broken)
        with pytest.raises(ValueError, match=r"no password|Expecting"):
            target.credentials()


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    """Settings may end up in a log."""
    assert "hunter2" not in repr(from_env({"PECCY_DATABASE_HOST": "db", "PECCY_DATABASE_PASSWORD": "hunter2"}))


def test_importing_starts_no_thread_and_opens_no_socket() -> None:
    """A process that imports the service once and forks a process for each pod depends on it."""
    check = (
        "import os, threading, app.main;"
        "open_now = [f'/proc/self/fd/{fd}' for fd in os.listdir('/proc/self/fd')];"
        "kinds = [os.readlink(path) for path in open_now if os.path.lexists(path)];"
        "print(threading.active_count(), len(os.listdir('/proc/self/task')), sum('socket' in k or 'eventpoll' in k for k in kinds))"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["1", "1", "0"]


def test_a_wrong_environment_is_one_line_and_status_64(tmp_path: Path) -> None:
    """No traceback for a typing error."""
    done = subprocess.run(
        [sys.executable, "-m", "app"], cwd=ROOT, env={"PECCY_PORT": "many"}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 64
    assert done.stderr.splitlines() == ["peccy-app: PECCY_PORT='many': expected a whole number from 0 to 65535"]


def test_sigterm_drains_the_request_under_way(tmp_path: Path) -> None:
    """A pod that is asked to go finishes what it began and then ends by that very signal."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    env = {"PECCY_BIND": "127.0.0.1", "PECCY_PORT": str(port), "PECCY_FILES": str(tmp_path), "PATH": os.environ["PATH"]}
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        connection = _connect(port)
        body = b'{"name": "slow"}'
        connection.putrequest("POST", "/hobbies")
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body[:5])
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.send(body[5:])
        assert connection.getresponse().status == 201
        connection.close()
        assert process.wait(10) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def test_sigterm_does_not_cut_who_waits_for_the_database(tmp_path: Path) -> None:
    """It is answered, with the reason, before the process ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    env = {
        "PECCY_BIND": "127.0.0.1", "PECCY_PORT": str(port), "PECCY_FILES": str(tmp_path), "PATH": os.environ["PATH"],
        "PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": "1", "PECCY_DATABASE_PATIENCE": "1.5",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    try:
        connection = _connect(port)
        connection.request("GET", "/hobbies")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        answer = connection.getresponse()
        assert answer.status == 503
        assert b"database: cannot connect" in answer.read()
        connection.close()
        assert process.wait(10) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("seconds", ["x", "-1", "50.1", "1e1", "1.", "inf"])
def test_a_patience_that_is_none_is_named(seconds: str) -> None:
    """A load balancer gives up after 60 s; whoever waits longer answers nobody."""
    with pytest.raises(ConfigError, match="PECCY_DATABASE_PATIENCE="):
        from_env({"PECCY_DATABASE_PATIENCE": seconds})


def test_patience_may_be_a_fraction_or_none_at_all() -> None:
    """The lab divides it by its speed."""
    assert [from_env({"PECCY_DATABASE_PATIENCE": text}).patience for text in ("", "0", "2.250s", "50")] == [45, 0, 2.25, 50]


def _connect(port: int) -> http.client.HTTPConnection:
    limit = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.connect()
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)
        else:
            return connection
