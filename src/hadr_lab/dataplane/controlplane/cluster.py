"""One EKS cluster: its files, its four programs kept running, and what EKS does once they answer.

A program that ends is started again (after a second, as a supervisor would) unless the Region is lost: then nothing is started
until it is back. Before the first /readyz an early end is an error with the end of the log, because then the lab cannot come up.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from hadr_lab.aws.views import EksCluster
from hadr_lab.dataplane.controlplane import addons, commands, lifecycle
from hadr_lab.dataplane.controlplane.api import UNREACHABLE, ApiError, Endpoint, KubeApi
from hadr_lab.dataplane.controlplane.commands import Clocks, Layout
from hadr_lab.dataplane.controlplane.kubeconfig import kubeconfig, webhook_config
from hadr_lab.dataplane.controlplane.pki import Authority, signing_key
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import StartFailed
from hadr_lab.programs import Programs

START_TIME = timedelta(seconds=60)
RESTART_PAUSE = 1.0
LIFECYCLE_PERIOD = 5.0


class Who(StrEnum):
    """The lab's own users of a cluster, each with a static token of this boot."""

    ADMIN = "admin"
    CONTROLLERS = "controller-manager"
    SCHEDULER = "scheduler"
    PROXY = "proxy"
    NODES = "nodes"


USERS = {
    Who.ADMIN: ("kubernetes-admin", "system:masters"),
    Who.CONTROLLERS: ("system:kube-controller-manager", "system:masters"),
    Who.SCHEDULER: ("system:kube-scheduler", ""),
    Who.PROXY: ("system:kube-proxy", ""),
    Who.NODES: ("system:node-agent", "system:masters"),
}
"""User name and group of each. Controllers and nodes are masters: identities of their own are not what is tested here."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A control plane of one Region. `keep` runs it until cancelled."""

    view: EksCluster
    layout: Layout
    clocks: Clocks
    programs: Programs
    processes: Processes
    webhook_url: str
    lost: Callable[[], bool]
    hurried: bool = False
    authority: Authority = field(init=False)
    tokens: dict[Who, str] = field(default_factory=lambda: {who: secrets.token_hex(20) for who in Who})
    children: dict[str, Process] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Make the authority at once: others need it before the first program runs."""
        kept = self.view.authority
        self.authority = Authority.read(kept) if kept else Authority.make(f"{self.view.name} CA")

    def endpoint(self, who: Who) -> Endpoint:
        """How `who` reaches this API server from inside the lab."""
        return Endpoint(host=self.view.endpoint, addresses=(self.layout.address,), ca=self.authority.pem, token=self.tokens[who])

    def kubeconfig(self, who: Who, server: str = "") -> str:
        """A kubeconfig of `who`; `server` replaces the address inside the lab (a host and port the certificate knows)."""
        url = server or f"https://{self.layout.address}:443"
        return kubeconfig(server=url, ca=self.authority.pem, token=self.tokens[who], name=self.view.name)

    def write_files(self) -> None:
        """Keys, certificates, tokens and kubeconfigs, readable by the lab's user only."""
        pair = self.authority.serving(
            "kube-apiserver",
            hosts=(
                self.view.endpoint,
                "localhost",
                "kubernetes",
                "kubernetes.default",
                "kubernetes.default.svc",
                "kubernetes.default.svc.cluster.local",
            ),
            addresses=(self.layout.address, addons.service_address(self.view.service_cidr), "127.0.0.1"),
        )
        users = "".join(f'{self.tokens[who]},{name},{name},"{group}"\n' for who, (name, group) in USERS.items())
        files = {
            "pki/ca.crt": self.authority.pem,
            "pki/server.crt": pair.certificate,
            "pki/server.key": pair.key,
            "pki/service-accounts.key": signing_key(),
            "tokens.csv": users,
            "webhook.kubeconfig": webhook_config(self.webhook_url),
            "controller-manager.kubeconfig": self.kubeconfig(Who.CONTROLLERS),
            "scheduler.kubeconfig": self.kubeconfig(Who.SCHEDULER),
            "proxy.kubeconfig": self.kubeconfig(Who.PROXY),
        }
        for name, text in files.items():
            _write(self.layout.folder / name, text)

    async def keep(self, ready: Callable[[Cluster], None], alive: Callable[[], set[str]]) -> None:
        """Run until cancelled, then kill what runs. `ready` is called once; `alive` gives the Region's instance ids."""
        self.write_files()
        api = KubeApi(self.endpoint(Who.ADMIN), netns=self.view.region)
        layout, clocks = self.layout, self.clocks
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._supervise("etcd", commands.etcd(layout)))
                tasks.create_task(self._supervise("kube-apiserver", commands.api_server(layout, clocks)))
                await self._await_ready(api)
                tasks.create_task(self._supervise("kube-controller-manager", commands.controller_manager(layout, clocks), api))
                tasks.create_task(self._supervise("kube-scheduler", commands.scheduler(layout), api))
                ready(self)
                await self._install(api)
                await self._remove_orphans(api, alive)
        finally:
            for child in self.children.values():
                child.kill()
            await api.aclose()

    async def _supervise(self, program: str, args: tuple[str, ...], api: KubeApi | None = None) -> None:
        """Keep one program running; with `api`, only started while the API server answers."""
        while True:
            while self.lost() or (api is not None and not await api.ready()):  # noqa: ASYNC110  # asks another program
                await asyncio.sleep(0.2)
            child = await self.processes.start(
                f"{program}-{self.view.name}",
                self.programs[program],
                *args,
                netns=self.view.region,
                place=Place(region=self.view.region),
                env={"GOMAXPROCS": "2"},
            )
            self.children[program] = child
            await child.wait()
            if not self.answered.is_set() and not self.lost():
                child.ensure_running()
            await asyncio.sleep(RESTART_PAUSE)

    async def _await_ready(self, api: KubeApi) -> None:
        """Until /readyz. Raises StartFailed when that takes longer than START_TIME of not being lost."""
        waited = 0.0
        while not await api.ready():
            waited += 0.0 if self.lost() else 0.1
            if waited > START_TIME.total_seconds():
                last = self.children["kube-apiserver"].last_words() if "kube-apiserver" in self.children else "not started"
                raise StartFailed(f"API server of {self.view.name} in {self.view.region} is not ready after {START_TIME}\n{last}")
            await asyncio.sleep(0.1)
        self.answered.set()

    async def _install(self, api: KubeApi) -> None:
        """The add-ons, tried until they are in."""
        while True:
            try:
                await addons.install(
                    api, region=self.view.region, service_cidr=self.view.service_cidr, dns=self.view.dns, hurried=self.hurried
                )
            except (ApiError, *UNREACHABLE):
                await asyncio.sleep(0.5)
            else:
                return

    async def _remove_orphans(self, api: KubeApi, alive: Callable[[], set[str]]) -> None:
        """For ever: the cloud controller's node life cycle."""
        while True:
            await asyncio.sleep(LIFECYCLE_PERIOD)
            try:
                await lifecycle.remove_orphans(api, alive())
            except (ApiError, *UNREACHABLE):
                continue


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
