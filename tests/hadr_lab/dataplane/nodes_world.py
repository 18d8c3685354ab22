"""A small lab for trials of control planes and nodes: one or two Regions, a fake AwsState, a plain network. Not a test itself.

Run inside `unshare -Urnmp --fork --kill-child --mount-proc`. The network follows the names of the real one: a namespace for each
Region and zone, each linked to `router`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from aiohttp import web

from hadr_lab.aws.views import EksCluster, FileSystem, Instance
from hadr_lab.dataplane.controlplane.sockets import listener
from hadr_lab.programs import Program, Programs

REGIONS = {"us-east-1": 1, "us-east-2": 2}
ZONES = "ab"


def sh(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


def ip(*lines: str, netns: str = "") -> None:
    """One `ip -batch` in a namespace."""
    base = ["ip", *(["-n", netns] if netns else []), "-batch", "-"]
    subprocess.run(base, input="\n".join(lines) + "\n", text=True, check=True)


def enter() -> Path:
    """Make this namespace usable (lo, /run, /run/netns); returns the state folder."""
    sh("mount", "--make-rprivate", "/")
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    for folder in ("/run/netns", "/run/lab"):
        Path(folder).mkdir()
    sh("ip", "link", "set", "lo", "up")
    return Path("/run/lab")


@dataclass(slots=True)
class TrialNetwork:
    """Namespaces and routes; satisfies the `Wires` of control planes and nodes."""

    zones: str = ZONES
    gone: set[str] = field(default_factory=set)

    def build(self, regions: Mapping[str, int]) -> None:
        """router, Regions and their zones."""
        names = [(region, f"198.18.{index}.0/24") for region, index in regions.items()]
        names += [
            (region + zone, f"10.{index}.{16 * k}.0/20") for region, index in regions.items() for k, zone in enumerate(self.zones)
        ]
        ip("netns add router", *(f"netns add {name}" for name, _ in names))
        for k, (name, cidr) in enumerate(names):
            ip(f"link add uplink netns {name} type veth peer name {name} netns router")
            lines = ("link set lo up", f"addr add 198.19.{k}.2/30 dev uplink", "link set uplink up")
            ip(*lines, f"route add default via 198.19.{k}.1", f"route add blackhole {cidr}", netns=name)
            ip(
                f"addr add 198.19.{k}.1/30 dev {name}",
                f"link set {name} up",
                f"route add {cidr} via 198.19.{k}.2",
                netns="router",
            )
        for name in ("router", *(name for name, _ in names)):
            sysctls = "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start"
            sh("nsenter", f"--net=/run/netns/{name}", "sh", "-c", sysctls)

    async def claim(self, netns: str, address: str) -> None:
        """A /32 on lo."""
        ip(f"addr replace {address}/32 dev lo", netns=netns)

    async def release(self, netns: str, address: str) -> None:
        """Take it away."""
        ip(f"addr del {address}/32 dev lo", netns=netns)

    def lost(self, region: str, zone: str = "") -> bool:
        """Whether somebody put it into `gone`."""
        return region in self.gone or zone in self.gone


def region_address(region: str, host: int) -> str:
    """An address of the Region's own range."""
    return f"198.18.{REGIONS[region]}.{host}"


@dataclass(slots=True)
class TrialState:
    """The reads and reports of AwsState that control planes and nodes use."""

    eks: list[EksCluster] = field(default_factory=list)
    machines: list[Instance] = field(default_factory=list)
    files: list[FileSystem] = field(default_factory=list)
    ready: dict[str, str] = field(default_factory=dict)
    signal: asyncio.Event = field(default_factory=asyncio.Event)

    async def changed(self, timeout: timedelta) -> None:
        """Wait for `touch` or the timeout."""
        try:
            await asyncio.wait_for(self.signal.wait(), timeout.total_seconds())
        except TimeoutError:
            return
        self.signal.clear()

    def touch(self) -> None:
        """Say that something changed."""
        self.signal.set()

    def regions(self) -> tuple[str, ...]:
        """Regions with a cluster."""
        return tuple(dict.fromkeys(cluster.region for cluster in self.eks))

    def clusters(self, region: str) -> tuple[EksCluster, ...]:
        """The clusters of one Region."""
        return tuple(cluster for cluster in self.eks if cluster.region == region)

    def instances(self, region: str) -> tuple[Instance, ...]:
        """The instances of one Region."""
        return tuple(machine for machine in self.machines if machine.region == region)

    def file_systems(self, region: str) -> tuple[FileSystem, ...]:
        """The file systems of one Region."""
        return tuple(files for files in self.files if files.region == region)

    def cluster_ready(self, region: str, name: str, *, ca_data: str) -> None:
        """Remember the certificate authority."""
        self.ready[name] = ca_data
        self.touch()


def a_cluster(name: str, region: str) -> EksCluster:
    """A cluster view as CreateCluster makes it."""
    return EksCluster(
        region=region,
        name=name,
        arn=f"arn:aws:eks:{region}:123456789012:cluster/{name}",
        version="1.35",
        status="CREATING",
        endpoint=f"{name.upper().replace('-', '')}.gr7.{region}.eks.amazonaws.com",
        service_cidr="172.20.0.0/16",
        vpc_id="vpc-1",
        subnet_ids=(),
    )


def an_instance(cluster: EksCluster, zone: str, number: int, *, labels: str, taints: str = "") -> Instance:
    """A running instance whose user data is that of a managed node."""
    address = f"10.{REGIONS[cluster.region]}.{16 * ZONES.index(zone[-1])}.{number}"
    flags = [f"--node-labels={labels}", *([f"--register-with-taints={taints}"] if taints else [])]
    spec = {
        "cluster": {"name": cluster.name, "apiServerEndpoint": f"https://{cluster.endpoint}", "cidr": cluster.service_cidr},
        "kubelet": {"flags": flags},
    }
    config = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec}
    return Instance(
        region=cluster.region,
        zone=zone,
        instance_id=f"i-{zone}-{number}",
        instance_type="m6i.large",
        subnet_id=f"subnet-{zone}",
        interface_id=f"eni-{address}",
        private_ip=address,
        state="running",
        user_data=yaml.safe_dump(config),
        tags={},
        launched=datetime.now(UTC),
    )


class TrialFront:
    """As much of EC2 as the nodes call: addresses of a network interface. The interface's id ends in its primary address."""

    def __init__(self) -> None:
        """No interface has secondary addresses yet."""
        self.given: dict[str, list[str]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Describe or assign."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        if form["Action"] == "AssignPrivateIpAddresses":
            interface = form["NetworkInterfaceId"]
            base, _, last = interface.removeprefix("eni-").rpartition(".")
            known = self.given.setdefault(interface, [])
            for _ in range(int(form["SecondaryPrivateIpAddressCount"])):
                known.append(f"{base}.{(int(last) * 20 + len(known)) % 250}")
        interface = form.get("NetworkInterfaceId") or form["NetworkInterfaceId.1"]
        items = "".join(
            f"<item><privateIpAddress>{each}</privateIpAddress><primary>false</primary></item>"
            for each in self.given.get(interface, ())
        )
        body = f'<R xmlns="urn:x"><s><item><privateIpAddressesSet>{items}</privateIpAddressesSet></item></s></R>'
        return web.Response(text=body, content_type="text/xml")

    async def serve(self, region: str) -> web.AppRunner:
        """Answer at the Region's front address."""
        app = web.Application()
        app.router.add_post("/", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener(region, region_address(region, 10), 80)).start()
        return runner


def trial_programs() -> Programs:
    """Programs from HADR_LAB_PROGRAMS (a folder of binaries, or of bin/ and charts/) and the unpacked Debian packages."""
    root = Path(os.environ["HADR_LAB_PROGRAMS"])
    folder = root / "bin" if (root / "bin").is_dir() else root
    built = {path.name: Program(path=path) for path in folder.iterdir() if path.is_file()}
    for upstream, made in (("etcd", "server"), ("karpenter", "controller")):
        if upstream not in built and made in built:
            built[upstream] = built[made]
    prefix = Path(os.environ.get("HADR_LAB_DEBS", "/"))
    for name in ("nft", "nginx"):
        path = prefix / "usr/sbin" / name
        if path.exists():
            built[name] = Program(path=path, env={"LD_LIBRARY_PATH": str(prefix / "usr/lib/x86_64-linux-gnu")})
    return Programs(programs=built, charts=root / "charts", share=prefix / "usr", database_template=prefix)
