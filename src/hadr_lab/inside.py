"""The lab's inner process: takes up residence in the new namespaces, brings a site up, and carries out what was ordered.

Its stdout is for the result, its stderr for progress; its exit code is the command's. When it ends, for whatever reason, its pid
namespace and everything in it ends too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import yaml

from hadr import config
from hadr_lab import boot
from hadr_lab.applied import Applied
from hadr_lab.aws.front import EDGE
from hadr_lab.control import Control
from hadr_lab.drill.outages import OUTAGES, Outages, as_text
from hadr_lab.drill.runner import Drill
from hadr_lab.errors import LabError, StartFailed
from hadr_lab.forward import forward
from hadr_lab.lab import STATE, Lab, running
from hadr_lab.launch import Order
from hadr_lab.live import LiveSite
from hadr_lab.meter import Meter
from hadr_lab.outer import EDGE_RESOLVER, Inside, enter
from hadr_lab.places import FRONT_HOST, FRONT_PORT
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.report import REPORT
from hadr_lab.result import table
from hadr_lab.scenario import load
from hadr_lab.session import Session
from hadr_lab.site import MadeSite
from hadr_lab.toolchain import obtain
from hadr_lab.visitor import Visitor
from hadr_lab.waits import Waits

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Home:
    """What carrying out an order needs: the order, where it was told from, and how it says what it does."""

    order: Order
    inside: Inside
    programs: Programs
    run: Path
    progress: Progress
    servers: list[asyncio.Server] = field(default_factory=list)


async def carry_out(home: Home) -> int:
    """Bring the site up; run the scenario or stay; the first part that fails ends it with its message."""
    main = asyncio.current_task()
    failures: list[BaseException] = []

    def failed(error: BaseException) -> None:
        failures.append(error)
        if main is not None:
            main.cancel()

    waits = Waits(speed=home.order.speed)
    applied = Applied(architecture=home.order.architecture, folder=Path(home.order.applied))
    shutil.copy(applied.state_file, home.run)  # for `terraform plan` against this lab
    try:
        async with running(home.run, home.programs, waits, applied.aws, failed) as lab:
            meter = Meter(STATE)
            metering = asyncio.create_task(meter.run())
            try:
                return await _site(home, lab, _made(home.order, applied), meter)
            finally:
                metering.cancel()
    except asyncio.CancelledError:
        if failures:
            raise failures[0] from None
        return 143


def _made(order: Order, applied: Applied) -> MadeSite:
    """The site as it was applied, at the lab's pace, with the pods that a scenario wants of each member."""
    made = MadeSite.of(applied.architecture, applied.outputs).paced(order.speed)
    if not order.scenario or _is_outages(order):
        return made
    replicas = load(order.scenario).replicas
    return made if replicas is None else made.sized(replicas.by_name())


def _is_outages(order: Order) -> bool:
    return order.scenario.partition(":")[0] == OUTAGES


async def _site(home: Home, lab: Lab, made: MadeSite, meter: Meter) -> int:
    zones = sum(len(zones) for zones in lab.places.zones.values())
    where = ", ".join(lab.places.inhabited)
    home.progress.step(
        f"{made.architecture} as Terraform made it: {where} with {zones} zones; AWS answers; speed {home.order.speed:g}"
    )
    await _until_clusters(lab, made)
    home.progress.step(f"{_counted(len(made.members), 'EKS control plane')} up")
    session = await _open_doors(home, lab, made)
    await _deploy(home, made)
    role = await boot.take_role(home.run, made.operator_role, session.region)
    await _serve(home, made, Path(session.site_file), role)
    home.progress.step(f"the site serves http://{made.host}/ ({meter.sample():.0f} MB in all)")
    site = LiveSite(lab=lab, made=made, site=Path(session.site_file), role=role, meter=meter)
    if home.order.scenario:
        return await _drill(home, site)
    home.servers.append(await Control(site=site, regions=lab.places.inhabited).serve())
    return await _stay(home, session)


async def _serve(home: Home, made: MadeSite, site: Path, role: Mapping[str, str]) -> None:
    """Until clients are answered and, where there is a stand-by, it follows."""
    async with asyncio.TaskGroup() as both:
        both.create_task(boot.until_serving(made.host, home.run, home.progress))
        if made.replicated:
            both.create_task(boot.protect(home.run, site, role))


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


async def _drill(home: Home, site: LiveSite) -> int:
    order = home.order
    if _is_outages(order):
        return await _outages(home, site)
    drill = Drill(
        lab=site, scenario=load(order.scenario), run=home.run, seed=order.seed, speed=order.speed, told=home.progress.step
    )
    result = await drill.carry_out()
    sys.stdout.write("\n" + table(result, report=home.run / REPORT))
    return result.exit_code


async def _outages(home: Home, site: LiveSite) -> int:
    order = home.order
    outages = Outages(
        lab=site, writer=site.writer_zone, architecture=order.architecture, run=home.run, seed=order.seed, speed=order.speed,
        told=home.progress.step, scenarios=tuple(map(load, order.scenario.split(":")[1:])),
    )  # fmt: skip
    found = await outages.carry_out()
    sys.stdout.write("\n" + as_text(found))
    return found.exit_code


async def _deploy(home: Home, made: MadeSite) -> None:
    secret = await boot.read_secret(home.run, next(iter(made.members.values())))
    async with asyncio.TaskGroup() as both:
        for member in made.members.values():
            both.create_task(boot.deploy_member(home.run, home.programs, made, member, secret))
    home.progress.step(f"{_counted(len(made.members), 'member')} deployed (helm, kubectl)")


async def _until_clusters(lab: Lab, made: MadeSite) -> None:
    end = asyncio.get_running_loop().time() + 60
    while asyncio.get_running_loop().time() < end:
        views = [view for region in lab.places.inhabited for view in lab.state.clusters(region)]
        if len(views) == len(made.members) and all(view.status == "ACTIVE" for view in views):
            return
        await lab.state.changed(timedelta(seconds=0.2))
    seen = [(view.name, view.status) for region in lab.places.inhabited for view in lab.state.clusters(region)]
    raise StartFailed(f"the EKS clusters did not become ACTIVE within 60 s: {seen}; logs in {lab.run / 'logs'}")


async def _open_doors(home: Home, lab: Lab, made: MadeSite) -> Session:
    """Answer the host's sockets from inside, and write the files through which people and programs find the site."""
    site = home.run / "site.yaml"
    site.write_text(config.site_text(made.document))
    for name, member in made.members.items():
        (home.run / f"kubeconfig-{name}").write_text(lab.clusters.kubeconfig(member.cluster))
    sockets = home.inside.sockets
    ports = {name: held.getsockname()[1] for name, held in sockets.items()}
    front = lab.places.address(EDGE, FRONT_HOST)
    home.servers.append(await forward(sockets["aws"], lambda: lab.network.connect(EDGE, front, FRONT_PORT)))
    visitor = Visitor(network=lab.network, host=made.host, resolver=EDGE_RESOLVER)
    home.servers.append(await forward(sockets["web"], visitor.connect))
    contexts = []
    for name, member in made.members.items():
        contexts.append(lab.clusters.kubeconfig(member.cluster, server=f"https://127.0.0.1:{ports[f'kubernetes-{name}']}"))
        home.servers.append(await forward(sockets[f"kubernetes-{name}"], _to_cluster(lab, member.region, member.cluster)))
    kubeconfig = home.run / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(merged(contexts), sort_keys=False))
    session = Session(
        pid=home.inside.host_pid,
        architecture=home.order.architecture,
        region=next(iter(made.members.values())).region,
        speed=home.order.speed,
        aws_endpoint=f"http://127.0.0.1:{ports['aws']}",
        web_endpoint=f"http://127.0.0.1:{ports['web']}",
        host=made.host,
        site_file=str(site),
        kubeconfig=str(kubeconfig),
        kubeconfig_inside=":".join(str(home.run / f"kubeconfig-{name}") for name in made.members),
        tools=tuple(dict.fromkeys(str(path.parent) for path in (Path(sys.executable), *_tools(home.programs)))),
    )
    session.write(home.run)
    return session


def _tools(programs: Programs) -> list[Path]:
    """What a person at a shell uses that the lab brings along."""
    return [programs[name].path for name in ("kubectl", "helm")]


def _to_cluster(lab: Lab, region: str, name: str) -> Any:
    async def connect() -> socket.socket:
        cluster = lab.clusters.find(region, name)
        if cluster is None:
            raise ConnectionRefusedError(f"{name} does not answer")
        return await lab.network.connect("edge", cluster.layout.address, 443)

    return connect


def merged(texts: list[str]) -> dict[str, Any]:
    """One kubeconfig out of several; the first one's context is current, contexts are named after the clusters."""
    one: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for text in texts:
        part = yaml.safe_load(text)
        name = part["clusters"][0]["name"]
        one["clusters"].append({"name": name, "cluster": part["clusters"][0]["cluster"]})
        one["users"].append({"name": name, "user": part["users"][0]["user"]})
        one["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
        one.setdefault("current-context", name)
    return one


async def _stay(home: Home, session: Session) -> int:
    home.progress.step(f"AWS API {session.aws_endpoint}   web {session.web_endpoint}   run folder {home.run}")
    home.progress.step('in another shell: eval "$(hadr-lab env)"; kubectl get nodes,pods -A; hadr-lab fault lose-region us-east-1')
    home.progress.step("Ctrl-C here ends everything")
    await asyncio.Event().wait()
    return 0


def _on_term(task: asyncio.Task[int]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)


async def _main(home: Home) -> NoReturn:
    """Carry out the order and end at once: what still runs ends with this process's pid namespace, so nothing is waited for."""
    task = asyncio.ensure_future(carry_out(home))
    _on_term(task)
    try:
        code = await task
    except asyncio.CancelledError:
        code = 143
    except Exception as error:  # noqa: BLE001  the outermost function: whatever it is, one line and an exit code
        code = _said(_first(error), home.run)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    logging.shutdown()
    os._exit(code)


def _said(error: Exception, run: Path) -> int:
    """Tell the user in one line why the lab ends; the exit code."""
    if isinstance(error, LabError):
        sys.stderr.write(f"hadr-lab: {error}\n")
        return error.exit_code
    log.error("lab ended", exc_info=error)
    sys.stderr.write(f"hadr-lab: {error!r}; see {run / 'logs' / 'lab.log'}\n")
    return 1


def _first(error: Exception) -> Exception:
    """The first plain error of those that happened side by side: the others were cut short by it."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def main(argv: list[str]) -> int:
    """Entry of the inner process: one argument, the order."""
    order = Order.decode(argv[0])
    inside = enter()
    run = Path(order.run)
    (run / "logs").mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=run / "logs" / "lab.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    progress = Progress()
    try:
        home = Home(order=order, inside=inside, programs=obtain(progress), run=run, progress=progress)
    except LabError as error:
        sys.stderr.write(f"hadr-lab: {error}\n")
        return error.exit_code
    return asyncio.run(_main(home))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
