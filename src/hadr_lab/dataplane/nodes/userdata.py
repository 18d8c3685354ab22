"""How an instance learns which cluster to join: the launch template's user data, as nodeadm reads it.

Plain or MIME multipart, base64 or not; every `node.eks.aws` NodeConfig in it is merged in order, later ones winning, kubelet flags
adding up. It decides nothing about the node beyond what the text says.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import yaml

API_GROUP = "node.eks.aws/"
Taint = Mapping[str, str]


class NotANode(ValueError):
    """The user data does not say which cluster to join, or says it in a form that nodeadm would refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What a machine needs to join: cluster, API server host, its CA (base64 PEM), own labels and taints, kubelet limits."""

    cluster: str
    host: str
    ca: str
    service_cidr: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    max_pods: int | None
    cluster_dns: str | None


def parse(user_data: str) -> Joining:
    """Read user data. Raises NotANode with the reason."""
    spec: dict[str, Any] = {}
    for config in _configs(_decoded(user_data)):
        spec = _merged(spec, config)
    if not spec:
        raise NotANode("user data has no NodeConfig of node.eks.aws")
    cluster = spec.get("cluster") or {}
    missing = [key for key in ("name", "apiServerEndpoint") if not cluster.get(key)]
    if missing:
        raise NotANode(f"NodeConfig lacks spec.cluster.{' and '.join(missing)}")
    kubelet = spec.get("kubelet") or {}
    config, flags = kubelet.get("config") or {}, _flags(kubelet.get("flags") or ())
    dns = config.get("clusterDNS") or ()
    return Joining(
        cluster=cluster["name"],
        host=urlsplit(cluster["apiServerEndpoint"]).hostname or "",
        ca=cluster.get("certificateAuthority") or "",
        service_cidr=cluster.get("cidr") or "172.20.0.0/16",
        labels=_labels(flags.get("node-labels", "")),
        taints=(*_taints(flags.get("register-with-taints", "")), *(config.get("registerWithTaints") or ())),
        max_pods=int(config["maxPods"]) if config.get("maxPods") else None,
        cluster_dns=dns[0] if dns else None,
    )


def _decoded(user_data: str) -> str:
    """The text, whether EC2's base64 was taken off already or not."""
    try:
        return base64.b64decode("".join(user_data.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return user_data


def _configs(text: str) -> Iterable[dict[str, Any]]:
    message = message_from_string(text)
    parts = [part for part in message.walk() if not part.is_multipart()] if message.is_multipart() else []
    texts = [_payload(part) for part in parts] or [text]
    for each in texts:
        try:
            documents = list(yaml.safe_load_all(each))
        except yaml.YAMLError:
            continue
        for document in documents:
            if isinstance(document, dict) and str(document.get("apiVersion", "")).startswith(API_GROUP):
                yield document.get("spec") or {}


def _payload(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode(errors="replace") if isinstance(payload, bytes) else str(payload)


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merged(old, value)
        elif key == "flags" and isinstance(old, list):
            merged[key] = [*old, *value]
        else:
            merged[key] = value
    return merged


def _flags(flags: Iterable[str]) -> dict[str, str]:
    """kubelet flags by name without dashes; the same list-valued flag given twice adds up."""
    found: dict[str, str] = {}
    for flag in flags:
        for word in shlex.split(flag):
            name, _, value = word.lstrip("-").partition("=")
            found[name] = f"{found[name]},{value}" if found.get(name) else value
    return found


def _labels(text: str) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in text.split(",") if pair)


def _taints(text: str) -> Iterable[Taint]:
    for item in filter(None, text.split(",")):
        body, _, effect = item.rpartition(":")
        key, _, value = body.partition("=")
        yield {"key": key, "effect": effect, **({"value": value} if value else {})}
