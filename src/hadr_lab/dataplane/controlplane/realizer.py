"""EKS clusters become control planes: one Cluster for each view, kept by one task each.

It decides addresses (198.18.i.100 and up, one for each cluster of a Region) and publishes endpoint names; it never starts anything
in a lost Region and never makes AWS state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from aiohttp import web

from hadr_lab.aws.views import AwsState, EksCluster
from hadr_lab.dataplane.controlplane.cluster import Cluster, Who
from hadr_lab.dataplane.controlplane.commands import Clocks, Layout
from hadr_lab.dataplane.controlplane.lifecycle import GONE
from hadr_lab.dataplane.controlplane.sockets import listener
from hadr_lab.dataplane.controlplane.webhook import Access, Authenticator, Identify
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.processes import Processes
from hadr_lab.errors import UsageError
from hadr_lab.programs import Programs

FIRST_HOST = 100
SLOTS = 20
WANTED = frozenset({"CREATING", "ACTIVE", "UPDATING"})


class Wires(Protocol):
    """What control planes need of the lab's network."""

    async def claim(self, netns: str, address: str) -> None:
        """Make `address` usable in `netns`."""

    async def release(self, netns: str, address: str) -> None:
        """Take it away again."""

    def lost(self, region: str, zone: str = "") -> bool:
        """Whether the Region (or the zone) is lost at this moment: nothing can be started there."""

    def gone(self, region: str, zone: str = "") -> bool:
        """Whether it has neither links nor power: machines there are off."""


@dataclass(slots=True, kw_only=True)
class ControlPlanes:
    """The realizer of EKS clusters.

    `region_address(region, host)` gives an address of the Region's own range; `identify` and `access` decide EKS tokens;
    `hurried`: the lab's time runs faster than AWS's.
    """

    state: AwsState
    processes: Processes
    programs: Programs
    names: Names
    network: Wires
    region_address: Callable[[str, int], str]
    identify: Identify
    access: Access
    state_dir: Path
    clocks: Clocks = field(default_factory=Clocks)
    hurried: bool = False
    clusters: dict[tuple[str, str], Cluster] = field(default_factory=dict)
    _tasks: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _webhooks: dict[str, tuple[web.AppRunner, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """For ever: a task for each cluster that should exist. Raises what a cluster's first start raises."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._match(tasks)
                    await self.state.changed(timedelta(seconds=1))
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            for runner, _ in self._webhooks.values():
                await runner.cleanup()
            self._webhooks.clear()

    def kubeconfig(self, cluster: str, *, server: str = "") -> str:
        """The operator's kubeconfig for a cluster, by name. `server` is a URL at 127.0.0.1 or the endpoint's host name."""
        return self._named(cluster).kubeconfig(Who.ADMIN, server)

    def find(self, region: str, name: str) -> Cluster | None:
        """A cluster's control plane once it answers, else None."""
        found = self.clusters.get((region, name))
        return found if found is not None and found.answered.is_set() else None

    def _named(self, name: str) -> Cluster:
        for (_, known), cluster in self.clusters.items():
            if known == name:
                return cluster
        have = ", ".join(sorted(known for _, known in self.clusters)) or "none yet"
        raise UsageError(f"no cluster is called {name}; there are: {have}")

    async def _match(self, tasks: asyncio.TaskGroup) -> None:
        wanted = {
            (region, view.name): view
            for region in self.state.regions()
            for view in self.state.clusters(region)
            if view.status in WANTED
        }
        for key in [key for key in self._tasks if key not in wanted]:
            await self._remove(key)
        for key, view in wanted.items():
            if key not in self._tasks and not self.network.lost(view.region):
                await self._add(tasks, view)

    async def _add(self, tasks: asyncio.TaskGroup, view: EksCluster) -> None:
        slot = self._free_slot(view.region)
        address = self.region_address(view.region, FIRST_HOST + slot)
        await self.network.claim(view.region, address)
        port = await self._webhook(view.region)
        cluster = Cluster(
            view=view,
            layout=Layout(
                folder=self.state_dir / "eks" / view.region / view.name,
                address=address,
                service_cidr=view.service_cidr,
                issuer=f"https://oidc.eks.{view.region}.amazonaws.com/id/{view.endpoint.partition('.')[0]}",
                slot=slot,
                webhook=True,
            ),
            clocks=self.clocks,
            programs=self.programs,
            processes=self.processes,
            webhook_url=f"http://127.0.0.1:{port}/clusters/{view.name}",
            lost=lambda: self.network.lost(view.region),
            hurried=self.hurried,
        )
        key = (view.region, view.name)
        self.clusters[key] = cluster
        self.names.publish(view.endpoint, address)
        self._tasks[key] = tasks.create_task(cluster.keep(self._ready, lambda: self._alive(view.region)))

    async def _remove(self, key: tuple[str, str]) -> None:
        task, cluster = self._tasks.pop(key), self.clusters.pop(key)
        self.names.publish(cluster.view.endpoint)
        task.cancel()
        await asyncio.wait([task])
        await self.network.release(cluster.view.region, cluster.layout.address)

    def _ready(self, cluster: Cluster) -> None:
        authority = cluster.authority
        self.state.cluster_ready(cluster.view.region, cluster.view.name, ca_data=authority.data, authority=authority.kept)

    def _alive(self, region: str) -> set[str]:
        return {instance.instance_id for instance in self.state.instances(region) if instance.state not in GONE}

    def _free_slot(self, region: str) -> int:
        used = {cluster.layout.slot for (where, _), cluster in self.clusters.items() if where == region}
        return next(slot for slot in range(SLOTS) if slot not in used)

    async def _webhook(self, region: str) -> int:
        """The port of the Region's token review, on that Region's loopback."""
        if region not in self._webhooks:
            listening = listener(region, "127.0.0.1")
            port: int = listening.getsockname()[1]
            authenticator = Authenticator(region=region, identify=self.identify, access=self.access)
            self._webhooks[region] = (await authenticator.serve(listening), port)
        return self._webhooks[region][1]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception in nested groups: one failed start is one clear line, not a tree."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
