"""Balancer nodes as real HAProxy processes in a small lab of two zones."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from tests.hadr_lab.dataplane.balancer_views import BALANCER, GROUP, NAME, a_balancer, a_group, a_listener
from tests.hadr_lab.dataplane.stores_world import World, cpu, inside, running, until

from hadr_lab.aws.views import Rule, Target
from hadr_lab.dataplane.balancer.realizer import Balancers
from hadr_lab.dataplane.processes import Process
from hadr_lab.waits import Waits

pytestmark = pytest.mark.lab

SERVER = """
import http.server, socketserver, sys
name, port = sys.argv[1], int(sys.argv[2])
bad = set()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body=b""):
        if self.path == "/break": bad.add(1)
        if self.path == "/mend": bad.clear()
        self.send_response(503 if self.path == "/readyz" and bad else 200)
        text = (name + " " + str(len(body)) + " " + "|".join(f"{k}={v}" for k, v in self.headers.items())).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def do_GET(self): self.answer()
    def do_PUT(self): self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def log_message(self, *args): pass
    def handle(self):
        try: super().handle()
        except ConnectionError: pass
class Server(http.server.ThreadingHTTPServer):
    def server_bind(self): socketserver.TCPServer.server_bind(self)  # HTTPServer's asks the resolver for its own name
Server((name, port), Handler).serve_forever()
"""


async def target(world: World, zone: str, address: str) -> Process:
    """A target that says who it is; `/break` makes its check fail, `/mend` pass again."""
    await world.claim(zone, address)
    return await world.python(f"target-{address}", zone, "-c", SERVER, address, "8080")


def balancers(world: World) -> Balancers:
    """The realizer under test."""
    return Balancers(
        state=world.state,
        processes=world.processes,
        programs=world.programs,
        names=world.names,
        waits=world.waits,
        network=world,
        state_dir=world.state_dir,
    )


async def get(world: World, path: str = "/", *more: str, node: int = 0) -> tuple[str, str]:
    """Status and body of a request from the edge to a node of the balancer."""
    address = world.names.addresses[NAME][node]
    output = await world.run("edge", "curl", "-s", "-m", "5", "-w", "\n%{http_code}", *more, f"http://{address}{path}")
    body, _, status = output.rpartition("\n")
    return status, body


def states(world: World) -> dict[str, str]:
    """Target health by address."""
    return {address: health.state for (_, address, _), health in world.state.health.items()}


A, B = "10.1.0.200", "10.1.16.200"
TARGETS = (Target(address=A, port=8080), Target(address=B, port=8080))


async def serving(world: World, realizer: Balancers, targets: tuple[Target, ...] = TARGETS) -> list[Process]:
    """A balancer that is ready and whose targets are healthy."""
    processes = [await target(world, zone, address) for zone, address in (("us-east-1a", A), ("us-east-1b", B))]
    world.state.groups = [a_group(*targets)]
    world.state.balancer_views = [a_balancer(a_listener())]
    await until(lambda: ("balancer_ready", BALANCER) in world.state.told)
    await until(lambda: set(states(world).values()) == {"healthy"} and len(states(world)) == len(targets))
    assert realizer.healthy_targets(NAME)
    return processes


async def requests_are_spread_and_described(world: World) -> None:
    """Both targets get requests from both nodes, with the headers ELB adds and large bodies."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        for node in (0, 1):
            bodies = {(await get(world, node=node))[1].split()[0] for _ in range(4)}
            assert bodies == {A, B}
        _, body = await get(world, "/", "-H", "X-Forwarded-For: 192.0.2.7")
        headers = {k.lower(): v for k, _, v in (field.partition("=") for field in body.split(" ", 2)[2].split("|"))}
        source, address = headers["x-forwarded-for"].split(", ")
        assert (source, address.startswith("198.19.")) == ("192.0.2.7", True)
        assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", "80")
        big = world.state_dir / "big"
        big.write_bytes(b"x" * 3_000_000)
        status, body = await get(world, "/", "-T", str(big))
        assert (status, body.split()[1]) == ("200", "3000000")


async def health_decides_and_fails_open(world: World) -> None:
    """A failing target leaves, all failing targets are used nevertheless, and a dead one is answered for by 502."""
    realizer = balancers(world)
    async with running(realizer.run()):
        processes = await serving(world, realizer)
        await world.run("edge", "curl", "-s", f"http://{A}:8080/break")
        took = await until(lambda: states(world)[A] == "unhealthy")
        print(f"unhealthy after {took:.2f} s at an interval of 0.25 s, threshold 2")
        assert world.state.health[GROUP, A, 8080].description == "Health checks failed with these codes: [503]"
        assert {(await get(world))[1].split()[0] for _ in range(6)} == {B}
        await world.run("edge", "curl", "-s", f"http://{B}:8080/break")
        await until(lambda: states(world)[B] == "unhealthy")
        assert not realizer.healthy_targets(NAME)
        assert {(await get(world))[1].split()[0] for _ in range(4)} == {A, B}, "it must fail open"
        await world.run("edge", "curl", "-s", f"http://{A}:8080/mend")
        await until(lambda: states(world)[A] == "healthy")
        end = time.monotonic() + 5  # each zone's node checks for itself, and leaves failing open with its own check
        while {(await get(world))[1].split()[0] for _ in range(4)} != {A}:
            assert time.monotonic() < end, "it never left failing open"
        for process in processes:
            process.kill()
        await until(lambda: set(states(world).values()) == {"unhealthy"})
        assert (await get(world))[0] == "502"
        assert world.state.health[GROUP, A, 8080].reason == "Target.FailedHealthChecks"


async def targets_come_and_go_without_a_reload(world: World) -> None:
    """No target is 503; a new one serves after one check; a draining one gets nothing new; the process stays the same."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer, TARGETS[:1])
        pids = [p.pid for p in world.processes.running if p.name.startswith("balancer")]
        for name, address in (("us-east-1b", "10.1.16.201"), ("us-east-1b", "10.1.16.202")):
            await target(world, name, address)
        await asyncio.sleep(0.5)
        start = time.monotonic()
        world.state.groups = [a_group(TARGETS[0], Target(address="10.1.16.201", port=8080))]
        await until(lambda: states(world).get("10.1.16.201") == "initial")
        await until(lambda: states(world)["10.1.16.201"] == "healthy")
        print(f"new target healthy after {time.monotonic() - start:.2f} s at an interval of 0.25 s")
        assert {(await get(world))[1].split()[0] for _ in range(4)} == {A, "10.1.16.201"}
        world.state.groups = [a_group(replace(TARGETS[0], draining=True), Target(address="10.1.16.201", port=8080))]
        await until(lambda: states(world)[A] == "draining")
        await asyncio.sleep(0.2)
        assert {(await get(world))[1].split()[0] for _ in range(6)} == {"10.1.16.201"}
        world.state.groups = [a_group()]
        await until(lambda: not realizer.health)
        await asyncio.sleep(0.5)
        assert (await get(world))[0] == "503"
        assert not realizer.healthy_targets(NAME)
        world.state.groups = [a_group(TARGETS[0])]
        await until(lambda: states(world)[A] == "healthy")
        assert (await get(world))[1].split()[0] == A
        assert pids == [p.pid for p in world.processes.running if p.running and p.name.startswith("balancer")]


async def a_new_rule_drops_no_request(world: World) -> None:
    """Rules change under load through a reload that takes over the sockets; not one request fails."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        address = world.names.addresses[NAME][0]
        loop = "for i in $(seq 300); do curl -s -m 2 -o /dev/null -w '%{http_code}\\n' http://" + address + "/; done"
        load = asyncio.create_task(world.run("edge", "sh", "-c", loop))
        for number in range(5):
            rule = Rule(priority=1, paths=("/fixed*",), fixed_status=418, fixed_body=f"number {number}")
            world.state.balancer_views = [a_balancer(a_listener(rule))]
            await asyncio.sleep(0.4)
        outcomes = (await load).split()
        assert outcomes == ["200"] * 300, f"{len(outcomes) - outcomes.count('200')} requests failed"
        assert await get(world, "/fixed/x") == ("418", "number 4")


async def a_dead_node_leaves_the_name_after_its_detection(world: World) -> None:
    """A crashed node comes back; a lost zone's node stays in the answer for its detection time, all of them when all are lost."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        first = next(p for p in world.processes.running if p.name == "balancer-peccy-one-us-east-1a")
        first.kill()
        await until(lambda: any(p.name == first.name and p.running for p in world.processes.running))
        await until(lambda: len(world.names.addresses[NAME]) == 2)
        both = world.names.addresses[NAME]
        world.cut("us-east-1a")
        world.lose("us-east-1a")
        assert world.names.addresses[NAME] == both
        took = await until(lambda: len(world.names.addresses[NAME]) == 1)
        print(f"node left the name after {took:.2f} s, detection {realizer.node_detection}")
        await until(lambda: states(world)[A] == "unhealthy")
        assert (states(world)[B], realizer.healthy_targets(NAME)) == ("healthy", True)
        world.cut("us-east-1b")
        world.lose("us-east-1b")
        await until(lambda: not realizer.healthy_targets(NAME))
        await until(lambda: world.names.addresses[NAME] == both, what="all nodes when none answers")


async def a_node_comes_back_only_when_it_can_serve(world: World) -> None:
    """The name has the address of a node that was down again once its targets have passed a check: no request finds none."""
    world.waits = Waits(speed=5)
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        both = world.names.addresses[NAME]
        realizer.take_down("us-east-1a")
        await until(lambda: world.names.addresses[NAME] == both[1:])
        realizer.bring_up("us-east-1a")
        await until(lambda: world.names.addresses[NAME] == both)
        assert [(await get(world))[0] for _ in range(6)] == ["200"] * 6


async def what_a_request_costs(world: World) -> None:
    """The CPU time of a node for each request stays far below a millisecond."""
    world.waits = Waits(speed=10)
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        node = next(p for p in world.processes.running if p.name.endswith("us-east-1a") and p.name.startswith("balancer"))
        address = world.names.addresses[NAME][0]
        code = f"""
import http.client
c = http.client.HTTPConnection({address!r})
for i in range(3000):
    c.request("GET", "/"); r = c.getresponse(); r.read(); assert r.status == 200
"""
        idle = cpu(node.pid)
        await asyncio.sleep(2)
        before = cpu(node.pid)
        print(f"{(before - idle) / 2:.3f} of a core when idle")
        await world.run("edge", "python3", "-c", code)
        cost = (cpu(node.pid) - before) / 3000
        print(f"{cost * 1e6:.0f} us of CPU for each request")
        assert cost < 0.001


async def a_shifted_zone_leaves_the_name_and_gets_nothing_new(world: World) -> None:
    """The name is answered with the other zone alone, whose node sends to its own targets only; then both are back."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        both = world.names.addresses[NAME]
        world.state.balancer_views = [replace(a_balancer(a_listener()), away_from=frozenset({"us-east-1a"}))]
        await until(lambda: len(world.names.addresses[NAME]) == 1)
        await asyncio.sleep(0.3)
        assert world.names.addresses[NAME] == both[1:]
        answers = [await get(world) for _ in range(6)]
        assert {(status, body.split()[0]) for status, body in answers} == {("200", B)}
        assert set(states(world).values()) == {"healthy"}, "the zone's own node goes on looking at its target"
        world.state.balancer_views = [a_balancer(a_listener())]
        await until(lambda: world.names.addresses[NAME] == both)
        await asyncio.sleep(0.5)
        answers = [await get(world, node=1) for _ in range(6)]
        assert {(status, body.split()[0]) for status, body in answers} == {("200", A), ("200", B)}


async def without_cross_zone_sending_a_node_serves_its_own_zone(world: World) -> None:
    """Each node sends to its own zone; a zone whose only target fails is not answered with."""
    realizer = balancers(world)
    async with running(realizer.run()):
        await serving(world, realizer)
        world.state.groups = [a_group(*TARGETS, cross_zone=False)]
        await asyncio.sleep(1)
        for node, address in ((0, A), (1, B)):
            assert {(await get(world, node=node))[1].split()[0] for _ in range(4)} == {address}
        both = world.names.addresses[NAME]
        await world.run("edge", "curl", "-s", f"http://{A}:8080/break")
        await until(lambda: world.names.addresses[NAME] == both[1:])
        await world.run("edge", "curl", "-s", f"http://{A}:8080/mend")
        await until(lambda: world.names.addresses[NAME] == both)
        world.cut("us-east-1a")
        world.lose("us-east-1a")
        await until(lambda: sorted(states(world).values()) == ["healthy", "unhealthy"])  # the lost node was the only one to look
        await until(lambda: world.names.addresses[NAME] == both[1:])


@pytest.mark.parametrize(
    "scenario",
    [
        requests_are_spread_and_described,
        health_decides_and_fails_open,
        targets_come_and_go_without_a_reload,
        a_new_rule_drops_no_request,
        a_dead_node_leaves_the_name_after_its_detection,
        a_node_comes_back_only_when_it_can_serve,
        a_shifted_zone_leaves_the_name_and_gets_nothing_new,
        without_cross_zone_sending_a_node_serves_its_own_zone,
        what_a_request_costs,
    ],
)
def test_balancer(scenario: object) -> None:
    """Each scenario's own sentence says what must hold."""
    assert callable(scenario)
    inside(scenario)
