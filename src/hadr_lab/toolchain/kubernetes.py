"""The programs of the control plane and of the controllers on it: taken from a folder of ready ones, or built from source once.

tools/kubernetes is a Go module without Go code whose `tool` lines name every program, so one `go build tool` builds them all, with
shared packages compiled once, at versions that go.sum pins. A cached folder belongs to exactly one go.mod and go.sum.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.errors import MissingProgram
from hadr_lab.programs import Program
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache, ready
from hadr_lab.toolchain.go import Go

SOURCE = Path(__file__).parents[3] / "tools" / "kubernetes"
BUILT_AS = {"server": "etcd", "controller": "karpenter"}
NAMES = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "coredns",
    "karpenter",
    "aws-load-balancer-controller",
    "helm",
)
KUBECTL = "k8s.io/kubernetes/cmd/kubectl"
OLDEST_KUBECTL = (1, 32)
_KARPENTER = "github.com/aws/karpenter-provider-aws"
_BALANCER = "sigs.k8s.io/aws-load-balancer-controller"
# what Programs.charts promises, and where it lies in which Go module
CHARTS = {
    "karpenter/chart": (_KARPENTER, "charts/karpenter"),
    "karpenter/crds": (_KARPENTER, "pkg/apis/crds"),
    "aws-load-balancer-controller/chart": (_BALANCER, "helm/aws-load-balancer-controller"),
    "aws-load-balancer-controller/crds": (_BALANCER, "helm/aws-load-balancer-controller/crds"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The programs by upstream name, and the folder of charts and CRDs."""

    programs: Mapping[str, Program]
    charts: Path


def obtain(progress: Progress) -> Cluster:
    """Every program: from `$HADR_LAB_PROGRAMS` if set, else from the cache, else built now. Raises MissingProgram."""
    folder = ready.folder() or _built(progress)
    programs = {name: Program(path=_executable(folder / "bin" / name)) for name in NAMES}
    for chart in CHARTS:
        if not (folder / "charts" / chart).is_dir():
            raise MissingProgram(f"{folder / 'charts' / chart}: no such folder, so {folder} is no complete set of programs")
    return Cluster(programs={**programs, "kubectl": Program(path=_kubectl(progress))}, charts=folder / "charts")


def at_hand() -> bool:
    """Whether `obtain` has nothing to build but perhaps kubectl."""
    return ready.folder() is not None or ((SOURCE / "go.mod").is_file() and _target().is_dir())


def _executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):
        raise MissingProgram(f"{path}: not there or not executable; {ready.VARIABLE} must name a complete set, or nothing")
    return path


def _kubectl(progress: Progress) -> Path:
    """kubectl of the machine when it is new enough; its build is only forced on machines without one."""
    found = ready.find("kubectl")
    if found is not None and ready.version(found, "version")[0] >= OLDEST_KUBECTL:
        return found
    target = cache.folder() / f"kubectl-{_key()}"
    if not target.is_dir():
        progress.step(f"no kubectl {OLDEST_KUBECTL[0]}.{OLDEST_KUBECTL[1]} or newer here: building one into {target} (once)")
    made = cache.made_once(target, lambda folder: _go(progress).build(folder, KUBECTL, progress, stamps=_stamps()), progress)
    return made / "kubectl"


def _built(progress: Progress) -> Path:
    target = _target()
    if not target.is_dir():
        progress.step(f"building the Kubernetes programs into {target} (once; about 9 minutes on 2 cores, 6 GB of Go caches)")
    return cache.made_once(target, lambda folder: _build(folder, progress), progress)


def _target() -> Path:
    return cache.folder() / f"kubernetes-{_key()}"


def _build(folder: Path, progress: Progress) -> None:
    go = _go(progress)
    binaries = folder / "bin"
    binaries.mkdir()
    go.build(binaries, "tool", progress, stamps=_stamps())
    for built, name in BUILT_AS.items():
        (binaries / built).rename(binaries / name)
    for chart, (module, below) in CHARTS.items():
        _copy(go.folder_of(module) / below, folder / "charts" / chart)


def _copy(source: Path, target: Path) -> None:
    """A writable copy: the module cache is read-only, and a read-only folder cannot be removed when a build fails."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


def _go(progress: Progress) -> Go:
    return Go.found(_source(), progress)


def _source() -> Path:
    if not (SOURCE / "go.mod").is_file():
        raise MissingProgram(
            f"no {SOURCE} to build the Kubernetes programs from:"
            f" run from a checkout, or let {ready.VARIABLE} name a folder of ready programs"
        )
    return SOURCE


def _key() -> str:
    source = _source()
    text = (source / "go.mod").read_bytes() + (source / "go.sum").read_bytes() + platform.machine().encode()
    return hashlib.sha256(text + repr(sorted(_stamps().items())).encode()).hexdigest()[:12]


def _stamps() -> dict[str, str]:
    """What Kubernetes' own build stamps into its programs: without it the API server says v0.0.0-master and charts refuse it."""
    version = re.search(r"k8s\.io/kubernetes v(?P<version>(?P<major>\d+)\.(?P<minor>\d+)\.\d+)", (_source() / "go.mod").read_text())
    if version is None:
        raise MissingProgram(f"{_source() / 'go.mod'}: it does not require k8s.io/kubernetes")
    package = "k8s.io/component-base/version"
    return {
        f"{package}.gitVersion": f"v{version['version']}",
        f"{package}.gitMajor": version["major"],
        f"{package}.gitMinor": version["minor"],
    }
