"""What must be true of the real network, case by case. Runs inside the lab's namespaces, started by test_network_lab."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.hadr_lab.last_words import run

from hadr_lab.aws.views import Subnet
from hadr_lab.dataplane.network import Network, podlink
from hadr_lab.dataplane.network.netns import inside
from hadr_lab.dataplane.processes import NETNS, Processes
from hadr_lab.errors import LabError, StartFailed, UsageError
from hadr_lab.outer import enter
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.toolchain import debian

REGIONS = {"us-east-1": ("us-east-1a", "us-east-1b", "us-east-1c"), "us-east-2": ("us-east-2a", "us-east-2b")}
SUBNETS = {
    "us-east-1a": "10.1.0.0/19",
    "us-east-1b": "10.1.32.0/19",
    "us-east-1c": "10.1.64.0/19",
    "us-east-2a": "10.2.0.0/19",
    "us-east-2b": "10.2.32.0/19",
}
A1, A2, B1, FAR = "10.1.0.10", "10.1.0.11", "10.1.32.10", "10.2.0.10"
PODS = {"pod-a1": ("us-east-1a", A1), "pod-a2": ("us-east-1a", A2), "pod-b1": ("us-east-1b", B1), "pod-far": ("us-east-2a", FAR)}
PORT = 8000
PATIENCE_S = 0.6
WITHIN_S = 90
LOGS = Path("/run/lab/logs")


def programs() -> Programs:
    """The distribution's programs; the network needs no others."""
    system = debian.obtain(Progress())
    return Programs(
        programs=system.programs, charts=Path("/nonexistent"), share=system.share, database_template=Path("/nonexistent")
    )


@asynccontextmanager
async def a_network() -> AsyncIterator[Network]:
    """A built network with a subnet in every zone, four pods, and an echo server in each."""
    network = Network(programs(), Processes(logs=LOGS))
    await network.build(REGIONS)
    for region, zones in REGIONS.items():
        for zone in zones:
            await network.add_subnet(Subnet(region=region, zone=zone, subnet_id=zone, vpc_id="vpc", cidr=SUBNETS[zone]))
    servers = []
    for pod, (zone, address) in PODS.items():
        await podlink.attach(pod, zone, address)
        servers.append(await asyncio.start_server(_echo, sock=network.listen(pod, address, PORT)))
    yield network
    for server in servers:
        server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer = writer.get_extra_info("peername")[0]
    while block := await reader.read(1 << 18):
        writer.write(peer.encode() if block == b"who am I" else block)
        await writer.drain()
    writer.close()


async def ask(held: socket.socket, what: bytes = b"x", patience: float = PATIENCE_S) -> bytes:
    """Send `what` and return what comes back. Raises TimeoutError when nothing does."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(held, what)
    return await asyncio.wait_for(loop.sock_recv(held, 1 << 18), patience)


async def reach(network: Network, netns: str, address: str, port: int = PORT) -> socket.socket:
    """A connection within our patience. Raises TimeoutError when nobody answers."""
    return await asyncio.wait_for(network.connect(netns, address, port), PATIENCE_S)


async def silent(network: Network, netns: str, address: str, port: int = PORT) -> bool:
    """Whether a connection neither succeeds nor fails: what a lost machine on AWS is like."""
    try:
        (await reach(network, netns, address, port)).close()
    except TimeoutError:
        return True
    return False


async def round_trips(network: Network, netns: str, address: str, count: int = 21) -> list[float]:
    """Sorted round trip times in milliseconds over one connection."""
    held = await reach(network, netns, address)
    found = []
    for _ in range(count):
        started = time.perf_counter()
        await ask(held, patience=2)
        found.append((time.perf_counter() - started) * 1e3)
    held.close()
    return sorted(found)


async def quick_build() -> None:
    """The namespaces of two Regions stand in well under a second, forward packets and check no source address."""
    network = Network(programs(), Processes(logs=LOGS))
    started = time.perf_counter()
    await network.build(REGIONS)
    took = time.perf_counter() - started
    print(f"built in {took:.3f} s")
    assert took < 1.5
    names = {entry.name for entry in Path("/run/netns").iterdir()}
    assert names == {"router", "edge", *REGIONS, *(zone for zones in REGIONS.values() for zone in zones)}
    for name in names:
        settings = [Path("/proc/sys/net/ipv4") / at for at in ("ip_forward", "conf/all/rp_filter", "ip_unprivileged_port_start")]
        assert inside(name, lambda paths=tuple(settings): [path.read_text().strip() for path in paths]) == ["1", "0", "0"]  # type: ignore[misc]


async def unused_addresses_are_silent() -> None:
    """Nobody answers for an address that is not in use, not even the sender's own kernel; one in use refuses at once."""
    async with a_network() as network:
        for netns in ("us-east-1a", "pod-a1", "pod-b1", "edge", "us-east-1"):
            assert await silent(network, netns, "10.1.0.200"), netns
        assert await silent(network, "edge", "198.18.1.99")
        assert await silent(network, "edge", "203.0.113.1")
        with pytest.raises(LabError, match="an address in us-east-9: No such file"):
            await network.claim("us-east-9", "10.1.0.200")
        await network.claim("us-east-1a", "10.1.0.200")
        await network.claim("us-east-1a", "10.1.0.200")
        for netns in ("us-east-1a", "pod-a1", "pod-b1", "edge"):
            with pytest.raises(ConnectionRefusedError):
                await reach(network, netns, "10.1.0.200")
        await network.release("us-east-1a", "10.1.0.200")
        await network.release("us-east-1a", "10.1.0.200")
        assert await silent(network, "pod-b1", "10.1.0.200")


async def pods_reach_each_other_as_themselves() -> None:
    """In a zone and across zones a pod is seen under its own address, and a bulk transfer runs at full rate."""
    async with a_network() as network:
        for address in (A2, B1):
            assert await ask(await reach(network, "pod-a1", address), b"who am I") == A1.encode()
        held = await reach(network, "pod-a1", B1)
        loop, total, got = asyncio.get_running_loop(), 100 << 20, 0
        started = time.perf_counter()
        sending = asyncio.create_task(loop.sock_sendall(held, bytes(total)))
        while got < total:
            got += len(await asyncio.wait_for(loop.sock_recv(held, 1 << 20), 10))
        await sending
        rate = 2 * total * 8 / (time.perf_counter() - started) / 1e6
        print(f"{rate:.0f} Mbit/s both ways together, in one Python process")
        assert rate > 500
        assert (await round_trips(network, "pod-a1", B1))[10] < 10


async def regions_are_a_wan_apart() -> None:
    """Between Regions a round trip takes twice the one-way delay; the edge and the zones of a Region have none."""
    async with a_network() as network:
        far = await round_trips(network, "pod-a1", FAR)
        print(f"round trip p50 {far[10]:.1f} ms, max {far[-1]:.1f} ms")
        assert far[0] >= 70
        assert far[10] < 90
        assert (await round_trips(network, "edge", FAR))[10] < 10


async def a_cut_stalls_what_is_established_and_heals() -> None:
    """A partition is silence, for new and for established connections and in both directions; healed, TCP goes on."""
    async with a_network() as network:
        held, near = await reach(network, "pod-a1", FAR), await reach(network, "pod-a1", B1)
        await ask(held)
        started = time.perf_counter()
        await network.cut("us-east-1", "us-east-2")
        print(f"cut in {(time.perf_counter() - started) * 1e3:.1f} ms")
        assert await silent(network, "pod-a1", FAR)
        assert await silent(network, "pod-far", A1)
        with pytest.raises(TimeoutError):
            await ask(held, b"y")
        assert await ask(near) == b"x"
        assert await ask(await reach(network, "edge", FAR)) == b"x"
        await network.heal("us-east-1", "us-east-2")
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(held, 10), 5) == b"y"


async def cuts_overlap_and_heal_one_by_one() -> None:
    """A zone's cut covers everything outside it; healing another cut does not heal it; unknown places change nothing."""
    async with a_network() as network:
        await network.cut("us-east-1a")
        await network.cut("us-east-1", "us-east-2")
        for netns, address in (("pod-a1", B1), ("pod-b1", A1), ("edge", A1), ("us-east-1", A1), ("pod-b1", FAR)):
            assert await silent(network, netns, address), (netns, address)
        assert not await silent(network, "pod-a1", A2)
        await network.heal("us-east-1", "us-east-2")
        assert not await silent(network, "pod-b1", FAR)
        assert await silent(network, "pod-b1", A1)
        with pytest.raises(UsageError, match="us-east-9: no such Region or zone here"):
            await network.cut("us-east-9")
        await network.heal("us-east-1a")
        await network.heal("us-east-1a")
        assert not await silent(network, "pod-b1", A1)


async def a_one_way_cut_lets_the_other_direction_through() -> None:
    """Datagrams from a to b vanish while those from b to a arrive."""
    async with a_network() as network:
        a, b = (network.listen(pod, PODS[pod][1], 9000, socket.SOCK_DGRAM) for pod in ("pod-a1", "pod-b1"))
        loop = asyncio.get_running_loop()
        await network.cut("us-east-1a", "us-east-1b", one_way=True)
        await loop.sock_sendto(a, b"there", (B1, 9000))
        await loop.sock_sendto(b, b"back", (A1, 9000))
        assert await asyncio.wait_for(loop.sock_recv(a, 10), PATIENCE_S) == b"back"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.sock_recv(b, 10), PATIENCE_S)
        await network.heal("us-east-1a", "us-east-1b", one_way=True)
        await loop.sock_sendto(a, b"again", (B1, 9000))
        assert await asyncio.wait_for(loop.sock_recv(b, 10), PATIENCE_S) == b"again"


async def a_lost_place_is_silent_and_says_so() -> None:
    """Losing a Region loses its zones too; restoring it brings back those that were not lost by themselves."""
    async with a_network() as network:
        await network.lose("us-east-1", "us-east-1b")
        assert (network.lost("us-east-1"), network.lost("us-east-1", "us-east-1b")) == (False, True)
        assert await silent(network, "pod-a1", B1)
        await network.lose("us-east-1")
        assert network.lost("us-east-1", "us-east-1a")
        assert await silent(network, "edge", A1)
        assert not network.lost("us-east-2", "us-east-2a")
        assert not await silent(network, "edge", FAR)
        await network.restore("us-east-1")
        assert not await silent(network, "edge", A1)
        assert await silent(network, "edge", B1)
        assert network.lost("us-east-1", "us-east-1b")


async def a_gray_zone_is_slow_and_lossy_while_it_lasts() -> None:
    """Extra delay adds to the WAN's, is changed live, and goes away; loss takes its share of datagrams."""
    async with a_network() as network:
        started = time.perf_counter()
        await network.impair("us-east-1a", delay=timedelta(milliseconds=50))
        print(f"impaired in {(time.perf_counter() - started) * 1e3:.1f} ms")
        assert 100 <= (await round_trips(network, "pod-a1", B1, 5))[0] < 130
        assert 170 <= (await round_trips(network, "pod-a1", FAR, 5))[0] < 200
        assert (await round_trips(network, "pod-a1", A2, 5))[2] < 10
        await network.impair("us-east-1a", "us-east-1b", delay=timedelta(milliseconds=20))
        assert 140 <= (await round_trips(network, "pod-a1", B1, 5))[0] < 170
        await network.impair("us-east-1a")
        await network.impair("us-east-1a", "us-east-1b", loss=0.3, one_way=True)
        a, b = (network.listen(pod, PODS[pod][1], 9000, socket.SOCK_DGRAM) for pod in ("pod-a1", "pod-b1"))
        for _ in range(200):  # an unread socket holds about 270 small datagrams
            a.sendto(b"x", (B1, 9000))
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.2)
        arrived = 0
        while True:
            try:
                b.recv(10)
                arrived += 1
            except BlockingIOError:
                break
        print(f"{arrived} of 200 datagrams arrived at 30 % loss")
        assert 105 < arrived < 175


async def traffic_is_counted_by_pair_and_direction() -> None:
    """Bytes count where they went, once, and not where nothing went or where a cut swallowed them."""
    async with a_network() as network:
        before = await network.traffic()
        held = await reach(network, "pod-a1", B1)
        await ask(held, bytes(50_000))
        started = time.perf_counter()
        after = await network.traffic()
        print(f"counters read in {(time.perf_counter() - started) * 1e3:.1f} ms")
        there = after["us-east-1a", "us-east-1b"] - before["us-east-1a", "us-east-1b"]
        assert 50_000 < there < 60_000
        assert after["us-east-1a", "us-east-2a"] == before["us-east-1a", "us-east-2a"]
        await network.cut("us-east-1a")
        assert await silent(network, "edge", A1)
        assert (await network.traffic())["edge", "us-east-1a"] == after["edge", "us-east-1a"]


async def what_follows_a_database_is_counted_apart() -> None:
    """A server of the zone itself that asks a database is another database; a pod that does is an app. Neither counts as both."""
    async with a_network() as network:
        await network.claim("us-east-1b", "10.1.32.200")
        server = await asyncio.start_server(_echo, sock=network.listen("us-east-1b", "10.1.32.200", 3306))
        pair, back = ("us-east-1a", "us-east-1b"), ("us-east-1b", "us-east-1a")
        before = await network.counters()
        held = await reach(network, "us-east-1a", "10.1.32.200", 3306)
        await ask(held, bytes(50_000))
        follower = await network.counters()
        held = await reach(network, "pod-a1", "10.1.32.200", 3306)
        await ask(held, bytes(20_000))
        app = await network.counters()
        server.close()
        for way in (pair, back):
            assert 50_000 < follower[2][way] - before[2][way] < 60_000
            assert follower[1][*way, 3306] == before[1][*way, 3306]
            assert app[2][way] == follower[2][way]
            assert 20_000 < app[1][*way, 3306] - follower[1][*way, 3306] < 30_000


async def a_service_address_is_translated_for_pods() -> None:
    """The zone's packet filter sees what its pods send, as kube-proxy needs: a service address reaches a pod of another zone."""
    async with a_network() as network:
        nft = network.programs["nft"]
        script = (
            "table ip service { chain pre { type nat hook prerouting priority dstnat; ip daddr 172.20.0.10 dnat to 10.1.32.10; }; }"
        )
        command = ["nsenter", "--net=/run/netns/us-east-1a", str(nft.path), script]
        child = await asyncio.create_subprocess_exec(*command, env={"PATH": os.environ["PATH"], **nft.env})
        assert await child.wait() == 0
        held = await reach(network, "pod-a1", "172.20.0.10")
        assert await ask(held, b"who am I") == A1.encode()


async def a_detached_pod_is_silent_and_its_address_free_again() -> None:
    """The address can be given to another pod at once, and taking away what is gone already is fine."""
    async with a_network() as network:
        started = time.perf_counter()
        for number in range(20):
            await podlink.attach(f"pod-{number}", "us-east-1c", f"10.1.64.{10 + number}")
        attached = time.perf_counter()
        for number in range(20):
            await podlink.detach(f"pod-{number}", "us-east-1c")
        print(f"attach {(attached - started) * 50:.1f} ms, detach {(time.perf_counter() - attached) * 50:.1f} ms a pod")
        await podlink.detach("pod-0", "us-east-1c")
        assert await silent(network, "pod-a1", "10.1.64.10")
        assert not (NETNS / "pod-0").exists()
        await podlink.attach("pod-new", "us-east-1c", "10.1.64.10")
        with network.listen("pod-new", "10.1.64.10", PORT):
            assert not await silent(network, "pod-a1", "10.1.64.10")
        with pytest.raises(LabError, match="pod-new"):
            await podlink.attach("pod-new", "us-east-1c", "10.1.64.11")
        with pytest.raises(LabError, match=r"pod-x with 10\.1\.64\.12 in us-east-9"):
            await podlink.attach("pod-x", "us-east-9", "10.1.64.12")
        with pytest.raises(LabError, match=r"pod-x with 10\.1\.64\.10 in us-east-1c: File exists"):
            await podlink.attach("pod-x", "us-east-1c", "10.1.64.10")
        assert not (NETNS / "pod-x").exists()
        await podlink.attach("pod-x", "us-east-1c", "10.1.64.13")


async def subnets_come_and_go() -> None:
    """A subnet again changes nothing, two with one range are refused by name, and a dropped one is unreachable."""
    async with a_network() as network:
        subnet = network.subnets["us-east-1a"]
        await network.add_subnet(subnet)
        twin = Subnet(region="us-east-2", zone="us-east-2b", subnet_id="subnet-twin", vpc_id="vpc-2", cidr=subnet.cidr)
        with pytest.raises(LabError, match=r"subnet-twin and us-east-1a both have 10\.1\.0\.0/19"):
            await network.add_subnet(twin)
        await network.claim("us-east-1c", "10.1.64.9")
        await network.drop_subnet("us-east-1c")
        assert await silent(network, "edge", "10.1.64.9")


async def sockets_elsewhere_leave_the_caller_at_home() -> None:
    """Making sockets in other namespaces never moves the event loop's thread, and an impossible one names address and place."""
    async with a_network() as network:
        home = Path("/proc/thread-self/ns/net").readlink()
        started = time.perf_counter()
        for _ in range(50):
            network.listen("us-east-1a", "0.0.0.0", 0).close()
        print(f"listen {(time.perf_counter() - started) * 20:.2f} ms")
        assert Path("/proc/thread-self/ns/net").readlink() == home
        with pytest.raises(OSError, match=f"{B1}:{PORT} in us-east-1a"):
            network.listen("us-east-1a", B1, PORT)


async def a_visit_outlives_whoever_stopped_waiting() -> None:
    """Cancelling a claim half way neither kills the visiting thread with an error nor leaves the namespace in a state between."""
    async with a_network() as network:
        for number in range(20):
            claiming = asyncio.create_task(network.claim("us-east-1a", f"10.1.1.{number}"))
            await asyncio.sleep(0)
            claiming.cancel()
            await asyncio.gather(claiming, return_exceptions=True)
        await network.claim("us-east-1a", "10.1.1.0")
        with pytest.raises(ConnectionRefusedError):
            await reach(network, "edge", "10.1.1.0")


async def a_dead_delaying_process_is_noticed() -> None:
    """Without it packets pass undelayed, so the network must say that its delays are no longer what they should be."""
    async with a_network() as network:
        watching = asyncio.create_task(network.watch())
        await asyncio.sleep(0.05)
        assert not watching.done()
        for process in network.processes.running:
            process.kill()
        with pytest.raises(StartFailed, match="network-delay ended"):
            await asyncio.wait_for(watching, 5)
        assert (await round_trips(network, "pod-a1", FAR, 5))[2] < 20


Case = Callable[[], Coroutine[Any, Any, None]]
CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        quick_build,
        unused_addresses_are_silent,
        pods_reach_each_other_as_themselves,
        regions_are_a_wan_apart,
        a_cut_stalls_what_is_established_and_heals,
        cuts_overlap_and_heal_one_by_one,
        a_one_way_cut_lets_the_other_direction_through,
        a_lost_place_is_silent_and_says_so,
        a_gray_zone_is_slow_and_lossy_while_it_lasts,
        traffic_is_counted_by_pair_and_direction,
        a_service_address_is_translated_for_pods,
        a_detached_pod_is_silent_and_its_address_free_again,
        subnets_come_and_go,
        sockets_elsewhere_leave_the_caller_at_home,
        a_visit_outlives_whoever_stopped_waiting,
        a_dead_delaying_process_is_noticed,
    )
}

if __name__ == "__main__":
    enter()
    run(CASES[sys.argv[1]](), within=WITHIN_S, logs=LOGS)
