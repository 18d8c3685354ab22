"""Whether bytes are a whole PNG: signature, header first, every chunk's checksum, end chunk last.

Decides only that; it never decodes the picture, so a small file cannot become a large one in memory.
"""

from __future__ import annotations

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FRAME = 12
"""Bytes of a chunk beside its data: length, type, checksum."""


def is_png(data: bytes) -> bool:
    """Whether it claims to be a PNG at all."""
    return data.startswith(SIGNATURE)


def is_whole(data: bytes) -> bool:
    """Whether every chunk is there and undamaged, from IHDR with a real size to IEND."""
    place = len(SIGNATURE)
    kinds: list[bytes] = []
    while place + FRAME <= len(data) and kinds[-1:] != [b"IEND"]:
        length = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 8 + length]
        checksum = data[place + 8 + length : place + FRAME + length]
        if len(checksum) < 4 or zlib.crc32(body) != int.from_bytes(checksum, "big"):
            return False
        kinds.append(body[:4])
        place += FRAME + length
    has_size = len(data) > 24 and data[16:20] != bytes(4) and data[20:24] != bytes(4)
    return has_size and kinds[:1] == [b"IHDR"] and b"IDAT" in kinds and kinds[-1] == b"IEND" and place == len(data)
