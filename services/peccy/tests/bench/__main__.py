"""How many requests a core serves, against the older service's kind of code in the same run: `make bench`, or `python … [SECONDS]`.

Both run as one process on one real MariaDB with the same five rows, each in a fresh process for every line, so that a crash spoils
one line only. The figure is good answers for each second of a core that the process itself used, so other work matters little.
Exit 1 when a request to peccy failed or the ratio is under `WANTED`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvloop

HERE = Path(__file__).resolve().parent
SERVICE = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(SERVICE), str(SERVICE.parents[1] / "src")]

import older  # noqa: E402 - found beside this file
from measure import Line, measure  # noqa: E402
from real_mariadb import a_mariadb  # noqa: E402

from app.hobbies import Hobbies  # noqa: E402
from app.mysql import MySql  # noqa: E402
from app.settings import MySqlTarget  # noqa: E402

CONNECTIONS = (1, 4, 16, 64)
WANTED = 10
WHAT = """The baseline is not the older service itself, whose code is not ours to copy, but a small service of its published
architecture: FastAPI with handlers in a thread pool, one scoped_session shared among them, SQLAlchemy's ORM, pool_pre_ping, the
versions it pins (FastAPI 0.88.0, SQLAlchemy 1.4.45, uvicorn 0.20.0; here on Python {python} instead of 3.9). Its logging is cheaper
than the older one's and it has nothing but this list: both are in its favour. Database driver: {driver}."""


@contextmanager
def a_process(command: Sequence[str], env: Mapping[str, str], port: int) -> Iterator[int]:
    """A server that listens; its pid."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=SERVICE, env={"PATH": os.environ["PATH"], **env}, stdout=said, stderr=said)
        try:
            limit = time.monotonic() + 30
            while not listens(port):
                if process.poll() is not None or time.monotonic() > limit:
                    said.seek(0)
                    sys.exit(f"bench: {' '.join(command)} does not listen: {said.read().decode()[-500:]}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # the baseline hangs in its threads
                process.kill()
                process.wait()


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def ours(path: str, connections: int, seconds: float, database: MySqlTarget, files: str) -> Line:
    """One line of peccy."""
    port = free_port()
    env = {
        "PECCY_BIND": "127.0.0.1", "PECCY_PORT": str(port), "PECCY_FILES": files, "PECCY_DATABASE_HOST": database.host,
        "PECCY_DATABASE_PORT": str(database.port), "PECCY_DATABASE_PASSWORD": database.password,
    }  # fmt: skip
    with a_process((sys.executable, "-m", "app"), env, port) as pid:
        return uvloop.run(measure(pid, port, path, connections, seconds))


def theirs(code: older.Older, connections: int, seconds: float, database: MySqlTarget) -> Line:
    """One line of the baseline."""
    port = free_port()
    url = f"mysql://{database.user}:{database.password}@{database.host}:{database.port}/{database.name}"
    env = {**code.env, "OLDER_DATABASE": url, "OLDER_PORT": str(port)}
    with a_process((*code.command, str(HERE / "older_app.py")), env, port) as pid:
        return uvloop.run(measure(pid, port, "/hobbies", connections, seconds))


async def five_rows(database: MySql) -> None:
    """What both list."""
    for number in range(5):
        await Hobbies(database).create(name=f"hobby {number}", key=f"k{number}")
    await database.close()


def told(name: str, line: Line) -> Line:
    """Print a line as soon as it is there."""
    print(f"{name:17} {line.text()}", flush=True)
    return line


def main(seconds: float) -> int:
    """Measure, print, judge."""
    code = older.obtain()
    print(WHAT.format(python=".".join(map(str, sys.version_info[:2])), driver=code.driver), end="\n\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, a_mariadb(Path(folder) / "mariadb") as server:
        asyncio.run(five_rows(MySql(server.target)))
        old = [told("baseline /hobbies", theirs(code, many, seconds, server.target)) for many in CONNECTIONS]
        new = [told("peccy    /hobbies", ours("/hobbies", many, seconds, server.target, folder)) for many in CONNECTIONS]
        told("peccy    /livez", ours("/livez", CONNECTIONS[-1], seconds, server.target, folder))
    print(f"\n{verdict(old, new)}")
    return 0 if not sum(line.failed for line in new) and most(new) >= WANTED * most(old) else 1


def most(lines: list[Line]) -> float:
    """The most good answers that a core gave in a second, at whichever number of connections."""
    return max(line.per_core for line in lines)


def verdict(old: list[Line], new: list[Line]) -> str:
    """The figures that count, in words."""
    pairs = [(theirs, ours) for theirs, ours in zip(old, new, strict=True) if theirs.per_core]
    times = ", ".join(f"{ours.per_core / theirs.per_core:.1f} at {ours.connections}" for theirs, ours in pairs)
    broken = ", ".join(str(line.connections) for line in old if line.failed or not line.alive)
    return (
        f"A core of peccy serves {most(new) / most(old):.1f} times what a core of the baseline does, each at its best"
        f" ({most(new):.0f} / {most(old):.0f} a second; wanted: {WANTED}).\nAt the same number of connections: {times}.\n"
        f"Failed requests: peccy {sum(line.failed for line in new)}; the baseline {sum(line.failed for line in old)},"
        f" at {broken or 'no'} connections."
    )


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0))
