"""The node agent of one Region: makes running nodes match the wishes it is sent. One process, one thread.

It never decides which machines exist; and when its parent or its zygote is gone, so is it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.controlplane.api import Endpoint
from hadr_lab.dataplane.controlplane.sockets import tcp_socket
from hadr_lab.dataplane.nodes import objects
from hadr_lab.dataplane.nodes.aws import Front
from hadr_lab.dataplane.nodes.host import Settings
from hadr_lab.dataplane.nodes.images import Images, registry_region
from hadr_lab.dataplane.nodes.launcher import Launcher
from hadr_lab.dataplane.nodes.machine import Node
from hadr_lab.dataplane.nodes.messages import Fact, Joined, Pulled, Wish, fact_line
from hadr_lab.dataplane.nodes.objects import Machine
from hadr_lab.dataplane.nodes.pulls import PullFailed
from hadr_lab.dataplane.nodes.userdata import Joining, NotANode, parse
from hadr_lab.dataplane.nodes.volumes import FileSystems

LINE_LIMIT = 1 << 24
REGISTRY_PATIENCE = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What an agent is started with. `registries` are the addresses of the Regions' ECR."""

    control: Path
    efs: Path
    front: Front
    pod: Settings
    images: Images
    image_pull: float
    registries: Mapping[str, str]
    modules: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(slots=True)
class Agent:
    """The nodes of one Region."""

    settings: AgentSettings
    nodes: dict[str, tuple[Node, asyncio.Task[None]]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    halted: frozenset[str] = frozenset()
    launcher: Launcher = field(init=False)
    file_systems: FileSystems = field(init=False)
    _facts: asyncio.StreamWriter | None = None

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        own = self.settings
        self.launcher = Launcher(own.pod.folder, own.modules, own.paths)
        self.file_systems = FileSystems(own.efs)

    async def run(self) -> None:
        """Until the parent closes the socket. Raises ZygoteEnded when the zygote does not last as long."""
        reader, self._facts = await asyncio.open_unix_connection(self.settings.control, limit=LINE_LIMIT)
        ready = asyncio.Event()
        zygote = asyncio.ensure_future(self.launcher.serve(ready))
        obeying = asyncio.ensure_future(self._obey(reader, ready))
        try:
            await asyncio.wait({zygote, obeying}, return_when=asyncio.FIRST_COMPLETED)
            for task in (zygote, obeying):
                if task.done():
                    task.result()
        finally:
            zygote.cancel()
            obeying.cancel()
            self._facts.close()

    async def _obey(self, reader: asyncio.StreamReader, ready: asyncio.Event) -> None:
        await ready.wait()
        while line := await reader.readline():
            await self.match(Wish.parse(line))

    async def match(self, wish: Wish) -> None:
        """Start and end nodes until they are those of the wish; pass new modes of file systems on."""
        flipped = {
            name for name, read_only in wish.file_systems.items() if self.file_systems.read_only.get(name, read_only) != read_only
        }
        self.file_systems.read_only.clear()
        self.file_systems.read_only.update(wish.file_systems)
        wanted = {machine.instance_id: machine for machine in wish.machines}
        for instance in [instance for instance in self.nodes if instance not in wanted]:
            await self._end(instance)
        for machine in wanted.values():
            if machine.instance_id not in self.nodes:
                self._start(machine, wish.clusters)
        self.halted = frozenset(wish.halted)
        for node, _ in self.nodes.values():
            node.halt(node.machine.zone in self.halted)
        await self._cover(set(wish.without_files))
        if flipped:
            await asyncio.gather(*(node.remount() for node, _ in self.nodes.values()))

    async def _cover(self, unreachable: set[str]) -> None:
        """Tell the nodes of each zone whose mount target went or came back."""
        changed = unreachable ^ self.file_systems.unreachable
        self.file_systems.unreachable.clear()
        self.file_systems.unreachable.update(unreachable)
        nodes = [node for node, _ in self.nodes.values() if node.machine.zone in changed]
        await asyncio.gather(*(node.cover(on=node.machine.zone in unreachable) for node in nodes))

    def _start(self, machine: Machine, clusters: Mapping[str, Endpoint]) -> None:
        try:
            joining = parse(machine.user_data)
        except NotANode as error:
            if machine.instance_id not in self.refused:
                _log.warning("instance=%s is no node: %s", machine.instance_id, error)
                self.refused.add(machine.instance_id)
            return
        endpoint = clusters.get(joining.host)
        if endpoint is None:
            _log.info("instance=%s waits: no API server is known as %s", machine.instance_id, joining.host)
            return
        if authority := objects.authority_of(joining):
            endpoint = replace(endpoint, ca=authority)
        node = self._node(machine, joining, endpoint)
        task = asyncio.get_running_loop().create_task(node.run())
        task.add_done_callback(lambda done: self._over(machine.instance_id, done))
        self.nodes[machine.instance_id] = (node, task)

    def _node(self, machine: Machine, joining: Joining, endpoint: Endpoint) -> Node:
        async def fetch(image: str) -> None:
            await self._reach_registry(machine, image)
            self._tell(Pulled(node=machine.node_name))
            await asyncio.sleep(self.settings.image_pull)

        def joined(known: Machine) -> None:
            self._tell(Joined(instance_id=known.instance_id, node=known.node_name, cluster=joining.cluster))

        return Node(
            machine=machine,
            joining=joining,
            endpoint=endpoint,
            front=self.settings.front,
            settings=self.settings.pod,
            launcher=self.launcher,
            images=self.settings.images,
            fetch=fetch,
            file_systems=self.file_systems,
            joined=joined,
        )

    async def _reach_registry(self, machine: Machine, image: str) -> None:
        """An image in another Region's ECR needs that Region. Raises PullFailed when it does not answer."""
        region = registry_region(image)
        if region in ("", machine.region):
            return
        address = self.settings.registries.get(region)
        if address is None:
            raise PullFailed(f'failed to resolve reference "{image}": no such host')
        sock = tcp_socket(machine.zone, machine.private_ip)
        try:
            async with asyncio.timeout(REGISTRY_PATIENCE):
                await asyncio.get_running_loop().sock_connect(sock, (address, 80))
        except (TimeoutError, OSError) as error:
            raise PullFailed(f'failed to do request for "{image}": dial tcp: i/o timeout') from error
        finally:
            sock.close()

    async def _end(self, instance: str) -> None:
        _, task = self.nodes.pop(instance)
        task.cancel()
        await asyncio.wait({task})

    def _over(self, instance: str, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("instance=%s its node ended by an error of the agent", instance, exc_info=error)
            self.nodes.pop(instance, None)

    def _tell(self, fact: Fact) -> None:
        if self._facts is not None:
            self._facts.write(fact_line(fact))
