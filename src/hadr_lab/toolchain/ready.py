"""The folder of ready programs that takes the place of building and unpacking, and where programs are looked for otherwise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

VARIABLE = "HADR_LAB_PROGRAMS"
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin"  # not on every user's PATH, and that is where half of what we want lies
_VERSION = re.compile(r"(\d+)\.(\d+)")


def folder() -> Path | None:
    """`$HADR_LAB_PROGRAMS`: a folder with `bin/` (upstream names) and `charts/`, or None."""
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else None


def find(name: str) -> Path | None:
    """Program `name` in the folder of ready programs, on PATH, or among the system's own programs."""
    ready = folder()
    places = ([str(ready / "bin")] if ready else []) + [os.environ.get("PATH", ""), _SYSTEM]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else None


def version(path: Path, option: str = "--version") -> tuple[tuple[int, int], str]:
    """The first version number a program prints, and all it prints. (0, 0) when it does not run or says none."""
    try:
        done = subprocess.run([path, option], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0), ""
    said = done.stdout + done.stderr
    found = _VERSION.search(said)
    return ((int(found[1]), int(found[2])) if found else (0, 0)), said
