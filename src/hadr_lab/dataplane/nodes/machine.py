"""One instance as a node: it joins the cluster that its user data names, keeps its lease, and runs the pods bound to it.

Everything it says leaves from the node's address in its zone, so a cut zone makes a silent node. When the instance goes away its
pods are killed and nothing is said: what becomes of the Node is for the cluster to find out, as with a real machine.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hadr_lab.dataplane.controlplane.api import STRATEGIC_PATCH, UNREACHABLE, ApiError, Endpoint, KubeApi
from hadr_lab.dataplane.network import podlink
from hadr_lab.dataplane.nodes import objects
from hadr_lab.dataplane.nodes.aws import AwsFailed, Front, NodeCalls, Pool
from hadr_lab.dataplane.nodes.events import Events
from hadr_lab.dataplane.nodes.host import Host, Settings
from hadr_lab.dataplane.nodes.images import Images
from hadr_lab.dataplane.nodes.launcher import Launcher
from hadr_lab.dataplane.nodes.objects import Machine
from hadr_lab.dataplane.nodes.pod import Pod, pod_netns
from hadr_lab.dataplane.nodes.pulls import Pulls
from hadr_lab.dataplane.nodes.shapes import shape
from hadr_lab.dataplane.nodes.userdata import Joining
from hadr_lab.dataplane.nodes.volumes import FileSystems

LEASE_PERIOD, STATUS_PERIOD, LOOK_PERIOD, RETRY = 10.0, 300.0, 10.0, 1.0
"""kubelet's: it renews its lease, says its status anyway, and looks whether the cluster thinks the same of it."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Node:
    """A machine that joins `endpoint`. `joined` is called once the Node object is there."""

    machine: Machine
    joining: Joining
    endpoint: Endpoint
    front: Front
    settings: Settings
    launcher: Launcher
    images: Images
    fetch: Callable[[str], Awaitable[None]]
    file_systems: FileSystems
    joined: Callable[[Machine], None]
    api: KubeApi = field(init=False)
    host: Host = field(init=False)
    pods: dict[str, tuple[Pod, asyncio.Task[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put together what its pods share; nothing is connected yet."""
        machine = self.machine
        self.api = KubeApi(self.endpoint, netns=machine.zone, source=machine.private_ip)
        calls = NodeCalls(front=self.front, netns=machine.zone, source=machine.private_ip, interface_id=machine.interface_id)
        status = objects.node_status(machine, self.joining, datetime.now(UTC), since=datetime.now(UTC))
        self.host = Host(
            machine=machine,
            settings=self.settings,
            api=self.api,
            launcher=self.launcher,
            pulls=Pulls(self.images, self.fetch),
            pool=Pool(calls),
            events=Events(self.api, machine.node_name),
            file_systems=self.file_systems,
            access_point_path=calls.access_point_path,
            cluster_dns=objects.cluster_dns(self.joining),
            allocatable=status["allocatable"],
        )

    def halt(self, on: bool) -> None:
        """Stand still (True): no lease, no probe, no start, no word; or go on. What already runs is left alone."""
        if on:
            self.host.power.clear()
        else:
            self.host.power.set()

    async def run(self) -> None:
        """Until cancelled; then every container of the machine is killed."""
        await self.host.power.wait()
        await self._sweep()
        try:
            name, uid = self.machine.node_name, await self._insist(self._register)
            self.joined(self.machine)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fill_pool())
                tasks.create_task(self._every(LEASE_PERIOD, lambda: self._renew(name, uid)))
                tasks.create_task(self._every(STATUS_PERIOD, self._report))
                tasks.create_task(self._every(LOOK_PERIOD, self._correct))
                await self._follow()
        finally:
            for pod, task in self.pods.values():
                pod.kill()
                task.cancel()
            if self.pods:
                await asyncio.wait([task for _, task in self.pods.values()])
            self.host.events.close()
            await self.api.aclose()

    async def _sweep(self) -> None:
        """Take away what pods of an earlier agent left: their network links and folders."""
        left = self.settings.folder / self.machine.instance_id / "pods"
        for folder in left.iterdir() if left.is_dir() else ():
            await podlink.detach(pod_netns(folder.name), self.machine.zone)
            shutil.rmtree(folder, ignore_errors=True)

    async def remount(self) -> None:
        """File systems became writable or read-only: tell running pods."""
        await asyncio.gather(*(pod.remount() for pod, _ in list(self.pods.values())))

    async def cover(self, *, on: bool) -> None:
        """The file systems cannot be reached from this machine (True), or can again: tell running pods."""
        await asyncio.gather(*(pod.cover(on=on) for pod, _ in list(self.pods.values())))

    async def _register(self) -> str:
        """Make the Node, or take over an earlier one of the same instance; returns its uid."""
        wanted = objects.node(self.machine, self.joining, datetime.now(UTC))
        path = f"/api/v1/nodes/{self.machine.node_name}"
        try:
            made = await self.api.create("/api/v1/nodes", wanted)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            made = await self.api.get(path)
            if made["spec"].get("providerID") != wanted["spec"]["providerID"]:
                await self.api.delete(path)
                raise
            await self.api.patch(path, {"metadata": {"labels": wanted["metadata"]["labels"]}}, STRATEGIC_PATCH)
            await self.api.patch(f"{path}/status", {"status": wanted["status"]}, STRATEGIC_PATCH)
        return str(made["metadata"]["uid"])

    async def _renew(self, name: str, uid: str) -> None:
        lease = objects.lease(name, uid, datetime.now(UTC))
        await self.api.apply(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}", lease, manager="kubelet")

    async def _correct(self) -> None:
        """Say the status anew when the cluster has another opinion: it takes a node that was silent for lost."""
        seen = await self.api.get(f"/api/v1/nodes/{self.machine.node_name}", {"resourceVersion": "0"})
        if not any(each["type"] == "Ready" and each["status"] == "True" for each in seen["status"].get("conditions") or ()):
            await self._report()

    async def _report(self) -> None:
        now = datetime.now(UTC)
        status = objects.node_status(self.machine, self.joining, now, since=now)
        for condition in status["conditions"]:
            del condition["lastTransitionTime"]
        path = f"/api/v1/nodes/{self.machine.node_name}/status"
        await self.api.patch(path, {"status": {"conditions": status["conditions"]}}, STRATEGIC_PATCH)

    async def _fill_pool(self) -> None:
        """The warm pool: one interface's worth of addresses, fetched before pods ask."""
        try:
            await self.host.pool.fill(shape(self.machine.instance_type).interface_addresses - 1)
        except AwsFailed as error:
            _log.warning("node=%s warm pool: %s", self.machine.node_name, error)

    async def _every(self, period: float, act: Callable[[], Awaitable[None]]) -> None:
        """Act now and then every `period` seconds, sooner again when it failed."""
        while True:
            await self.host.power.wait()
            try:
                async with asyncio.timeout(period):
                    await act()
            except (ApiError, *UNREACHABLE) as error:
                _log.debug("node=%s %r", self.machine.node_name, error)
                await asyncio.sleep(RETRY)
            else:
                await asyncio.sleep(period)

    async def _insist(self, act: Callable[[], Awaitable[str]]) -> str:
        while True:
            try:
                return await act()
            except (ApiError, *UNREACHABLE) as error:
                _log.info("node=%s does not join yet: %r", self.machine.node_name, error)
                await asyncio.sleep(RETRY)

    async def _follow(self) -> None:
        """The pods bound to this node, as the API server tells of them."""
        selector = {"fieldSelector": f"spec.nodeName={self.machine.node_name}"}
        async for kind, item in self.api.follow("/api/v1/pods", selector):
            await self.host.power.wait()
            if kind == "RELIST":
                present = {pod["metadata"]["uid"] for pod in item["items"]}
                for uid in [uid for uid in self.pods if uid not in present]:
                    self._gone(uid)
                for pod in item["items"]:
                    self._seen(pod)
            elif kind == "DELETED":
                self._gone(item["metadata"]["uid"])
            else:
                self._seen(item)

    def _seen(self, item: Mapping[str, Any]) -> None:
        uid = item["metadata"]["uid"]
        if uid in self.pods:
            self.pods[uid][0].update(item)
            return
        pod = Pod(host=self.host, object=item)
        task = asyncio.get_running_loop().create_task(pod.run())
        task.add_done_callback(lambda done: self._over(uid, done))
        self.pods[uid] = (pod, task)

    def _gone(self, uid: str) -> None:
        if uid in self.pods:
            self.pods[uid][0].removed.set()

    def _over(self, uid: str, task: asyncio.Task[None]) -> None:
        self.pods.pop(uid, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("pod=%s ended by an error of the agent", uid, exc_info=error)
