"""The outer process and the way into the lab: one process on the host owns every other, and its end is theirs.

The outer side starts the inner program in its own user, network, mount and pid namespaces and hands it listening sockets. A pipe,
the lifeline, joins the two: a byte asks the inner program to stop, its closing (the outer process is gone, however it went) ends
the pid namespace at once. The inner side (`enter`) makes the namespaces habitable: loopback, a private /run, the lab's resolver.
Nothing here may leave a process, a mount or a namespace behind, whatever signal ends the outer process.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import NoReturn

from hadr_lab.errors import HostRefused, UsageError

EDGE_RESOLVER = "198.18.0.53"
HANDED = "HADR_LAB_HANDED"
ENDED_BY_OUTER = 137
GRACE = timedelta(seconds=10)
RUN = Path("/run")
ETC = Path("/etc")
_LIFELINE = "lifeline"
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WAYS_IN = ("setpriv", "--pdeathsig", "KILL", "unshare", "-Urnmp", "--fork", "--kill-child", "--mount-proc")


def listen(port: int = 0, *, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on the host's loopback to hand into the lab. Raises UsageError when the asked port is taken."""
    try:
        return socket.create_server((host, port), backlog=512)
    except OSError as refused:
        if refused.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        why = "is in use" if refused.errno == errno.EADDRINUSE else "may not be used without root"
        raise UsageError(f"port {port} on {host} {why}; name another one, or 0 for any") from refused


def run_inside(argv_of_inner: Sequence[str], sockets: Mapping[str, socket.socket], *, grace: timedelta = GRACE) -> int:
    """Run `argv_of_inner`, which must call `enter` first, in new namespaces, and return what the outer process should exit with.

    `sockets` are handed down and closed here: when the inner program is gone, nobody listens any more. INT, TERM and HUP ask the
    inner program to stop (SIGTERM) and kill it after `grace`, or at a second signal; the result is then 128 + signal.
    Works in the main thread only.
    """
    read_end, write_end = os.pipe()
    with _signals() as stop:
        child = _start(argv_of_inner, sockets, read_end)
        os.close(read_end)
        try:
            _tell_pid(child, write_end)
            return _wait(child, write_end, stop, grace)
        finally:
            _end(child)
            os.close(write_end)


@dataclass(slots=True)
class _Stop:
    """Signals that asked for the end, in order, and a descriptor that becomes readable with each."""

    wakeup: int
    signals: list[int] = field(default_factory=list)

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler: remember only; the waiting loop acts."""
        self.signals.append(number)


@contextmanager
def _signals() -> Iterator[_Stop]:
    wakeup, written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    stop = _Stop(wakeup=wakeup)
    before_fd = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    before = {number: signal.signal(number, stop.note) for number in _STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        os.close(wakeup)
        os.close(written)


def _start(argv: Sequence[str], sockets: Mapping[str, socket.socket], lifeline: int) -> subprocess.Popen[bytes]:
    handed = {name: held.fileno() for name, held in sockets.items()} | {_LIFELINE: lifeline}
    child = subprocess.Popen(
        [*_WAYS_IN, *argv],
        env={**os.environ, HANDED: json.dumps(handed)},
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(handed.values()),
        start_new_session=True,
    )
    for held in sockets.values():
        held.close()
    return child


def _tell_pid(child: subprocess.Popen[bytes], lifeline: int) -> None:
    """Tell the first process inside its number on the host, which it cannot see itself."""
    while child.poll() is None:
        for pid in _children(child.pid):
            _write(lifeline, f"{pid}\n".encode())
            return
        sleep(0.002)


def _wait(child: subprocess.Popen[bytes], lifeline: int, stop: _Stop, grace: timedelta) -> int:
    if child.returncode is not None:
        return _status(child.returncode, stop)
    pidfd = os.pidfd_open(child.pid)
    deadline: float | None = None
    try:
        while True:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            ready, _, _ = select.select([pidfd, stop.wakeup], [], [], left)
            if pidfd in ready:
                return _status(child.wait(), stop)
            if stop.wakeup in ready:
                os.read(stop.wakeup, 512)
            if len(stop.signals) > 1 or (deadline is not None and monotonic() >= deadline):
                _end(child)
            elif stop.signals and deadline is None:
                deadline = monotonic() + grace.total_seconds()
                _write(lifeline, b"T")
    finally:
        os.close(pidfd)


def _write(lifeline: int, message: bytes) -> None:
    try:
        os.write(lifeline, message)
    except BrokenPipeError:
        return  # it is ending already


def _status(returned: int, stop: _Stop) -> int:
    if stop.signals:
        return 128 + stop.signals[0]
    return returned if returned >= 0 else 128 - returned


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the pid namespace by its first process, so that unshare's end means that all of it is gone."""
    if child.poll() is not None:
        return
    for pid in _children(child.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    try:
        child.wait(1)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _children(parent: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == parent:
            yield int(stat.parent.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the inner program finds in its new home: the handed-down sockets, and the host's number of the lab's first process.

    `host_pid` is what another shell of the host gives nsenter as its target.
    """

    sockets: Mapping[str, socket.socket]
    host_pid: int


def enter() -> Inside:
    """Take up residence in the new namespaces: the inner program's first act, before it has threads.

    This process stays behind as process 1 of the pid namespace: it reaps orphans and holds the lifeline. What returns is its child.
    Raises HostRefused when it was not started by `run_inside` or when something is refused.
    """
    try:
        handed: dict[str, int] = json.loads(os.environ.pop(HANDED))
    except KeyError:
        raise HostRefused("the lab's inner program runs only inside the lab; start `hadr-lab` instead") from None
    lifeline = handed.pop(_LIFELINE)
    host_pid = _told_pid(lifeline)
    child = os.fork()
    if child:
        _be_process_one(child, lifeline, tuple(handed.values()))
    os.close(lifeline)
    sockets = {name: socket.socket(fileno=number) for name, number in handed.items()}
    for held in sockets.values():
        held.set_inheritable(False)
    _furnish()
    return Inside(sockets=sockets, host_pid=host_pid)


def _told_pid(lifeline: int) -> int:
    told = b""
    while not told.endswith(b"\n"):
        if not (byte := os.read(lifeline, 1)):
            os._exit(ENDED_BY_OUTER)
        told += byte
    return int(told)


def _be_process_one(child: int, lifeline: int, handed: Sequence[int]) -> NoReturn:
    """Reap whatever ends, pass on the request to stop, end with the child; when the outer process is gone, end at once."""
    for number in handed:
        os.close(number)
    wakeup, written = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    while (status := _reap(child)) is None:
        ready, _, _ = select.select([lifeline, wakeup], [], [])
        if wakeup in ready:
            os.read(wakeup, 512)
        if lifeline in ready:
            if not os.read(lifeline, 512):
                os._exit(ENDED_BY_OUTER)
            os.kill(child, signal.SIGTERM)
    os._exit(status)


def _reap(child: int) -> int | None:
    """Collect every process that has ended; the exit status to pass on when `child` is among them."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 1  # not reached while `child` lives
        if pid == 0:
            return None
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _furnish() -> None:
    """Loopback up, a private /run, and name resolution that asks the lab's resolver only."""
    resolver = (ETC / "resolv.conf").resolve()
    _run("ip", "link", "set", "lo", "up")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "lab", str(RUN))
    for folder in (RUN / "netns", RUN / "lab"):
        folder.mkdir()
    _replace(resolver, f"nameserver {EDGE_RESOLVER}\noptions timeout:1 attempts:3\n")
    _replace(ETC / "hosts", "127.0.0.1 localhost\n")


def _replace(path: Path, text: str) -> None:
    """Let `path` read `text` inside the lab only; what lies below /run is the lab's own and simply written."""
    if path.is_relative_to(RUN):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    ours = RUN / f"lab.{path.name}"
    ours.write_text(text)
    _run("mount", "--bind", str(ours), str(path))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HostRefused(f"`{' '.join(command)}` inside the lab's namespaces: {done.stderr.strip()}; run `hadr-lab doctor`")
