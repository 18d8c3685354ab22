"""The receiving side of one replication: applies what comes, whole files at once, and says up to when it is in step.

A file is written aside and moved into place, so a reader never sees half of one; the end of a connection in the middle of a file
leaves nothing. Usage: receiver.py DESTINATION ASIDE ADDRESS PORT SILENCE REPORT. A sender that says nothing for SILENCE seconds is
given up for the next one. REPORT is an open file descriptor that gets one line a round: the time (ns) of which everything is here.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.files.tree import Entry, scan
from hadr_lab.dataplane.files.wire import Broken, receive, send


def main(destination: Path, aside: Path, address: str, port: int, silence: float, report: int) -> None:
    """Serve one sender after the other, for ever."""
    with socket.create_server((address, port)) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(silence)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    serve(connection, destination, aside, report)
                except OSError as error:
                    print(f"receiver: {error}; waiting for the sender", flush=True)


def serve(connection: socket.socket, destination: Path, aside: Path, report: int) -> None:
    """Say what is here, then apply messages until the connection breaks (OSError)."""
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    send(connection, {"entries": {path: entry.seen_there for path, entry in scan(destination).items()}})
    while True:
        header, body = receive(connection)
        if "sync" in header:
            os.write(report, f"{int(header['sync'])}\n".encode())
            send(connection, {"synced": header["sync"]})
        else:
            apply(header, body, destination, aside)


def apply(header: dict[str, Any], body: bytes, destination: Path, aside: Path) -> None:
    """Carry out one message. Raises Broken for a path that leads out of the file system."""
    relative = Path(str(header.get("put", header.get("remove"))))
    if relative.is_absolute() or ".." in relative.parts or not relative.parts:
        raise Broken(f"{str(relative)!r} is not a path of this file system")
    if "remove" in header:
        _remove(destination / relative)
    else:
        _put(destination / relative, Entry(*header["entry"]), body, aside / "incoming")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _put(path: Path, entry: Entry, body: bytes, incoming: Path) -> None:
    if entry.kind == "d":
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(entry.mode)
        return
    if entry.kind == "l":
        incoming.unlink(missing_ok=True)
        incoming.symlink_to(entry.target)
    else:
        incoming.write_bytes(body)
        incoming.chmod(entry.mode)
        os.utime(incoming, ns=(entry.changed, entry.changed))
    incoming.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
