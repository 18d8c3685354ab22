"""What a load is: target, rate, mix of operations, populations of clients, patience. A value, and its command line both ways.

All durations here are real seconds of the lab: whoever scales AWS's figures by the lab's speed does so before (the TTL on the wire
is the exception: only the resolver sees it, so the speed is part of the load).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from hadr_lab.errors import UsageError

RATE_LIMIT = 2_000.0
DURATION_LIMIT = 3_600.0
POPULATIONS = ("ttl", "pinned", "forever")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """One load. `reads`, `writes`, `files` and `ttl`, `pinned`, `forever` are shares, each group relative to its own sum.

    `ttl` clients honour the TTL and renew connections after `max_age_s`; `pinned` ones keep a connection while it works and resolve
    again when it broke or answered 502, 503 or 504; `forever` ones resolve once in their life. `timeout_s` covers resolving,
    connecting and answering.
    """

    out: Path
    host: str
    port: int = 80
    rate: float = 100.0
    duration_s: float = 60.0
    reads: float = 70.0
    writes: float = 25.0
    files: float = 5.0
    clients: int = 60
    ttl: float = 80.0
    pinned: float = 15.0
    forever: float = 5.0
    timeout_s: float = 2.0
    attempts: int = 3
    backoff_s: float = 0.25
    max_age_s: float = 5.0
    max_in_flight: int = 4_000
    speed: float = 1.0
    nameserver: str = ""
    nameserver_port: int = 53
    read_path: str = "/hobbies?limit=20"
    seed: int = 1
    ids: str = "w"

    def __post_init__(self) -> None:
        """Raises UsageError when the load is unbounded or makes no sense."""
        _require(0 < self.rate <= RATE_LIMIT, f"rate {self.rate:g}/s: between 0 and {RATE_LIMIT:g}")
        _require(0 < self.duration_s <= DURATION_LIMIT, f"duration {self.duration_s:g} s: between 0 and {DURATION_LIMIT:g}")
        _require(
            min(self.reads, self.writes, self.files) >= 0 < self.reads + self.writes + self.files, "mix: shares add up to nothing"
        )
        _require(min(self.ttl, self.pinned, self.forever) >= 0 < self.ttl + self.pinned + self.forever, "clients: no population")
        _require(1 <= self.clients <= 10_000, f"clients {self.clients}: between 1 and 10000")
        _require(0 < self.timeout_s <= 60, f"timeout {self.timeout_s:g} s: between 0 and 60")
        _require(1 <= self.attempts <= 10, f"attempts {self.attempts}: between 1 and 10")
        _require(self.speed > 0, f"speed {self.speed:g}: above 0")

    def population_of(self, index: int) -> str:
        """The population of client number `index`: shares are spread evenly, whatever the number of clients."""
        total = self.ttl + self.pinned + self.forever
        place = (index + 0.5) / self.clients * total
        if place < self.ttl:
            return "ttl"
        return "pinned" if place < self.ttl + self.pinned else "forever"

    def argv(self) -> tuple[str, ...]:
        """The arguments of `python -m hadr_lab.load` that give this load again."""
        return tuple(part for f in fields(self) for part in (f"--{f.name.replace('_', '-')}", str(getattr(self, f.name))))


def parse(argv: Sequence[str]) -> LoadSpec:
    """The load that a command line describes. Raises UsageError (through LoadSpec) or exits with argparse's own message."""
    parser = argparse.ArgumentParser(prog="python -m hadr_lab.load", description="Open-loop load with a history of every attempt.")
    kinds = {"Path": Path, "str": str, "int": int, "float": float}
    for f in fields(LoadSpec):
        required = f.name in ("out", "host")
        flag = f"--{f.name.replace('_', '-')}"
        parser.add_argument(flag, type=kinds[str(f.type)], required=required, default=None if required else f.default)
    return LoadSpec(**vars(parser.parse_args(argv)))


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise UsageError(f"load: {message}")
