"""One running lab: every part made and joined here, and nowhere else.

It is the composition root: the network, the AWS front in each Region, the emulated state behind it, and one realizer for each kind
of resource, all tasks of one group. When one of them fails the lab ends with that one's message. It decides nothing about AWS.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.front import EDGE, Call, Front
from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.route53_service import route53_service
from hadr_lab.aws.saved import restore
from hadr_lab.aws.service import ServiceLocks
from hadr_lab.aws.services import all_services
from hadr_lab.aws.state import State
from hadr_lab.aws.tokens import identify
from hadr_lab.dataplane.balancer.realizer import Balancers
from hadr_lab.dataplane.controlplane import ControlPlanes
from hadr_lab.dataplane.database.realizer import Databases
from hadr_lab.dataplane.dns.feed import NameServer
from hadr_lab.dataplane.files.realizer import Files
from hadr_lab.dataplane.names import Names
from hadr_lab.dataplane.network.network import Network
from hadr_lab.dataplane.nodes.realizer import Keys, Nodes, Peccy
from hadr_lab.dataplane.processes import Processes
from hadr_lab.dataplane.subnets import Subnets
from hadr_lab.places import FRONT_HOST, FRONT_PORT, RESOLVER_HOST, Places
from hadr_lab.programs import Programs
from hadr_lab.waits import Waits

STATE = Path("/run/lab")
ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN_S = 3
KEYS = Keys(access="lab", secret="lab")  # noqa: S106  made up: the emulator takes any


@dataclass(slots=True, kw_only=True)
class Lab:
    """The parts of one lab, for those who drive it: the boot, the faults, the drill."""

    run: Path
    places: Places
    waits: Waits
    programs: Programs
    processes: Processes
    network: Network
    names: Names
    front: Front
    state: State
    route53: Route53State
    clusters: ControlPlanes
    nodes: Nodes
    databases: Databases
    files: Files
    balancers: Balancers
    name_server: NameServer

    def program_versions(self) -> Mapping[str, str]:
        """What the outside programs say of themselves."""
        asked = {"mariadbd": ["--version"], "haproxy": ["-v"], "etcd": ["--version"], "kube-apiserver": ["--version"]}
        return {name: self._version(name, words) for name, words in asked.items()}

    def _version(self, name: str, words: list[str]) -> str:
        program = self.programs[name]
        said = subprocess.run(
            [str(program.path), *words], env=dict(program.env), capture_output=True, text=True, check=False, timeout=10
        )
        first = (said.stdout or said.stderr or "?").splitlines()[0]
        return first.replace(str(program.path), "").strip()


@asynccontextmanager
async def running(
    run: Path, programs: Programs, waits: Waits, applied: bytes, failed: Callable[[BaseException], None]
) -> AsyncIterator[Lab]:
    """Build every part around the AWS state in `applied` and keep it running until the block is left.

    `failed` hears of a part that ended with an error.
    """
    processes = Processes(logs=run / "logs")
    network = Network(programs=programs, processes=processes)
    with (run / "calls.jsonl").open("wb") as calls:
        lab = _joined(run, programs, waits, applied, processes, network, lambda call: _note(calls.write, call))
        await network.build(lab.places.zones)
        # One after the other: Python 3.11 fails when two threads parse source at once, as moto's routes do.
        await lab.front.warm(lab.places.regions)
        tasks = [asyncio.create_task(work, name=name) for name, work in (await _work(lab)).items()]
        for task in tasks:
            task.add_done_callback(lambda done: _told(done, failed))
        try:
            yield lab
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=STOP_WITHIN_S)  # whoever still lingers ends with the pid namespace
            lab.front.close()


def _joined(
    run: Path,
    programs: Programs,
    waits: Waits,
    applied: bytes,
    processes: Processes,
    network: Network,
    on_call: Callable[[Call], None],
) -> Lab:
    changes, names = Changes(), Names()
    state = State(changes, speed=waits.speed, reachable=lambda region: not network.lost(region))
    route53 = Route53State(changes=changes, waits=waits)
    restore(applied, state, route53)
    places = Places.of(state)
    region_address = places.address
    front = _front(state, route53, changes, places, network, on_call)
    clusters = ControlPlanes(
        state=state,
        processes=processes,
        programs=programs,
        names=names,
        network=network,
        region_address=region_address,
        identify=identify,
        access=state.access,
        state_dir=STATE,
        hurried=waits.speed > 1,
    )
    databases = Databases(
        state=state, processes=processes, programs=programs, names=names, waits=waits, network=network, state_dir=STATE
    )
    files = Files(state=state, processes=processes, waits=waits, network=network, region_address=region_address, state_dir=STATE)
    balancers = Balancers(
        state=state, processes=processes, programs=programs, names=names, waits=waits, network=network, state_dir=STATE
    )
    nodes = Nodes(
        state=state,
        processes=processes,
        programs=programs,
        waits=waits,
        network=network,
        control_planes=clusters,
        region_address=region_address,
        read_only=files.read_only,
        keys=KEYS,
        peccy=Peccy(folder=ROOT / "services" / "peccy"),
        state_dir=STATE,
    )
    files.on_mode = lambda _file_system, _read_only: nodes.refresh()
    name_server = NameServer(
        processes=processes, route53=route53, names=names, balancer_healthy=balancers.healthy_targets, speed=waits.speed,
        listen={place: region_address(place, RESOLVER_HOST) for place in (EDGE, *places.regions)},
    )  # fmt: skip
    return Lab(
        run=run, places=places, waits=waits, programs=programs, processes=processes, network=network, names=names, front=front,
        state=state, route53=route53, clusters=clusters, nodes=nodes, databases=databases, files=files, balancers=balancers,
        name_server=name_server,
    )  # fmt: skip


def _front(
    state: State, route53: Route53State, changes: Changes, places: Places, network: Network, on_call: Callable[[Call], None]
) -> Front:
    """Every Region's own address of the API; another Region's is reached from there over the network."""
    return Front(
        {**all_services(state), "route53": route53_service(route53)},
        changes,
        address_of=lambda region: (places.address(region, FRONT_HOST), FRONT_PORT) if region in places.regions else None,
        connect=network.connect,
        locks=ServiceLocks(),
        on_call=on_call,
    )


async def _work(lab: Lab) -> dict[str, Coroutine[Any, Any, None]]:
    """Every part's own loop, by name; sockets are opened first so that nothing asks before somebody listens."""
    places, address = (EDGE, *lab.places.regions), lab.places.address
    for place in places:
        for host in (FRONT_HOST, RESOLVER_HOST):
            await lab.network.claim(place, address(place, host))
    for region in lab.places.regions:
        lab.names.publish(f"s3.{region}.amazonaws.com", address(region, FRONT_HOST))
    fronts = {
        f"front-{place}": lab.front.serve(place, [lab.network.listen(place, address(place, FRONT_HOST), FRONT_PORT)])
        for place in places
    }
    return {
        **fronts,
        "network": lab.network.watch(),
        "subnets": Subnets(state=lab.state, network=lab.network).run(),
        "node-groups": lab.state.keep(),
        "clusters": lab.clusters.run(),
        "nodes": lab.nodes.run(),
        "databases": lab.databases.run(),
        "files": lab.files.run(),
        "balancers": lab.balancers.run(),
        "names": lab.name_server.run(),
    }


def _note(write: Callable[[bytes], object], call: Call) -> None:
    write(msgspec.json.encode(call) + b"\n")


def _told(task: asyncio.Task[None], failed: Callable[[BaseException], None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        failed(error)
