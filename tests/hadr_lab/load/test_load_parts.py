"""The pure parts of the load: pictures, what a reply means, the load's description, the history's files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from dnslib import CNAME, RR, A, DNSRecord

from hadr_lab.errors import ScenarioFailed, UsageError
from hadr_lab.history import HISTORY, HistoryTail, HistoryWriter, Kind, Operation, Outcome, read_history
from hadr_lab.load.connection import Reply
from hadr_lab.load.peccy import judge, request
from hadr_lab.load.picture import key_of, picture
from hadr_lab.load.resolver import nameserver, read_answer
from hadr_lab.load.spec import LoadSpec, parse


def an_operation(number: int = 1) -> Operation:
    """An acknowledged write."""
    return Operation(
        id=f"w-{number}",
        kind=Kind.WRITE,
        client="ttl-1",
        intended=1.0,
        sent=1.0,
        finished=1.5,
        outcome=Outcome.OK,
        status=201,
        address="10.1.0.4",
        attempt=1,
        latency_s=0.5,
    )


def test_a_picture_carries_its_key_and_is_a_valid_png() -> None:
    """Every chunk's checksum holds, the pixel data has the declared size, and the key comes back out."""
    data = picture("w-17")
    assert key_of(data) == "w-17"
    at, pixels = 8, b""
    while at < len(data):
        (length,) = struct.unpack_from("!I", data, at)
        assert data[at + 8 + length : at + 12 + length] == struct.pack("!I", zlib.crc32(data[at + 4 : at + 8 + length]))
        if data[at + 4 : at + 8] == b"IDAT":
            pixels = zlib.decompress(data[at + 8 : at + 8 + length])
        at += 12 + length
    assert len(pixels) == 2
    assert picture("w-18") != data


@pytest.mark.parametrize("data", [b"", b"hello", picture("a")[:-3], picture("a").replace(b"Comment\x00a", b"Comment\x00b")])
def test_no_key_comes_out_of_a_damaged_picture(data: bytes) -> None:
    """A file that was cut off or changed on the way is not taken for a picture of ours."""
    assert key_of(data) is None


@pytest.mark.parametrize(
    ("kind", "reply", "sent", "outcome"),
    [
        (Kind.READ, Reply(status=200, body=b"[]"), True, Outcome.OK),
        (Kind.READ, Reply(error="timeout"), True, Outcome.FAIL),
        (Kind.READ, Reply(status=503), True, Outcome.FAIL),
        (Kind.WRITE, Reply(status=201, body=b'{"key":"w-1"}'), True, Outcome.OK),
        (Kind.WRITE, Reply(status=201, body=b'{"key":"w-2"}'), True, Outcome.INFO),
        (Kind.WRITE, Reply(error="timeout"), True, Outcome.INFO),
        (Kind.WRITE, Reply(error="connect: refused"), False, Outcome.FAIL),
        (Kind.WRITE, Reply(status=422), True, Outcome.FAIL),
        (Kind.WRITE, Reply(status=500), True, Outcome.INFO),
        (Kind.WRITE, Reply(status=504), True, Outcome.INFO),
        (Kind.WRITE, Reply(status=503), True, Outcome.INFO),
        (Kind.FILE, Reply(status=503, body=b'{"reason":"file store is read-only"}'), True, Outcome.FAIL),
        (Kind.FILE, Reply(status=503, body=b'{"reason":"database timed out"}'), True, Outcome.INFO),
    ],
)
def test_what_a_reply_means(kind: Kind, reply: Reply, sent: bool, outcome: Outcome) -> None:
    """Only an answer that echoes the id acknowledges; only a certain refusal is a failure of a write."""
    assert judge(kind, "w-1", reply, sent=sent)[0] is outcome


def test_requests_carry_their_key_twice() -> None:
    """The key is the idempotency key and part of the body, so a stored row or picture can be told apart."""
    write = request(Kind.WRITE, "w-1", host="h")
    file = request(Kind.FILE, "w-1", host="h")
    assert b"Idempotency-Key: w-1\r\n" in write
    assert write.endswith(b'{"name": "w-1"}')
    assert key_of(file.partition(b"\r\n\r\n")[2]) == "w-1"


def test_a_load_survives_its_command_line() -> None:
    """What `argv` writes, `parse` reads back unchanged."""
    spec = LoadSpec(out=Path("here"), host="peccy.hadr.test", rate=33.5, speed=20.0, clients=7, nameserver="198.18.0.53")
    assert parse(spec.argv()) == spec


@pytest.mark.parametrize(
    "changes",
    [{"rate": 0}, {"rate": 1e9}, {"duration_s": 1e9}, {"ttl": 0, "pinned": 0, "forever": 0}, {"attempts": 0}, {"speed": 0}],
)
def test_an_unbounded_load_is_refused(changes: dict[str, float]) -> None:
    """Rate, duration and attempts have limits, and the message names the value."""
    with pytest.raises(UsageError, match="load: "):
        LoadSpec(out=Path("here"), host="h", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("clients", "expected"), [(60, (48, 9, 3)), (20, (16, 3, 1)), (1, (1, 0, 0))])
def test_populations_share_the_clients(clients: int, expected: tuple[int, int, int]) -> None:
    """80 / 15 / 5 of any number of clients."""
    spec = LoadSpec(out=Path("here"), host="h", clients=clients)
    names = [spec.population_of(n) for n in range(clients)]
    assert tuple(names.count(p) for p in ("ttl", "pinned", "forever")) == expected


def test_the_ttl_of_a_chain_is_its_shortest() -> None:
    """A CNAME of 10 s before addresses of 60 s is asked again after 10 s; NXDOMAIN is an error that says so."""
    reply = DNSRecord.question("peccy.hadr.test").reply()
    reply.add_answer(RR("peccy.hadr.test", 5, rdata=CNAME("alb.test"), ttl=10), RR("alb.test", rdata=A("10.1.0.4"), ttl=60))
    assert read_answer(reply).addresses == ("10.1.0.4",)
    assert read_answer(reply).ttl_s == 10
    missing = DNSRecord.question("gone.hadr.test").reply()
    missing.header.rcode = 3
    assert read_answer(missing).error == "resolver says NXDOMAIN"


def test_the_nameserver_comes_from_resolv_conf(tmp_path: Path) -> None:
    """The first IPv4 nameserver line counts; a file without one is a clear error."""
    path = tmp_path / "resolv.conf"
    path.write_text("search hadr.test\nnameserver ::1\nnameserver 198.18.0.53\n")
    assert nameserver(path) == "198.18.0.53"
    path.write_text("search hadr.test\n")
    with pytest.raises(UsageError, match="nameserver"):
        nameserver(path)


def test_a_tail_gives_each_whole_line_once(tmp_path: Path) -> None:
    """Half a line is kept back until its end is there."""
    path = tmp_path / HISTORY
    tail = HistoryTail(path)
    assert tail.read() == []
    writer = HistoryWriter(path)
    writer.record(an_operation(1))
    writer.flush()
    with path.open("ab") as file:
        file.write(b'{"id":"w-2","kind":"wri')
    assert [op.id for op in tail.read()] == ["w-1"]
    assert tail.read() == []
    writer.close()


def test_a_history_without_its_account_has_gaps(tmp_path: Path) -> None:
    """A load that was killed leaves no account, and a torn line is named."""
    writer = HistoryWriter(tmp_path / HISTORY)
    writer.record(an_operation())
    writer.close()
    with (tmp_path / HISTORY).open("ab") as file:
        file.write(b'{"id":')
    history = read_history(tmp_path)
    assert len(history.operations) == 1
    assert len(history.gaps) == 2


def test_a_damaged_history_is_refused(tmp_path: Path) -> None:
    """A line that is no attempt is not skipped over."""
    (tmp_path / HISTORY).write_text('{"id": 3}\n')
    with pytest.raises(ScenarioFailed, match="not a client operation"):
        read_history(tmp_path)
