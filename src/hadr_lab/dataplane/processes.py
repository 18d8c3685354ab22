"""Processes of the data plane: started in a network namespace, logged into the run folder, killed by place.

A place is a Region or a zone of it. Losing a Region kills every process in it, whatever kind it is, so each process says where it
is. Nothing here outlives the lab: all of it runs below the lab's own process-id namespace.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hadr_lab.errors import StartFailed
from hadr_lab.programs import Program

NETNS = Path("/run/netns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process is: a Region, and a zone of it where it has one. The edge (clients, operator) has no Region."""

    region: str = ""
    zone: str = ""

    def within(self, *, region: str, zone: str = "") -> bool:
        """Whether this place is lost when `region` (or only `zone` of it) is lost."""
        return self.region == region and (not zone or self.zone == zone)


@dataclass(slots=True)
class Process:
    """One running program. It is its own process group, so signals reach its children too."""

    name: str
    place: Place
    child: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        """Process id inside the lab's pid namespace."""
        return self.child.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.child.returncode is None

    def kill(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send `sig` to the whole process group; a group that is already gone is fine."""
        try:
            os.killpg(self.child.pid, sig)
        except ProcessLookupError:
            return

    async def wait(self) -> int:
        """Wait for the end and return the exit status (negative: ended by that signal)."""
        return await self.child.wait()

    async def stop(self, grace: timedelta) -> None:
        """SIGTERM, then SIGKILL after `grace`."""
        if not self.running:
            return
        self.kill(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self.child.wait()
        except TimeoutError:
            self.kill()
            await self.child.wait()

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for an error message."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def ensure_running(self) -> None:
        """Raise StartFailed, with the end of its log, when it has ended."""
        if not self.running:
            raise StartFailed(f"{self.name} ended with {self.child.returncode}; see {self.log}\n{self.last_words()}")


@dataclass(slots=True)
class Processes:
    """Starts and remembers the processes of one lab. `logs` is the run's folder of logs, one file a name."""

    logs: Path
    running: list[Process] = field(default_factory=list)

    async def start(
        self,
        name: str,
        program: Program | Path,
        *args: str | Path,
        netns: str,
        place: Place,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: tuple[int, ...] = (),
    ) -> Process:
        """Start `program` inside network namespace `netns`; stdout and stderr go to `<logs>/<name>.log` (appended).

        `env` adds to a clean environment (PATH, HOME, the program's own), it does not inherit the operator's.
        """
        found = program if isinstance(program, Program) else Program(path=program)
        log = self.logs / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            child = await asyncio.create_subprocess_exec(
                "nsenter",
                f"--net={NETNS / netns}",
                "--",
                str(found.path),
                *map(str, args),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **found.env, **(env or {})},
                cwd=cwd,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        process = Process(name=name, place=place, child=child, log=log)
        self.running = [known for known in self.running if known.running]
        self.running.append(process)
        return process

    def within(self, *, region: str, zone: str = "") -> Iterator[Process]:
        """Every running process that is lost with that Region or zone."""
        return (p for p in list(self.running) if p.running and p.place.within(region=region, zone=zone))
