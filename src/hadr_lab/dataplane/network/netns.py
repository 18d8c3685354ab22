"""Work inside another network namespace: sockets and settings, made by a thread that goes there and ends.

A socket belongs for ever to the namespace it was made in, so making it is all that happens there; the caller's own thread, which
may run an event loop, never leaves home.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from hadr_lab.dataplane.processes import NETNS

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def inside(netns: str, act: Callable[[], T]) -> T:
    """What `act` returns (or raises) in namespace `netns`, blocking for that moment. Raises FileNotFoundError if there is none."""
    outcome: Future[T] = Future()

    def visit() -> None:
        try:
            _join(NETNS / netns)
            outcome.set_result(act())
        except BaseException as error:  # noqa: BLE001  # it is raised again in the caller's thread
            outcome.set_exception(error)

    thread = threading.Thread(target=visit, name=f"netns-{netns}")
    thread.start()
    thread.join()
    return outcome.result()


def _join(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(number, _CLONE_NEWNET):
            error = ctypes.get_errno()
            raise OSError(error, f"setns {path}: {os.strerror(error)}")
    finally:
        os.close(number)


def make_socket(netns: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A non-blocking IPv4 socket of `netns`."""
    return inside(netns, lambda: socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC))


def bound(netns: str, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A non-blocking socket of `netns` bound to `address`; it listens if it is a stream. Raises OSError naming the place."""
    made = make_socket(netns, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen(512)
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"{address}:{port} in {netns}: {error.strerror}") from error
    return made


def configure(netns: str, settings: Mapping[str, str]) -> None:
    """Write sysctls (`ipv4/ip_forward` to `1`) of `netns`; /proc/sys/net shows the namespace of the thread that opens it."""

    def write() -> None:
        for name, value in settings.items():
            (Path("/proc/sys/net") / name).write_text(value)

    inside(netns, write)
