"""The agent's end of the zygote: start containers, run commands in them, signal them, remount their volumes.

One call, one order; what became of it arrives as reports. When the zygote ends, every container has ended with it, and so must
the agent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.nodes.isolation import Mount

EXEC_OUTPUT = 2048


class LaunchFailed(Exception):
    """A container or command could not be started; the text says why."""


class ZygoteEnded(Exception):
    """The zygote is gone, and all containers with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start and where: see isolation and zygote for the meaning."""

    netns: str
    hostname: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    output: Path
    call: str = ""
    cwd: str = ""
    mounts: tuple[Mount, ...] = ()


@dataclass(slots=True)
class Running:
    """A started process: its id, and its exit code once there is one (negative: ended by that signal)."""

    id: str
    started: asyncio.Future[None]
    exited: asyncio.Future[int]


@dataclass(slots=True)
class Launcher:
    """One zygote. `folder` holds its empty mount point and command outputs."""

    folder: Path
    modules: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    _process: asyncio.subprocess.Process | None = None
    _known: dict[str, Running] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=count)

    async def serve(self, ready: asyncio.Event) -> None:
        """Run the zygote; sets `ready` when it takes orders. Raises ZygoteEnded when it ends."""
        (self.folder / "root").mkdir(parents=True, exist_ok=True)
        options = [f"--import={module}" for module in self.modules] + [f"--path={path}" for path in self.paths]
        self._process = await asyncio.create_subprocess_exec(
            *("unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "hadr_lab.dataplane.nodes.zygote", *options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert self._process.stdout is not None  # noqa: S101  # asked for above
        async for line in self._process.stdout:
            self._heard(json.loads(line), ready)
        raise ZygoteEnded(f"the zygote ended with {await self._process.wait()}; its words are in the agent's log")

    def _heard(self, report: Mapping[str, Any], ready: asyncio.Event) -> None:
        if report["event"] == "ready":
            ready.set()
            return
        running = self._known.get(report["id"])
        if running is None:
            return
        if report["event"] == "started" and not running.started.done():
            running.started.set_result(None)
        elif report["event"] == "failed" and not running.started.done():
            running.started.set_exception(LaunchFailed(report["message"]))
        elif report["event"] == "exited":
            if not running.started.done():
                running.started.set_result(None)
            running.exited.set_result(report["code"])
            del self._known[report["id"]]

    def start(self, launch: Launch) -> Running:
        """Order a container; await its `started`, which raises LaunchFailed, to know. It can be signalled from now on."""
        mounts = [{"source": m.source, "target": m.target, "read_only": m.read_only} for m in launch.mounts]
        return self._order(
            op="start",
            netns=launch.netns,
            hostname=launch.hostname,
            argv=launch.argv,
            env=dict(launch.env),
            output=str(launch.output),
            call=launch.call,
            cwd=launch.cwd,
            root=str(self.folder / "root"),
            mounts=mounts,
        )

    async def execute(self, container: Running, argv: Sequence[str], env: Mapping[str, str], timeout: float) -> tuple[int, str]:
        """Run a command in a container: (exit code, end of its output). Raises LaunchFailed, and TimeoutError after killing it."""
        output = self.folder / f"exec-{next(self._ids)}"
        try:
            running = self._order(op="exec", container=container.id, argv=list(argv), env=dict(env), cwd="", output=str(output))
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.shield(running.started)
                    code = await asyncio.shield(running.exited)
            except (TimeoutError, asyncio.CancelledError):
                self.signal(running, 9)
                raise
            return code, output.read_text(errors="replace")[-EXEC_OUTPUT:]
        finally:
            output.unlink(missing_ok=True)

    async def remount(self, container: Running, target: str, *, read_only: bool) -> None:
        """Make a volume of a running container read-only or writable. Raises LaunchFailed (EBUSY: it has open writers)."""
        running = self._order(op="remount", container=container.id, target=target, read_only=read_only, output=os.devnull)
        await running.started
        await running.exited

    async def cover(self, container: Running, target: str, *, on: bool) -> None:
        """Make a volume of a running container fail every access (True), or give it back. Raises LaunchFailed."""
        running = self._order(op="cover", container=container.id, target=target, on=on, output=os.devnull)
        await running.started
        await running.exited

    def signal(self, running: Running, number: int) -> None:
        """Signal a process group; one that has ended is fine."""
        self._send({"op": "signal", "id": running.id, "signal": number})

    def _order(self, **order: Any) -> Running:
        loop = asyncio.get_running_loop()
        running = Running(id=f"c{next(self._ids)}", started=loop.create_future(), exited=loop.create_future())
        self._known[running.id] = running
        self._send({**order, "id": running.id})
        return running

    def _send(self, order: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            raise LaunchFailed("the zygote does not run")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
