"""The picture shown until somebody sends one: a round face, drawn here so that no binary file has to be kept.

Drawn once at import (a few milliseconds, shared by every forked process) as a palette PNG of 96 x 96.
"""

from __future__ import annotations

import struct
import zlib

SIZE = 96
PALETTE = bytes.fromhex("000000 f7a531 f9c36b 1d2b3a ffffff")
CLEAR, SKIN, CHEEK, INK, LIGHT = range(5)


def _pixel(x: int, y: int) -> int:
    """The palette entry at (x, y), in hundredths of the size from the centre."""
    u, v = (x - SIZE / 2 + 0.5) * 100 / SIZE, (y - SIZE / 2 + 0.5) * 100 / SIZE
    eye = min((u - 16) ** 2, (u + 16) ** 2) + (v + 8) ** 2
    if eye < 4:
        return LIGHT
    if eye < 36:
        return INK
    if v > 8 and 15**2 < u * u + (v - 4) ** 2 < 19**2:
        return INK
    if min((u - 28) ** 2, (u + 28) ** 2) + (v - 8) ** 2 < 36:
        return CHEEK
    return SKIN if u * u + v * v < 46**2 else CLEAR


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _draw() -> bytes:
    rows = b"".join(b"\0" + bytes(_pixel(x, y) for x in range(SIZE)) for y in range(SIZE))
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
