"""A whole process with a real MariaDB and a file system of its own, while either is full, read-only, absent, frozen or dead.

The file system is a small tmpfs in a mount namespace, so that full is full and read-only is read-only, for root too.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest
from peccy_client import a_png
from real_mariadb import Server, a_mariadb

pytestmark = pytest.mark.lab
SERVICE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The process, its store and its database."""

    process: subprocess.Popen[bytes]
    port: int
    store: Path
    database: Server

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, Any]:
        """Status and JSON (or length) of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body or None, {"content-type": kind} if kind else {})
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if answer.headers["content-type"] == "application/json" else len(data)
        finally:
            connection.close()

    def within(self, command: str) -> None:
        """Run a command in the process's namespaces."""
        enter = ("nsenter", f"--target={self.process.pid}", "--user", "--mount", "--preserve-credentials")
        done = subprocess.run([*enter, "sh", "-c", command], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service that has served: one hobby, one picture, everything green."""
    store = tmp_path / "store"
    store.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with a_mariadb(tmp_path / "mariadb") as database:
        env = {
            "PATH": os.environ["PATH"], "PECCY_BIND": "127.0.0.1", "PECCY_PORT": str(port), "PECCY_FILES": str(store),
            "PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": str(database.port), "PECCY_DATABASE_PASSWORD": "pw",
            "PECCY_DATABASE_PATIENCE": "1",
        }  # fmt: skip
        start = f'mount -t tmpfs -o size=1m tmpfs "{store}" && exec "{sys.executable}" -m app'
        process = subprocess.Popen(["unshare", "-Urm", "sh", "-c", start], cwd=SERVICE, env=env, stderr=subprocess.DEVNULL)
        try:
            service = Running(process=process, port=port, store=store, database=database)
            _until_ready(service)
            assert service.ask("POST", "/hobbies", b'{"name": "go"}', "application/json")[0] == 201
            assert service.ask("PUT", "/infos/picture", a_png(1), "image/png")[0] == 200
            yield service
        finally:
            process.kill()
            process.wait(10)


def _until_ready(service: Running) -> None:
    limit = time.monotonic() + 30
    while True:
        try:
            if service.ask("GET", "/readyz")[0] == 200:
                return
        except OSError:
            assert service.process.poll() is None
        assert time.monotonic() < limit, "the service is not ready"
        time.sleep(0.1)


def full(service: Running) -> None:
    """Not a byte is left."""
    service.within(f"cat /dev/zero > {service.store}/filler 2>/dev/null; sync; true")


def store_read_only(service: Running) -> None:
    """As a replication's destination is."""
    service.within(f"mount -o remount,ro {service.store}")


def absent(service: Running) -> None:
    """The mount is gone, and so is the place where it was."""
    service.within(f"umount {service.store} && rmdir {service.store}")


def database_read_only(service: Running) -> None:
    """As before promotion."""
    connection = pymysql.connect(host="127.0.0.1", port=service.database.port, user="boss", password="pw")
    with connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only=1")


def frozen(service: Running) -> None:
    """It accepts connections and says nothing."""
    service.database.signal(signal.SIGSTOP)


def dead(service: Running) -> None:
    """Nobody listens."""
    service.database.signal(signal.SIGKILL)


READS_HOBBIES, WRITES_HOBBIES = ("GET", "/hobbies"), ("POST", "/hobbies")
READS_PICTURE, WRITES_PICTURE = ("GET", "/infos/picture"), ("PUT", "/infos/picture")
BODIES = {WRITES_HOBBIES: (b'{"name": "chess"}', "application/json"), WRITES_PICTURE: (a_png(2), "image/png")}
EVERYTHING = {READS_HOBBIES: 200, WRITES_HOBBIES: 201, READS_PICTURE: 200, WRITES_PICTURE: 200}


@pytest.mark.parametrize(
    ("lose", "reason", "refused"),
    [
        (full, "files: full", {WRITES_PICTURE}),
        (store_read_only, "files: read-only", {WRITES_PICTURE}),
        (absent, "files: absent", {READS_PICTURE, WRITES_PICTURE}),
        (database_read_only, "database: read-only", {WRITES_HOBBIES}),
        (frozen, "database: cannot connect", {READS_HOBBIES, WRITES_HOBBIES}),
        (dead, "database: cannot connect", {READS_HOBBIES, WRITES_HOBBIES}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_lost_is_503_with_the_reason_and_the_rest_goes_on(
    running: Running, lose: Callable[[Running], None], reason: str, refused: set[tuple[str, str]]
) -> None:
    """/readyz is red within 2 s and says why, /livez stays green, and what needs only the other part is served."""
    lose(running)
    lost = time.monotonic()
    while (last := running.ask("GET", "/readyz"))[0] == 200:
        assert time.monotonic() - lost < 2, "still ready"
        time.sleep(0.05)
    assert time.monotonic() - lost < 2
    assert (last[0], last[1]["reason"].split(":")[0]) == (503, reason.split(":")[0])
    for request, status in EVERYTHING.items():
        got = running.ask(*request, *BODIES.get(request, ()))
        if request in refused:
            assert got[0] == 503
            assert got[1]["reason"].startswith(reason)
        else:
            assert got[0] == status, (request, got)
    reads = refused & {READS_HOBBIES, READS_PICTURE}
    assert running.ask("GET", "/readyz/reads")[0] == (503 if reads else 200)
    assert running.ask("GET", "/livez") == (200, {"status": "UP"})
    assert running.ask("GET", "/infos/name") == (200, {"name": "peccy"})


def test_both_lost_at_once_are_both_told(running: Running) -> None:
    """The reasons of one do not hide those of the other."""
    full(running)
    database_read_only(running)
    time.sleep(0.6)  # a round of checks serves for half a second
    status, said = running.ask("GET", "/readyz")
    assert (status, said["reason"]) == (503, "database: read-only; files: full")
    assert running.ask("GET", "/livez")[0] == 200


def test_a_store_with_room_again_is_ready_again(running: Running) -> None:
    """No restart, and the write that was refused goes through."""
    full(running)
    assert running.ask(*WRITES_PICTURE, *BODIES[WRITES_PICTURE])[0] == 503
    running.within(f"rm {running.store}/filler")
    time.sleep(0.6)
    assert running.ask("GET", "/readyz")[0] == 200
    assert running.ask(*WRITES_PICTURE, *BODIES[WRITES_PICTURE])[0] == 200
