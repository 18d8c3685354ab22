"""The network's plans: what a place covers, what impairments add up to, what the router is told, and what the kernel says."""

from __future__ import annotations

import random
import socket
import struct
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr_lab.dataplane.network import batches, delay, rules
from hadr_lab.dataplane.network.impairment import NONE, QUEUES, Impairment, queues, suffered
from hadr_lab.dataplane.network.layout import layout
from hadr_lab.errors import UsageError

PLAN = layout({"us-east-1": ("us-east-1a", "us-east-1b"), "us-east-2": ("us-east-2a",)})
REGION = {"us-east-1", "us-east-1a", "us-east-1b"}
PLACES = st.sampled_from(["*", "edge", "us-east-1", "us-east-1a", "us-east-1b", "us-east-2", "us-east-2a"])


def ms(number: float) -> timedelta:
    """So many milliseconds."""
    return timedelta(milliseconds=number)


@pytest.mark.parametrize(
    ("place", "covered"),
    [("us-east-1", REGION), ("us-east-1a", {"us-east-1a"}), ("edge", {"edge"}), ("*", set(PLAN.spaces))],
)
def test_a_place_covers_its_namespaces(place: str, covered: set[str]) -> None:
    """A Region is its own namespace and its zones; a zone and the edge are themselves."""
    assert PLAN.covers(place) == covered


def test_addresses_follow_from_the_order() -> None:
    """Region i has 198.18.i.0/24, the edge 198.18.0.0/24, and each link a /30 of its own."""
    assert [space.block for space in PLAN.spaces.values()] == ["198.18.0.0/24", "198.18.1.0/24", "", "", "198.18.2.0/24", ""]
    assert len({space.address for space in PLAN.spaces.values()}) == len(PLAN.spaces)
    assert (PLAN.spaces["us-east-2"].address, PLAN.spaces["us-east-2"].gateway) == ("198.19.4.2", "198.19.4.1")


@pytest.mark.parametrize("name", ["ap-southeast-1ab", "us-east-1", "edge", "router"])
def test_a_name_that_cannot_be_an_interface_is_refused(name: str) -> None:
    """Interfaces of the router bear the names of places: at most 15 characters, each once."""
    with pytest.raises(UsageError, match=f"{name}: a Region or zone needs"):
        layout({"us-east-1": (name,)})


def test_a_place_against_everything_leaves_its_inside_alone() -> None:
    """Cutting a Region off does not cut its zones from each other."""
    pairs = PLAN.pairs("us-east-1", "*")
    assert pairs == {(one, other) for one in REGION for other in ("edge", "us-east-2", "us-east-2a")}


def test_a_zone_against_its_own_region_is_the_rest_of_the_region() -> None:
    """What both names cover belongs to the zone."""
    assert PLAN.pairs("us-east-1a", "us-east-1") == {("us-east-1a", "us-east-1"), ("us-east-1a", "us-east-1b")}


@given(PLACES, PLACES)
def test_directions_mirror_each_other(a: str, b: str) -> None:
    """What goes from a to b is exactly what goes from b to a, turned round, and nobody is cut from itself."""
    there, back = PLAN.pairs(a, b), PLAN.pairs(b, a)
    assert {(other, one) for one, other in there} == back
    assert all(one != other for one, other in there)


def test_impairments_of_overlapping_places_add_up() -> None:
    """A slow zone is slower still to the other Region; only the impaired pairs are in the answer."""
    found = suffered(
        PLAN,
        {
            ("us-east-1", "us-east-2"): Impairment(delay=ms(35), loss=0.5),
            ("us-east-1a", "*"): Impairment(delay=ms(100), loss=0.5),
            ("edge", "us-east-2"): NONE,
        },
    )
    assert found["us-east-1a", "us-east-2a"] == Impairment(delay=ms(135), loss=0.75)
    assert found["us-east-1b", "us-east-2a"] == Impairment(delay=ms(35), loss=0.5)
    assert found["us-east-1a", "us-east-1b"] == Impairment(delay=ms(100), loss=0.5)
    assert ("us-east-1b", "us-east-1a") not in found
    assert ("edge", "us-east-2") not in found


@pytest.mark.parametrize(("late", "loss"), [(ms(-1), 0.0), (timedelta(seconds=6), 0.0), (ms(0), 1.5), (ms(0), -0.1)])
def test_an_impossible_impairment_is_refused(late: timedelta, loss: float) -> None:
    """A scenario's typing error is told at once, not found in strange results."""
    with pytest.raises(UsageError, match="want a delay up to"):
        Impairment(delay=late, loss=loss)


def test_an_impairment_that_stays_keeps_its_queue() -> None:
    """Packets that are on their way keep their order when other impairments come and go."""
    far, slow = Impairment(delay=ms(35)), Impairment(delay=ms(200))
    first = queues(frozenset({far, slow}), {})
    assert dict(first) == {1: far, 2: slow}
    assert dict(queues(frozenset({slow}), first)) == {2: slow}
    assert dict(queues(frozenset({slow, Impairment(loss=0.1)}), {2: slow})) == {2: slow, 1: Impairment(loss=0.1)}


def test_more_kinds_of_impairment_than_queues_are_refused() -> None:
    """The limit is told by number, before anything is changed."""
    wanted = frozenset(Impairment(delay=ms(number)) for number in range(1, QUEUES + 2))
    with pytest.raises(UsageError, match=f"{QUEUES + 1} different delays"):
        queues(wanted, {})


def test_the_router_is_told_everything_in_one_transaction() -> None:
    """Old elements go and new ones come in the same text; nothing wanted is a flush alone."""
    assert rules.cuts([]) == "flush set inet lab cuts\n"
    assert rules.cuts([("edge", "a"), ("a", "edge")]).splitlines() == [
        "flush set inet lab cuts",
        'add element inet lab cuts { "a" . "edge", "edge" . "a" }',
    ]
    assert rules.marks({("a", "b"): 3}).splitlines()[1] == 'add element inet lab marks { "a" . "b" : 3 }'


def test_counters_are_read_from_nfts_own_json() -> None:
    """An answer as nft 1.0 gives it, with its preamble."""
    answer = (
        '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"family": "inet", "name": "traffic", "elem":'
        ' [{"elem": {"val": {"concat": ["a", "b"]}, "counter": {"packets": 2, "bytes": 120}}}]}}]}'
    )
    assert rules.counted(answer) == {("a", "b"): 120}


def test_every_queue_has_its_rule_and_opens_when_nobody_serves_it() -> None:
    """A mark without a process behind it must not swallow packets."""
    lines = [line for line in rules.queue_rules().splitlines() if "NFQUEUE" in line]
    assert len(lines) == QUEUES
    assert all(f"--mark {n} -j NFQUEUE --queue-num {n} --queue-bypass" in line for n, line in enumerate(lines, start=1))


def test_each_namespace_has_a_default_route_and_a_void() -> None:
    """A zone routes out through the router; AWS's own side also swallows the rest of its range."""
    zone, region = batches.space(PLAN.spaces["us-east-1a"]), batches.space(PLAN.spaces["us-east-1"])
    assert "route add default via 198.19.2.1\n" in zone
    assert "dev void" not in zone
    assert "route add 198.18.1.0/24 dev void\n" in region


def kernel_says(*numbers: int) -> bytes:
    """One read from the kernel with a message a packet, the packet's number behind another attribute."""
    said = b""
    for number in numbers:
        attributes = struct.pack("=HHI", 8, 3, 7) + struct.pack("=HH", 11, 0x8001) + struct.pack("!IHB", number, 0x0800, 2) + b"\0"
        said += struct.pack("=IHHII", 20 + len(attributes), 0x300, 0, 0, 0) + struct.pack("!BBH", 2, 0, 1) + attributes
    return said


def test_packet_numbers_are_found_in_what_the_kernel_says() -> None:
    """Several messages in one read, other attributes before the header, and messages of other kinds between them."""
    other = struct.pack("=IHHII", 20, 2, 0, 0, 0) + b"\0" * 4
    assert list(delay.packet_numbers(kernel_says(5, 6) + other + kernel_says(7))) == [5, 6, 7]
    assert list(delay.packet_numbers(b"")) == []


def test_a_queue_holds_packets_for_their_time_and_lets_go_in_order() -> None:
    """One verdict lets go of everything that is due; the rest waits, and says for how long."""
    kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, ours:
        ours.setblocking(False)
        queue = delay.Queue(number=3, kernel=ours, delay=1.0)
        kernel.send(kernel_says(10, 11))
        queue.take(100.0, random.Random(1))
        kernel.send(kernel_says(12))
        queue.take(100.6, random.Random(1))
        assert queue.release(100.9) == pytest.approx(0.1)
        assert queue.release(101.2) == pytest.approx(0.4)
        assert queue.release(101.7) is None
        verdicts = [kernel.recv(1000) for _ in range(2)]
    assert [struct.unpack("!II", verdict[-8:]) for verdict in verdicts] == [(1, 11), (1, 12)]
    assert verdicts[0][4:6] == struct.pack("=H", 0x303)


def test_a_queue_that_loses_everything_drops_at_once() -> None:
    """A lost packet is not held: nothing waits for it."""
    kernel, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, ours:
        ours.setblocking(False)
        queue = delay.Queue(number=1, kernel=ours, delay=1.0, loss=1.0)
        kernel.send(kernel_says(10))
        queue.take(100.0, random.Random(1))
        assert queue.release(200.0) is None
        assert struct.unpack("!II", kernel.recv(1000)[-8:]) == (0, 10)
