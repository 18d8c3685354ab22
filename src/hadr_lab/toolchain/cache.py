"""The cache folder of the toolchain: things made once, whole or not at all, by whoever comes first.

A thing is built in a temporary sibling and renamed, so what has its final name is complete. A lock that ends with its process lets
two that start at once share one build. Nothing in here is ever changed after the rename.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hadr_lab.errors import LabError
from hadr_lab.progress import Progress

_LOOK_AGAIN_S = 0.2
_SAY_AGAIN_S = 5.0


def folder() -> Path:
    """`$XDG_CACHE_HOME/hadr-lab`, or `~/.cache/hadr-lab`."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "hadr-lab"


def made_once(target: Path, make: Callable[[Path], None], progress: Progress) -> Path:
    """`target`, a folder that `make` has filled; `make` gets an empty folder and is called only if there is no `target` yet.

    Whatever `make` raises passes through and leaves nothing. Raises LabError when the cache folder cannot be written.
    """
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target, progress):
            if not target.is_dir():
                _make(target, make)
    except PermissionError as error:
        raise LabError(
            f"cannot write the cache folder {target.parent}: {error.strerror}; set XDG_CACHE_HOME to one you own"
        ) from error
    return target


def _make(target: Path, make: Callable[[Path], None]) -> None:
    unfinished = f".{target.name}."
    for left in target.parent.glob(f"{unfinished}*"):
        shutil.rmtree(left, ignore_errors=True)  # of a build that was killed; nobody else builds while we hold the lock
    temporary = Path(tempfile.mkdtemp(prefix=unfinished, dir=target.parent))
    try:
        temporary.chmod(0o755)
        make(temporary)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[None]:
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        started = said = time.monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - said >= _SAY_AGAIN_S:
                    said = time.monotonic()
                    progress.tick(f"waiting for another process that makes {target.name} ({said - started:.0f} s)")
                time.sleep(_LOOK_AGAIN_S)
        yield
