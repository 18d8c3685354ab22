"""Runs kept in memory, in the same lines as on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hadr.core.errors import NoSuchRun
from hadr.core.journal import Chain


class MemoryJournal:
    """A journal as a list of lines."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._chain = Chain()
        self.lines: list[str] = []

    @property
    def run(self) -> str:
        return self._run

    def append(self, at: datetime, kind: str, *, step: str = "", data: Mapping[str, Any] | None = None) -> None:
        self.lines.append(self._chain.link(at, kind, step=step, data=data or {}))


class MemoryRuns:
    """The runs there were."""

    def __init__(self) -> None:
        self.plans: dict[str, str] = {}
        self.journals: dict[str, MemoryJournal] = {}

    def begin(self, name: str, plan: Mapping[str, Any], at: datetime) -> MemoryJournal:
        run = f"{at:%Y%m%dT%H%M%S}-{len(self.plans)}-{name}"
        self.plans[run] = json.dumps(plan)
        self.journals[run] = MemoryJournal(run)
        return self.journals[run]

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.journals))

    def journal(self, run: str) -> str:
        if run not in self.journals:
            raise NoSuchRun(f"no run {run!r}; `hadr runs` lists them")
        return "".join(self.journals[run].lines)

    def place(self, run: str) -> str:
        return f"memory:{run}"
