"""The user data of a managed node: what EKS puts in front of AL2023's nodeadm. Pure.

A MIME message whose last part is a NodeConfig with the cluster's name, endpoint, certificate authority and service range, and
the kubelet flags that carry labels and taints. A launch template's own user data comes first, as one part or as its parts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from typing import Any

import yaml

BOUNDARY = "//"
NODE_CONFIG = "application/node.eks.aws"
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """What a node must know to join. `taints` as EKS has them: key, value, effect."""

    cluster: str
    endpoint: str
    certificate_authority: str
    service_cidr: str
    max_pods: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()

    def document(self) -> dict[str, Any]:
        """The NodeConfig object of node.eks.aws/v1alpha1."""
        flags = [f"--node-labels={','.join(f'{key}={value}' for key, value in self.labels.items())}"]
        if self.taints:
            flags.append(f"--register-with-taints={','.join(map(_taint, self.taints))}")
        return {
            "apiVersion": "node.eks.aws/v1alpha1",
            "kind": "NodeConfig",
            "spec": {
                "cluster": {
                    "name": self.cluster,
                    "apiServerEndpoint": self.endpoint,
                    "certificateAuthority": self.certificate_authority,
                    "cidr": self.service_cidr,
                },
                "kubelet": {"config": {"maxPods": self.max_pods, "clusterDNS": [_dns(self.service_cidr)]}, "flags": flags},
            },
        }


def _taint(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{EFFECTS[taint['effect']]}"


def _dns(service_cidr: str) -> str:
    return str(ipaddress.ip_network(service_cidr)[10])


def node_user_data(config: NodeConfig, template: str = "") -> str:
    """The whole user data; `template` is the launch template's own, plain or MIME."""
    parts = [*_parts(template), (NODE_CONFIG, yaml.safe_dump(config.document(), sort_keys=False))]
    body = "".join(f"--{BOUNDARY}\nContent-Type: {kind}\n\n{text.rstrip()}\n\n" for kind, text in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{BOUNDARY}"\n\n{body}--{BOUNDARY}--\n'


def _parts(text: str) -> list[tuple[str, str]]:
    if not text.strip():
        return []
    message = message_from_string(text)
    if not message.is_multipart():
        return [("text/x-shellscript", text)]
    inner = [part for part in message.walk() if isinstance(part, Message) and not part.is_multipart()]
    return [(part.get_content_type(), str(part.get_payload())) for part in inner]
