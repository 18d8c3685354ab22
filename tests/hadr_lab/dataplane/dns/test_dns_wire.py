"""Packets, judged by an independent implementation (dnslib), and the server's two transports."""

from __future__ import annotations

import asyncio
import socket
import struct
from random import Random

import pytest
from dnslib import EDNS0, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from hadr_lab.dataplane.dns.answers import Answer, Rcode, Resource, View
from hadr_lab.dataplane.dns.server import NameServing, bound
from hadr_lab.dataplane.dns.wire import pack, parse
from hadr_lab.dataplane.dns.zones import Record, Snapshot, Zone

VALUES = {
    "A": "192.0.2.1",
    "AAAA": "2001:db8::1",
    "CNAME": "other.hadr.test.",
    "NS": "ns-1.awsdns-00.com.",
    "PTR": "host.hadr.test.",
    "TXT": '"some text" "and more"',
    "MX": "10 mail.hadr.test.",
    "SRV": "1 2 443 srv.hadr.test.",
    "SOA": "ns-1.awsdns-00.com. hostmaster.hadr.test. 1 7200 900 1209600 86400",
    "CAA": '0 issue "ca.example.net"',
}


def view(*records: Record) -> View:
    return View(Snapshot(zones=(Zone(zone_id="Z", name="hadr.test", records=records),)), Random(1))


def many(count: int) -> Record:
    """A record of `count` addresses."""
    return Record(name="many.hadr.test", type="A", ttl=5, values=tuple(f"192.0.2.{n}" for n in range(count)))


def exchanged(question: DNSRecord, *records: Record, udp: bool = True) -> DNSRecord:
    reply = NameServing(view(*records)).reply(question.pack(), "edge", udp=udp)
    assert reply is not None
    return DNSRecord.parse(reply)


@pytest.mark.parametrize(("kind", "value"), VALUES.items())
def test_every_type_reads_back_as_written(kind: str, value: str) -> None:
    """What dnslib reads of an answer is the record as it was put into the zone."""
    reply = exchanged(DNSRecord.question("x.hadr.test", kind), Record(name="x.hadr.test", type=kind, ttl=30, values=(value,)))
    (found,) = reply.rr
    assert (str(found.rname), found.ttl) == ("x.hadr.test.", 30)
    assert str(found.rdata).replace('","', '" "') == value
    assert reply.header.aa
    assert reply.header.ra


def test_the_question_comes_back_in_its_own_case() -> None:
    """Resolvers that mix the case of a name check that it returns unchanged."""
    question = DNSRecord.question("PeCCy.hadr.TEST", "A")
    reply = exchanged(question, Record(name="peccy.hadr.test", type="A", ttl=5, values=("192.0.2.1",)))
    assert b"PeCCy" in reply.pack()
    assert [str(found.rdata) for found in reply.rr] == ["192.0.2.1"]
    assert reply.header.id == question.header.id


def test_negative_answers_carry_the_soa() -> None:
    """NXDOMAIN and the empty answer both have the zone's SOA as authority."""
    soa = Record(name="hadr.test", type="SOA", ttl=900, values=(VALUES["SOA"],))
    missing = exchanged(DNSRecord.question("absent.hadr.test", "A"), soa)
    assert (missing.header.rcode, [str(a.rname) for a in missing.auth]) == (Rcode.NXDOMAIN, ["hadr.test."])
    untyped = exchanged(DNSRecord.question("hadr.test", "HTTPS"), soa)
    assert (untyped.header.rcode, len(untyped.rr), len(untyped.auth)) == (Rcode.NOERROR, 0, 1)


@pytest.mark.parametrize(("size", "udp", "whole"), [(0, True, False), (1232, True, True), (0, False, True)])
def test_an_answer_that_does_not_fit_is_marked_as_cut(size: int, udp: bool, whole: bool) -> None:
    """512 bytes over plain UDP, up to 1232 with EDNS, no limit over TCP."""
    question = DNSRecord.question("many.hadr.test", "A")
    if size:
        question.add_ar(EDNS0(udp_len=size))
    reply = exchanged(question, many(60), udp=udp)
    assert bool(reply.header.tc) is not whole
    assert len(reply.rr) == (60 if whole else 0)
    assert bool(reply.ar) is bool(size)


def test_a_value_that_cannot_be_packed_costs_only_its_own_answer() -> None:
    """A nonsense value in a zone gives an empty answer."""
    reply = exchanged(DNSRecord.question("x.hadr.test", "A"), Record(name="x.hadr.test", type="A", ttl=5, values=("nonsense",)))
    assert (reply.header.rcode, reply.rr) == (Rcode.NOERROR, [])


@given(st.binary(max_size=80))
def test_no_packet_breaks_the_server(packet: bytes) -> None:
    """Whatever arrives gets an answer or silence, never an exception."""
    reply = NameServing(view()).reply(packet, "edge", udp=True)
    assert reply is None or reply[:2] == packet[:2]


@given(st.binary(min_size=1, max_size=60))
def test_no_tail_breaks_the_parser(tail: bytes) -> None:
    """A proper header with any bytes after it is a question or is not one."""
    question = parse(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + tail)
    if question is not None:
        assert pack(question, Answer(rcode=Rcode.NOERROR, resources=(Resource("hadr.test", "A", 5, "192.0.2.1"),)))


def test_udp_and_tcp_serve_on_one_port() -> None:
    """A client that is told to come back over TCP gets the whole answer there."""

    async def scenario() -> tuple[DNSRecord, DNSRecord]:
        serving = NameServing(view(many(60)))
        udp, tcp = bound("127.0.0.1", 0)
        port = udp.getsockname()[1]
        await serving.listen("edge", udp, tcp)
        question = DNSRecord.question("many.hadr.test", "A").pack()
        try:
            cut = await asyncio.to_thread(_over_udp, question, port)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(struct.pack("!H", len(question)) + question)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            whole = await reader.readexactly(length)
            writer.close()
            await writer.wait_closed()
        finally:
            serving.close()
        return DNSRecord.parse(cut), DNSRecord.parse(whole)

    cut, whole = asyncio.run(scenario())
    assert cut.header.tc
    assert len(whole.rr) == 60


def _over_udp(question: bytes, port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(question, ("127.0.0.1", port))
        return client.recv(4096)
