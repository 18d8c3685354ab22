"""The lab's inner process: takes up residence in the new namespaces, brings a site up, and carries out what was ordered.

Its stdout is for the result, its stderr for progress; its exit code is the command's. When it ends, for whatever reason, its pid
namespace and everything in it ends too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import yaml

from hadr_lab import boot
from hadr_lab.control import Control
from hadr_lab.drill.outages import OUTAGES, Outages, as_text
from hadr_lab.drill.runner import Drill
from hadr_lab.errors import LabError, StartFailed
from hadr_lab.forward import forward
from hadr_lab.lab import REGIONS, STATE, Lab, region_address, running
from hadr_lab.launch import Order
from hadr_lab.live import LiveSite
from hadr_lab.meter import Meter
from hadr_lab.outer import EDGE_RESOLVER, Inside, enter
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.report import REPORT
from hadr_lab.result import table
from hadr_lab.scenario import load
from hadr_lab.session import Session
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
    try:
        async with running(home.run, home.programs, waits, failed) as lab:
            meter = Meter(STATE)
            metering = asyncio.create_task(meter.run())
            try:
                return await _site(home, lab, meter)
            finally:
                metering.cancel()
    except asyncio.CancelledError:
        if failures:
            raise failures[0] from None
        return 143


async def _site(home: Home, lab: Lab, meter: Meter) -> int:
    home.progress.step(f"network of {len(REGIONS)} Regions, 6 zones; AWS API in each Region; speed {home.order.speed:g}")
    outputs = await boot.make_architecture(home.run)
    home.progress.step("dr-multi-region created through the AWS API")
    await _until_clusters(lab)
    home.progress.step("two EKS control planes answer")
    session = await _open_doors(home, lab, outputs)
    await _deploy(home, outputs)
    await boot.until_serving(outputs["host"], home.run, home.progress)
    home.progress.step(f"the site serves http://{outputs['host']}/ ({meter.sample():.0f} MB in all)")
    site = LiveSite(lab=lab, outputs=outputs, site=Path(session.site_file), meter=meter)
    if home.order.scenario:
        return await _drill(home, site)
    home.servers.append(await Control(site=site, regions=REGIONS).serve())
    return await _stay(home, session)


async def _drill(home: Home, site: LiveSite) -> int:
    order = home.order
    if order.scenario == OUTAGES:
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
        told=home.progress.step,
    )  # fmt: skip
    found = await outages.carry_out()
    sys.stdout.write("\n" + as_text(found))
    return found.exit_code


async def _deploy(home: Home, outputs: Mapping[str, Any]) -> None:
    secret = await boot.read_secret(home.run, outputs)
    async with asyncio.TaskGroup() as both:
        for name in outputs["members"]:
            both.create_task(boot.deploy_member(home.run, home.programs, outputs, name, secret))
    home.progress.step("both members deployed (helm, kubectl)")


async def _until_clusters(lab: Lab) -> None:
    end = asyncio.get_running_loop().time() + 60
    while asyncio.get_running_loop().time() < end:
        views = [view for region in REGIONS for view in lab.state.clusters(region)]
        if len(views) == len(REGIONS) and all(view.status == "ACTIVE" for view in views):
            return
        await lab.state.changed(timedelta(seconds=0.2))
    seen = [(view.name, view.status) for region in REGIONS for view in lab.state.clusters(region)]
    raise StartFailed(f"the EKS clusters did not become ACTIVE within 60 s: {seen}; logs in {lab.run / 'logs'}")


async def _open_doors(home: Home, lab: Lab, outputs: Mapping[str, Any]) -> Session:
    """Answer the host's sockets from inside, and write the files through which people and programs find the site."""
    site = home.run / "site.yaml"
    site.write_text(yaml.safe_dump(boot.site_file(outputs), sort_keys=False))
    for name, made in outputs["members"].items():
        (home.run / f"kubeconfig-{name}").write_text(lab.clusters.kubeconfig(made["cluster"]))
    sockets = home.inside.sockets
    ports = {name: held.getsockname()[1] for name, held in sockets.items()}
    home.servers.append(await forward(sockets["aws"], lambda: lab.network.connect("edge", region_address("edge", 10), 80)))
    visitor = Visitor(network=lab.network, host=outputs["host"], resolver=EDGE_RESOLVER)
    home.servers.append(await forward(sockets["web"], visitor.connect))
    contexts = []
    for name, made in outputs["members"].items():
        contexts.append(lab.clusters.kubeconfig(made["cluster"], server=f"https://127.0.0.1:{ports[f'kubernetes-{name}']}"))
        home.servers.append(await forward(sockets[f"kubernetes-{name}"], _to_cluster(lab, made["region"], made["cluster"])))
    kubeconfig = home.run / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(merged(contexts), sort_keys=False))
    session = Session(
        pid=home.inside.host_pid,
        architecture=home.order.architecture,
        speed=home.order.speed,
        aws_endpoint=f"http://127.0.0.1:{ports['aws']}",
        web_endpoint=f"http://127.0.0.1:{ports['web']}",
        host=outputs["host"],
        site_file=str(site),
        kubeconfig=str(kubeconfig),
        kubeconfig_inside=":".join(str(home.run / f"kubeconfig-{name}") for name in outputs["members"]),
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
    except LabError as error:
        sys.stderr.write(f"hadr-lab: {error}\n")
        code = error.exit_code
    except Exception as error:
        log.exception("lab ended")
        sys.stderr.write(f"hadr-lab: {error!r}; see {home.run / 'logs' / 'lab.log'}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    logging.shutdown()
    os._exit(code)


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
