"""Runs on disk: a folder each, with the plan and a journal that is appended to and synced line by line.

A line that `append` returned from survives a crash. Nothing is ever rewritten; an interrupted run keeps what it had.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from hadr.core.errors import ConfigError, NoSuchRun
from hadr.core.journal import Chain

JOURNAL, PLAN = "journal.jsonl", "plan.json"


class FileJournal:
    """One run's journal file, open for appending."""

    def __init__(self, folder: Path) -> None:
        self._run = folder.name
        self._chain = Chain()
        self._file = os.open(folder / JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)

    @property
    def run(self) -> str:
        return self._run

    def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None:
        line = self._chain.link(at, kind, step=step, data=data or {}).encode()
        while line:
            line = line[os.write(self._file, line) :]
        os.fsync(self._file)


class FolderRuns:
    """The runs below one folder, which is made when the first run begins."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, name: str, plan: Mapping[str, Any], at: datetime) -> FileJournal:
        folder = self._new(f"{at:%Y%m%dT%H%M%SZ}-{name}")
        (folder / PLAN).write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")
        return FileJournal(folder)

    def _new(self, name: str) -> Path:
        """A folder that nobody had before, also when two runs begin in the same second."""
        for number in range(100):
            folder = self._root / (f"{name}-{number}" if number else name)
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise ConfigError(f"{folder}: cannot be made: {error.strerror}; name another folder with --runs") from error
            return folder
        raise ConfigError(f"{self._root}: a hundred runs called {name} are there already")

    def names(self) -> tuple[str, ...]:
        if not self._root.is_dir():
            return ()
        return tuple(sorted(path.parent.name for path in self._root.glob(f"*/{JOURNAL}") if not path.parent.is_symlink()))

    def journal(self, run: str) -> str:
        path = self._root / run / JOURNAL
        try:
            return path.read_bytes().decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            raise NoSuchRun(f"{path}: no such run; `hadr runs` lists the runs below {self._root}") from None

    def place(self, run: str) -> str:
        return str(self._root / run)
