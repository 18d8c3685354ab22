"""The replicator's messages over TCP: a length, a small JSON header, and the bytes of a file. Standard library only.

Both sides are simple blocking programs: what limits them is the link, which is the point of them.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

HEAD = struct.Struct("!IQ")
Header = dict[str, Any]


class Broken(OSError):
    """The other side went away or said something that is no message."""


def send(connection: socket.socket, header: Header, body: bytes = b"") -> None:
    """Send one message."""
    text = json.dumps(header).encode()
    connection.sendall(HEAD.pack(len(text), len(body)) + text)
    if body:
        connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Header, bytes]:
    """Receive one message. Raises Broken, or TimeoutError after the connection's own time limit."""
    text_length, body_length = HEAD.unpack(_exactly(connection, HEAD.size))
    header = json.loads(_exactly(connection, text_length))
    if not isinstance(header, dict):
        raise Broken("a message without a header")
    known: Header = header
    return known, _exactly(connection, body_length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(min(length - len(data), 1 << 20))
        if not part:
            raise Broken("the connection ended")
        data += part
    return bytes(data)
