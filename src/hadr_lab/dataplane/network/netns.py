"""Work inside another network namespace: sockets, settings and links, made by a thread that goes there and ends.

A socket belongs for ever to the namespace it was made in, so making it is all that happens there; the caller's own thread, which
may run an event loop, never leaves home.
"""

from __future__ import annotations

import asyncio
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
_MS_BIND, _MNT_DETACH = 4096, 2
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")

SETTINGS = {
    "ipv4/ip_forward": "1",
    "ipv4/ip_unprivileged_port_start": "0",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
}


def inside(netns: str, act: Callable[[], T]) -> T:
    """What `act` returns (or raises) in namespace `netns`, blocking for that moment. Raises FileNotFoundError if there is none."""
    return _sent(netns, act).result()


async def visit(netns: str, act: Callable[[], T]) -> T:
    """The same without blocking the event loop."""
    return await asyncio.wrap_future(_sent(netns, act))


def _sent(netns: str, act: Callable[[], T]) -> Future[T]:
    outcome: Future[T] = Future()

    def go() -> None:
        outcome.set_running_or_notify_cancel()  # from now on whoever waits may stop waiting, and the visit goes on to its end
        try:
            _join(NETNS / netns)
            outcome.set_result(act())
        except BaseException as error:  # noqa: BLE001  # it is raised again where the outcome is asked for
            outcome.set_exception(error)

    threading.Thread(target=go, name=f"netns-{netns}").start()
    return outcome


def _join(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.setns(number, _CLONE_NEWNET), f"setns {path}")
    finally:
        os.close(number)


def _checked(result: int, what: str) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def make(netns: str) -> int:
    """Make namespace `netns`, move this thread into it, and return a descriptor of it. Only for a thread that ends afterwards.

    Raises FileExistsError when there is one of that name.
    """
    path = NETNS / netns
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
    try:
        _checked(_libc.unshare(_CLONE_NEWNET), "unshare")
        here = b"/proc/thread-self/ns/net"
        _checked(_libc.mount(here, bytes(path), b"none", _MS_BIND, None), f"mount {path}")
    except OSError:
        path.unlink()
        raise
    (Path("/proc/sys/net") / "ipv4/ip_unprivileged_port_start").write_text("0")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def leave(netns: str) -> None:
    """Drop the name of namespace `netns`; it ends with the last process in it. None of that name is fine."""
    path = NETNS / netns
    if path.exists():
        _libc.umount2(bytes(path), _MNT_DETACH)
        path.unlink(missing_ok=True)


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


def configure(netns: str, settings: Mapping[str, str] = SETTINGS) -> None:
    """Write sysctls (`ipv4/ip_forward` to `1`) of `netns`; /proc/sys/net shows the namespace of the thread that opens it."""

    def write() -> None:
        for name, value in settings.items():
            (Path("/proc/sys/net") / name).write_text(value)

    inside(netns, write)
