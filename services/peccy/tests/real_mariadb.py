"""A real MariaDB for a test: from the lab's toolchain, on a free port of 127.0.0.1, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import MySqlTarget
from hadr_lab.progress import Progress
from hadr_lab.toolchain import database, debian

FIRST = """CREATE DATABASE IF NOT EXISTS peccy;
CREATE USER IF NOT EXISTS peccy@'%' IDENTIFIED BY 'pw';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON peccy.* TO peccy@'%';
CREATE USER IF NOT EXISTS boss@'%' IDENTIFIED BY 'pw';
GRANT ALL ON *.* TO boss@'%';
"""


@dataclass
class Server:
    """One mariadbd with its data below `folder`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    read_only: bool = False
    programs: debian.System = field(default_factory=lambda: debian.obtain(Progress()))

    @property
    def target(self) -> MySqlTarget:
        """How the service reaches it."""
        return MySqlTarget(host="127.0.0.1", port=self.port, password="pw")

    def start(self) -> None:
        """Start it (again) and wait until it accepts connections."""
        program = self.programs.programs["mariadbd"]
        share = self.programs.share
        data = self.folder / "data"
        if not data.exists():
            shutil.copytree(database.template(self.programs.programs, share, Progress()), data, symlinks=True)
            (self.folder / "first.sql").write_text(FIRST)
        user = ["user=root"] if os.geteuid() == 0 else []
        lines = [
            "[mariadbd]", *user, f"basedir={share}", f"datadir={data}", f"socket={self.folder}/s", f"pid-file={self.folder}/p",
            f"port={self.port}", "bind-address=127.0.0.1", "skip-name-resolve", "innodb-log-file-size=4M",
            "innodb-buffer-pool-size=16M", "performance-schema=OFF", f"init-file={self.folder}/first.sql",
            f"lc-messages-dir={share}/share/mysql", f"character-sets-dir={share}/share/mysql/charsets",
            f"plugin-dir={share}/lib/mysql/plugin",
        ]  # fmt: skip
        (self.folder / "my.cnf").write_text("\n".join(lines) + "\n")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program.path, f"--defaults-file={self.folder}/my.cnf"], env={**os.environ, **program.env}, stdout=log, stderr=log
            )
        self._wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; KILL is waited for."""
        assert self.process is not None
        self.process.send_signal(number)
        if number is signal.SIGKILL:
            self.process.wait(10)

    def _wait(self) -> None:
        limit = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as greeting:
                    if greeting.recv(1):
                        return
            except OSError:
                pass
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < limit, "mariadbd does not answer"
            time.sleep(0.05)


@contextmanager
def a_mariadb(folder: Path) -> Iterator[Server]:
    """A running server; killed at the end, frozen or not."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = Server(folder=folder, port=port)
    server.start()
    try:
        yield server
    finally:
        server.signal(signal.SIGKILL)
