"""The picture in the shared file store: one file for each write, and the newest under a fixed name.

`pictures/<key>.png` is written once for each key, then `picture.png` is replaced; both appear whole or not at all (written beside,
synchronised, renamed). The root folder is a mount: it is never made here, so a missing mount is an error and not a local folder.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from app.errors import Conflict, Unavailable
from app.threads import Threads

ANSWER_WITHIN = 1.5
THREADS = 4

WORDS = {
    errno.EROFS: "read-only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.ENOENT: "absent",
    errno.ENOTDIR: "absent",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ESTALE: "stale file handle",
}

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Pictures:
    """The picture and its past ones below `root`; the newest `history` are kept (0: all)."""

    def __init__(self, root: Path, *, history: int = 0, probe: str = "peccy", answer_within: float = ANSWER_WITHIN) -> None:
        """Remember the folder; `probe` makes this process's file of the write check its own."""
        self._root = root
        self._history = history
        self._probe = root / ".ready" / probe
        self._threads = Threads(part="files", size=THREADS, within=answer_within)

    async def save(self, *, key: str, data: bytes) -> None:
        """Store the picture once for each `key`. Raises Conflict when the key was used for another one, Unavailable."""
        await self._do(self._save, key, data)

    async def read(self) -> bytes | None:
        """Return the newest picture, None when there was never one. Raises Unavailable."""
        return await self._do(self._read)

    async def readable(self) -> None:
        """Return when the folder can be read, else raise Unavailable."""
        await self._do(self._list_root)

    async def writable(self) -> None:
        """Return when a small file could be written just now, else raise Unavailable: a mount's flags do not tell it."""
        await self._do(self._write_probe)

    async def close(self) -> None:
        """Remove this process's probe file and let the threads go."""
        try:
            await self._threads.run(self._probe.unlink, missing_ok=True)
        except (OSError, Unavailable):
            pass  # the store is broken; a leftover file of a few bytes is harmless
        self._threads.close()

    async def _do(self, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return await self._threads.run(call, *args, **kwargs)
        except OSError as error:
            raise Unavailable("files", WORDS.get(error.errno or 0, error.strerror or "unknown error")) from error

    def _save(self, key: str, data: bytes) -> None:
        folder, newest = self._root / "pictures", self._root / "picture.png"
        folder.mkdir(exist_ok=True)
        target = folder / f"{key}.png"
        known = _content(target)
        if known is None:
            _put(target, data)
            self._prune(folder)
        elif known != data:
            raise Conflict(f"the key {key!r} was used before for another picture")
        if known is None or _age(newest) < _age(target):
            _put(newest, data)

    def _prune(self, folder: Path) -> None:
        if self._history:
            for old in sorted(folder.glob("*.png"), key=_age)[: -self._history]:
                old.unlink(missing_ok=True)

    def _read(self) -> bytes | None:
        picture = _content(self._root / "picture.png")
        if picture is None:
            self._list_root()
        return picture

    def _list_root(self) -> None:
        with os.scandir(self._root) as entries:
            next(entries, None)

    def _write_probe(self) -> None:
        """A new file each time: written over, the old one would give back the very room that a full store lacks."""
        self._probe.parent.mkdir(exist_ok=True)
        _put(self._probe, b"ready\n")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _age(path: Path) -> int:
    """Modification time in ns; 0 when it is not there (pruned or never made)."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _put(target: Path, data: bytes) -> None:
    """Make `target` hold `data`, whole and on disk, or leave it as it was."""
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except OSError:
        _forget(beside)
        raise


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass  # the first error is the one to report
