"""What the lab and the name server's process say to each other over one stream: length-prefixed msgpack.

The lab sends snapshots; the process says once that it serves, and then what the checkers see.
"""

from __future__ import annotations

import asyncio
import struct

import msgspec

from hadr_lab.dataplane.dns.zones import Observation, Snapshot


class Update(msgspec.Struct, frozen=True, tag=True):
    """Answer from this from now on."""

    snapshot: Snapshot


class Serving(msgspec.Struct, frozen=True, tag=True):
    """Every socket is open."""


class Observed(msgspec.Struct, frozen=True, tag=True):
    """What the checkers saw since the last message, newest of each checker."""

    observations: tuple[Observation, ...]


Message = Update | Serving | Observed

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def packed(message: Message) -> bytes:
    """The message with its length before it."""
    body = _encoder.encode(message)
    return struct.pack("!I", len(body)) + body


async def received(reader: asyncio.StreamReader) -> Message:
    """The next message. Raises EOFError (IncompleteReadError) when the other side is gone."""
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return _decoder.decode(await reader.readexactly(length))
