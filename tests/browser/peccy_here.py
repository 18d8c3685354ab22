"""peccy's two tiers on this machine, without the lab: the real app on SQLite, the real nginx before it. Not a test itself.

The app runs in a thread, so that a test can turn its database read-only or away, as a failover does, and back.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from app import api
from app.database import Answer
from app.errors import Unavailable
from app.hobbies import Hobbies
from app.pictures import Pictures
from app.readiness import Readiness
from app.settings import Identity
from app.sqlite import Sqlite
from hadr_lab.progress import Progress
from hadr_lab.toolchain import debian

WEB = Path(__file__).resolve().parents[2] / "services" / "peccy" / "web"
ME = Identity(member="one", region="us-east-1", zone="us-east-1a", hostname="peccy-app-7c9f6d5b8-x2v4q", version="9.9.9")


class Switchable:
    """A database that can be made read-only or away while it is used."""

    def __init__(self, path: Path) -> None:
        """SQLite in that file, as it should be at first."""
        self._real = Sqlite(path)
        self.schema = self._real.schema
        self.read_only = False
        self.away = False

    async def run(self, statement: str, *values: Any) -> Answer:
        """Run it, or refuse as MySQL would."""
        self._refuse(writing=not statement.startswith("SELECT"))
        return await self._real.run(statement, *values)

    async def writable(self) -> None:
        """Refuse where a write would be refused."""
        self._refuse(writing=True)
        await self._real.writable()

    async def close(self) -> None:
        """Close the file."""
        await self._real.close()

    def _refuse(self, *, writing: bool) -> None:
        if self.away:
            raise Unavailable("database", "cannot connect: it does not answer")
        if self.read_only and writing:
            raise Unavailable("database", "read-only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peccy:
    """Where the page is, and the database behind it."""

    url: str
    database: Switchable


@contextmanager
def a_peccy(folder: Path) -> Iterator[Peccy]:
    """Both tiers on free ports of 127.0.0.1; ended with the block."""
    database = Switchable(folder / "peccy.sqlite3")
    pictures = Pictures(folder, probe=ME.hostname)
    readiness = Readiness({"database": Hobbies(database), "files": pictures}, valid_for=0)
    local = Readiness({"files": pictures}, valid_for=0)
    app = api.create(identity=ME, hobbies=Hobbies(database), pictures=pictures, readiness=readiness, local=local)
    with _an_app(app) as port, _an_nginx(port, folder) as web:
        yield Peccy(url=f"http://127.0.0.1:{web}/", database=database)


@contextmanager
def _an_app(app: Any) -> Iterator[int]:
    port = _free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _until(lambda: server.started, "the app")
        yield port
    finally:
        server.should_exit = True
        thread.join(15)


@contextmanager
def _an_nginx(app: int, folder: Path) -> Iterator[int]:
    port = _free_port()
    env = {
        **_nginx(),
        "PECCY_WEB_PORT": str(port), "PECCY_WEB_BIND": "127.0.0.1", "PECCY_WEB_RESOLVER": "127.0.0.1",
        "PECCY_APP_URL": f"http://127.0.0.1:{app}", "TMPDIR": str(folder),
    }  # fmt: skip
    process = subprocess.Popen(["sh", WEB / "start"], env=env, stderr=subprocess.DEVNULL)
    try:
        _until(lambda: _listens(port), "nginx")
        yield port
    finally:
        process.terminate()
        process.wait(15)


def _nginx() -> Mapping[str, str]:
    if shutil.which("nginx") is not None:
        return {"PATH": os.environ["PATH"]}
    nginx = debian.obtain(Progress()).programs["nginx"]
    return {"PATH": f"{nginx.path.parent}{os.pathsep}{os.environ['PATH']}", **nginx.env}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _until(ready: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < limit, f"{what} does not start"
        time.sleep(0.02)
