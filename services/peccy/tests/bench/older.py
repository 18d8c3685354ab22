"""The environment of the baseline: its own Python packages at the versions the older service pins, made once in the lab's cache.

mysqlclient has no wheel for Linux: it is built against Debian's libmariadb-dev, unpacked without root. Where that cannot be done
the baseline uses PyMySQL, which is slower, and the benchmark says so, because the comparison is then kinder to us.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.errors import LabError
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache, debian
from hadr_lab.toolchain.apt import Apt

HERE = Path(__file__).parent
PACKAGES = (("libmariadb-dev",), ("libmariadb3",))
CONFIG = """#!/bin/sh
case $1 in
  --version) echo 10.11.0 ;;
  --cflags | --include) echo "-I{prefix}/usr/include/mariadb" ;;
  *) echo "-L{libraries} -lmariadb" ;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """How to run a Python that sees these packages and no others, and which driver it got."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    driver: str


def obtain() -> Older:
    """The environment, made now if it is not there. Raises CalledProcessError when even PyMySQL cannot be had."""
    key = hashlib.sha256(b"".join((HERE / f).read_bytes() for f in ("older.txt", "older-driver.txt", "older.py"))).hexdigest()[:12]
    home = cache.made_once(cache.folder() / f"peccy-bench-{key}", _make, Progress())
    native = home / "native"
    env = {"PYTHONPATH": str(home / "packages")}
    if native.is_dir():
        env["LD_LIBRARY_PATH"] = debian.environment(native)["LD_LIBRARY_PATH"]
    driver = "mysqlclient 2.1.1" if native.is_dir() else "PyMySQL 1.1.1, as mysqlclient could not be built here"
    return Older(command=(sys.executable, "-S"), env=env, driver=driver)


def _make(home: Path) -> None:
    """Packages go into a folder, not into a virtual environment with paths in it: `home` is renamed when it is whole."""
    _pip(home / "packages", "older.txt")
    unpacked = home / "unpacked"
    try:
        _unpack(unpacked)
        path = f"{_config(unpacked)}{os.pathsep}{os.environ['PATH']}"
        _pip(home / "packages", "older-driver.txt", PATH=path)
        unpacked.rename(home / "native")
    except (LabError, OSError, StopIteration, subprocess.CalledProcessError) as error:
        print(f"bench: mysqlclient cannot be built here ({error}); the baseline uses PyMySQL", file=sys.stderr)


def _pip(target: Path, requirements: str, **env: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run(
        [*command, "--target", str(target), "--requirement", str(HERE / requirements)],
        env={**os.environ, **env},
        check=True,
        capture_output=True,
    )


def _unpack(prefix: Path) -> None:
    with Apt.temporary() as apt:
        apt.update()
        for package in apt.download(apt.closure(apt.known(PACKAGES))):
            subprocess.run(["dpkg-deb", "--extract", package, prefix], check=True, capture_output=True)


def _config(prefix: Path) -> Path:
    """A folder with the program that mysqlclient's build asks for paths; it answers with those of the unpacked packages."""
    libraries = next(path.parent for path in prefix.glob("usr/lib/*/libmariadb.so"))
    script = prefix / "config/mysql_config"
    script.parent.mkdir()
    script.write_text(CONFIG.format(prefix=prefix, libraries=libraries))
    script.chmod(0o755)
    return script.parent
