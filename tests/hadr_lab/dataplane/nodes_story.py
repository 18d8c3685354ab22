"""What must be true of real nodes, step by step in one small lab; started by test_nodes_lab inside the lab's namespaces.

Each step prints one line of JSON: its name, what was found, and how long it took. The test judges; this file only does and looks.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hadr_lab.dataplane.nodes_world import FILES, REGION, STATE, ZONES, World, a_cluster, an_instance, enter, running
from tests.hadr_lab.last_words import run

from hadr_lab.dataplane.controlplane import Endpoint, KubeApi, Who
from hadr_lab.dataplane.controlplane.api import UNREACHABLE, ApiError
from hadr_lab.dataplane.controlplane.sockets import tcp_socket
from hadr_lab.dataplane.nodes.images import Recipe, program_recipe
from hadr_lab.dataplane.residents import residents, stopped
from hadr_lab.faults.zone import Zones
from hadr_lab.progress import Progress
from hadr_lab.scenario import HarmZone, ZoneHarm
from hadr_lab.toolchain import obtain

NAME = "trial"
WITHIN_S = 300
END = "\r\n\r\n"
PODS = "/api/v1/namespaces/default/pods"
SERVER = """
import http.server, os, pathlib, socket, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/sick":
            Handler.sick = True
        if self.path == "/healthz" and Handler.sick:
            return self.say(500, "sick")
        if self.path == "/write":
            try:
                pathlib.Path("/files", os.environ["POD"]).write_text("x"); return self.say(200, "written")
            except OSError as error:
                return self.say(500, str(error))
        token = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount/token").read_text().count(".")
        words = [socket.gethostname(), os.environ["POD"], os.environ["GREETING"], pathlib.Path("/etc/trial/greeting").read_text()]
        words += [os.environ["KUBERNETES_SERVICE_HOST"], str(token), pathlib.Path("/scratch/made").read_text()]
        try:
            words.append(socket.gethostbyname("trial"))
        except OSError as error:
            words.append(repr(error))
        self.say(200, "|".join(words))
    def say(self, code, text):
        self.send_response(code); self.end_headers(); self.wfile.write(text.encode())
    def log_message(self, *a): pass
Handler.sick = False
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
TABLE = {
    "trial/server": Recipe(argv=(sys.executable, "-c", SERVER), keep=(sys.prefix, sys.base_prefix)),  # a container has its own /tmp
    "trial/shell": Recipe(argv=("sh", "-c", "sleep 1000")),
}


def say(step: str, began: float, **found: Any) -> None:
    """One line for the test."""
    print(json.dumps({"step": step, "seconds": round(time.monotonic() - began, 2), **found}), flush=True)


async def until(look: Callable[[], Awaitable[Any]], at_most: float = 50) -> Any:
    """What `look` returns once it is true, or its last answer when time is over."""
    end, last = time.monotonic() + at_most, None
    while time.monotonic() < end:
        try:
            last = await look()
        except (ApiError, *UNREACHABLE) as error:
            last = None if time.monotonic() < end else repr(error)
        if last:
            return last
        await asyncio.sleep(0.1)
    return last


async def fetch(netns: str, address: str, port: int, path: str) -> str:
    """Status and body of one GET from a namespace, or the error."""
    try:
        async with asyncio.timeout(3):
            sock = tcp_socket(netns)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
            reader, writer = await asyncio.open_connection(sock=sock)
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = (await reader.read()).decode()
            writer.close()
    except (OSError, TimeoutError) as error:
        return repr(error)
    return f"{answer.split(' ')[1]} {answer.partition(END)[2]}"


def a_pod(image: str, **spec: Any) -> dict[str, Any]:
    """A pod template's spec with one container."""
    container = {"name": "main", "image": image, **spec.pop("container", {})}
    return {"containers": [container], "terminationGracePeriodSeconds": 5, **spec}


def deployment() -> dict[str, Any]:
    """Two servers over the zones, with every kind of volume and environment that the lab promises."""
    container = {
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "trial", "key": "greeting"}}},
        ],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
        "livenessProbe": {"exec": {"command": ["test", "!", "-e", "/scratch/dead"]}, "periodSeconds": 1, "failureThreshold": 2},
        "volumeMounts": [
            {"name": "files", "mountPath": "/files"},
            {"name": "settings", "mountPath": "/etc/trial"},
            {"name": "scratch", "mountPath": "/scratch"},
        ],
    }
    init = {
        "name": "first",
        "image": "trial/shell",
        "command": ["sh", "-c", "printf made > /scratch/made"],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    spread = {
        "topologyKey": "topology.kubernetes.io/zone",
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "trial"}},
    }
    spec = a_pod(
        "trial/server",
        container=container,
        initContainers=[init],
        topologySpreadConstraints=[spread],
        volumes=[
            {"name": "files", "persistentVolumeClaim": {"claimName": "files"}},
            {"name": "settings", "configMap": {"name": "trial"}},
            {"name": "scratch", "emptyDir": {}},
        ],
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "trial"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "trial"}},
            "template": {"metadata": {"labels": {"app": "trial"}}, "spec": spec},
        },
    }


async def make_objects(api: KubeApi) -> None:
    """Everything that the deployment refers to, then the deployment."""
    core = "/api/v1/namespaces/default"
    await api.create(f"{core}/configmaps", {"metadata": {"name": "trial"}, "data": {"greeting": "hello"}})
    csi = {"driver": "efs.csi.aws.com", "volumeHandle": FILES}
    size = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": ""}
    await api.create("/api/v1/persistentvolumes", {"metadata": {"name": "files"}, "spec": {**size, "csi": csi}})
    claim = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeName": "files"}
    claim["resources"] = {"requests": {"storage": "1Gi"}}  # type: ignore[assignment]
    await api.create(f"{core}/persistentvolumeclaims", {"metadata": {"name": "files"}, "spec": claim})
    ports = [{"port": 80, "targetPort": "http"}]
    await api.create(f"{core}/services", {"metadata": {"name": "trial"}, "spec": {"selector": {"app": "trial"}, "ports": ports}})
    await api.create("/apis/apps/v1/namespaces/default/deployments", deployment())


@dataclass(slots=True, kw_only=True)
class Story:
    """The steps, in order; each leaves the lab as the next one expects it."""

    world: World
    api: KubeApi

    async def pods(self, selector: str = "app=trial") -> list[dict[str, Any]]:
        """Pods by label."""
        items: list[dict[str, Any]] = (await self.api.get(PODS, {"labelSelector": selector}))["items"]
        return items

    async def ready_pods(self) -> list[dict[str, Any]]:
        """The deployment's Ready pods that are not going away."""
        return [
            pod
            for pod in await self.pods()
            if not pod["metadata"].get("deletionTimestamp")
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
        ]

    async def nodes(self) -> dict[str, str]:
        """Ready status by node name."""
        items = (await self.api.get("/api/v1/nodes"))["items"]
        return {n["metadata"]["name"]: next(c["status"] for c in n["status"]["conditions"] if c["type"] == "Ready") for n in items}

    async def two_ready(self) -> list[dict[str, Any]] | None:
        """Two Ready pods, or None."""
        found = await self.ready_pods()
        return found if len(found) == 2 else None

    async def warnings(self) -> list[str]:
        """What the cluster complains of, for a step that failed."""
        events = (await self.api.get("/api/v1/events", {"fieldSelector": "type=Warning"}))["items"]
        return [f"{event['involvedObject']['name']}: {event['reason']}: {event['message']}"[:300] for event in events][-12:]

    async def joining(self) -> None:
        """Nodes join, CoreDNS comes up on them."""
        began = time.monotonic()
        await until(lambda: self._count("/api/v1/nodes", 2))
        joined = time.monotonic() - began

        async def dns() -> bool:
            status = (await self.api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns"))["status"]
            return bool(status.get("readyReplicas") == 2)

        say("joining", began, joined=round(joined, 2), nodes=await self.nodes(), dns=await until(dns))

    async def _count(self, path: str, number: int) -> bool:
        return len((await self.api.get(path))["items"]) == number

    async def authentication(self) -> None:
        """An EKS token gets in through the webhook, a wrong one does not."""
        began, found = time.monotonic(), {}
        for token in ("k8s-aws-v1.good", "k8s-aws-v1.bad"):
            own = self.api.endpoint
            endpoint = Endpoint(host=own.host, addresses=own.addresses, ca=own.ca, token=token)
            api = KubeApi(endpoint, netns=REGION)
            try:
                await api.get("/api/v1/nodes")
                found[token] = 200
            except ApiError as error:
                found[token] = error.status
            await api.aclose()
        say("authentication", began, status=found)

    async def serving(self) -> None:
        """A deployment runs over both zones and answers through its service from the other zone."""
        began = time.monotonic()
        await make_objects(self.api)
        pods = await until(self.two_ready) or []
        took = time.monotonic() - began
        service = (await self.api.get("/api/v1/namespaces/default/services/trial"))["spec"]["clusterIP"]
        await until(lambda: self._answers(service))
        answers = set()
        for _ in range(12):
            answers.add(await fetch(ZONES[1], service, 80, "/"))
        say(
            "serving",
            began,
            ready_after=round(took, 2),
            pods=sorted(pod["metadata"]["name"] for pod in pods),
            nodes=sorted({pod["spec"]["nodeName"] for pod in pods}),
            addresses=sorted(pod["status"].get("podIP", "") for pod in pods),
            service=service,
            answers=sorted(answers),
            events=[] if pods else await self.warnings(),
        )

    async def _answers(self, service: str) -> bool:
        """kube-proxy has heard of the endpoints (it looks at most once a second)."""
        return (await fetch(ZONES[1], service, 80, "/")).startswith("200")

    async def files(self) -> None:
        """The file system is shared, turns read-only in running pods, and writable again."""
        began, found = time.monotonic(), {}
        address = (await self.ready_pods())[0]["status"]["podIP"]
        for mode in ("writable", "read-only", "writable again", "unreachable", "reachable again"):
            if mode == "read-only":
                self.world.replicas.add(FILES)
            else:
                self.world.replicas.discard(FILES)
            for zone in ZONES:
                if mode == "unreachable":
                    self.world.nodes.lose_files(zone)
                else:
                    self.world.nodes.restore_files(zone)
            self.world.nodes.refresh()
            await asyncio.sleep(1)
            found[mode] = await fetch(ZONES[0], address, 8080, "/write")
        say("files", began, answers=found, there=sorted(path.name for path in (STATE / "efs" / FILES).iterdir()))

    async def probes(self) -> None:
        """A failing readiness probe takes a pod out of the service; a failing liveness probe restarts its container."""
        began = time.monotonic()
        pod = (await self.ready_pods())[0]
        address, name = pod["status"]["podIP"], pod["metadata"]["name"]
        await fetch(ZONES[0], address, 8080, "/sick")
        sick = await until(lambda: self._readiness(name, "False"))
        scratch = next((STATE / "nodes" / REGION).glob(f"*/pods/{pod['metadata']['uid']}/volumes/scratch"))
        (scratch / "dead").touch()
        restarted = await until(lambda: self._restarts(name))
        (scratch / "dead").unlink()
        say("probes", began, unready=sick, restarts=restarted, ready_again=bool(await until(self.two_ready)))

    async def _readiness(self, name: str, status: str) -> bool:
        pod = await self.api.get(f"{PODS}/{name}")
        return any(c["type"] == "Ready" and c["status"] == status for c in pod["status"]["conditions"])

    async def _restarts(self, name: str) -> int:
        return int((await self.api.get(f"{PODS}/{name}"))["status"]["containerStatuses"][0]["restartCount"])

    async def endings(self) -> None:
        """Pods that end, and a pod whose image does not exist."""
        began = time.monotonic()
        shell = {"command": ["sh", "-c", "exit 3"]}
        for name, spec in (
            ("ends", a_pod("trial/shell", restartPolicy="Never", container=shell)),
            ("nowhere", a_pod("example.com/nothing:1")),
            ("missing", a_pod("trial/shell", container={"command": ["/no/such/program"]}, restartPolicy="Never")),
        ):
            await self.api.create(PODS, {"metadata": {"name": name}, "spec": spec})
        ended = await until(lambda: self._state("ends", "terminated"))
        nowhere = await until(lambda: self._state("nowhere", "waiting", "ErrImagePull", "ImagePullBackOff"))
        missing = await until(lambda: self._state("missing", "terminated"))
        phase = (await self.api.get(f"{PODS}/ends"))["status"]["phase"]
        say("endings", began, phase=phase, ended=ended, nowhere=nowhere, missing=missing)
        for name in ("ends", "nowhere", "missing"):
            await self.api.delete(f"{PODS}/{name}", {"gracePeriodSeconds": 0})

    async def _state(self, name: str, kind: str, *reasons: str) -> Any:
        statuses = (await self.api.get(f"{PODS}/{name}"))["status"].get("containerStatuses") or [{}]
        state = (statuses[0].get("state") or {}).get(kind)
        return state if state and (not reasons or state.get("reason") in reasons) else None

    async def lost_machine(self) -> None:
        """A terminated instance: its pods die and its Node goes away; the CoreDNS of the other machine answers on, alone."""
        began, victim = time.monotonic(), self.world.state.machines[1]
        name = f"ip-{victim.private_ip.replace('.', '-')}.ec2.internal"
        self.world.state.machines.remove(victim)
        silent = await until(lambda: self._node_status(name, "True"))
        noticed = time.monotonic() - began

        async def gone() -> bool:
            return name not in await self.nodes()

        removed = await until(gone)

        async def moved() -> bool:
            return await self._dns_pods() == 1

        found = {"silent": silent, "noticed": round(noticed, 1), "removed": removed, "moved": await until(moved)}
        say("lost machine", began, nodes=await self.nodes(), **found)

    async def _node_status(self, name: str, other_than: str) -> str | None:
        status = (await self.nodes()).get(name, "removed")
        return status if status != other_than else None

    async def deletion(self) -> None:
        """Deleting the deployment leaves no pod, no process and no namespace of it."""
        began = time.monotonic()
        await self.api.delete("/apis/apps/v1/namespaces/default/deployments/trial", {"propagationPolicy": "Background"})

        async def none() -> bool:
            return not await self.pods()

        gone = await until(none)
        await asyncio.sleep(0.5)
        left = sum("ThreadingHTTPServer" in line for line in command_lines())
        netns = sorted(path.name for path in Path("/run/netns").glob("pod-*"))
        say("deletion", began, gone=gone, processes=left, namespaces=len(netns), coredns=await self._dns_pods())

    async def _dns_pods(self) -> int:
        items = (await self.api.get("/api/v1/namespaces/kube-system/pods"))["items"]
        there = set(await self.nodes())
        return sum(
            1
            for pod in items
            if pod["status"]["phase"] == "Running"
            and not pod["metadata"].get("deletionTimestamp")
            and pod["spec"].get("nodeName") in there
        )

    async def killed_agent(self) -> None:
        """SIGKILL of the agent: everything it ran is gone at once and its nodes turn NotReady; woken, they come back."""
        began = time.monotonic()
        self.world.nodes.silence(REGION)
        await asyncio.sleep(0.3)
        left = corednses()

        async def all_silent() -> bool:
            return "True" not in (await self.nodes()).values()

        silent = await until(all_silent)
        self.world.nodes.wake(REGION)
        say("killed agent", began, containers=left, silent=silent, back=await until(self._nodes_are_ready))

    async def _nodes_are_ready(self) -> bool:
        return set((await self.nodes()).values()) == {"True"}

    async def _named(self) -> int:
        return corednses()

    async def lost_zone(self) -> None:
        """A lost zone: its containers die at once; restored, its machine boots anew and runs the same pods again."""
        began, zone = time.monotonic(), ZONES[0]
        await until(self._nodes_are_ready)
        before = await until(self._named)
        await self.world.network.lose(REGION, zone)
        for process in self.world.processes.within(region=REGION, zone=zone):
            process.kill()
        self.world.nodes.refresh()
        await asyncio.sleep(1)
        left, proxies = corednses(), len(list(self.world.processes.within(region=REGION, zone=zone)))
        await self.world.network.restore(REGION, zone)
        self.world.nodes.refresh()

        async def again() -> bool:
            return corednses() == int(before)

        say("lost zone", began, containers=left, proxies=proxies, back=await until(again))

    async def killed_zone(self) -> None:
        """Everything in the zone dies and stays dead while its kubelets stand still; healed, the same pods run again."""
        await self._harmed("killed zone", HarmZone(zone=ZONES[0], how=ZoneHarm.KILLED))

    async def frozen_zone(self) -> None:
        """Everything in the zone stands still, its node falls silent; healed, everything goes on, nothing was restarted."""
        await self._harmed("frozen zone", HarmZone(zone=ZONES[0], how=ZoneHarm.FROZEN))

    async def _harmed(self, step: str, fault: HarmZone) -> None:
        began, zones = time.monotonic(), Zones(network=self.world.network, nodes=self.world.nodes)
        await until(self._nodes_are_ready)
        before = await until(self._named)
        await zones.harm(fault, fault.zone)

        async def silent() -> bool:
            return "True" not in (await self.nodes()).values()

        unready = await until(silent)
        still = [stopped(pid) for pid in residents(fault.zone)]
        left = corednses()
        await zones.heal(fault, fault.zone)

        async def again() -> bool:
            return corednses() == int(before) and await self._nodes_are_ready()

        back = await until(again)
        stuck = sum(stopped(pid) for pid in residents(fault.zone))
        say(
            step,
            began,
            silent=unready,
            containers=left,
            before=before,
            still=sum(still),
            residents=len(still),
            back=back,
            stuck=stuck,
        )

    async def lost_region(self) -> None:
        """A lost Region: nothing of it is started again; restored, the same cluster answers with what it knew."""
        began = time.monotonic()
        await self.world.network.lose(REGION)
        for process in self.world.processes.within(region=REGION):
            process.kill()
        await asyncio.sleep(3)
        left = [process.name for process in self.world.processes.within(region=REGION)]
        await self.world.network.restore(REGION)
        known = await until(lambda: self.api.get("/api/v1/namespaces/default/configmaps/trial"))
        ready = await until(self._nodes_are_ready)
        say("lost region", began, processes=left, containers=corednses(), data=(known or {}).get("data"), ready=ready)

    async def deleted_cluster(self) -> None:
        """A deleted cluster's programs end and its name is withdrawn."""
        began = time.monotonic()
        names = self.world.clusters.names
        before = len(names.snapshot())
        self.world.state.machines.clear()
        self.world.state.eks.clear()

        async def ended() -> bool:
            return not any("kube-apiserver" in line or "etcd" in line for line in command_lines())

        say("deleted cluster", began, ended=await until(ended), names=(before, len(names.snapshot())))

    async def tell(self) -> None:
        """All of it."""
        for step in (
            self.joining,
            self.authentication,
            self.serving,
            self.files,
            self.probes,
            self.endings,
            self.deletion,
            self.lost_machine,
            self.killed_agent,
            self.lost_zone,
            self.killed_zone,
            self.frozen_zone,
            self.lost_region,
            self.deleted_cluster,
        ):
            await step()


def command_lines() -> list[str]:
    """Command lines of every process of this pid namespace."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def corednses() -> int:
    """How many CoreDNS containers run."""
    return sum("coredns" in line and "Corefile" in line for line in command_lines())


async def main(logs: Path) -> None:
    """Boot the small lab and tell the story."""
    programs = obtain(Progress())
    table = {**TABLE, "eks/coredns": program_recipe(programs["coredns"])}
    began = time.monotonic()
    async with running(programs, table, logs) as world:
        cluster = a_cluster(NAME)
        world.state.eks.append(cluster)
        world.state.machines += [an_instance(cluster, zone, 4 + k, labels=f"trial/k={k}") for k, zone in enumerate(ZONES)]

        async def answers() -> bool:
            return NAME in world.state.ready

        await until(answers, 60)
        say("boot", began, ready=sorted(world.state.ready))
        found = world.clusters.find(REGION, NAME)
        assert found is not None
        api = KubeApi(found.endpoint(Who.ADMIN), netns=REGION)
        try:
            await Story(world=world, api=api).tell()
        finally:
            await api.aclose()


if __name__ == "__main__":
    enter()
    run(main(Path(sys.argv[1])), within=WITHIN_S)
    os._exit(0)
