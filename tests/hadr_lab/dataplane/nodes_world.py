"""A small lab for trials of control planes and nodes: one Region with two zones, real network, a fake AwsState. Not a test itself.

Runs inside `unshare -Urnmp --fork --kill-child --mount-proc`.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from aiohttp import web

from hadr_lab.aws.views import EksCluster, FileSystem, Instance, Subnet
from hadr_lab.dataplane.controlplane import Clocks, ControlPlanes
from hadr_lab.dataplane.controlplane.sockets import listener
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.network.network import Network
from hadr_lab.dataplane.nodes.images import Images
from hadr_lab.dataplane.nodes.realizer import Keys, Nodes, Peccy
from hadr_lab.dataplane.processes import Processes
from hadr_lab.programs import Programs
from hadr_lab.waits import Waits

REGION, ZONES = "us-east-1", ("us-east-1a", "us-east-1b")
FILES = "fs-1"
STATE = Path("/run/lab")


def region_address(_region: str, host: int) -> str:
    """An address of the Region's own range."""
    return f"198.18.1.{host}"


def enter() -> None:
    """Make this namespace usable: lo, a private /run, the folder of network namespaces."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for folder in ("/run/netns", STATE):
        Path(folder).mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@dataclass(slots=True)
class TrialState:
    """The reads and reports of AwsState that control planes and nodes use."""

    eks: list[EksCluster] = field(default_factory=list)
    machines: list[Instance] = field(default_factory=list)
    ready: dict[str, str] = field(default_factory=dict)
    signal: asyncio.Event = field(default_factory=asyncio.Event)

    async def changed(self, timeout: timedelta) -> None:
        """A moment."""
        await asyncio.sleep(min(0.1, timeout.total_seconds()))

    def regions(self) -> tuple[str, ...]:
        """The one Region."""
        return (REGION,)

    def clusters(self, region: str) -> tuple[EksCluster, ...]:
        """All clusters."""
        return tuple(self.eks)

    def instances(self, region: str) -> tuple[Instance, ...]:
        """All instances."""
        return tuple(self.machines)

    def file_systems(self, region: str) -> tuple[FileSystem, ...]:
        """The one file system."""
        return (FileSystem(region=REGION, file_system_id=FILES, mount_targets={}, overwrite_protection="ENABLED"),)

    def cluster_ready(self, region: str, name: str, *, ca_data: str, authority: str = "") -> None:
        """Remember the certificate authority."""
        self.ready[name] = ca_data


class TrialFront:
    """As much of EC2 as the nodes call: addresses of a network interface. The interface's id ends in its primary address."""

    def __init__(self) -> None:
        """No interface has secondary addresses yet."""
        self.given: dict[str, list[str]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Describe or assign."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        interface = form.get("NetworkInterfaceId") or form["NetworkInterfaceId.1"]
        known = self.given.setdefault(interface, [])
        if form["Action"] == "AssignPrivateIpAddresses":
            base, _, last = interface.removeprefix("eni-").rpartition(".")
            for _ in range(int(form["SecondaryPrivateIpAddressCount"])):
                known.append(f"{base}.{(int(last) * 20 + len(known)) % 250}")
        items = "".join(f"<item><privateIpAddress>{a}</privateIpAddress><primary>false</primary></item>" for a in known)
        body = f'<R xmlns="urn:x"><s><item><privateIpAddressesSet>{items}</privateIpAddressesSet></item></s></R>'
        return web.Response(text=body, content_type="text/xml")

    async def serve(self) -> web.AppRunner:
        """Answer at the Region's front address."""
        app = web.Application()
        app.router.add_post("/", self.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener(REGION, region_address(REGION, 10), 80)).start()
        return runner


APART = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
"""Two name servers never on one node."""


def a_cluster(name: str) -> EksCluster:
    """A cluster view as CreateCluster makes it."""
    return EksCluster(
        region=REGION,
        name=name,
        arn=f"arn:aws:eks:{REGION}:123456789012:cluster/{name}",
        version="1.35",
        status="CREATING",
        endpoint=f"{name.upper().replace('-', '')}.gr7.{REGION}.eks.amazonaws.com",
        service_cidr="172.20.0.0/16",
        vpc_id="vpc-1",
        subnet_ids=(),
        dns=json.dumps({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [APART]}}}),
    )


def an_instance(cluster: EksCluster, zone: str, number: int, *, labels: str) -> Instance:
    """A running instance whose user data is that of a managed node."""
    address = f"10.1.{16 * ZONES.index(zone)}.{number}"
    spec = {
        "cluster": {"name": cluster.name, "apiServerEndpoint": f"https://{cluster.endpoint}", "cidr": cluster.service_cidr},
        "kubelet": {"flags": [f"--node-labels={labels}"]},
    }
    return Instance(
        region=REGION,
        zone=zone,
        instance_id=f"i-{zone}-{number}",
        instance_type="m6i.large",
        subnet_id=f"subnet-{zone}",
        interface_id=f"eni-{address}",
        private_ip=address,
        state="running",
        user_data=yaml.safe_dump({"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec}),
        tags={},
        launched=datetime.now(UTC),
    )


@dataclass(slots=True, kw_only=True)
class World:
    """What a trial can touch. `replicas` are the file systems that are read-only now."""

    state: TrialState
    network: Network
    processes: Processes
    clusters: ControlPlanes
    nodes: Nodes
    replicas: set[str]


@asynccontextmanager
async def running(programs: Programs, table: Images, logs: Path) -> AsyncIterator[World]:
    """Network, front, control planes and nodes until the block is left; a failed part fails the block."""
    processes, state, replicas = Processes(logs=logs), TrialState(), set[str]()
    network = Network(programs=programs, processes=processes)
    await network.build({REGION: ZONES})
    for k, zone in enumerate(ZONES):
        subnet = Subnet(region=REGION, zone=zone, subnet_id=f"subnet-{zone}", vpc_id="vpc-1", cidr=f"10.1.{16 * k}.0/20")
        await network.add_subnet(subnet)
    for host in (10, 53):
        await network.claim(REGION, region_address(REGION, host))
    (STATE / "efs" / FILES).mkdir(parents=True)
    clusters = ControlPlanes(
        state=state,  # type: ignore[arg-type]  # the part of AwsState that is used
        processes=processes,
        programs=programs,
        names=Names(),
        network=network,
        region_address=region_address,
        identify=lambda token, _: "arn:aws:iam::123456789012:user/operator" if token == "k8s-aws-v1.good" else None,
        access=lambda _region, _cluster, arn: (arn, ("system:masters",)),
        state_dir=STATE,
        clocks=Clocks(monitor=timedelta(seconds=1), grace=timedelta(seconds=22), toleration=timedelta(seconds=2)),
    )
    nodes = Nodes(
        state=state,  # type: ignore[arg-type]
        processes=processes,
        programs=programs,
        waits=Waits(speed=1000),
        network=network,
        control_planes=clusters,
        region_address=region_address,
        read_only=replicas.__contains__,
        keys=Keys(access="AKIALAB", secret="lab"),
        peccy=Peccy(folder=STATE, modules=()),
        state_dir=STATE,
        table=table,
    )
    front = await TrialFront().serve()
    try:
        async with asyncio.TaskGroup() as tasks:
            jobs = [tasks.create_task(clusters.run()), tasks.create_task(nodes.run())]
            yield World(state=state, network=network, processes=processes, clusters=clusters, nodes=nodes, replicas=replicas)
            for job in jobs:
                job.cancel()
    finally:
        await front.cleanup()
