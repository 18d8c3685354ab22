"""Small valid PNG pictures that carry an operation's id in a text chunk, and the way back from a picture to its id."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"Comment\x00"


def picture(key: str) -> bytes:
    """A valid 1x1 PNG whose bytes differ for each key."""
    header = struct.pack("!IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes((0, zlib.crc32(key.encode()) & 0xFF)))
    text = KEYWORD + key.encode("latin-1")
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"tEXt", text) + _chunk(b"IDAT", pixel) + _chunk(b"IEND", b"")


def key_of(data: bytes) -> str | None:
    """The key inside one of our pictures; None for any other bytes, and for a picture that is cut off or damaged."""
    if not data.startswith(SIGNATURE):
        return None
    at, key, ended = len(SIGNATURE), None, False
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("!I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if data[at + 8 + length : at + 12 + length] != struct.pack("!I", zlib.crc32(kind + body)):
            return None
        if kind == b"tEXt" and body.startswith(KEYWORD):
            key = body[len(KEYWORD) :].decode("latin-1")
        ended = kind == b"IEND"
        at += 12 + length
    return key if ended else None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
