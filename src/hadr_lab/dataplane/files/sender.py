"""The sending side of one replication: looks at the source every interval and ships what changed. A program of its own.

A round begins with the time and ends with the receiver's word that everything the source held then is there. After a lost
connection it asks what the destination has and goes on from that. Usage: sender.py SOURCE ADDRESS PORT INTERVAL.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from hadr_lab.dataplane.files.tree import Entry, difference, now_ns, scan, settled
from hadr_lab.dataplane.files.wire import receive, send

CONNECT_TIME = 3
ANSWER_TIME = 10
PAUSE = 0.5


def main(source: Path, address: str, port: int, interval: float) -> None:
    """Replicate for ever."""
    said = ""
    while True:
        try:
            with socket.create_connection((address, port), timeout=CONNECT_TIME) as connection:
                connection.settimeout(ANSWER_TIME)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                said = ""
                replicate(connection, source, interval)
        except OSError as error:
            if str(error) != said:
                said = str(error)
                print(f"sender: {address}:{port}: {said}; trying again", flush=True)
            time.sleep(PAUSE)


def replicate(connection: socket.socket, source: Path, interval: float) -> None:
    """Rounds over one connection, until it breaks (OSError)."""
    inventory, _ = receive(connection)
    there = {path: Entry(*values) for path, values in inventory["entries"].items()}
    while True:
        began = time.monotonic()
        there = one_round(connection, source, there)
        time.sleep(max(0.0, interval - (time.monotonic() - began)))


def one_round(connection: socket.socket, source: Path, there: dict[str, Entry]) -> dict[str, Entry]:
    """Ship the difference and wait until it is applied; what the other side has after it."""
    at = now_ns()
    here = scan(source)
    change = difference(here, there)
    for path in change.remove:
        send(connection, {"remove": path})
    missed = [path for path in change.put if not _put(connection, source, path, here[path])]
    send(connection, {"sync": at})
    receive(connection)
    return settled({path: entry for path, entry in here.items() if path not in missed}, looked_at=at)


def _put(connection: socket.socket, source: Path, path: str, entry: Entry) -> bool:
    body = b""
    if entry.kind == "f":
        try:
            body = (source / path).read_bytes()
        except OSError:
            return False  # gone since it was seen: the next round will know
    send(connection, {"put": path, "entry": entry.seen_there}, body)
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
