"""The command lines of a control plane's programs. Pure: files and ports are named here, made elsewhere.

Only what differs from upstream's defaults is set, each for a reason given next to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """How long Kubernetes waits before it gives a silent node up: upstream's own clocks, real time, not simulated.

    A node is NotReady `grace` after its last sign (looked at every `monitor`), and its pods are evicted `toleration` later.
    The defaults are upstream's (1.32 and later), which EKS does not change.
    """

    monitor: timedelta = timedelta(seconds=5)
    grace: timedelta = timedelta(seconds=50)
    toleration: timedelta = timedelta(seconds=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where one control plane keeps its files and listens. `slot` tells clusters of one Region apart."""

    folder: Path
    address: str
    service_cidr: str
    issuer: str
    slot: int
    webhook: bool

    @property
    def etcd_client(self) -> str:
        """etcd's client URL, on the Region's loopback."""
        return f"http://127.0.0.1:{23790 + 2 * self.slot}"

    @property
    def etcd_peer(self) -> str:
        """etcd's peer URL; it has no peer."""
        return f"http://127.0.0.1:{23791 + 2 * self.slot}"


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():g}s"


def etcd(layout: Layout) -> tuple[str, ...]:
    """etcd; no fsync, because its disk is the lab's RAM and ends with the lab."""
    return (
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={layout.etcd_client}",
        f"--advertise-client-urls={layout.etcd_client}",
        f"--listen-peer-urls={layout.etcd_peer}",
        f"--initial-advertise-peer-urls={layout.etcd_peer}",
        f"--initial-cluster=default={layout.etcd_peer}",
        "--unsafe-no-fsync",
        "--logger=zap",
        "--log-level=warn",
    )


def api_server(layout: Layout, clocks: Clocks) -> tuple[str, ...]:
    """The API server. Webhooks are called at pod addresses (aggregator routing), as EKS's API servers do."""
    pki = layout.folder / "pki"
    toleration = int(clocks.toleration.total_seconds())
    args = (
        f"--etcd-servers={layout.etcd_client}",
        f"--bind-address={layout.address}",
        f"--advertise-address={layout.address}",
        "--secure-port=443",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        f"--service-cluster-ip-range={layout.service_cidr}",
        f"--service-account-issuer={layout.issuer}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--token-auth-file={layout.folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--enable-aggregator-routing",
        f"--default-not-ready-toleration-seconds={toleration}",
        f"--default-unreachable-toleration-seconds={toleration}",
        "--profiling=false",
    )
    if not layout.webhook:
        return args
    return (
        *args,
        f"--authentication-token-webhook-config-file={layout.folder / 'webhook.kubeconfig'}",
        "--authentication-token-webhook-version=v1",
    )


def controller_manager(layout: Layout, clocks: Clocks) -> tuple[str, ...]:
    """The controller manager. One instance, so no leader election; its ports are off."""
    pki = layout.folder / "pki"
    return (
        f"--kubeconfig={layout.folder / 'controller-manager.kubeconfig'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        f"--node-monitor-period={_seconds(clocks.monitor)}",
        f"--node-monitor-grace-period={_seconds(clocks.grace)}",
        "--pvclaimbinder-sync-period=2s",  # upstream 15 s: a claim applied together with its volume may wait that long
        "--kube-api-qps=100",
        "--kube-api-burst=200",
    )


def scheduler(layout: Layout) -> tuple[str, ...]:
    """The scheduler. One instance, so no leader election; its ports are off."""
    return (
        f"--kubeconfig={layout.folder / 'scheduler.kubeconfig'}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
        "--kube-api-qps=100",
        "--kube-api-burst=200",
    )


def proxy(kubeconfig: Path, node: str, ports: Mapping[str, str]) -> tuple[str, ...]:
    """kube-proxy of one zone, under the name of a node of that zone so that zone-local routing takes effect.

    `ports` are its addresses for metrics and health, by flag. Connection tracking sizes are left alone: they are the machine's,
    not the namespace's.
    """
    return (
        f"--kubeconfig={kubeconfig}",
        "--proxy-mode=nftables",
        f"--hostname-override={node}",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        *(f"--{flag}={address}" for flag, address in ports.items()),
    )
