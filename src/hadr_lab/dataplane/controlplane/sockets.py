"""Sockets made inside another network namespace, without moving the caller there.

A socket belongs for ever to the namespace in which it was made, so one synchronous visit is enough: enter, make the socket, come
back. Nothing is awaited in between, so an event loop's thread never runs anything else while it is away.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from hadr_lab.dataplane.processes import NETNS

CLONE_NEWNET = 0x40000000
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")


@contextmanager
def inside(netns: str) -> Iterator[None]:
    """Run the body, which must not await, in network namespace `netns` (empty: here). Raises FileNotFoundError for an unknown."""
    if not netns:
        yield
        return
    target = os.open(NETNS / netns, os.O_RDONLY | os.O_CLOEXEC)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(target)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)
        os.close(target)


def tcp_socket(netns: str, source: str = "") -> socket.socket:
    """A non-blocking TCP socket of `netns`, bound to `source` when given, whose peer is known to be gone after about 25 s."""
    with inside(netns):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        for level, option, value in _KEEPALIVE:
            made.setsockopt(level, option, value)
        if source:
            made.bind((source, 0))
    except OSError:
        made.close()
        raise
    return made


def listener(netns: str, address: str, port: int = 0) -> socket.socket:
    """A listening TCP socket of `netns`."""
    made = tcp_socket(netns)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made
