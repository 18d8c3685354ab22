"""A container's environment: valueFrom, envFrom, $(VAR) references, service variables and the downward API. Pure.

What it needs of the cluster (config maps, secrets, services) is fetched before and given as Sources; a reference to something
that is not there raises MissingReference, which the pod shows as CreateContainerConfigError.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hadr_lab.dataplane.nodes import quantity

Json = Mapping[str, Any]
_REFERENCE = re.compile(r"\$(\$|\((?P<name>[A-Za-z_.\-][A-Za-z0-9_.\-]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(?P<map>labels|annotations)\['(?P<key>[^']+)'\]")


class MissingReference(Exception):
    """A config map, secret, key or field that a container refers to does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What references can point at: the namespace's config maps and secrets by name (absent ones missing), the node's offer."""

    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    allocatable: Mapping[str, str] = field(default_factory=dict)


def decoded(secret: Json) -> dict[str, str]:
    """A Secret's data as text (bytes that are not UTF-8 are kept by surrogates)."""
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in data.items()}


def wanted(container: Json) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the config maps and of the secrets that a container's environment refers to."""
    maps, secrets = set(), set()
    for entry in container.get("env") or ():
        source = entry.get("valueFrom") or {}
        if "configMapKeyRef" in source:
            maps.add(source["configMapKeyRef"]["name"])
        if "secretKeyRef" in source:
            secrets.add(source["secretKeyRef"]["name"])
    for entry in container.get("envFrom") or ():
        if "configMapRef" in entry:
            maps.add(entry["configMapRef"]["name"])
        if "secretRef" in entry:
            secrets.add(entry["secretRef"]["name"])
    return frozenset(maps), frozenset(secrets)


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace $(NAME) by known variables; $$ is a dollar; an unknown name stays as it is written."""

    def replacement(match: re.Match[str]) -> str:
        name = match["name"]
        return "$" if name is None else known.get(name, match[0])

    return _REFERENCE.sub(replacement, text)


def service_variables(services: Iterable[Json], namespace: str, *, links: bool) -> dict[str, str]:
    """Variables of the namespace's services (with `links`) and always of default/kubernetes, as kubelet makes them."""
    found: dict[str, str] = {}
    for service in services:
        name, home = service["metadata"]["name"], service["metadata"]["namespace"]
        address = service["spec"].get("clusterIP")
        is_api = (home, name) == ("default", "kubernetes")
        if address in (None, "", "None") or not (is_api or (links and home == namespace)):
            continue
        found |= _variables(name.upper().replace("-", "_"), address, service["spec"].get("ports") or ())
    return found


def _variables(prefix: str, address: str, ports: Sequence[Json]) -> dict[str, str]:
    if not ports:
        return {}
    first = ports[0]
    url = f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}"
    found = {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(first["port"]), f"{prefix}_PORT": url}
    for port in ports:
        protocol, number = port.get("protocol", "TCP"), str(port["port"])
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = number
        base = f"{prefix}_PORT_{number}_{protocol}"
        found |= {base: f"{protocol.lower()}://{address}:{number}", f"{base}_PROTO": protocol.lower()}
        found |= {f"{base}_PORT": number, f"{base}_ADDR": address}
    return found


def field_of(pod: Json, path: str) -> str:
    """A downward API field. Raises MissingReference for one that pods do not have."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is not None:
        return str((metadata.get(subscript["map"]) or {}).get(subscript["key"], ""))
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": ",".join(entry["ip"] for entry in status.get("hostIPs") or ()),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": ",".join(entry["ip"] for entry in status.get("podIPs") or ()),
        "metadata.labels": _lines(metadata.get("labels")),
        "metadata.annotations": _lines(metadata.get("annotations")),
    }
    if path not in simple:
        raise MissingReference(f"field {path} is not one that the downward API has")
    return str(simple[path])


def _lines(mapping: Json | None) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted((mapping or {}).items()))


def resource_of(pod: Json, container: Json, reference: Json, allocatable: Mapping[str, str]) -> str:
    """A resourceFieldRef: the container's own limit or request, else (for limits) what the node offers."""
    name = reference.get("containerName") or container["name"]
    target = next((each for each in pod["spec"]["containers"] if each["name"] == name), container)
    kind, _, resource = reference["resource"].partition(".")
    resources = target.get("resources") or {}
    text = (resources.get(kind) or {}).get(resource)
    if text is None and kind == "limits":
        text = allocatable.get(resource)
    return quantity.divided(quantity.parse(text) if text is not None else Decimal(0), str(reference.get("divisor") or "1"))


def resolve(pod: Json, container: Json, sources: Sources, base: Mapping[str, str]) -> dict[str, str]:
    """The whole environment. `base` holds service variables and defaults, which the container's own entries override."""
    known = dict(base)
    for entry in container.get("envFrom") or ():
        known |= _all_of(entry, sources)
    for entry in container.get("env") or ():
        if "valueFrom" in entry:
            value = _value(pod, container, entry, sources)
            if value is not None:
                known[entry["name"]] = value
        else:
            known[entry["name"]] = expand(str(entry.get("value") or ""), known)
    return known


def _all_of(entry: Json, sources: Sources) -> dict[str, str]:
    kind, table = ("configMapRef", sources.config_maps) if "configMapRef" in entry else ("secretRef", sources.secrets)
    reference = entry[kind]
    values = table.get(reference["name"])
    if values is None:
        if reference.get("optional"):
            return {}
        raise MissingReference(f"{kind.removesuffix('Ref')} {reference['name']} not found")
    return {f"{entry.get('prefix', '')}{key}": value for key, value in values.items()}


def _value(pod: Json, container: Json, entry: Json, sources: Sources) -> str | None:
    source = entry["valueFrom"]
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_of(pod, container, source["resourceFieldRef"], sources.allocatable)
    kind, table = ("configMapKeyRef", sources.config_maps) if "configMapKeyRef" in source else ("secretKeyRef", sources.secrets)
    reference = source.get(kind)
    if reference is None:
        raise MissingReference(f"variable {entry['name']} has a source that is not known: {', '.join(source)}")
    value = (table.get(reference["name"]) or {}).get(reference["key"])
    if value is None and not reference.get("optional"):
        raise MissingReference(f"key {reference['key']} of {kind.removesuffix('KeyRef')} {reference['name']} not found")
    return value
