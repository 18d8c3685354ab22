"""The network of one lab: builds it, gives addresses and sockets in it, and breaks it between places on purpose.

A place is a Region (its own namespace and its zones), a zone, or the edge. Faults are level-triggered: what is asked for is
remembered, and every change applies all of it in one transaction of the router, so faults overlap and heal independently. Losing a
place cuts it off; killing its processes, and not starting new ones, is the business of their owners, who ask `lost`: AWS's control
plane can start nothing there. `gone` says that the machines themselves are without power.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations

from hadr_lab.aws.views import Subnet
from hadr_lab.dataplane.network import batches, impairment, ip, rtnetlink, rules, wan
from hadr_lab.dataplane.network.impairment import Impairment
from hadr_lab.dataplane.network.layout import ANYWHERE, ROUTER, UPLINK, VOID, Layout, Pair, layout
from hadr_lab.dataplane.network.netns import bound, configure, make_socket, visit
from hadr_lab.dataplane.network.rtnetlink import LOOPBACK
from hadr_lab.dataplane.network.rules import Flow
from hadr_lab.dataplane.processes import NETNS, Processes
from hadr_lab.errors import LabError
from hadr_lab.programs import Program, Programs

WAN_DELAY = timedelta(milliseconds=35)


@dataclass(slots=True)
class Network:
    """The lab's network. `wan_delay` is the one-way delay between any two Regions."""

    programs: Programs
    processes: Processes
    wan_delay: timedelta = WAN_DELAY
    layout: Layout = field(default_factory=lambda: Layout(spaces={}))
    subnets: dict[str, Subnet] = field(default_factory=dict)
    cuts: set[Pair] = field(default_factory=set)
    impairments: dict[Pair, Impairment] = field(default_factory=dict)
    halted: set[str] = field(default_factory=set)
    _lost: set[str] = field(default_factory=set)
    _claimed: set[Pair] = field(default_factory=set)
    _queues: Mapping[int, Impairment] = field(default_factory=dict)
    _wan: wan.Wan | None = None
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def build(self, regions: Mapping[str, Sequence[str]]) -> None:
        """Make every namespace of `regions` (Region to zone names), the router, its rules and the delay between Regions. Once."""
        self.layout = layout(regions)
        await ip.batch(batches.namespaces(self.layout))
        for name in (ROUTER, *self.layout.spaces):
            configure(name)
        await ip.batch(batches.links(self.layout))
        router = ip.batch(batches.router(self.layout), netns=ROUTER)
        spaces = [ip.batch(batches.space(space), netns=space.name) for space in self.layout.spaces.values()]
        await asyncio.gather(router, *spaces, self._install_rules())
        await visit(ROUTER, lambda: rtnetlink.wait_running(*self.layout.spaces))
        for name in self.layout.spaces:
            await visit(name, lambda: rtnetlink.wait_running(UPLINK, VOID))
        self.impairments = dict.fromkeys(permutations(regions, 2), Impairment(delay=self.wan_delay))
        await self._apply_impairments()

    async def watch(self) -> None:
        """Return only by raising StartFailed, when the delaying process has died and delays are no longer what they should be."""
        if self._wan is not None:
            await self._wan.process.wait()
            self._wan.process.ensure_running()

    async def add_subnet(self, subnet: Subnet) -> None:
        """Route the subnet to its zone, where each of its addresses is silent until claimed or a pod's. Again changes nothing.

        Raises LabError when another subnet has the same range: the lab's router knows one VPC address space.
        """
        async with self._changing:
            if subnet.subnet_id in self.subnets:
                return
            for other in self.subnets.values():
                if other.cidr == subnet.cidr:
                    raise LabError(
                        f"network: {subnet.subnet_id} and {other.subnet_id} both have {subnet.cidr}; give them distinct ranges"
                    )
            gateway = self._address_of(subnet.zone)
            await ip.batch(f"route add {subnet.cidr} dev {VOID}\n", netns=subnet.zone)
            await ip.batch(f"route add {subnet.cidr} via {gateway}\n", netns=ROUTER)
            self.subnets[subnet.subnet_id] = subnet

    async def drop_subnet(self, subnet_id: str) -> None:
        """Forget a subnet that was deleted; one that was never added is fine."""
        async with self._changing:
            if (subnet := self.subnets.pop(subnet_id, None)) is not None:
                await ip.batch(f"route del {subnet.cidr}\n", netns=ROUTER)
                await ip.batch(f"route del {subnet.cidr} dev {VOID}\n", netns=subnet.zone)

    async def claim(self, netns: str, address: str) -> None:
        """Make `address` exist in namespace `netns`; claiming it again changes nothing."""
        if (netns, address) not in self._claimed:
            await _on_loopback(netns, rtnetlink.add_address(LOOPBACK, address))
            self._claimed.add((netns, address))

    async def release(self, netns: str, address: str) -> None:
        """Make `address` silent again; releasing one that nobody claimed changes nothing."""
        if (netns, address) in self._claimed:
            self._claimed.discard((netns, address))
            await _on_loopback(netns, rtnetlink.delete_address(LOOPBACK, address))

    def listen(self, netns: str, address: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A non-blocking socket bound (and listening, if a stream) in `netns`. Raises OSError that names address and place."""
        return bound(netns, address, port, kind)

    async def connect(self, netns: str, address: str, port: int) -> socket.socket:
        """A non-blocking TCP connection made from `netns`. Waits as long as TCP does: put a timeout round it. Raises OSError."""
        made = make_socket(netns)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        except BaseException:
            made.close()
            raise
        return made

    def lost(self, region: str, zone: str = "") -> bool:
        """Whether that Region, or that zone of it, is lost at this moment: nothing there obeys, whatever became of its links."""
        return self.gone(region, zone) or (bool(zone) and zone in self.halted)

    def gone(self, region: str, zone: str = "") -> bool:
        """Whether that Region, or that zone of it, has neither links nor power."""
        return region in self._lost or (bool(zone) and zone in self._lost)

    def halt(self, zone: str) -> None:
        """From now on `lost` says that the zone is, although its links stay as they are. Raises UsageError for an unknown place."""
        self.layout.covers(zone)
        self.halted.add(zone)

    def resume(self, zone: str) -> None:
        """Undo `halt`; a zone that was not halted is fine."""
        self.halted.discard(zone)

    async def lose(self, region: str, zone: str = "") -> None:
        """The place falls silent: nothing gets in or out of it, without an answer to anybody, and `lost` says so."""
        async with self._changing:
            self.layout.covers(zone or region)
            self._lost.add(zone or region)
            await self._apply_cuts()

    async def restore(self, region: str, zone: str = "") -> None:
        """The place is reachable again. What ran in it must be started anew by its owners."""
        async with self._changing:
            self._lost.discard(zone or region)
            await self._apply_cuts()

    async def cut(self, a: str, b: str | None = None, *, one_way: bool = False) -> None:
        """Silently drop what goes between `a` and `b` (None: everything else), established connections and packets on the way too.

        `one_way` drops only what goes from `a` to `b`; `*` is everywhere. Raises UsageError for an unknown place.
        """
        async with self._changing:
            wanted = _directions(a, b, one_way=one_way)
            for source, target in wanted:
                self.layout.pairs(source, target)
            self.cuts |= wanted
            await self._apply_cuts()

    async def heal(self, a: str, b: str | None = None, *, one_way: bool = False) -> None:
        """Undo the `cut` of the same places; a direction that was not cut is fine. Other cuts stay."""
        async with self._changing:
            self.cuts -= _directions(a, b, one_way=one_way)
            await self._apply_cuts()

    async def impair(
        self,
        a: str,
        b: str | None = None,
        *,
        delay: timedelta = timedelta(0),
        loss: float = 0.0,
        one_way: bool = False,
    ) -> None:
        """Delay and lose what goes between `a` and `b` (None: everything else), replacing what was set for the same two places.

        Impairments of overlapping places add up. `impair(a, b)` takes it away again. Two Regions have the WAN's delay from the
        start: setting theirs replaces it. Raises UsageError for an unknown place or an impossible figure; nothing changes then.
        """
        async with self._changing:
            before = dict(self.impairments)
            for direction in _directions(a, b, one_way=one_way):
                self.impairments[direction] = Impairment(delay=delay, loss=loss)
            try:
                await self._apply_impairments()
            except LabError:
                self.impairments = before
                raise

    async def traffic(self) -> Mapping[Pair, int]:
        """Bytes delivered so far from each namespace to each other (`("us-east-1a", "us-east-1b")`)."""
        return (await self.counters())[0]

    async def counters(self) -> tuple[Mapping[Pair, int], Mapping[Flow, int], Mapping[Pair, int]]:
        """The same, of it what went to and came from each service's port, and replication of databases, all at one moment."""
        listing = await self._in_router(self.programs["nft"], "-j", *rules.LIST.split())
        return rules.counted(listing), rules.counted_flows(listing), rules.counted_replication(listing)

    async def _install_rules(self) -> None:
        await asyncio.gather(
            self._nft(rules.tables(self.layout)),
            self._in_router(self.programs["iptables"], "--noflush", told=rules.queue_rules(), applet="iptables-restore"),
            self._start_wan(),
        )

    async def _start_wan(self) -> None:
        self._wan = await wan.start(self.processes)

    async def _apply_cuts(self) -> None:
        directions = set(self.cuts)
        for place in self._lost:
            directions |= _directions(place, None, one_way=False)
        pairs = frozenset[Pair]().union(*(self.layout.pairs(*direction) for direction in directions))
        await self._nft(rules.cuts(pairs))

    async def _apply_impairments(self) -> None:
        suffered = impairment.suffered(self.layout, self.impairments)
        queues = impairment.queues(frozenset(suffered.values()), self._queues)
        if self._wan is not None:
            await self._wan.set(queues)
        numbers = {each: number for number, each in queues.items()}
        await self._nft(rules.marks({pair: numbers[each] for pair, each in suffered.items()}))
        self._queues = queues

    async def _nft(self, script: str) -> None:
        await self._in_router(self.programs["nft"], "-f", "-", told=script)

    async def _in_router(self, program: Program, *arguments: str, told: str = "", applet: str = "") -> str:
        """What `program` (or its sibling `applet`) prints when it is told `told`. Raises LabError with its own words."""
        path = program.path.with_name(applet) if applet else program.path
        child = await asyncio.create_subprocess_exec(
            "nsenter",
            f"--net={NETNS / ROUTER}",
            str(path),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **program.env},
        )
        out, said = await child.communicate(told.encode())
        if child.returncode:
            raise LabError(f"network: {path.name} in the router: {said.decode(errors='replace').strip()}")
        return out.decode()

    def _address_of(self, place: str) -> str:
        try:
            return self.layout.spaces[place].address
        except KeyError:
            raise LabError(f"network: no namespace {place}; it was built with {', '.join(self.layout.spaces)}") from None


async def _on_loopback(netns: str, message: rtnetlink.Message) -> None:
    try:
        await visit(netns, lambda: rtnetlink.tell(message))
    except OSError as error:
        raise LabError(f"network: an address in {netns}: {error.strerror or error}") from error


def _directions(a: str, b: str | None, *, one_way: bool) -> set[Pair]:
    there = (a, b or ANYWHERE)
    return {there} if one_way else {there, (there[1], there[0])}
