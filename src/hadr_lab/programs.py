"""The outside programs a lab runs, as one immutable value: where each is and what environment it needs.

The toolchain package makes this value (building, unpacking or finding on PATH); everything else only reads it.
Names are the upstream names: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, coredns, karpenter,
aws-load-balancer-controller, helm, kubectl, mariadbd, haproxy, nginx, nft, iptables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadr_lab.errors import MissingProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program: an absolute path and the variables it needs (LD_LIBRARY_PATH of unpacked packages, mostly)."""

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Every outside program by its upstream name, and the folder of charts and CRDs that came with the controllers.

    `charts` holds `karpenter/chart`, `karpenter/crds`, `aws-load-balancer-controller/chart` and
    `aws-load-balancer-controller/crds`, copied out of the Go modules when the programs were built.
    `share` is the folder that takes the place of /usr for unpacked packages (`share/mysql` lies below it), or /usr itself.
    """

    programs: Mapping[str, Program]
    charts: Path
    share: Path
    database_template: Path

    def __getitem__(self, name: str) -> Program:
        """Return the program called `name`. Raises MissingProgram when the toolchain did not provide it."""
        try:
            return self.programs[name]
        except KeyError:
            raise MissingProgram(f"{name}: not among the lab's programs; run `hadr-lab doctor`") from None
