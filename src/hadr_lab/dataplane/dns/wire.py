"""DNS packets: reading a question, writing an answer. Only what a name server of hosted zones needs, packed by hand for speed.

A packet that cannot be understood gives None or FORMERR, never an exception; an answer that does not fit is cut and marked.
"""

from __future__ import annotations

import shlex
import socket
import struct
from dataclasses import dataclass

from hadr_lab.dataplane.dns.answers import Answer, Rcode, Resource

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "SPF": 99, "CAA": 257}
KINDS = {number: name for name, number in TYPES.items()}
OPT = 41
IN = 1
LARGEST_UDP = 1232
SMALLEST_UDP = 512
POINTER_TO_QUESTION = b"\xc0\x0c"


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `kind` is empty for a type that no hosted zone holds; `limit` is the largest answer over UDP."""

    packet_id: bytes
    flags: int
    section: bytes
    name: str
    kind: str
    limit: int
    edns: bool


def parse(packet: bytes) -> Question | None:
    """The question in `packet`; None when it is not one question of a standard query."""
    if len(packet) < 17 or packet[2] & 0x80 or packet[4:6] != b"\x00\x01":
        return None
    labels, at = [], 12
    try:
        while length := packet[at]:
            if length > 63:
                return None
            labels.append(packet[at + 1 : at + 1 + length])
            at += 1 + length
        kind, _class = struct.unpack_from("!HH", packet, at + 1)
        name = b".".join(labels).decode("ascii").lower()
    except (IndexError, struct.error, UnicodeDecodeError):
        return None
    end = at + 5
    limit = _edns_limit(packet, end)
    return Question(
        packet_id=packet[:2],
        flags=struct.unpack_from("!H", packet, 2)[0],
        section=packet[12:end],
        name=name,
        kind=KINDS.get(kind, ""),
        limit=limit or SMALLEST_UDP,
        edns=limit > 0,
    )


def _edns_limit(packet: bytes, end: int) -> int:
    """The UDP size an OPT record right after the question offers, within our own limit; 0 without one."""
    additional = packet[10:12] != b"\x00\x00" and packet[6:10] == b"\x00\x00\x00\x00"
    if not additional or len(packet) < end + 11 or packet[end] != 0:
        return 0
    kind, size = struct.unpack_from("!HH", packet, end + 1)
    return min(max(size, SMALLEST_UDP), LARGEST_UDP) if kind == OPT else 0


def refuse(packet: bytes, rcode: Rcode) -> bytes:
    """The shortest answer to something that is not a proper question."""
    return packet[:2].ljust(2, b"\x00") + struct.pack("!BBHHHH", 0x80, rcode, 0, 0, 0, 0)


def pack(question: Question, answer: Answer, limit: int | None = None) -> bytes:
    """The answer as a packet; with `limit`, cut to no resources and marked as truncated when it would be longer."""
    answers = [_resource(resource, question) for resource in answer.resources]
    authority = [_resource(resource, question) for resource in answer.authority]
    packet = _packet(question, answer.rcode, answers, authority, truncated=False)
    if limit is not None and len(packet) > limit:
        return _packet(question, answer.rcode, [], [], truncated=True)
    return packet


def _packet(question: Question, rcode: int, answers: list[bytes], authority: list[bytes], *, truncated: bool) -> bytes:
    """QR, AA, RD as asked, RA: to its clients this server is the resolver."""
    flags = 0x8480 | (question.flags & 0x0100) | (0x0200 if truncated else 0) | rcode
    header = struct.pack("!HHHHH", flags, 1, len(answers), len(authority), int(question.edns))
    opt = b"\x00" + struct.pack("!HHIH", OPT, LARGEST_UDP, 0, 0) if question.edns else b""
    return b"".join((question.packet_id, header, question.section, *answers, *authority, opt))


def _resource(resource: Resource, question: Question) -> bytes:
    owner = POINTER_TO_QUESTION if resource.name == question.name else encode_name(resource.name)
    data = encode_value(resource.type, resource.value)
    return owner + struct.pack("!HHIH", TYPES[resource.type], IN, resource.ttl, len(data)) + data


def encode_name(name: str) -> bytes:
    """A name as length-prefixed labels. Raises ValueError for a label that DNS cannot hold."""
    parts = [label.encode("ascii", "replace") for label in name.rstrip(".").split(".") if label]
    if any(len(part) > 63 for part in parts):
        raise ValueError(f"label longer than 63 bytes in {name}")
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\x00"


def encode_value(kind: str, value: str) -> bytes:
    """A record's value, from Route 53's presentation form to wire form. Raises ValueError (OSError for a bad address)."""
    match kind:
        case "A":
            return socket.inet_aton(value)
        case "AAAA":
            return socket.inet_pton(socket.AF_INET6, value)
        case "CNAME" | "NS" | "PTR":
            return encode_name(value)
        case "TXT" | "SPF":
            strings = [text.encode() for text in shlex.split(value)]
            return b"".join(bytes((len(text),)) + text for text in strings)
        case "MX":
            preference, host = value.split()
            return struct.pack("!H", int(preference)) + encode_name(host)
        case "SRV":
            *numbers, host = value.split()
            return struct.pack("!HHH", *map(int, numbers)) + encode_name(host)
        case "CAA":
            flag, tag, text = shlex.split(value)
            return bytes((int(flag), len(tag))) + tag.encode() + text.encode()
        case "SOA":
            primary, mailbox, *numbers = value.split()
            return encode_name(primary) + encode_name(mailbox) + struct.pack("!IIIII", *map(int, numbers))
        case _:
            raise ValueError(f"record type {kind} is not served")
