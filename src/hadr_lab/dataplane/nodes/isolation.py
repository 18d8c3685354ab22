"""A container's view of the machine: its own network, host name, and a root file system made of the machine's, read-only.

There is no image to unpack: the programs are those of the lab's toolchain. What an image would make writable (/tmp, /run, /var) is
fresh and private; everything else of the machine is bound read-only; volumes are bound where the pod asks, also where the machine
has no such directory (its parent is then rebuilt entry by entry). Runs in a freshly forked, single-threaded child only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hadr_lab.dataplane.nodes import kernel
from hadr_lab.dataplane.processes import NETNS

FRESH = ("/tmp", "/run", "/var", "/mnt", "/media", "/srv")  # noqa: S108  # names inside the container
FRESH_BELOW = ("/var/tmp", "/var/log", "/var/lib", "/var/cache", "/run/lock")  # noqa: S108
SPECIAL = ("/proc", "/dev", "/sys")
WRITABLE_SIZE = "256m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One volume or file bound into a container."""

    source: str
    target: str
    read_only: bool = False


def normal(target: str) -> str:
    """The path a container means: absolute, without dots, /var/run being /run."""
    path = os.path.normpath("/" + target.lstrip("/"))
    if path == "/var/run" or path.startswith("/var/run/"):
        return path.removeprefix("/var")
    return path


def parents(path: str) -> tuple[str, ...]:
    """Every directory above `path`, from the root down."""
    return tuple(str(parent) for parent in reversed(PurePosixPath(path).parents))


def below(path: str, roots: Iterable[str]) -> bool:
    """Whether `path` is one of `roots` or below one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def rebuilt(mounts: Iterable[Mount]) -> frozenset[str]:
    """The machine's directories that must be rebuilt entry by entry, because a mount point inside them does not exist as it is."""
    found = {"/"}
    outer: list[str] = []
    for mount in sorted(mounts, key=lambda each: each.target):
        inside_volume = below(mount.target, outer)
        outer.append(mount.target)
        if inside_volume or below(mount.target, (*FRESH, *SPECIAL)):
            continue
        here = Path(mount.target)
        fits = not here.is_symlink() and (here.is_dir() if Path(mount.source).is_dir() else here.is_file())
        if not fits:
            found.update(parents(mount.target))
    return frozenset(found)


def enter(*, netns: str, hostname: str, root: str, mounts: Iterable[Mount]) -> None:
    """Move this process into its namespaces and its own root. `root` is an existing empty directory to mount it on."""
    fd = os.open(NETNS / netns, os.O_RDONLY)
    kernel.join(fd, kernel.CLONE_NEWNET)
    os.close(fd)
    kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS)
    socket.sethostname(hostname[:63])
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", data=f"mode=755,size={WRITABLE_SIZE}")
    wanted = tuple(Mount(source=m.source, target=normal(m.target), read_only=m.read_only) for m in mounts)
    _furnish(root, wanted)
    kernel.pivot_into(root)


def cover(target: str) -> None:
    """Make every access to what is mounted at `target` fail, as that of a file system that cannot be reached: nothing can be made
    there, and what was there leads in a circle. Where a real NFS client would wait for ever, this one errs at once.
    """
    names = [entry.name for entry in os.scandir(target)]
    kernel.mount("tmpfs", target, "tmpfs", data="mode=755,size=64k")
    for name in names:
        Path(target, name).symlink_to(name)
    kernel.set_read_only(target, read_only=True)


def uncover(target: str) -> None:
    """Undo `cover`."""
    kernel.unmount(target)


def _furnish(root: str, mounts: tuple[Mount, ...]) -> None:
    again = rebuilt(mounts)
    _rebuild(root, "/", again, {mount.target for mount in mounts})
    for name in (*FRESH, *FRESH_BELOW):
        Path(root + name).mkdir(mode=0o1777, parents=True, exist_ok=True)
    Path(root, "tmp").chmod(0o1777)
    Path(root, "var/run").symlink_to("/run")
    for name in ("/dev", "/sys"):
        _bind(name, root + name)
    try:
        kernel.mount("proc", root + "/proc", "proc")
    except OSError:
        _bind("/proc", root + "/proc")
    for mount in sorted(mounts, key=lambda each: each.target.count("/")):
        _place(root, mount)


def _rebuild(root: str, directory: str, again: frozenset[str], taken: set[str]) -> None:
    """Give `root` its own `directory`: entries bound read-only, recursing into those that must be rebuilt too."""
    try:
        entries = list(os.scandir(directory))
    except FileNotFoundError:
        return
    for entry in entries:
        target = root + entry.path
        if entry.path in taken:
            continue
        if entry.path in again or entry.path in FRESH or entry.path in SPECIAL:
            Path(target).mkdir(exist_ok=True)
            if entry.path in again:
                _rebuild(root, entry.path, again, taken)
        elif entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.is_dir(follow_symlinks=False):
            Path(target).mkdir()
            _bind(entry.path, target, read_only=True)
        elif entry.is_file(follow_symlinks=False) and directory != "/":
            Path(target).touch()
            _bind(entry.path, target, read_only=True)


def _place(root: str, mount: Mount) -> None:
    """Bind one mount, making its mount point where there is none."""
    target = Path(root + mount.target)
    if Path(mount.source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _bind(mount.source, str(target))
    if mount.read_only:
        kernel.set_read_only(str(target), read_only=True)


def _bind(source: str, target: str, *, read_only: bool = False) -> None:
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        kernel.make_read_only(target)
