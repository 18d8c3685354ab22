"""`hadr-lab` as a user starts it, seen from the host: its words, its namespaces, what it leaves behind. Not a test itself.

A lab's processes are found as descendants of the outer process while it lives, and afterwards by the namespaces they were in: other
labs on the machine have others.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.hadr_lab.last_words import completed

LAB = (sys.executable, "-m", "hadr_lab")
SOURCES = Path(__file__).resolve().parents[2] / "src"
SPACES = ("user", "mnt", "net", "pid")
_MOUNTED = re.compile(r"\b(?:net|mnt|pid|user):\[\d+\]")


def environment(**more: str) -> dict[str, str]:
    """The user's environment with our sources in reach."""
    return {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1", **more}


def hadr_lab(*arguments: str | Path, timeout: float = 60, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A `hadr-lab` command to its end."""
    return completed([*LAB, *arguments], env=env or environment(), timeout=timeout)


@dataclass(slots=True, kw_only=True)
class Lab:
    """A `hadr-lab` command under way. `runs` is its folder of runs; its stderr and stdout go to files beside it."""

    child: subprocess.Popen[bytes]
    runs: Path
    words: Path
    started: float

    @property
    def run(self) -> Path:
        """The run folder it made."""
        return (self.runs / "latest").resolve()

    def said(self) -> str:
        """Everything on stderr so far."""
        return self.words.with_suffix(".err").read_text(errors="replace")

    def printed(self) -> str:
        """Everything on stdout so far."""
        return self.words.with_suffix(".out").read_text(errors="replace")

    def until(self, words: str, within: float = 240) -> None:
        """Wait until it says `words`; fails with all it said when it ends first or says nothing of the kind."""
        end = time.monotonic() + within
        while words not in self.said():
            assert self.child.poll() is None, f"ended with {self.child.returncode} before {words!r}:\n{self.said()}"
            assert time.monotonic() < end, f"never said {words!r} within {within:g} s:\n{self.said()}"
            time.sleep(0.05)

    def wait(self, within: float = 300) -> int:
        """Its exit code."""
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there after {within:g} s:\n{self.said()}") from None

    def end(self, number: signal.Signals, within: float = 20) -> int:
        """Send the outer process a signal, and its exit code."""
        self.child.send_signal(number)
        return self.wait(within)

    def browse(self, path: str) -> tuple[int, str]:
        """What the site says to a browser of the host; (0, "") when nobody answers."""
        session = json.loads((self.run / "lab.json").read_bytes())
        connection = http.client.HTTPConnection(urlsplit(session["web_endpoint"]).netloc, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": session["host"]})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def spaces(self) -> frozenset[str]:
        """The namespaces that exist because of it: those its processes are in, and those that only a mount in there keeps."""
        ours = _links(os.getpid())
        found: set[str] = set()
        for pid in _below(self.child.pid):
            links = _links(pid)
            found |= links
            if links - ours:
                found |= set(_MOUNTED.findall(_read(Path(f"/proc/{pid}/mountinfo"))))
        return frozenset(found - ours)


@contextmanager
def started(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Lab]:
    """A `hadr-lab` command with `--runs` in `folder`; whatever happens, it has ended when the block is left."""
    folder.mkdir(parents=True, exist_ok=True)
    words = folder / "words"
    command = [*LAB, *arguments, "--runs", str(folder / "runs")]
    with words.with_suffix(".out").open("wb") as out, words.with_suffix(".err").open("wb") as err:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env or environment())
    with child:
        lab = Lab(child=child, runs=folder / "runs", words=words, started=time.monotonic())
        try:
            yield lab
        finally:
            child.kill()


def assert_gone(spaces: frozenset[str]) -> None:
    """To be called as soon as a lab has ended: no process is in one of its namespaces and no mount keeps one."""
    assert left(spaces) == []


def left(spaces: frozenset[str], within: float = 5) -> list[str]:
    """Who is still there after so many seconds: in one of these namespaces, or with a mount of one.

    The kernel gives the numbers of namespaces that are gone to new ones. Of another lab is who started after this call, and who is
    in a user namespace that is neither ours nor one of these: a lab has one, which lives as long as the lab.
    """
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    end = time.monotonic() + within
    while (found := _holders(spaces, started_before=now)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _holders(spaces: frozenset[str], *, started_before: float) -> list[str]:
    found = []
    users = {space for space in spaces | _links(os.getpid()) if space.startswith("user:")}
    for pid in _pids():
        links = _links(pid)
        if not links & users:
            continue
        held = (links | set(_MOUNTED.findall(_read(Path(f"/proc/{pid}/mountinfo"))))) & spaces
        if held and _started(pid) <= started_before:
            found.append(f"{pid} {_read(Path(f'/proc/{pid}/cmdline')).replace(chr(0), ' ')[:80]} {sorted(held)}")
    return found


def _started(pid: int) -> float:
    """When a process began, in seconds since the machine did."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else float("inf")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _below(root: int) -> set[int]:
    """Every descendant of a process, at one moment."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        if fields:
            children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting += below
    return found


def _links(pid: int) -> set[str]:
    found = set()
    for space in SPACES:
        try:
            found.add(str(Path(f"/proc/{pid}/ns/{space}").readlink()))
        except OSError:
            continue  # it ended while we looked
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # it ended while we looked
