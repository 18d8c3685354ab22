"""What a drill needs of the lab it runs in: small protocols, so that the runner can be tested without one.

The lab carries out; the drill decides when. Nothing here says how a Region is lost or a command is run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hadr_lab.checker import Row
from hadr_lab.drill.crossings import Counts
from hadr_lab.drill.sight import Sight
from hadr_lab.history import EpochClock
from hadr_lab.load.picture import key_of
from hadr_lab.load.spec import LoadSpec
from hadr_lab.scenario import Fault
from hadr_lab.waits import Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said: exit code (None: it did not end in time), its JSON where it printed any, and its last words."""

    code: int | None
    said: Mapping[str, Any] | None = None
    text: str = ""

    @classmethod
    def of(cls, code: int | None, stdout: bytes, stderr: bytes) -> Answer:
        """From what a finished program printed: a JSON object on stdout where there is one, and the end of its words."""
        try:
            said = msgspec.json.decode(stdout, type=dict[str, Any])
        except msgspec.DecodeError:
            said = None
        words = stderr if said is not None or stderr.strip() else stdout
        return cls(code=code, said=said, text=words.decode(errors="replace")[-2000:])


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlace:
    """A member's Region and the networks (CIDR) its answers come from."""

    region: str
    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The final file store: the keys in `pictures/`, and the key inside `picture.png` (None: absent, or none of ours)."""

    keys: tuple[str, ...]
    latest: str | None


class Clock(Protocol):
    """Seconds since the epoch, never stepping back, and a way to wait."""

    def now(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WallClock:
    """The real one."""

    epoch: EpochClock = field(default_factory=EpochClock)

    def now(self) -> float:
        """This moment."""
        return self.epoch.now()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class RunningLoad(Protocol):
    """A load that was started: `python -m hadr_lab.load` as a process in the edge namespace."""

    @property
    def running(self) -> bool: ...

    async def stop(self, grace: timedelta) -> None:
        """SIGTERM, then SIGKILL after `grace`; returns when it has ended."""


class Reference(Protocol):
    """The three things the reference's written procedure does by hand, through the same APIs that it would use."""

    async def scale_node_maker(self, member: str, replicas: int) -> None:
        """Set the replicas of the member's Karpenter Deployment. Raises an error when the API refuses or does not answer."""

    async def workload(self, member: str) -> tuple[bool, str]:
        """Whether every pod of the member's workload runs, and what was last seen."""

    async def set_weights(self, weights: Mapping[str, int]) -> None:
        """Change the Route 53 weights. Raises an error when the API refuses or does not answer."""


class Lab(Protocol):
    """A site that is up, and everything a drill does to it."""

    @property
    def host(self) -> str:
        """The name clients use."""

    @property
    def members(self) -> Mapping[str, MemberPlace]: ...

    @property
    def waits(self) -> Waits: ...

    @property
    def reference(self) -> Reference: ...

    async def inject(self, fault: Fault) -> None:
        """Harm the site; returns when the harm is done. Raises UsageError for a place that is not there."""

    def zones_of(self, fault: Fault) -> tuple[str, ...]:
        """The zones that a fault strikes at this moment, by name; none for one that strikes no zone."""

    async def look(self) -> Sight:
        """Pods and targets at this moment."""

    def weights(self) -> Mapping[str, int]:
        """The members' DNS weights at this moment, as Route 53's API has them; none where members are not weighted."""

    async def heal(self, fault: Fault) -> None:
        """Take the harm back."""

    async def count(self) -> Counts:
        """The byte counters of the lab's links at this moment."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Every zone of the lab, by name."""

    async def hadr(self, *args: str, timeout: timedelta) -> Answer:
        """Run `hadr` where an operator outside both Regions would; the implementation adds `--site`."""

    async def start_load(self, spec: LoadSpec) -> RunningLoad:
        """Start the load in the edge namespace."""

    async def database_rows(self, member: str) -> tuple[Row, ...]:
        """Every row of the member's own database, read at the database itself, not through the service."""

    async def pictures(self, member: str) -> Pictures:
        """What the member's own file system holds (`pictures_in` reads a folder)."""

    def peak_rss_mb(self) -> float:
        """The most memory that all processes of the lab together have used so far."""

    def versions(self) -> Mapping[str, str]:
        """The version of every part that matters."""


def pictures_in(folder: Path) -> Pictures:
    """The pictures that peccy keeps in `folder`. A file whose bytes carry another key than its name counts under neither."""
    keys = tuple(sorted(path.stem for path in (folder / "pictures").glob("*.png") if key_of(path.read_bytes()) == path.stem))
    current = folder / "picture.png"
    return Pictures(keys=keys, latest=key_of(current.read_bytes()) if current.exists() else None)
