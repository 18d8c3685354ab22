"""What the machine must allow before a lab starts, and what to do where it does not.

Each check tries the thing itself (a namespace is made, a rule is loaded in it) rather than guessing from versions; settings are
read only to explain a refusal. Nothing here changes the machine, downloads or builds.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.dataplane.network import rules
from hadr_lab.dataplane.network.layout import layout
from hadr_lab.errors import HostRefused
from hadr_lab.programs import Program
from hadr_lab.toolchain import cache, debian, kubernetes

GIB = 1 << 30
MEMORY = 3 * GIB  # two clusters measured at 1.9 GiB, databases, pods and the AWS API at 0.8
SPACE = 1 * GIB
SPACE_TO_BUILD = 9 * GIB
OLDEST_KERNEL = (5, 12)  # mount_setattr, by which a pod's file system becomes writable after a failover
NEEDED = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux", "mount": "mount"}
NAMESPACES = ("unshare", "-Urnmp", "--fork", "--kill-child", "--mount-proc")
# settings that forbid user namespaces: the file below /proc/sys, the value that forbids, and what to do
FORBIDDING = {
    "kernel/unprivileged_userns_clone": ("0", "allow them: sysctl kernel.unprivileged_userns_clone=1"),
    "user/max_user_namespaces": ("0", "allow them: sysctl user.max_user_namespaces=15000"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "AppArmor restricts them: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile with `userns`",
    ),
}
ANSWER_WITHIN_S = 30
IN_A_CONTAINER = "in a container, start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the doctor's answer: what was looked at, whether it will do, and what was seen or should be done."""

    name: str
    ok: bool
    text: str


def check() -> None:
    """Raise HostRefused, in one line, with the first thing that keeps a lab from running here. Takes about 50 ms."""
    for look in ESSENTIAL:
        row = look()
        if not row.ok:
            raise HostRefused(f"{row.name}: {row.text}")


def doctor() -> tuple[Row, ...]:
    """Every check, each with what was seen; those that cannot be tried because an earlier one failed are left out."""
    rows = [free_memory(), space(cache.folder())]
    for look in (system, tools, namespaces):
        rows.append(look())
        if not rows[-1].ok:
            return tuple(rows)
    return (*rows, *distribution())


def system() -> Row:
    """Linux, new enough."""
    name, release = platform.system(), platform.release()
    numbers = re.match(r"(\d+)\.(\d+)", release)
    if name != "Linux" or numbers is None:
        return Row(
            name="kernel", ok=False, text=f"the lab is made of Linux namespaces, and this is {name}; run it in a Linux machine"
        )
    found = (int(numbers[1]), int(numbers[2]))
    wanted = ".".join(map(str, OLDEST_KERNEL))
    enough = found >= OLDEST_KERNEL
    return Row(name="kernel", ok=enough, text=f"Linux {release}" + ("" if enough else f"; needs {wanted} or newer"))


def tools() -> Row:
    """The programs that are used under their own names."""
    missing = {program: package for program, package in NEEDED.items() if shutil.which(program) is None}
    if missing:
        packages = ", ".join(sorted(set(missing.values())))
        return Row(name="tools", ok=False, text=f"{', '.join(missing)} not on PATH; install {packages}")
    return Row(name="tools", ok=True, text=", ".join(NEEDED))


def namespaces() -> Row:
    """A user namespace with everything the lab makes in one, tried."""
    done = _inside("true")
    if done.returncode == 0:
        return Row(name="user namespaces", ok=True, text="may be made without root")
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return Row(name="user namespaces", ok=False, text=f"{said}; {remedy(_settings())}")


def free_memory() -> Row:
    """Enough of it, at this moment."""
    return memory(_available_memory())


def remedy(settings: Mapping[str, str]) -> str:
    """What to do about refused user namespaces, from the values of the settings that can forbid them."""
    for name, (forbids, what) in FORBIDDING.items():
        if settings.get(name) == forbids:
            return what
    return IN_A_CONTAINER


def memory(available: int) -> Row:
    """Whether so many bytes of free memory are enough for two clusters and what runs on them."""
    text = f"{available / GIB:.1f} GiB free"
    enough = available >= MEMORY
    return Row(name="memory", ok=enough, text=text if enough else f"{text}; a lab of two Regions takes {MEMORY / GIB:.0f} GiB")


def space(folder: Path) -> Row:
    """Whether the programs have room in the cache folder (and the Go caches beside it, while they are being built)."""
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    needed = SPACE if kubernetes.at_hand() else SPACE_TO_BUILD
    text = f"{free / GIB:.0f} GiB free below {there}"
    if free >= needed:
        return Row(name="disk", ok=True, text=text)
    why = "" if needed == SPACE else " to build the Kubernetes programs once, caches included"
    return Row(name="disk", ok=False, text=f"{text}; needs {needed / GIB:.0f} GiB{why}; set XDG_CACHE_HOME and GOPATH elsewhere")


def distribution() -> tuple[Row, ...]:
    """The distribution's programs, and whether the kernel takes from them the rules that the router is made of."""
    found = debian.at_hand()
    if found is None:
        return (Row(name="packet filter", ok=True, text="not tried yet: `hadr-lab programs` unpacks nft and iptables first"),)
    plan = layout({"here": ("here-a",)})
    loads = (
        ("nftables rules", found.programs["nft"], ("-f", "-"), rules.tables(plan)),
        ("packet queues", found.programs["iptables-restore"], (), rules.queue_rules()),
    )
    return tuple(_loads(name, program, arguments, told) for name, program, arguments, told in loads)


def _loads(name: str, program: Program, arguments: tuple[str, ...], told: str) -> Row:
    done = _inside(str(program.path), *arguments, told=told, env=program.env)
    if done.returncode == 0:
        return Row(name=name, ok=True, text=f"{program.path} loads them")
    said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
    modules = "nf_tables, nft_compat, xt_NFQUEUE, nfnetlink_queue, veth"
    return Row(name=name, ok=False, text=f"{said}; as root load the kernel modules once: modprobe -a {modules.replace(',', '')}")


def _inside(*command: str, told: str = "", env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [*NAMESPACES, *command],
            env={**os.environ, **(env or {})},
            input=told,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(late.cmd, 124, "", f"{command[0]} gave no answer within {ANSWER_WITHIN_S} s")


def _settings() -> Mapping[str, str]:
    paths = {name: Path("/proc/sys") / name for name in FORBIDDING}
    return {name: path.read_text().strip() for name, path in paths.items() if path.is_file()}


def _available_memory() -> int:
    """What the kernel would give, or what is left of a container's limit if that is less."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    machine = int(found[1]) * 1024 if found else 0
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such files (another cgroup version, none), or no limit (`max`)
        return machine
    return min(machine, limit)


ESSENTIAL = (system, tools, namespaces, free_memory)
