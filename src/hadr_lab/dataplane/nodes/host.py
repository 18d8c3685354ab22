"""What the pods of one machine share: the API client, the zygote, images, addresses, file systems and the lab's settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.controlplane.api import KubeApi
from hadr_lab.dataplane.nodes.aws import Pool
from hadr_lab.dataplane.nodes.events import Events
from hadr_lab.dataplane.nodes.launcher import Launcher
from hadr_lab.dataplane.nodes.objects import Machine
from hadr_lab.dataplane.nodes.pulls import Pulls
from hadr_lab.dataplane.nodes.volumes import FileSystems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same for every pod of a Region: the VPC's resolver, variables that Pod Identity would give, and where things are kept."""

    resolver: str
    pod_env: Mapping[str, str]
    folder: Path
    logs: Path


def on() -> asyncio.Event:
    """The event of a machine that runs."""
    power = asyncio.Event()
    power.set()
    return power


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine as its pods see it. `power` is set while it runs: its kubelet does nothing without."""

    machine: Machine
    settings: Settings
    api: KubeApi
    launcher: Launcher
    pulls: Pulls
    pool: Pool
    events: Events
    file_systems: FileSystems
    access_point_path: Callable[[str], Awaitable[str]]
    cluster_dns: str
    allocatable: Mapping[str, str]
    power: asyncio.Event = field(default_factory=on)

    def resolv_conf(self, pod: Mapping[str, Any]) -> str:
        """A pod's resolv.conf by its dnsPolicy and dnsConfig."""
        spec, machine = pod["spec"], self.machine
        policy = spec.get("dnsPolicy", "ClusterFirst")
        region = machine.node_name.partition(".")[2]
        servers: list[str]
        options: list[str] = []
        if spec.get("hostNetwork") and policy == "ClusterFirst":
            policy = "Default"
        if policy == "None":
            servers, searches = [], []
        elif policy == "Default":
            servers, searches = [self.settings.resolver], [region]
        else:
            namespace = pod["metadata"]["namespace"]
            servers, options = [self.cluster_dns], ["ndots:5"]
            searches = [f"{namespace}.svc.cluster.local", "svc.cluster.local", "cluster.local", region]
        return _merged(servers, searches, options, spec.get("dnsConfig") or {})


def _merged(servers: list[str], searches: list[str], options: list[str], extra: Mapping[str, Any]) -> str:
    servers = list(dict.fromkeys([*servers, *(extra.get("nameservers") or ())]))
    searches = list(dict.fromkeys([*searches, *(extra.get("searches") or ())]))
    named = dict(option.partition(":")[::2] for option in options)
    named |= {option["name"]: option.get("value") or "" for option in extra.get("options") or ()}
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    if named:
        lines.append("options " + " ".join(f"{name}:{value}" if value else name for name, value in named.items()))
    return "\n".join(lines) + "\n"
