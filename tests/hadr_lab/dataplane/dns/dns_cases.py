"""Route 53's data plane in the real network, case by case. Runs inside the lab's namespaces, started by test_dns_lab."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from dnslib import DNSRecord
from tests.hadr_lab.dataplane.dns import dns_records
from tests.hadr_lab.last_words import run

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.front import EDGE, Front
from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.route53_service import route53_service
from hadr_lab.dataplane.dns.feed import NameServer
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.network import Network
from hadr_lab.dataplane.network.netns import inside
from hadr_lab.dataplane.processes import Processes
from hadr_lab.errors import LabError
from hadr_lab.outer import enter
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.toolchain import debian
from hadr_lab.waits import Waits

REGIONS = {"us-east-1": ("us-east-1a",), "us-east-2": ("us-east-2a",)}
NUMBERS = {EDGE: 0, "us-east-1": 1, "us-east-2": 2}
BALANCERS = {
    "one": ("us-east-1", "peccy-one-1.us-east-1.elb.amazonaws.com", "198.18.1.80"),
    "two": ("us-east-2", "peccy-two-1.us-east-2.elb.amazonaws.com", "198.18.2.80"),
}
HOST = "peccy.hadr.test"
BUCKET = "peccy-switch-123456789012-us-east-2"
SPEED = 20.0
WITHIN_S = 90
LOGS = Path("/run/lab/logs")


def at(place: str, host: int) -> str:
    return f"198.18.{NUMBERS[place]}.{host}"


@dataclass(slots=True)
class World:
    """A network with the AWS front in each Region, the name server, and a load balancer's stand-in in each member."""

    network: Network
    processes: Processes
    names: Names = field(default_factory=Names)
    ready: set[str] = field(default_factory=lambda: {"one"})

    def client(self, service: str, region: str, **options: Any) -> Any:
        """A boto3 client as an operator at the edge has it."""
        session = boto3.session.Session(aws_access_key_id="lab", aws_secret_access_key="lab")
        config = Config(retries={"max_attempts": 0}, **options)
        return session.client(service, region_name=region, endpoint_url=f"http://{at(EDGE, 10)}", config=config)

    async def at_edge(self, act: Callable[[], Any]) -> Any:
        """What `act` returns when it runs at the edge."""
        return await asyncio.to_thread(inside, EDGE, act)

    async def resolve(self, name: str = HOST, place: str = EDGE) -> set[str]:
        """What the resolver of a place answers."""
        question = DNSRecord.question(name, "A")

        def ask() -> bytes:
            reply: bytes = question.send(at(place, 53), 53, timeout=2)
            return reply

        return {str(found.rdata) for found in DNSRecord.parse(await asyncio.to_thread(inside, place, ask)).rr}

    async def until_resolves(self, member: str, within: float = 20.0) -> float:
        """Seconds until the site's name leads to `member`."""
        started = time.monotonic()
        while await self.resolve() != {BALANCERS[member][2]}:
            assert time.monotonic() - started < within, f"{HOST} leads to {await self.resolve()}, not to {member}"
            await asyncio.sleep(0.05)
        return time.monotonic() - started


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    system = debian.obtain(Progress())
    nowhere = Path("/nonexistent")
    programs = Programs(programs=system.programs, charts=nowhere, share=system.share, database_template=nowhere)
    processes = Processes(logs=LOGS)
    network = Network(programs, processes)
    await network.build(REGIONS)
    world = World(network, processes)
    changes, waits = Changes(), Waits(speed=SPEED)
    route53 = Route53State(waits=waits, changes=changes)
    front = Front(
        {"route53": route53_service(route53)},
        changes,
        address_of=lambda region: (at(region, 10), 80) if region in REGIONS else None,
        connect=network.connect,
    )
    server = NameServer(
        processes=processes,
        route53=route53,
        names=world.names,
        balancer_healthy=lambda name: any(name == BALANCERS[member][1] for member in world.ready),
        speed=SPEED,
        listen={place: at(place, 53) for place in NUMBERS},
    )
    tasks: list[asyncio.Task[None]] = []
    for place in NUMBERS:
        for host in (10, 53):
            await network.claim(place, at(place, host))
        tasks.append(asyncio.create_task(front.serve(place, [network.listen(place, at(place, 10), 80)])))
    tasks.append(asyncio.create_task(server.run()))
    for member in BALANCERS:
        await _balancer(world, member)
    for region in REGIONS:
        world.names.publish(f"s3.{region}.amazonaws.com", at(region, 10))
    async with asyncio.timeout(10):
        await server.serving.wait()
    try:
        yield world
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        front.close()


async def _balancer(world: World, member: str) -> None:
    """A listener that is ready when the member is."""
    region, name, address = BALANCERS[member]
    await world.network.claim(region, address)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = b"200 OK" if member in world.ready else b"503 Service Unavailable"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    await asyncio.start_server(answer, sock=world.network.listen(region, address, 80))
    world.names.publish(name, address)


def make_site(world: World) -> None:
    """The demo's own zone, checks, records and switch bucket."""

    def one(service: str) -> Any:
        return world.client(service, "us-east-1")

    dns_records.make_switch(world.client("s3", "us-east-2"), BUCKET, "us-east-2", "active/two")
    zone = dns_records.make_zone(one, "hadr.test")
    ready = {member: dns_records.endpoint_check(one, member, BALANCERS[member][1]) for member in BALANCERS}
    serves = dns_records.switched_check(one, "one", ready["one"], f"{BUCKET}.s3.us-east-2.amazonaws.com", "active/two")
    balancers = {m: dns_records.Balancer(dns_name=name, zone_id="Z35SXDOTRQ7X7K") for m, (_, name, _) in BALANCERS.items()}
    records = {"one": (100, balancers["one"], serves), "two": (0, balancers["two"], ready["two"])}
    dns_records.make_records(one, zone, HOST, records)


async def resolvers() -> str:
    """Every resolver answers AWS's names over the same data, and knows nothing of the world outside."""
    async with a_world() as world:
        for place in NUMBERS:
            await asyncio.sleep(0.3)
            assert await world.resolve(BALANCERS["two"][1], place) == {BALANCERS["two"][2]}
            assert await world.resolve("example.org", place) == set()
        return "three resolvers answer"


async def restart() -> str:
    """A name server that dies is started again and answers what it answered."""
    async with a_world() as world:
        await asyncio.sleep(0.3)
        before = await world.resolve(BALANCERS["one"][1])
        next(process for process in world.processes.running if process.name == "name-server").kill()
        started = time.monotonic()
        async with asyncio.timeout(10):
            while True:
                await asyncio.sleep(0.05)
                try:
                    if await world.resolve(BALANCERS["one"][1]) == before:
                        break
                except (OSError, TimeoutError):
                    continue
        return f"back after {time.monotonic() - started:.2f} s"


async def switch() -> str:
    """Declaring two active by one object moves the name; a ready member one does not take it back."""
    async with a_world() as world:
        await world.at_edge(lambda: make_site(world))
        up = await world.until_resolves("one")
        world.ready.add("two")
        s3 = world.client("s3", "us-east-2")
        await world.at_edge(lambda: s3.put_object(Bucket=BUCKET, Key="active/two", Body=b"by a drill"))
        moved = await world.until_resolves("two")
        await asyncio.sleep(2)
        assert await world.resolve() == {BALANCERS["two"][2]}
        await world.at_edge(lambda: s3.delete_object(Bucket=BUCKET, Key="active/two"))
        back = await world.until_resolves("one")
        return f"serves after {up:.1f} s, moved after {moved:.1f} s, back after {back:.1f} s"


async def lost_region() -> str:
    """With us-east-1 silent its APIs and Route 53's hang, two's answer, and the switch still moves the name."""
    async with a_world() as world:
        await world.at_edge(lambda: make_site(world))
        await world.until_resolves("one")
        await world.network.lose("us-east-1")
        for service, region in (("sqs", "us-east-1"), ("route53", "us-east-2")):
            client = world.client(service, region, read_timeout=1, connect_timeout=1)
            with pytest.raises(ReadTimeoutError):
                await world.at_edge(client.list_queues if service == "sqs" else client.list_hosted_zones)
        assert await world.resolve() == {BALANCERS["one"][2]}, "two has no healthy target yet: all unhealthy fails open"
        world.ready.add("two")
        s3 = world.client("s3", "us-east-2")
        await world.at_edge(lambda: s3.put_object(Bucket=BUCKET, Key="active/two", Body=json.dumps({"by": "drill"}).encode()))
        moved = await world.until_resolves("two")
        await world.network.restore("us-east-1")
        await asyncio.sleep(3)
        assert await world.resolve() == {BALANCERS["two"][2]}, "a revived Region one gets no traffic"
        return f"moved after {moved:.1f} s"


CASES: dict[str, Callable[[], Coroutine[Any, Any, str]]] = {
    "resolvers": resolvers,
    "restart": restart,
    "switch": switch,
    "lost_region": lost_region,
}

if __name__ == "__main__":
    enter()
    try:
        print(run(CASES[sys.argv[1]](), within=WITHIN_S, logs=LOGS))
    except LabError as error:
        sys.exit(str(error))
