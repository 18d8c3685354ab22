"""The picture shown until somebody sends one: a round face, drawn here so that no binary file has to be kept.

Drawn once at import (a few milliseconds, shared by every forked process) as a palette PNG of 192 x 192.
"""

from __future__ import annotations

import math
import struct
import zlib

SIZE = 192
PALETTE = bytes.fromhex("000000 f7a531 f9c36b 1d2b3a ffffff")
CLEAR, SKIN, CHEEK, INK, LIGHT = range(5)
TOP = -50
MOUTH = 8
DISCS = (  # painted in this order: x, y, radius in hundredths of the size from the centre; colour; nothing above this y
    (0, 0, 46, SKIN, TOP), (0, 4, 19, INK, MOUTH), (0, 4, 15, SKIN, MOUTH), (-28, 8, 6, CHEEK, TOP), (28, 8, 6, CHEEK, TOP),
    (-16, -8, 6, INK, TOP), (16, -8, 6, INK, TOP), (-16, -8, 2, LIGHT, TOP), (16, -8, 2, LIGHT, TOP),
)  # fmt: skip


def _paint(row: bytearray, v: float, disc: tuple[int, int, int, int, int]) -> None:
    """Paint what this disc covers of the row at `v`."""
    x, y, radius, colour, above = disc
    if v <= above or abs(v - y) >= radius:
        return
    half = math.sqrt(radius**2 - (v - y) ** 2)
    first, last = (math.ceil((edge + 50) * SIZE / 100 - 0.5) for edge in (x - half, x + half))
    row[first:last] = bytes([colour]) * (last - first)


def _row(number: int) -> bytes:
    row = bytearray(SIZE)
    for disc in DISCS:
        _paint(row, (number + 0.5) * 100 / SIZE - 50, disc)
    return bytes(row)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _draw() -> bytes:
    rows = b"".join(b"\0" + _row(number) for number in range(SIZE))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", PALETTE),
            _chunk(b"tRNS", b"\0"),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


FACE = _draw()
