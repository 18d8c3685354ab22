"""Load balancers as processes: one node in each zone of each balancer, their health reports, and the balancer's host name.

Level-triggered: it reads the views, makes the set of nodes match, and folds what the nodes see into target health. A node that is
down leaves the host name's answer only after the time AWS's own health check of it needs; when every node is down all stay in the
answer, as Route 53 fails open. What zonal shifts and cross-zone sending mean is in `zones`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import AwsState, LoadBalancer, Subnet, Target, TargetGroup, TargetHealth
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.balancer import health
from hadr_lab.dataplane.balancer.checks import Group, group_name
from hadr_lab.dataplane.balancer.configuration import Configuration
from hadr_lab.dataplane.balancer.node import Node, Wanted
from hadr_lab.dataplane.balancer.targets import Key, server_name
from hadr_lab.dataplane.balancer.zones import Where, answered, places, targets_of
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Place, Processes
from hadr_lab.errors import UsageError
from hadr_lab.programs import Programs
from hadr_lab.waits import Wait, Waits

NODE_CHECKS = 3  # failed Route 53 health checks of a node before it leaves the answer: 3 x 10 s on AWS
ROUND = timedelta(seconds=0.5)
REST = timedelta(seconds=0.02)


@dataclass(slots=True, kw_only=True)
class Kept:
    """A balancer that is realized: its last view, its nodes by zone, and since when each node is down."""

    view: LoadBalancer
    groups: tuple[TargetGroup, ...]
    nodes: dict[str, Node] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    down_since: dict[str, float] = field(default_factory=dict)
    ready: bool = False


@dataclass(slots=True, kw_only=True)
class Balancers:
    """The realizer of load balancers."""

    state: AwsState
    processes: Processes
    programs: Programs
    names: Names
    waits: Waits
    network: Addresses
    state_dir: Path
    kept: dict[str, Kept] = field(default_factory=dict)
    health: dict[tuple[str, str, int], TargetHealth] = field(default_factory=dict)
    _unseen: dict[Key, float] = field(default_factory=dict)
    _noticed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Realize load balancers for ever; on cancellation every node's process is ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.step(tasks)
                    await self._wait()
        finally:
            for kept in self.kept.values():
                for node in kept.nodes.values():
                    await node.stop()

    def nodes_of(self, dns_name: str) -> tuple[str, ...]:
        """The addresses of a balancer's nodes, by its host name, also with `dualstack.` before it; none for an unknown one."""
        name = dns_name.lower().removeprefix("dualstack.").rstrip(".")
        kept = [kept for kept in self.kept.values() if kept.view.dns_name.lower() == name]
        return tuple(node.address for found in kept for node in found.nodes.values())

    def take_down(self, zone: str) -> None:
        """Fault: the zone's node of every balancer ends and is not started again. Raises UsageError when the zone has none."""
        nodes = [kept.nodes[zone] for kept in self.kept.values() if zone in kept.nodes]
        if not nodes:
            zones = sorted({zone for kept in self.kept.values() for zone in kept.nodes})
            raise UsageError(f"no load balancer has a node in {zone}; there are nodes in {', '.join(zones) or 'no zone yet'}")
        for node in nodes:
            node.take_down()
        self._noticed.set()

    def bring_up(self, zone: str) -> None:
        """Heal `take_down`."""
        for kept in self.kept.values():
            if zone in kept.nodes:
                kept.nodes[zone].down = False
        self._noticed.set()

    @property
    def node_detection(self) -> timedelta:
        """How long a node that cannot serve stays in the answer of its balancer's host name."""
        return self.waits.scaled(Wait.HEALTH_CHECK_INTERVAL) * NODE_CHECKS

    def healthy_targets(self, dns_name: str) -> bool:
        """Whether an alias to `dns_name` that evaluates target health may be answered.

        True when a node of the balancer lives and each of its target groups has a healthy target; False for a name of no balancer.
        """
        name = dns_name.lower().rstrip(".")
        kept = next((k for k in self.kept.values() if k.view.dns_name.lower().rstrip(".") == name), None)
        if kept is None or not self._answering(kept):
            return False
        return health.serves(
            [self.health.get((group.arn, target.address, target.port), health.INITIAL) for target in group.targets]
            for group in kept.groups
        )

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """One round: match the nodes to the views, publish, report."""
        views = {view.arn: view for region in self.state.regions() for view in self.state.load_balancers(region)}
        for arn in [arn for arn in self.kept if arn not in views]:
            await self._forget(arn)
        for arn, view in views.items():
            groups = self._groups(view)
            kept = self.kept.setdefault(arn, Kept(view=view, groups=groups))
            kept.view, kept.groups = view, groups
            await self._match(kept, tasks)
            self._publish(kept)
            self._report(kept)

    async def _wait(self) -> None:
        changed = asyncio.create_task(self.state.changed(ROUND))
        noticed = asyncio.create_task(self._noticed.wait())
        try:
            await asyncio.wait({changed, noticed}, timeout=ROUND.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            noticed.cancel()
        self._noticed.clear()
        await asyncio.sleep(REST.total_seconds())

    def _groups(self, view: LoadBalancer) -> tuple[TargetGroup, ...]:
        used = {arn for listener in view.listeners for rule in listener.rules for arn in rule.forward}
        return tuple(group for group in self.state.target_groups(view.region) if group.arn in used)

    async def _match(self, kept: Kept, tasks: asyncio.TaskGroup) -> None:
        view = kept.view
        for zone in [zone for zone in kept.nodes if zone not in view.subnets]:
            await self._end(kept, zone)
        for zone, subnet_id in view.subnets.items():
            if zone not in kept.nodes:
                node = self._node(view, zone=zone, subnet_id=subnet_id)
                if node is None:
                    continue
                await self.network.claim(node.netns, node.address)
                kept.nodes[zone] = node
                kept.tasks[zone] = tasks.create_task(node.run())
            kept.nodes[zone].want(self._wanted(kept, kept.nodes[zone]))

    def _node(self, view: LoadBalancer, *, zone: str, subnet_id: str) -> Node | None:
        if self.network.lost(view.region, zone) or not _known(self.state.subnets(view.region), subnet_id):
            return None
        name = f"balancer-{view.name}-{zone}"
        return Node(
            name=name,
            netns=zone,
            place=Place(region=view.region, zone=zone),
            address=self.state.claim_address(view.region, subnet_id, f"ELB {view.arn.split(':loadbalancer/')[1]}"),
            folder=self.state_dir / "balancers" / f"{view.name}-{zone}",
            program=self.programs["haproxy"],
            processes=self.processes,
            network=self.network,
            noticed=self._noticed.set,
        )

    def _wanted(self, kept: Kept, node: Node) -> Wanted:
        listeners = tuple(listener for listener in kept.view.listeners if listener.protocol == "HTTP")
        configuration = Configuration(
            address=node.address,
            folder=node.folder,
            listeners=listeners,
            groups=tuple(Group.of(group, self.waits) for group in kept.groups),
        )
        targets = targets_of(node.place.zone, kept.groups, kept.view.away_from, self._where(kept))
        return Wanted(configuration=configuration, targets=targets)

    def _where(self, kept: Kept) -> Where:
        return places(self.state.subnets(kept.view.region))

    def _publish(self, kept: Kept) -> None:
        now = asyncio.get_running_loop().time()
        for zone, node in kept.nodes.items():
            if node.settled or not self._should_answer(node):
                kept.down_since.pop(zone, None)
            else:
                kept.down_since.setdefault(zone, now)
        answering = self._answering(kept) or sorted(kept.nodes)
        self.names.publish(kept.view.dns_name, *(kept.nodes[zone].address for zone in answering))
        if not kept.ready and kept.nodes and all(node.up_to_date for node in kept.nodes.values()):
            kept.ready = True
            self.state.balancer_ready(kept.view.arn)

    def _should_answer(self, node: Node) -> bool:
        return node.lost or (node.wanted is not None and bool(node.wanted.configuration.listeners))

    def _answering(self, kept: Kept) -> list[str]:
        """The zones whose node AWS's own check of nodes finds, or has not yet found to be down, and that ELB answers with."""
        now, grace = asyncio.get_running_loop().time(), self.node_detection.total_seconds()
        alive = [zone for zone in kept.nodes if now - kept.down_since.get(zone, now) < grace]
        return answered(alive, kept.groups, kept.view.away_from, self._where(kept), self._healthy)

    def _healthy(self, group: TargetGroup, target: Target) -> bool:
        return self.health.get((group.arn, target.address, target.port), health.INITIAL) == health.HEALTHY

    def _report(self, kept: Kept) -> None:
        living = [node for node in kept.nodes.values() if node.alive and node.seen]
        for group in kept.groups:
            for target in group.targets:
                key = Key(group_name(group.arn), server_name(target))
                if target.draining:
                    self._tell(group.arn, target.address, target.port, health.DRAINING)
                elif asked := [node for node in living if _sends(node, key)]:
                    self._unseen.pop(key, None)
                    opinions = [_opinion(node, key) for node in asked]
                    self._tell(group.arn, target.address, target.port, health.fold(opinions))
                elif self._out_of_sight(kept, group, key):
                    self._tell(group.arn, target.address, target.port, health.UNSEEN)
        self._prune(kept)

    def _out_of_sight(self, kept: Kept, group: TargetGroup, key: Key) -> bool:
        """Whether no node that sends to the target has lived for as long as failing checks would need, while others do."""
        holders = [node for node in kept.nodes.values() if _sends(node, key)]
        alone = bool(holders) and not any(node.alive for node in holders) and any(node.alive for node in kept.nodes.values())
        if not alone:
            self._unseen.pop(key, None)
            return False
        now = asyncio.get_running_loop().time()
        return now - self._unseen.setdefault(key, now) >= Group.of(group, self.waits).patience.total_seconds()

    def _tell(self, arn: str, address: str, port: int, found: TargetHealth) -> None:
        if self.health.get((arn, address, port)) != found:
            self.health[arn, address, port] = found
            self.state.target_health(arn, address, port, found)

    def _prune(self, kept: Kept) -> None:
        for group in kept.groups:
            present = {(target.address, target.port) for target in group.targets}
            gone = [key for key in self.health if key[0] == group.arn and key[1:] not in present]
            for key in gone:
                del self.health[key]

    async def _end(self, kept: Kept, zone: str) -> None:
        task = kept.tasks.pop(zone)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await kept.nodes.pop(zone).stop()
        kept.down_since.pop(zone, None)

    async def _forget(self, arn: str) -> None:
        kept = self.kept.pop(arn)
        for zone in list(kept.nodes):
            await self._end(kept, zone)
        self.names.publish(kept.view.dns_name)


def _known(subnets: tuple[Subnet, ...], subnet_id: str) -> bool:
    return any(subnet.subnet_id == subnet_id for subnet in subnets)


def _sends(node: Node, key: Key) -> bool:
    """Whether the node is one that sends to the target, so that it looks at it too."""
    target = node.wanted.targets.get(key) if node.wanted else None
    return target is not None and not target.draining


def _opinion(node: Node, key: Key) -> TargetHealth:
    sight, held = node.seen.get(key), node.held.get(key)
    if sight is None or held is None:
        return health.INITIAL
    return health.judge(sight, known=held.known)
