"""A real Kubernetes API server with etcd for a test: it validates and admits, and nobody acts on what is applied.

The programs are those of the lab's control planes, at the version the architectures ask EKS for. Everything ends with the block.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.dataplane.controlplane import pki
from hadr_lab.dataplane.controlplane.kubeconfig import kubeconfig
from hadr_lab.programs import Program
from hadr_lab.progress import Progress
from hadr_lab.toolchain import kubernetes

TOKEN = "of-this-test-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """A running API server: how kubectl reaches it, and the charts and CRDs of the controllers on it."""

    kubeconfig: Path
    kubectl_program: Path
    helm_program: Path
    charts: Path

    def kubectl(self, *arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """kubectl to its end, with `text` on its standard input."""
        env = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.kubeconfig.parent / "cache")}
        return subprocess.run(
            [self.kubectl_program, *arguments], env=env, input=text, capture_output=True, text=True, timeout=60, check=False
        )

    def done(self, *arguments: str | Path, text: str = "") -> str:
        """What kubectl prints; fails when it does."""
        said = self.kubectl(*arguments, text=text)
        assert said.returncode == 0, said.stderr
        return said.stdout

    def helm_template(self, chart: str, values: Path, *settings: str) -> str:
        """A controller's chart with our values, rendered."""
        folder = str(self.charts / chart / "chart")
        command = [str(self.helm_program), "template", "release", folder, "--namespace", "kube-system"]
        options = ["--values", str(values), "--kube-version", "1.35.0", *(word for each in settings for word in ("--set", each))]
        said = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
        assert said.returncode == 0, said.stderr
        return said.stdout


@contextmanager
def an_api_server(*, scheduler: bool = False) -> Iterator[ApiServer]:
    """etcd and the API server on free ports of 127.0.0.1, their data in a temporary folder; a scheduler if asked for."""
    cluster = kubernetes.obtain(Progress())
    with tempfile.TemporaryDirectory(prefix="hadr-api-server-") as name:
        folder = Path(name)
        client, peer, port = _free_ports(3)
        (folder / "tokens.csv").write_text(f'{TOKEN},tester,tester,"system:masters"\n')
        (folder / "accounts.key").write_text(pki.signing_key())
        authority = pki.Authority.make("tests")
        served = authority.serving("api-server", hosts=("localhost",), addresses=("127.0.0.1",))
        (folder / "server.crt").write_text(served.certificate)
        (folder / "server.key").write_text(served.key)
        server = f"https://127.0.0.1:{port}"
        (folder / "kubeconfig").write_text(kubeconfig(server=server, ca=authority.pem, token=TOKEN, name="tests"))
        made = ApiServer(
            kubeconfig=folder / "kubeconfig", kubectl_program=cluster.programs["kubectl"].path,
            helm_program=cluster.programs["helm"].path, charts=cluster.charts,
        )  # fmt: skip
        with (
            _running(cluster.programs["etcd"], _etcd(folder, client, peer), folder / "etcd.log") as etcd,
            _running(cluster.programs["kube-apiserver"], _api_server(folder, client, port), folder / "api.log") as api,
        ):
            _until_ready(made, etcd, api, folder)
            with ExitStack() as more:
                if scheduler:
                    more.enter_context(_running(cluster.programs["kube-scheduler"], _scheduler(folder), folder / "scheduler.log"))
                yield made


def _etcd(folder: Path, client: int, peer: int) -> tuple[str, ...]:
    urls = {"client": f"http://127.0.0.1:{client}", "peer": f"http://127.0.0.1:{peer}"}
    return (
        f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={urls['client']}", f"--advertise-client-urls={urls['client']}",
        f"--listen-peer-urls={urls['peer']}", f"--initial-advertise-peer-urls={urls['peer']}",
        f"--initial-cluster=default={urls['peer']}",
    )  # fmt: skip


def _api_server(folder: Path, client: int, port: int) -> tuple[str, ...]:
    return (
        f"--etcd-servers=http://127.0.0.1:{client}", "--bind-address=127.0.0.1", f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}", f"--tls-private-key-file={folder / 'server.key'}",
        "--service-cluster-ip-range=172.20.0.0/16", "--service-account-issuer=https://issuer.test",
        f"--service-account-key-file={folder / 'accounts.key'}", f"--service-account-signing-key-file={folder / 'accounts.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}", "--authorization-mode=RBAC", "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",  # pods are only asked about, and nobody makes their accounts' tokens
        "--profiling=false",
    )  # fmt: skip


def _scheduler(folder: Path) -> tuple[str, ...]:
    return (f"--kubeconfig={folder / 'kubeconfig'}", "--leader-elect=false", "--secure-port=0", "--profiling=false")


@contextmanager
def _running(program: Program, arguments: tuple[str, ...], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([program.path, *arguments], env={**os.environ, **program.env}, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def _until_ready(made: ApiServer, etcd: subprocess.Popen[bytes], api: subprocess.Popen[bytes], folder: Path) -> None:
    limit = time.monotonic() + 60
    while made.kubectl("get", "--raw", "/readyz").returncode != 0:
        for process, log in ((etcd, "etcd.log"), (api, "api.log")):
            assert process.poll() is None, (folder / log).read_text()[-3000:]
        assert time.monotonic() < limit, (folder / "api.log").read_text()[-3000:]
        time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
