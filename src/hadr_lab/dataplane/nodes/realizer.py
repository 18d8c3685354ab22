"""EC2 instances become nodes: one agent process for each Region, told which machines run, and kube-proxy in each of their zones.

It decides when a launched instance has booted (the simulated wait) and that nothing runs in a lost place. It never talks to
Kubernetes itself: joining, pods and their status are the agent's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.aws.views import AwsState, Instance
from hadr_lab.dataplane.controlplane import Cluster, ControlPlanes, Who, Wires, commands
from hadr_lab.dataplane.nodes import images, proxy
from hadr_lab.dataplane.nodes.agent import LINE_LIMIT
from hadr_lab.dataplane.nodes.messages import Joined, Pulled, Wish, parse_fact
from hadr_lab.dataplane.nodes.objects import Machine
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.programs import Programs
from hadr_lab.waits import Wait, Waits

ALIVE = frozenset({"pending", "running"})
RESTART = 2.0
FRONT, RESOLVER = 10, 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Access key of the node roles and of the pods' identity."""

    access: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Peccy:
    """Where the demo service is and what the zygote imports of it."""

    folder: Path
    modules: tuple[str, ...] = ("app.main",)


@dataclass(slots=True)
class _Region:
    """One Region's agent: its process, its socket and what it has told."""

    server: asyncio.Server | None = None
    process: Process | None = None
    writer: asyncio.StreamWriter | None = None
    sent: bytes = b""
    restart_at: float = 0.0
    silenced: bool = False
    joined: dict[str, Joined] = field(default_factory=dict)
    proxies: dict[tuple[str, str], Process] = field(default_factory=dict)
    proxy_at: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Nodes:
    """The realizer of EC2 instances.

    `region_address(region, host)` is an address of the Region's own range (.10 front, .53 resolver). `read_only(file_system_id)`
    says whether a file system is a replica; call `refresh` when that changes. `table` replaces the images that nodes can pull.
    """

    state: AwsState
    processes: Processes
    programs: Programs
    waits: Waits
    network: Wires
    control_planes: ControlPlanes
    region_address: Callable[[str, int], str]
    read_only: Callable[[str], bool]
    keys: Keys
    peccy: Peccy
    state_dir: Path
    table: Mapping[str, images.Recipe] | None = None
    halted: set[str] = field(default_factory=set)
    without_files: set[str] = field(default_factory=set)
    _regions: dict[str, _Region] = field(default_factory=dict)
    _boots: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _claimed: dict[str, Instance] = field(default_factory=dict)
    _again: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """For ever: make agents, machines and proxies match the views."""
        try:
            while True:
                for region in self.state.regions():
                    await self._match(region)
                await self._changed()
        finally:
            for boot in self._boots.values():
                boot.cancel()
            for own in self._regions.values():
                if own.server is not None:
                    own.server.close()
                for process in (own.process, *own.proxies.values()):
                    if process is not None:
                        process.kill()

    def refresh(self) -> None:
        """Look again now: a file system changed its mode, or a place was lost or restored."""
        self._again.set()

    def halt(self, zone: str) -> None:
        """A fault: the kubelets of the zone stand still. Its pods are left as they are; one that is killed is not started again."""
        self.halted.add(zone)
        self.refresh()

    def resume(self, zone: str) -> None:
        """Heal `halt`; containers that were killed meanwhile start again."""
        self.halted.discard(zone)
        self.refresh()

    def lose_files(self, zone: str) -> None:
        """A fault: the mount target of the zone does not answer; every access of its pods to a file system fails."""
        self.without_files.add(zone)
        self.refresh()

    def restore_files(self, zone: str) -> None:
        """Heal `lose_files`."""
        self.without_files.discard(zone)
        self.refresh()

    def silence(self, region: str) -> None:
        """A fault: kill the Region's agent (all its nodes fall silent, their pods die) and do not start it again until `wake`."""
        own = self._regions.setdefault(region, _Region())
        own.silenced = True
        if own.process is not None:
            own.process.kill()

    def wake(self, region: str) -> None:
        """Heal `silence`: the machines of the Region boot again."""
        self._regions.setdefault(region, _Region()).silenced = False
        self.refresh()

    # --- one Region

    async def _changed(self) -> None:
        """Until something may be different."""
        waits = [
            asyncio.ensure_future(self.state.changed(timedelta(seconds=0.5))),
            asyncio.ensure_future(self._again.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._again.clear()

    async def _match(self, region: str) -> None:
        own = self._regions.setdefault(region, _Region())
        machines = await self._machines(region)
        if not self.network.lost(region) and not own.silenced and (machines or own.process is not None):
            await self._keep_agent(region, own)
        self._send(own, self._wish(region, machines))
        await self._keep_proxies(region, own, machines)

    async def _machines(self, region: str) -> tuple[Machine, ...]:
        """Instances that have booted and whose place is not lost; starts the boot of new ones and forgets those that are gone."""
        views = {view.instance_id: view for view in self.state.instances(region) if view.state in ALIVE}
        there = {key: view for key, view in views.items() if not self._gone(view)}
        for instance, known in list(self._claimed.items()):
            if known.region == region and instance not in there:
                await self._forget(known, keep_address=instance in views)
        for instance, view in there.items():
            if instance not in self._boots:
                self._boots[instance] = asyncio.ensure_future(self.waits.take(Wait.INSTANCE_BOOT))
                self._boots[instance].add_done_callback(lambda _: self.refresh())
                self._claimed[instance] = view
                await self.network.claim(view.zone, view.private_ip)
        return tuple(_machine(view) for key, view in there.items() if self._boots[key].done())

    async def _forget(self, known: Instance, *, keep_address: bool) -> None:
        """A machine without power: it boots anew when it comes back. Its address stays while EC2 has the instance."""
        self._boots.pop(known.instance_id).cancel()
        del self._claimed[known.instance_id]
        if not keep_address:
            await self.network.release(known.zone, known.private_ip)

    def _gone(self, view: Instance) -> bool:
        return self.network.gone(view.region, view.zone)

    def _clusters(self, region: str) -> tuple[Cluster, ...]:
        """The control planes of the Region that have answered once."""
        found = (self.control_planes.find(region, view.name) for view in self.state.clusters(region))
        return tuple(cluster for cluster in found if cluster is not None)

    def _wish(self, region: str, machines: tuple[Machine, ...]) -> Wish:
        return Wish(
            machines=machines,
            clusters={cluster.view.endpoint.lower(): cluster.endpoint(Who.NODES) for cluster in self._clusters(region)},
            file_systems={view.file_system_id: self.read_only(view.file_system_id) for view in self.state.file_systems(region)},
            halted=tuple(sorted(self.halted)),
            without_files=tuple(sorted(self.without_files)),
        )

    # --- the agent's process

    async def _keep_agent(self, region: str, own: _Region) -> None:
        """Have the agent run; one that ended is started again after a moment, as a machine's supervisor would."""
        folder, now = self.state_dir / "nodes" / region, asyncio.get_running_loop().time()
        if (own.process is not None and own.process.running) or now < own.restart_at:
            return
        if own.server is None:
            folder.mkdir(parents=True, exist_ok=True)
            own.server = await asyncio.start_unix_server(
                lambda reader, writer: self._hear(own, reader, writer), folder / "control.sock", limit=LINE_LIMIT
            )
        settings = folder / "settings.json"
        settings.touch(mode=0o600)
        settings.write_text(json.dumps(self._settings(region, folder)))
        own.restart_at, own.sent = now + RESTART, b""
        own.joined.clear()
        own.process = await self.processes.start(
            f"nodes-{region}",
            Path(sys.executable),
            *("-m", "hadr_lab.dataplane.nodes", settings),
            netns=region,
            place=Place(region=region),
            env={"PYTHONPATH": str(Path(__file__).parents[3])},
        )

    def _settings(self, region: str, folder: Path) -> dict[str, object]:
        table = self.table if self.table is not None else images.standard(self.programs, self.peccy.folder)
        front = f"http://{self.region_address(region, FRONT)}"
        return {
            "control": str(folder / "control.sock"),
            "efs": str(self.state_dir / "efs"),
            "folder": str(folder),
            "pod_logs": str(self.processes.logs.parent / "pods"),
            "resolver": self.region_address(region, RESOLVER),
            "front": {"url": front, "region": region, "access_key": self.keys.access, "secret_key": self.keys.secret},
            "pod_env": {
                "AWS_ENDPOINT_URL": front,
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_ACCESS_KEY_ID": self.keys.access,
                "AWS_SECRET_ACCESS_KEY": self.keys.secret,
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            "images": images.dump(table),
            "image_pull": self.waits.scaled(Wait.IMAGE_PULL).total_seconds(),
            "registries": {name: self.region_address(name, FRONT) for name in self.state.regions()},
            "modules": self.peccy.modules,
            "paths": [str(self.peccy.folder)],
        }

    async def _hear(self, own: _Region, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Facts of an agent that has connected, until it is gone."""
        own.writer, own.sent = writer, b""
        self.refresh()
        try:
            while line := await reader.readline():
                match parse_fact(line):
                    case Joined() as joined:
                        own.joined[joined.instance_id] = joined
                        self.refresh()
                    case Pulled():
                        self.waits.taken[Wait.IMAGE_PULL] = self.waits.taken.get(Wait.IMAGE_PULL, 0) + 1
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()
            if own.writer is writer:
                own.writer = None
                own.joined.clear()
                self.refresh()

    @staticmethod
    def _send(own: _Region, wish: Wish) -> None:
        line = wish.line()
        if own.writer is not None and line != own.sent:
            own.writer.write(line)
            own.sent = line

    # --- kube-proxy

    async def _keep_proxies(self, region: str, own: _Region, machines: tuple[Machine, ...]) -> None:
        """One kube-proxy for each zone and cluster with a node, under the name of one of the zone's nodes."""
        zones = {machine.instance_id: machine.zone for machine in machines}
        nodes: dict[tuple[str, str], str] = {}
        for instance, joined in own.joined.items():
            if instance in zones:
                nodes.setdefault((zones[instance], joined.cluster), joined.node)
        for key in [key for key in own.proxies if key not in nodes and own.writer is not None]:
            own.proxies.pop(key).kill()
        for (zone, name), node in nodes.items():
            running = own.proxies.get((zone, name))
            now = asyncio.get_running_loop().time()
            if self.network.lost(region, zone):
                continue
            if (running is None or not running.running) and now >= own.proxy_at.get(zone, 0.0):
                own.proxy_at[zone] = now + RESTART
                own.proxies[zone, name] = await self._start_proxy(region, zone, name, node)

    async def _start_proxy(self, region: str, zone: str, cluster: str, node: str) -> Process:
        folder = self.state_dir / "eks" / region / cluster
        found = self.control_planes.find(region, cluster)
        slot = found.layout.slot if found else 0
        return await self.processes.start(
            f"kube-proxy-{zone}-{cluster}",
            self.programs["kube-proxy"],
            *commands.proxy(folder / "proxy.kubeconfig", node, proxy.ports(slot)),
            netns=zone,
            place=Place(region=region, zone=zone),
            env=proxy.environment(self.programs["nft"], slot, folder),
        )


def _machine(view: Instance) -> Machine:
    return Machine(
        region=view.region,
        zone=view.zone,
        instance_id=view.instance_id,
        instance_type=view.instance_type,
        private_ip=view.private_ip,
        interface_id=view.interface_id,
        user_data=view.user_data,
        tags=dict(view.tags),
    )
