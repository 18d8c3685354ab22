"""How many requests a core of the app serves: `python services/peccy/tests/bench.py [SECONDS]`.

One app process on a real MariaDB with five rows, asked by a closed loop at 1, 16 and 64 connections. Requests per core-second are
what the process itself used of a core, so other work on the machine matters little. The older service's own code, at one connection
(with more it fails), served 364 per core-second (lab facts, section 5).
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from uvloop import run

SERVICE = Path(__file__).parents[1]
OLDER = 364


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last is whole."""

    def __init__(self, path: str, until: float, statuses: Counter[str], latencies: list[float]) -> None:
        """Count into the given."""
        self._request = f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode()
        self._until, self._statuses, self._latencies = until, statuses, latencies
        self._got = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect one answer and ask again."""
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return
        self._statuses[head[9:12].decode()] += 1
        self._latencies.append(time.perf_counter() - self._sent)
        self._got = b""
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that never came counts."""
        if exc is not None or self._got:
            self._statuses["cut"] += 1

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)


def core_seconds(pid: int) -> float:
    """What the process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(pid: int, port: int, path: str, connections: int, seconds: float) -> None:
    """One line of the table."""
    statuses: Counter[str] = Counter()
    latencies: list[float] = []
    before, until = core_seconds(pid), time.perf_counter() + seconds
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(path, until, statuses, latencies), "127.0.0.1", port)
    await asyncio.sleep(seconds + 0.5)
    total, used = sum(statuses.values()), max(core_seconds(pid) - before, 0.01)
    latencies.sort()
    failed = total - statuses["200"]
    times = f" ({total / used / OLDER:4.1f} x {OLDER})" if path == "/hobbies" else ""
    print(
        f"{path:10} {connections:4} connections  {total / seconds:7.0f}/s  {total / used:7.0f} per core-second"
        f"{times}  p50 {latencies[total // 2] * 1e3:6.1f} ms"
        f"  p99 {latencies[int(total * 0.99)] * 1e3:6.1f} ms  failed {failed}"
    )


@contextmanager
def an_app(folder: Path, database_port: int) -> Iterator[tuple[int, int]]:
    """A process of the service; its pid and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    env = {
        "PATH": os.environ["PATH"], "PECCY_BIND": "127.0.0.1", "PECCY_PORT": str(port), "PECCY_FILES": str(folder),
        "PECCY_DATABASE_HOST": "127.0.0.1", "PECCY_DATABASE_PORT": str(database_port), "PECCY_DATABASE_PASSWORD": "pw",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=SERVICE, env=env, stderr=subprocess.DEVNULL)
    try:
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(20)


def main(seconds: float) -> None:
    """Measure and print."""
    sys.path[:0] = [str(SERVICE), str(SERVICE.parents[1] / "src")]
    from real_mariadb import a_mariadb

    from app.hobbies import Hobbies
    from app.mysql import MySql

    async def five_rows(database: MySql) -> None:
        for number in range(5):
            await Hobbies(database).create(name=f"hobby {number}", key=f"k{number}")
        await database.close()

    with tempfile.TemporaryDirectory() as folder, a_mariadb(Path(folder) / "mariadb") as server:
        asyncio.run(five_rows(MySql(server.target)))
        with an_app(Path(folder), server.port) as (pid, port):
            for path in ("/livez", "/hobbies"):
                for connections in (1, 16, 64):
                    run(measure(pid, port, path, connections, seconds))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
