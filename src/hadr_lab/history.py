"""What the clients saw: one line of `history.jsonl` for every attempt of every operation, and the load's own account of itself.

An attempt is `ok` (acknowledged: a 2xx answer that echoes the id), `fail` (certainly without effect) or `info` (it may or may not
have taken effect). Times are seconds since the epoch on a clock that never steps: wall clock once, monotonic from there on.
A history is complete only when `load.json`, written last, counts as many lines as there are. This module judges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO

import msgspec

from hadr_lab.errors import ScenarioFailed

HISTORY = "history.jsonl"
LOAD = "load.json"


UNABLE = "forever"
"""The population that never resolves a name again: it cannot follow a moved one, so no recovery is asked of it."""


class Kind(StrEnum):
    """What an operation does: read the list, add a row to the database, replace the picture in the file system."""

    READ = "read"
    WRITE = "write"
    FILE = "file"


class Outcome(StrEnum):
    """Maelstrom's three values: it happened, it did not happen, nobody can know."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One attempt. Attempts of the same operation share the id; `latency_s` counts from the intended send time."""

    id: str
    kind: Kind
    client: str
    intended: float
    sent: float | None
    finished: float
    outcome: Outcome
    status: int | None
    address: str | None
    attempt: int
    latency_s: float
    error: str = ""

    @property
    def population(self) -> str:
        """The kind of client that made it: the part of its name before the number."""
        return self.client.partition("-")[0]

    @property
    def succeeded(self) -> bool:
        """Whether the client got what it asked for."""
        return self.outcome is Outcome.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSummary:
    """What the generator says of itself when it ends. `ids` is the prefix of every id it used."""

    ids: str
    started: float
    ended: float
    offered: int
    attempts: int
    interrupted: bool
    scheduling_lag_p50_s: float
    scheduling_lag_p99_s: float
    scheduling_lag_max_s: float
    in_flight_max: int
    dns_queries: int
    connections: int
    cpu_s: float
    peak_rss_mb: float
    clients: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochClock:
    """Seconds since the epoch that never step back: wall clock at creation plus `perf_counter` since then."""

    offset: float = field(default_factory=lambda: time.time() - time.perf_counter())

    def now(self) -> float:
        """This moment."""
        return self.offset + time.perf_counter()


class HistoryWriter:
    """Appends attempts to a file; what was recorded is on disk after `flush`, always as whole lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._encoder = msgspec.json.Encoder()
        self._buffer = bytearray()
        self.attempts = 0

    def record(self, operation: Operation) -> None:
        """Remember one attempt; cheap, does no I/O."""
        self._buffer += self._encoder.encode(operation)
        self._buffer += b"\n"
        self.attempts += 1

    def flush(self) -> None:
        """Write what is buffered."""
        if self._buffer:
            self._file.write(self._buffer)
            self._buffer.clear()

    def close(self) -> None:
        """Flush and close; closing twice is harmless."""
        if not self._file.closed:
            self.flush()
            self._file.close()


class HistoryTail:
    """Reads a history that is still being written: each `read` returns the attempts that became whole lines since the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decoder = msgspec.json.Decoder(Operation)

    def read(self) -> list[Operation]:
        """New attempts, in the order they ended; none when the file is not there yet."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return self._decoder.decode_lines(data[:whole])


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A whole history. `gaps` says why it cannot be complete; empty when it is."""

    operations: tuple[Operation, ...]
    summary: LoadSummary | None
    gaps: tuple[str, ...] = ()


def read_history(folder: Path) -> History:
    """The history in a run's folder. Raises ScenarioFailed when a line inside it is not an attempt."""
    path = folder / HISTORY
    data = path.read_bytes() if path.exists() else b""
    whole = data.rfind(b"\n") + 1
    try:
        operations = tuple(msgspec.json.Decoder(Operation).decode_lines(data[:whole]))
    except msgspec.MsgspecError as error:
        raise ScenarioFailed(f"{path}: a line is not a client operation: {error}; the history was changed or damaged") from error
    summary = read_summary(folder)
    return History(operations=operations, summary=summary, gaps=tuple(_gaps(operations, summary, whole < len(data))))


def read_summary(folder: Path) -> LoadSummary | None:
    """The load's account of itself, or None when it did not end in order."""
    path = folder / LOAD
    return msgspec.json.decode(path.read_bytes(), type=LoadSummary) if path.exists() else None


def write_summary(folder: Path, summary: LoadSummary) -> None:
    """Write `load.json` in one step, so that it is there whole or not at all."""
    partial = folder / f"{LOAD}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    partial.rename(folder / LOAD)


def _gaps(operations: tuple[Operation, ...], summary: LoadSummary | None, torn: bool) -> Iterable[str]:
    if torn:
        yield "the last line of the history is torn"
    if summary is None:
        yield "the load left no account of its end"
    elif summary.attempts != len(operations):
        yield f"the load recorded {summary.attempts} attempts and the history holds {len(operations)}"
