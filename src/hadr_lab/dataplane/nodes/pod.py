"""One pod on a machine, from the first sight of it to the acknowledged deletion.

It sets the pod up (network, volumes), runs init containers one after the other and then the others side by side, publishes the
status, and takes everything down again. Limits of processor and memory are not enforced and users are not switched: requests
matter to the scheduler only, and every container runs as the lab's own user.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.controlplane.api import STRATEGIC_PATCH, UNREACHABLE, ApiError
from hadr_lab.dataplane.network import podlink
from hadr_lab.dataplane.nodes import launches
from hadr_lab.dataplane.nodes.aws import AwsFailed
from hadr_lab.dataplane.nodes.events import WARNING
from hadr_lab.dataplane.nodes.host import Host
from hadr_lab.dataplane.nodes.launcher import LaunchFailed
from hadr_lab.dataplane.nodes.probes import Target
from hadr_lab.dataplane.nodes.runner import Runner
from hadr_lab.dataplane.nodes.status import Container, Sandbox, patch_of, pod_status
from hadr_lab.dataplane.nodes.volumes import VolumeFailed, Volumes
from hadr_lab.errors import LabError

Json = Mapping[str, Any]
REFRESH = 60.0
RETRY_FIRST, RETRY_LONGEST = 0.5, 15.0
DONE = frozenset({"Succeeded", "Failed"})
_log = logging.getLogger(__name__)


def pod_netns(uid: str) -> str:
    """The namespace of a pod by its uid."""
    return f"pod-{uid[:8]}"


@dataclass(slots=True, kw_only=True)
class Pod:
    """A pod bound to this machine. `run` is its life; `update` tells of a newer object, `removed` that it is gone from the API."""

    host: Host
    object: Json
    sandbox: Sandbox = field(init=False)
    volumes: Volumes = field(init=False)
    runners: list[Runner] = field(default_factory=list)
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _dirty: asyncio.Event = field(default_factory=asyncio.Event)
    _sent: Json = field(default_factory=dict)
    _address: str = ""

    def __post_init__(self) -> None:
        """Nothing is started yet."""
        taken = datetime.now(UTC)
        self.sandbox = Sandbox(host_ip=self.host.machine.private_ip, pod_ip="", taken=taken)
        self.volumes = Volumes(
            zone=self.host.machine.zone,
            api=self.host.api,
            pod=lambda: self.object,
            folder=self.folder / "volumes",
            file_systems=self.host.file_systems,
            access_point_path=self.host.access_point_path,
        )
        self.runners = [self._runner(spec, init=init) for init in (True, False) for spec in self._specs(init=init)]
        self.update(self.object)

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return str(self.object["metadata"]["uid"])

    @property
    def path(self) -> str:
        """The pod's place in the API."""
        metadata = self.object["metadata"]
        return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"

    @property
    def folder(self) -> Path:
        """The pod's folder on the machine."""
        return self.host.settings.folder / self.host.machine.instance_id / "pods" / self.uid

    @property
    def netns(self) -> str:
        """The network namespace of its containers: its own, or the zone's."""
        return self.host.machine.zone if self._on_host else pod_netns(self.uid)

    @property
    def _on_host(self) -> bool:
        return bool(self.object["spec"].get("hostNetwork"))

    def update(self, newer: Json) -> None:
        """A newer object from the API; a deletion mark starts the end, new conditions (readiness gates) the status."""
        self.object = newer
        if newer["metadata"].get("deletionTimestamp"):
            self._leaving.set()
        self._dirty.set()

    async def run(self) -> None:
        """Its whole life on this machine. Cancelling means that the machine is gone: everything is killed at once."""
        going = asyncio.ensure_future(self._either(self._leaving, self.removed))
        publishing = None
        try:
            if (self.object.get("status") or {}).get("phase") not in DONE and not self._leaving.is_set():
                publishing = asyncio.ensure_future(self._publish())
                await self._live(going)
            await going
            if publishing is not None:
                publishing.cancel()
            await self._clean()
            await self._acknowledge()
        finally:
            for task in filter(None, (going, publishing)):
                task.cancel()
            self.kill()
            await asyncio.shield(self._clean())

    def kill(self) -> None:
        """SIGKILL to whatever runs, without asking anybody."""
        for runner in self.runners:
            runner.stopping.set()
            if runner.running is not None:
                with suppress(LaunchFailed):
                    self.host.launcher.signal(runner.running, signal.SIGKILL)

    async def remount(self) -> None:
        """Give running containers the present mode of the file systems they have mounted."""
        for name, volume in list(self.volumes.mounted.items()):
            if not volume.file_system:
                continue
            read_only = self.host.file_systems.read_only.get(volume.file_system, True)
            self.volumes.mounted[name] = type(volume)(path=volume.path, read_only=read_only, file_system=volume.file_system)
            for runner in self.runners:
                await self._remount_in(runner, name, read_only=read_only)

    async def cover(self, *, on: bool) -> None:
        """The mount target of the zone does not answer any more (True), or does again: tell running containers."""
        for name, volume in list(self.volumes.mounted.items()):
            for runner in self.runners if volume.file_system else ():
                for mount in runner.spec.get("volumeMounts") or ():
                    if mount["name"] != name or runner.running is None:
                        continue
                    try:
                        await self.host.launcher.cover(runner.running, mount["mountPath"], on=on)
                    except LaunchFailed as error:
                        self.host.events.pod(self.object, "FailedRemount", f"{mount['mountPath']}: {error}", WARNING)

    async def _remount_in(self, runner: Runner, volume: str, *, read_only: bool) -> None:
        for mount in runner.spec.get("volumeMounts") or ():
            if mount["name"] != volume or mount.get("readOnly") or runner.running is None:
                continue
            try:
                await self.host.launcher.remount(runner.running, mount["mountPath"], read_only=read_only)
            except LaunchFailed as error:
                self.host.events.pod(self.object, "FailedRemount", f"{mount['mountPath']}: {error}", WARNING)

    # --- parts of a life

    async def _live(self, going: asyncio.Future[None]) -> None:
        """Set up, run containers until they are done or the pod has to go, then stop what runs."""
        setting_up = asyncio.ensure_future(self._set_up())
        try:
            await asyncio.wait({setting_up, going}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            setting_up.cancel()
        if going.done():
            await asyncio.wait({setting_up})
            return
        setting_up.result()
        refreshing, containers = asyncio.ensure_future(self._refresh()), asyncio.ensure_future(self._containers())
        try:
            await asyncio.wait({containers, going}, return_when=asyncio.FIRST_COMPLETED)
            if going.done():
                await self._stop()
            await containers
            await self._unplug()
        finally:
            refreshing.cancel()
            containers.cancel()

    async def _set_up(self) -> None:
        """Network and volumes, tried until they are there."""
        self._dirty.set()
        await self._insist(self._attach, "FailedCreatePodSandBox")
        await self._insist(self.volumes.mount, "FailedMount")

    async def _containers(self) -> None:
        """Init containers in turn, then the others side by side; returns when none will run again, or at once when one fails."""
        sidecars: list[asyncio.Task[None]] = []
        for runner in self._of(init=True):
            if not await self._init(runner, sidecars):
                return
        await asyncio.gather(*(runner.keep() for runner in self._of(init=False)))
        for runner in self._of(init=True):
            if runner.view.sidecar:
                await runner.stop(0)
        await asyncio.gather(*sidecars)

    async def _init(self, runner: Runner, sidecars: list[asyncio.Task[None]]) -> bool:
        """Run one init container; False when the pod fails by it. One that always restarts is a sidecar: it only has to start."""
        if not runner.view.sidecar:
            await runner.keep()
            self._dirty.set()
            return runner.view.succeeded
        sidecars.append(asyncio.ensure_future(runner.keep()))
        while not runner.view.started and not runner.stopping.is_set():  # noqa: ASYNC110  # a probe decides it
            await asyncio.sleep(0.1)
        return True

    async def _insist(self, step: Callable[[], Awaitable[None]], reason: str) -> None:
        """Carry out a step of the set-up, again and again until it works, saying why it does not."""
        pause = RETRY_FIRST
        while True:
            try:
                await step()
            except (LabError, AwsFailed, VolumeFailed, ApiError, *UNREACHABLE) as error:
                self.host.events.pod(self.object, reason, str(error) or repr(error), WARNING)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_LONGEST)
            else:
                return

    async def _attach(self) -> None:
        host = self.host
        if self._on_host:
            address = host.machine.private_ip
        else:
            address = self._address = await host.pool.take()
            try:
                await podlink.attach(self.netns, host.machine.zone, address)
            except LabError:
                await self._unplug()
                raise
        self.sandbox = Sandbox(host_ip=host.machine.private_ip, pod_ip=address, taken=self.sandbox.taken)
        self._dirty.set()

    async def _refresh(self) -> None:
        """Keep tokens, config maps and secrets fresh; trouble is tried again at the next turn."""
        while True:
            await asyncio.sleep(REFRESH)
            with suppress(VolumeFailed, ApiError, *UNREACHABLE):
                await self.volumes.mount()

    async def _stop(self) -> None:
        """Stop every container within the pod's grace; the others first, then sidecars."""
        if self.removed.is_set() and not self.object["metadata"].get("deletionTimestamp"):
            grace = 0.0
        else:
            grace = float(self.object["metadata"].get("deletionGracePeriodSeconds") or 0)
        running = [runner for runner in self.runners if runner.running is not None]
        if running:
            names = ", ".join(runner.view.name for runner in running)
            self.host.events.pod(self.object, "Killing", f"Stopping container {names}")
        await asyncio.gather(*(runner.stop(grace) for runner in self.runners if not runner.view.sidecar))
        await asyncio.gather(*(runner.stop(grace) for runner in self.runners if runner.view.sidecar))

    async def _unplug(self) -> None:
        """Give the pod's address and namespace back."""
        if self._address:
            address, self._address = self._address, ""
            await podlink.detach(self.netns, self.host.machine.zone)
            self.host.pool.give_back(address)

    async def _clean(self) -> None:
        await self._unplug()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def _acknowledge(self) -> None:
        """Tell the API that nothing of the pod runs any more; tried until it answers."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        while not self.removed.is_set():
            try:
                await self.host.api.delete(self.path, options)
            except ApiError as error:
                if error.status == 409:
                    return
                await asyncio.sleep(1)
            except UNREACHABLE:
                await asyncio.sleep(1)
            else:
                return

    async def _publish(self) -> None:
        """Patch the status whenever it is different from what was sent last, or somebody else changed the readiness in it.

        The cluster takes a silent node's pods for not ready; nobody but the kubelet takes that back.
        """
        while True:
            await self._dirty.wait()
            await self.host.power.wait()
            await asyncio.sleep(0.02)
            self._dirty.clear()
            inits, mains = ([runner.view for runner in self._of(init=init)] for init in (True, False))
            status = pod_status(self.object, inits, mains, self.sandbox, datetime.now(UTC))
            if status == self._sent and _readiness(status) == _readiness(self.object.get("status") or {}):
                continue
            try:
                body = {"metadata": {"uid": self.uid}, "status": patch_of(status)}
                self.object = await self.host.api.patch(f"{self.path}/status", body, STRATEGIC_PATCH)
                self._sent = status
            except ApiError as error:
                if error.status in {404, 409}:
                    return
                _log.info("pod=%s its status was refused: %s", self.path, error)
                self._dirty.set()
                await asyncio.sleep(1)
            except UNREACHABLE:
                self._dirty.set()
                await asyncio.sleep(1)

    # --- small things

    @staticmethod
    async def _either(*events: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _specs(self, *, init: bool) -> list[Json]:
        return list(self.object["spec"].get("initContainers" if init else "containers") or ())

    def _of(self, *, init: bool) -> list[Runner]:
        return [runner for runner in self.runners if runner.view.init is init]

    def _runner(self, spec: Json, *, init: bool) -> Runner:
        policy = self.object["spec"].get("restartPolicy", "Always")
        sidecar = init and spec.get("restartPolicy") == "Always"
        if init and not sidecar and policy == "Always":
            policy = "OnFailure"
        view = Container(name=spec["name"], image=spec["image"], init=init, sidecar=sidecar)
        launches.remember(view, self.object.get("status") or {})
        return Runner(
            host=self.host,
            pod=lambda: self.object,
            spec=spec,
            view=view,
            restart="Always" if sidecar else policy,
            target=lambda: self._target(spec),
            configure=lambda each, recipe: launches.launch(self, each, recipe),
            changed=self._dirty.set,
        )

    def _target(self, spec: Json) -> Target:
        ports = {port["name"]: port["containerPort"] for port in spec.get("ports") or () if port.get("name")}
        machine = self.host.machine
        return Target(address=self.sandbox.pod_ip, ports=ports, netns=machine.zone, source=machine.private_ip)


def _readiness(status: Json) -> str:
    """The status of condition Ready; empty when it has none."""
    return next((str(each["status"]) for each in status.get("conditions") or () if each["type"] == "Ready"), "")
