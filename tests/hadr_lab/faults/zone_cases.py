"""What each kind of harm to a zone really does, case by case. Runs inside the lab's namespaces, started by test_zone_faults_lab."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.hadr_lab.dataplane.network_cases import programs

from hadr_lab.aws.views import Subnet
from hadr_lab.dataplane.network import Network, podlink
from hadr_lab.dataplane.nodes import isolation
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.dataplane.residents import residents, stopped
from hadr_lab.faults.throttle import Throttle
from hadr_lab.faults.zone import Zones
from hadr_lab.outer import enter
from hadr_lab.scenario import HarmZone, ZoneHarm

REGION, ZONE, OTHER = "us-east-1", "us-east-1a", "us-east-1b"
POD, ADDRESS, FAR_POD, FAR = "pod-here", "10.1.0.10", "pod-there", "10.1.32.10"
PORT = 8000
PATIENCE_S = 1.0
HERE = Place(region=REGION, zone=ZONE)
ECHO = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while block := self.request.recv(1024):
            self.request.sendall(block)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128  # with the usual 5, a busy machine loses what asks at once
Server((sys.argv[1], int(sys.argv[2])), Echo).serve_forever()
"""


@dataclass
class Kubelets:
    """Remembers which zones' kubelets stand still."""

    halted: set[str] = field(default_factory=set)

    def halt(self, zone: str) -> None:
        """Stand still."""
        self.halted.add(zone)

    def resume(self, zone: str) -> None:
        """Go on."""
        self.halted.discard(zone)

    def refresh(self) -> None:
        """Nothing to look at."""


@dataclass
class World:
    """Two zones with a pod each; the one in the harmed zone answers, and so does the one beside it."""

    network: Network
    processes: Processes
    zones: Zones
    kubelets: Kubelets
    server: Process
    beside: Process

    async def ask(self) -> tuple[str, float]:
        """How a request from the zone beside ends, and after how many seconds."""
        began, loop = time.perf_counter(), asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE_S):
                with await self.network.connect(FAR_POD, ADDRESS, PORT) as made:
                    await loop.sock_sendall(made, b"hello")
                    how = (await loop.sock_recv(made, 64)).decode()
        except ConnectionRefusedError:
            how = "refused"
        except TimeoutError:
            how = "silent"
        return how, time.perf_counter() - began

    async def answers(self) -> None:
        """Until the harmed zone's pod answers."""
        end = time.monotonic() + 5
        while (await self.ask())[0] != "hello":
            assert time.monotonic() < end, "it never answered again"
            await asyncio.sleep(0.05)

    async def serve(self, netns: str = POD, place: Place = HERE, address: str = ADDRESS) -> Process:
        """A server in a pod, started; the harmed zone's unless said otherwise."""
        arguments = ("-c", ECHO, address, str(PORT))
        return await self.processes.start(f"echo-{netns}", Path(sys.executable), *arguments, netns=netns, place=place)


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    """Everything answers; the zone beside must be well at the end too."""
    processes = Processes(logs=Path("/run/lab/logs"))
    network = Network(programs(), processes)
    await network.build({REGION: (ZONE, OTHER)})
    for zone, cidr, pod, address in ((ZONE, "10.1.0.0/19", POD, ADDRESS), (OTHER, "10.1.32.0/19", FAR_POD, FAR)):
        await network.add_subnet(Subnet(region=REGION, zone=zone, subnet_id=zone, vpc_id="vpc", cidr=cidr))
        await podlink.attach(pod, zone, address)
    kubelets = Kubelets()
    zones = Zones(network=network, nodes=kubelets)
    nobody = await processes.start("nobody", Path("/bin/true"), netns=ZONE, place=HERE)
    world = World(network, processes, zones, kubelets, nobody, nobody)
    world.server = await world.serve()
    world.beside = await world.serve(FAR_POD, Place(region=REGION, zone=OTHER), FAR)
    await world.answers()
    yield world
    assert world.beside.running, "the zone beside was harmed too"
    assert not stopped(world.beside.pid)
    for process in (world.server, world.beside):
        process.kill()


async def killed() -> None:
    """Refused at once; what is started there dies too; after the heal it may be started again."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.KILLED)
        await world.zones.harm(fault, ZONE)
        await world.server.wait()
        how, took = await world.ask()
        assert (how, took < 0.2) == ("refused", True), (how, took)
        assert world.network.lost(REGION, ZONE)
        assert not world.network.gone(REGION, ZONE)
        again = await world.serve()
        async with asyncio.timeout(5):
            await again.wait()
        await world.zones.heal(fault, ZONE)
        assert not world.network.lost(REGION, ZONE)
        assert world.kubelets.halted == set()
        world.server = await world.serve()
        await world.answers()
        await asyncio.sleep(1)
        assert world.server.running


async def blackholed() -> None:
    """Nobody answers and nobody dies."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.BLACKHOLED)
        await world.zones.harm(fault, ZONE)
        assert (await world.ask())[0] == "silent"
        assert world.server.running
        assert world.network.lost(REGION, ZONE)
        assert world.kubelets.halted == set(), "a kubelet that is cut off goes on"
        await world.zones.heal(fault, ZONE)
        await world.answers()
        assert not world.network.lost(REGION, ZONE)


async def frozen() -> None:
    """The kernel takes the connection, the process says nothing, and it really goes on after the heal."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.FROZEN)
        await world.zones.harm(fault, ZONE)
        began = time.perf_counter()
        with await world.network.connect(FAR_POD, ADDRESS, PORT):
            assert time.perf_counter() - began < 0.2
        assert (await world.ask())[0] == "silent"
        assert stopped(world.server.pid)
        assert world.kubelets.halted == {ZONE}
        late = await world.processes.start("late", Path("/bin/sleep"), "30", netns=ZONE, place=HERE)
        await asyncio.sleep(1)
        assert stopped(late.pid), "what is started in a frozen zone is frozen too"
        await world.zones.heal(fault, ZONE)
        await asyncio.sleep(0.1)
        assert not any(stopped(pid) for pid in residents(ZONE))
        await world.answers()
        late.kill()


async def slow() -> None:
    """Each way takes the delay longer, and nothing else changes."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.SLOW, delay=timedelta(milliseconds=100))
        await world.zones.harm(fault, ZONE)
        how, took = await world.ask()
        assert how == "hello"
        assert 0.4 <= took < 0.9, "a handshake and a request, each there and back"
        assert not world.network.lost(REGION, ZONE)
        await world.zones.heal(fault, ZONE)
        assert (await world.ask())[1] < 0.2


async def lossy() -> None:
    """A share of the packets is lost; nobody is told."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.LOSSY, loss=0.3)
        await world.zones.harm(fault, ZONE)
        asked = await asyncio.gather(*(world.ask() for _ in range(60)))
        hit = sum(took > 0.15 for _, took in asked)
        assert 10 <= hit < 60, f"{hit} of 60 waited for a packet that was lost"
        await world.zones.heal(fault, ZONE)
        assert {how for how, _ in await asyncio.gather(*(world.ask() for _ in range(20)))} == {"hello"}


async def lost() -> None:
    """Silent first, then dead; after the heal the zone is there and empty."""
    async with a_world() as world:
        fault = HarmZone(zone=ZONE, how=ZoneHarm.LOST)
        await world.zones.harm(fault, ZONE)
        await world.server.wait()
        assert (await world.ask())[0] == "silent"
        assert world.network.gone(REGION, ZONE)
        await world.zones.heal(fault, ZONE)
        assert not world.network.lost(REGION, ZONE)
        world.server = await world.serve()
        await world.answers()


async def throttled() -> None:
    """A process that would use a whole processor gets a part of it, and all of it again afterwards."""
    async with a_world() as world:
        busy = await world.processes.start("busy", Path(sys.executable), "-c", "while True: pass", netns=POD, place=HERE)

        async def namespaces() -> tuple[str, ...]:
            return (POD,)

        throttling = asyncio.create_task(Throttle(share=0.2, namespaces=namespaces).run())
        await asyncio.sleep(0.5)
        used = await _used(busy.pid, over=2.0)
        throttling.cancel()
        await asyncio.gather(throttling, return_exceptions=True)
        assert not stopped(busy.pid)
        assert not stopped(world.server.pid)
        free = await _used(busy.pid, over=1.0)
        assert used < 0.4, used
        assert free > 1.5 * used, (free, used)
        await world.answers()
        busy.kill()


async def covered() -> None:
    """Files that cannot be reached: nothing can be read, made or replaced, and all is there again afterwards."""
    folder = Path("/run/lab/files")
    (folder / "pictures").mkdir(parents=True)
    (folder / "picture.png").write_bytes(b"a picture")
    isolation.cover(str(folder))
    acts: list[Callable[[], object]] = [
        (folder / "picture.png").read_bytes,
        lambda: list((folder / "pictures").iterdir()),
        lambda: (folder / "new").write_bytes(b"x"),
        lambda: (folder / "pictures" / "new").write_bytes(b"x"),
        lambda: (folder / "picture.png").unlink(),
    ]
    for act in acts:
        try:
            act()
        except OSError:
            continue
        raise AssertionError("an access to files that cannot be reached went well")
    isolation.uncover(str(folder))
    assert (folder / "picture.png").read_bytes() == b"a picture"
    (folder / "pictures" / "new").write_bytes(b"x")


async def _used(pid: int, *, over: float) -> float:
    """The share of a processor that a process uses."""

    def ticks() -> int:
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))

    before, began = ticks(), time.perf_counter()
    await asyncio.sleep(over)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.perf_counter() - began)


Case = Callable[[], Awaitable[None]]
CASES: dict[str, Case] = {case.__name__: case for case in (killed, blackholed, frozen, slow, lossy, lost, throttled, covered)}

if __name__ == "__main__":
    enter()
    signal.alarm(100)
    asyncio.run(CASES[sys.argv[1]]())  # type: ignore[arg-type]
