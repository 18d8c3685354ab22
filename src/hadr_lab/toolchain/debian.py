"""The programs a distribution packages: MariaDB, HAProxy, nginx, nft, iptables. On the machine, or unpacked from its packages.

Unpacking needs neither root nor the package database: apt works in folders of ours, and the packages (with the libraries that the
machine lacks) are extracted side by side into one prefix, whose programs need LD_LIBRARY_PATH. Nothing is ever installed.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.errors import MissingProgram
from hadr_lab.programs import Program
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache, ready
from hadr_lab.toolchain.apt import Apt


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A program, the oldest version that will do, and the packages it comes in (each with the names releases give it).

    `siblings` must lie beside it; they are provided under their names too. `says` must be in what it prints as its version.
    """

    name: str
    least: tuple[int, int]
    packages: tuple[tuple[str, ...], ...]
    option: str = "--version"
    siblings: tuple[str, ...] = ()
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What was found: the programs by name, and the folder that stands for /usr for MariaDB's own files."""

    programs: Mapping[str, Program]
    share: Path


DATABASE = Wanted(
    name="mariadbd",
    least=(10, 6),
    packages=(("mariadb-server-core", "mariadb-server-core-10.6"), ("mariadb-client-core", "mariadb-client-core-10.6")),
    siblings=("mariadb-install-db", "mariadb", "mariadb-dump"),
)
WANTED = (
    DATABASE,
    Wanted(name="haproxy", least=(2, 4), packages=(("haproxy",),), option="-v"),
    Wanted(name="nginx", least=(1, 18), packages=(("nginx",),), option="-v"),
    Wanted(name="nft", least=(1, 0), packages=(("nftables",),)),
    Wanted(name="iptables", least=(1, 8), packages=(("iptables",),), siblings=("iptables-restore",), says="nf_tables"),
)
# mariadb-dump is in the client package proper, whose Perl dependencies it does not need
ALONE = (("mariadb-client", "mariadb-client-10.6"),)
_BELOW = ("usr/sbin", "usr/bin", "sbin", "bin")


def obtain(progress: Progress) -> System:
    """Every wanted program, from the machine where it is new enough, else from the unpacked prefix. Raises MissingProgram."""
    found = {wanted.name: on_machine(wanted) for wanted in WANTED}
    missing = [name for name, programs in found.items() if not programs]
    return _together(found, unpacked(missing, progress) if missing else Path("/"))


def at_hand() -> System | None:
    """What `obtain` would answer, if it needs to make nothing."""
    found = {wanted.name: on_machine(wanted) for wanted in WANTED}
    prefix = _prefix()
    if all(found.values()) or prefix.is_dir():
        return _together(found, prefix)
    return None


def _together(found: Mapping[str, Mapping[str, Program]], prefix: Path) -> System:
    programs: dict[str, Program] = {}
    for wanted in WANTED:
        programs |= found[wanted.name] or in_prefix(wanted, prefix)
    return System(programs=programs, share=programs[DATABASE.name].path.parent.parent)


def on_machine(wanted: Wanted) -> Mapping[str, Program]:
    """The program and its siblings, if the machine has all of them and new enough; else nothing."""
    paths = {name: ready.find(name) for name in (wanted.name, *wanted.siblings)}
    main = paths[wanted.name]
    if main is None or None in paths.values():
        return {}
    number, said = ready.version(main, wanted.option)
    if number < wanted.least or wanted.says not in said:
        return {}
    return {name: Program(path=path) for name, path in paths.items() if path is not None}


def in_prefix(wanted: Wanted, prefix: Path) -> Mapping[str, Program]:
    """The program and its siblings in an unpacked prefix, with the environment they need. Raises MissingProgram."""
    env = environment(prefix)
    programs = {}
    for name in (wanted.name, *wanted.siblings):
        path = next((path for below in _BELOW if (path := prefix / below / name).exists()), None)
        if path is None:
            packages = ", ".join(names[0] for names in (*wanted.packages, *ALONE))
            raise MissingProgram(
                f"{name}: not in {prefix}, though {packages} were unpacked there; remove that folder and try again"
            )
        programs[name] = Program(path=path, env=env)
    return programs


def environment(prefix: Path) -> Mapping[str, str]:
    """The variables that programs of an unpacked prefix need to find their libraries and iptables its extensions."""
    folders = sorted(path for below in ("usr/lib", "lib") for path in (prefix / below).glob("*-linux-gnu*") if path.is_dir())
    xtables = next((str(path / "xtables") for path in folders if (path / "xtables").is_dir()), "")
    libraries = {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}
    return libraries | ({"XTABLES_LIBDIR": xtables} if xtables else {})


def unpacked(missing: list[str], progress: Progress) -> Path:
    """The prefix, unpacked now if it is not there. It always holds every package, so that one folder serves whatever is missing."""
    prefix = _prefix()
    if not prefix.is_dir():
        _ensure_tools(missing)
        progress.step(f"unpacking the packages of {', '.join(missing)} into {prefix} (once, about 15 MB)")
    return cache.made_once(prefix, _unpack, progress)


def _prefix() -> Path:
    release = platform.freedesktop_os_release()
    what = (WANTED, ALONE, release.get("ID"), release.get("VERSION_ID"), platform.machine())
    return cache.folder() / f"debian-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}"


def _ensure_tools(missing: list[str]) -> None:
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            wanted = [each for each in WANTED if each.name in missing]
            needs = ", ".join(f"{each.name} {each.least[0]}.{each.least[1]} or newer" for each in wanted)
            raise MissingProgram(
                f"not on this machine: {needs}; there is no {tool} to unpack them with:"
                f" install them, or put them into bin/ of a folder named by {ready.VARIABLE}"
            )


def _unpack(prefix: Path) -> None:
    with Apt.temporary() as apt:
        apt.update()
        closure = apt.closure(apt.known(names for wanted in WANTED for names in wanted.packages))
        for package in apt.download((*closure, *apt.known(ALONE))):
            subprocess.run(["dpkg-deb", "--extract", package, prefix], check=True, capture_output=True)
    tools = prefix / "usr/sbin"
    for name in ("iptables", "iptables-restore"):  # what the package's installation would choose among alternatives
        if not (tools / name).exists():
            (tools / name).symlink_to("xtables-nft-multi")
