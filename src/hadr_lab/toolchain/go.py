"""The Go command: found, checked for its age, and run so that one sees that a long build goes on."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadr_lab.errors import MissingProgram
from hadr_lab.progress import Progress
from hadr_lab.toolchain import ready

OLDEST_THAT_UPDATES_ITSELF = (1, 21)
_REQUIRED = re.compile(r"^go (?P<version>\d+\.\d+(?:\.\d+)?)$", re.MULTILINE)
_SAY_AGAIN_S = 5.0


@dataclass(slots=True)
class _Seen:
    """What the build has said so far."""

    downloaded: int = 0
    compiled: int = 0
    last: deque[str] = field(default_factory=lambda: deque(maxlen=5))

    def take(self, line: str) -> None:
        self.last.append(line)
        if line.startswith("go: downloading"):
            self.downloaded += 1
        elif not line.startswith("go: "):
            self.compiled += 1

    def __str__(self) -> str:
        downloads = f"{self.downloaded} modules downloaded, " if self.downloaded else ""
        return f"{downloads}{self.compiled} packages compiled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A usable go command for the module in folder `source`."""

    path: str
    source: Path
    env: dict[str, str]

    @classmethod
    def found(cls, source: Path, progress: Progress) -> Go:
        """The machine's Go. One older than the module wants fetches the right toolchain itself. Raises MissingProgram."""
        path = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
        required = _required(source)
        wanted = ".".join(map(str, required))
        if path is None:
            raise MissingProgram(
                f"go: not on PATH; install Go {wanted}, or let {ready.VARIABLE} name a folder of ready programs (bin/ and charts/)"
            )
        here = _version(path)
        env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}
        if here < required:
            if here < OLDEST_THAT_UPDATES_ITSELF:
                raise MissingProgram(f"{path} is too old to build with: install Go {wanted}, or set {ready.VARIABLE}")
            progress.step(f"{path} is older than Go {wanted}: it will fetch that one by itself (GOTOOLCHAIN=auto)")
            env["GOTOOLCHAIN"] = "auto"
        return cls(path=path, source=source, env=env)

    def folder_of(self, module: str) -> Path:
        """Where the source of `module` lies."""
        command = [self.path, "list", "-m", "-f", "{{.Dir}}", module]
        done = subprocess.run(command, cwd=self.source, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout.strip():
            raise MissingProgram(f"go cannot say where {module} is: {done.stderr.strip()}")
        return Path(done.stdout.strip())

    def build(self, target: Path, packages: str, progress: Progress, *, stamps: Mapping[str, str]) -> None:
        """Build `packages` into folder `target`, saying every few seconds how far it is. Raises MissingProgram when it fails.

        `stamps` are string variables (import path and name) that the linker sets.
        """
        flags = " ".join(["-s", "-w", *(f"-X={variable}={value}" for variable, value in stamps.items())])
        command = [self.path, "build", "-v", "-trimpath", f"-ldflags={flags}", "-o", f"{target}{os.sep}", packages]
        started = time.monotonic()
        seen = _Seen()
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],  # a build of minutes must not outlive who wanted it
            cwd=self.source,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            _follow(child, seen, progress, started)
        finally:
            child.kill()
            child.wait()
            if child.stderr is not None:
                child.stderr.close()
        if child.returncode:
            raise MissingProgram(f"`{' '.join(command)}` in {self.source} failed:\n" + "\n".join(seen.last))
        progress.step(f"built: {seen} in {time.monotonic() - started:.0f} s")


def _follow(child: subprocess.Popen[bytes], seen: _Seen, progress: Progress, started: float) -> None:
    """Read what the build says until it closes its output and ends; say so at most every few seconds."""
    assert child.stderr is not None  # noqa: S101  # we asked for the pipe
    said, unfinished = started, b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stderr, selectors.EVENT_READ)
        while True:
            if selector.select(_SAY_AGAIN_S):
                block = os.read(child.stderr.fileno(), 65536)
                if not block:
                    break
                *lines, unfinished = (unfinished + block).split(b"\n")
                for line in lines:
                    seen.take(line.decode(errors="replace"))
            if time.monotonic() - said >= _SAY_AGAIN_S:
                said = time.monotonic()
                progress.tick(f"building: {seen}, {said - started:.0f} s")
    child.wait()


def _required(source: Path) -> tuple[int, ...]:
    found = _REQUIRED.search((source / "go.mod").read_text())
    if found is None:
        raise MissingProgram(f"{source / 'go.mod'}: no `go` line that says which version it wants")
    return tuple(map(int, found["version"].split(".")))


def _version(path: str) -> tuple[int, ...]:
    """The version of the command itself, whatever toolchain a module would make it fetch."""
    command = [path, "env", "GOVERSION"]
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(command, cwd="/", env=env, capture_output=True, text=True, check=False)
    return tuple(map(int, re.findall(r"\d+", done.stdout.strip())[:3]))
