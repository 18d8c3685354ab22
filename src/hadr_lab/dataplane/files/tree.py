"""A directory tree as a value, and what turns one tree into another. Pure but for `scan`. Standard library only.

Runs in the replicator's own processes, which start quickly because nothing else is imported.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

RACY_NS = 50_000_000  # the kernel stamps files in steps of milliseconds: one that is younger may change again under the same stamp


class Entry(NamedTuple):
    """What a path is: `kind` is f(ile), d(irectory) or l(ink). Directories have no size and no time: only their content counts."""

    kind: str
    mode: int
    size: int = 0
    changed: int = 0
    inode: int = 0
    target: str = ""

    @property
    def seen_there(self) -> Entry:
        """The entry as the other side can know it: inode numbers differ there."""
        return self._replace(inode=0)


def scan(root: Path) -> dict[str, Entry]:
    """Every path below `root`, relative to it. What disappears while looking is left out, as are sockets and devices."""
    return dict(_walk(str(root), ""))


def _walk(root: str, below: str) -> Iterator[tuple[str, Entry]]:
    try:
        found = sorted(os.scandir(f"{root}/{below}"), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for item in found:
        path = f"{below}/{item.name}" if below else item.name
        try:
            entry = _entry(item)
        except FileNotFoundError:
            continue
        if entry is not None:
            yield path, entry
            if entry.kind == "d":
                yield from _walk(root, path)


def _entry(item: os.DirEntry[str]) -> Entry | None:
    status = item.stat(follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        return Entry("d", mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry("l", 0, target=str(Path(item.path).readlink()))
    if stat.S_ISREG(status.st_mode):
        return Entry("f", mode, status.st_size, status.st_mtime_ns, status.st_ino)
    return None


class Difference(NamedTuple):
    """What the other side must do, in this order: remove, then make or replace."""

    remove: tuple[str, ...]
    put: tuple[str, ...]


def difference(here: Mapping[str, Entry], there: Mapping[str, Entry]) -> Difference:
    """What turns `there` into `here`. Paths whose kind changed are removed first; what is in a directory goes before it."""
    gone = [path for path, entry in there.items() if path not in here or here[path].kind != entry.kind]
    put = [path for path, entry in here.items() if not _same(entry, there.get(path))]
    return Difference(tuple(sorted(gone, reverse=True)), tuple(sorted(put)))


def _same(here: Entry, there: Entry | None) -> bool:
    if there is None:
        return False
    return here == there if there.inode else here.seen_there == there


def settled(entries: Mapping[str, Entry], *, looked_at: int) -> dict[str, Entry]:
    """The entries that cannot have changed since they were read without it being seen (`looked_at` in ns)."""
    return {path: entry for path, entry in entries.items() if entry.kind != "f" or entry.changed < looked_at - RACY_NS}


def now_ns() -> int:
    """The clock that file times are in."""
    return time.time_ns()
