"""From a container's spec to what the zygote starts: environment, command line, and mounts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hadr_lab.dataplane.controlplane.api import ApiError
from hadr_lab.dataplane.nodes import environment
from hadr_lab.dataplane.nodes.environment import MissingReference, Sources
from hadr_lab.dataplane.nodes.images import Recipe
from hadr_lab.dataplane.nodes.isolation import Mount
from hadr_lab.dataplane.nodes.launcher import Launch
from hadr_lab.dataplane.nodes.status import Container, Ended
from hadr_lab.dataplane.nodes.volumes import config_data

if TYPE_CHECKING:
    from hadr_lab.dataplane.nodes.pod import Pod

Json = Mapping[str, Any]


async def launch(pod: Pod, spec: Json, recipe: Recipe) -> Launch:
    """Everything resolved for one start of one container. Raises MissingReference, ApiError."""
    env = await variables(pod, spec, recipe)
    command = [environment.expand(word, env) for word in spec.get("command") or ()]
    args = [environment.expand(word, env) for word in spec.get("args") or ()]
    argv, call = recipe.command_line(command, args)
    metadata = pod.object["metadata"]
    output = pod.host.settings.logs / f"{metadata['namespace']}_{metadata['name']}_{spec['name']}.log"
    output.parent.mkdir(parents=True, exist_ok=True)
    return Launch(
        netns=pod.netns,
        hostname=hostname(pod),
        argv=argv,
        call=call,
        env=env,
        output=output,
        cwd=spec.get("workingDir") or "",
        mounts=(*_kept(recipe), *_etc(pod), *_mounts(pod, spec, env)),
    )


def hostname(pod: Pod) -> str:
    """The host name a pod sees."""
    spec = pod.object["spec"]
    if spec.get("hostNetwork"):
        return pod.host.machine.node_name
    return str(spec.get("hostname") or pod.object["metadata"]["name"])


async def variables(pod: Pod, spec: Json, recipe: Recipe) -> dict[str, str]:
    """The container's environment, over service variables, what Pod Identity gives and what the image brings."""
    host, namespace = pod.host, pod.object["metadata"]["namespace"]
    maps, secrets = environment.wanted(spec)
    sources = Sources(
        config_maps={name: data async for name, data in _objects(pod, "configmaps", maps)},
        secrets={name: data async for name, data in _objects(pod, "secrets", secrets)},
        allocatable=host.allocatable,
    )
    services = (await host.api.get("/api/v1/services"))["items"]
    links = pod.object["spec"].get("enableServiceLinks", True)
    base = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/",
        "HOSTNAME": hostname(pod),
        **environment.service_variables(services, namespace, links=links),
        **host.settings.pod_env,
        **recipe.env,
    }
    return environment.resolve(pod.object, spec, sources, base)


async def _objects(pod: Pod, plural: str, names: frozenset[str]) -> Any:
    """(name, data) of those of the named objects that exist."""
    for name in sorted(names):
        try:
            found = await pod.host.api.get(f"/api/v1/namespaces/{pod.object['metadata']['namespace']}/{plural}/{name}")
        except ApiError as error:
            if error.status != 404:
                raise
        else:
            yield name, (environment.decoded(found) if plural == "secrets" else config_data(found))


def _kept(recipe: Recipe) -> list[Mount]:
    """The folders of the image's program, at their own place."""
    return [Mount(source=folder, target=folder, read_only=True) for folder in recipe.keep if Path(folder).is_dir()]


def _etc(pod: Pod) -> list[Mount]:
    """hosts and resolv.conf, written for this pod."""
    folder = pod.folder / "etc"
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["127.0.0.1 localhost", f"{pod.sandbox.pod_ip} {hostname(pod)}"]
    lines += [f"{alias['ip']} {' '.join(alias['hostnames'])}" for alias in pod.object["spec"].get("hostAliases") or ()]
    files = {"hosts": "\n".join(lines) + "\n", "resolv.conf": pod.host.resolv_conf(pod.object)}
    for name, text in files.items():
        (folder / name).write_text(text)
    return [Mount(source=str(folder / name), target=f"/etc/{name}", read_only=True) for name in files]


def _mounts(pod: Pod, spec: Json, env: Mapping[str, str]) -> list[Mount]:
    found = []
    for wanted in spec.get("volumeMounts") or ():
        volume = pod.volumes.mounted.get(wanted["name"])
        if volume is None:
            raise MissingReference(f"volume {wanted['name']} is not mounted")
        below = wanted.get("subPath") or environment.expand(wanted.get("subPathExpr") or "", env)
        source = volume.path / below
        if below and not source.exists() and not volume.read_only:
            source.mkdir(parents=True)
        found.append(
            Mount(source=str(source), target=wanted["mountPath"], read_only=bool(wanted.get("readOnly")) or volume.read_only)
        )
    return found


def remember(view: Container, status: Json) -> None:
    """Take over what the API knows of an earlier life of the container: the machine or its agent was restarted."""
    rows = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    row = next((each for each in rows if each["name"] == view.name), None)
    if row is None or "running" not in (row.get("state") or {}):
        view.restarts = row["restartCount"] if row else 0
        return
    now = datetime.now(UTC)
    view.restarts = row["restartCount"] + 1
    view.last = Ended(code=255, since=now, at=now, reason="Unknown", message="the machine or its node agent was restarted")
