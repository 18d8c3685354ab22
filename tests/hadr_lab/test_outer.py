"""The outer process: its sockets, its exit codes, and that nothing is left however it ends."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.hadr_lab.demo_process import left

import hadr_lab
from hadr_lab.errors import HostRefused, UsageError
from hadr_lab.outer import enter, listen

SOURCES = Path(hadr_lab.__file__).parent.parent
INNER = Path(__file__).with_name("outer_inner.py")
OUTER = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # as the command does: an exception raised in the import system may be lost
print("begun", flush=True)
from datetime import timedelta
from hadr_lab.outer import listen, run_inside
sockets = {"front": listen(), "board": listen()}
print(*(held.getsockname()[1] for held in sockets.values()), flush=True)
sys.exit(run_inside(sys.argv[2:], sockets, grace=timedelta(seconds=float(sys.argv[1]))))
"""
ORDINARY = ("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups")
PYTHONS = (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3")
AS = [pytest.param((), id="as-we-are")]
if os.getuid() == 0:
    AS.append(pytest.param(ORDINARY, id="as-ordinary-uid"))
needs_lab = pytest.mark.lab


@contextmanager
def outer(what: str, *, grace: float = 5.0, way: tuple[str, ...] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An outer process around the inner program, and the word in the environment of everything below it."""
    token = f"outer-test-{uuid.uuid4().hex}"
    python = interpreter(way)
    command = [*way, python, "-c", OUTER, str(grace), python, str(INNER), what]
    environment = {**os.environ, "OUTER_TEST": token, "PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert line_of(child) == "begun\n"
            yield child, token
        finally:
            child.kill()


def interpreter(way: tuple[str, ...]) -> str:
    """A Python that who we run as may execute; an interpreter below root's home is none for an ordinary uid."""
    for python in PYTHONS:
        tried = [*way, "sh", "-c", 'exec "$0" -c "import sys; sys.exit(sys.version_info < (3, 11))"', python]
        if subprocess.run(tried, check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip(f"none of {', '.join(PYTHONS)} is a Python 3.11 that {' '.join(way) or 'this user'} may execute")


def line_of(child: subprocess.Popen[str]) -> str:
    """The next line the outer process (or what is inside it) prints."""
    assert child.stdout is not None
    return child.stdout.readline()


def processes_with(token: str) -> list[str]:
    """Whoever carries `token` in its environment and is not a zombie."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def holders_of(spaces: list[str]) -> list[str]:
    """Every process or mount on this machine that keeps one of the namespaces alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            links = {str(link.readlink()) for link in (entry / "ns").iterdir()}
            mounts = (entry / "mountinfo").read_text()
        except OSError:
            continue
        found += [f"{entry.name} {space}" for space in spaces if space in links or space in mounts]
    return found


def assert_gone(token: str, spaces: list[str]) -> None:
    """Soon no process, namespace or mount is left; the kernel ends a killed pid namespace in its own time."""
    assert left(frozenset(spaces), within=30) == []
    deadline = time.monotonic() + 30
    while processes_with(token):
        assert time.monotonic() < deadline, processes_with(token)
        time.sleep(0.02)


def test_a_taken_port_is_one_clear_usage_error() -> None:
    """Asking for a port that somebody listens on names the port and exits as a usage error."""
    with listen() as held:
        port = held.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is in use") as refused:
            listen(port)
    assert refused.value.exit_code == 64


def test_the_inner_program_refuses_to_run_on_the_host() -> None:
    """Without the outer process there is no lifeline, so entering is refused before anything is changed."""
    with pytest.raises(HostRefused, match="start `hadr-lab`"):
        enter()


@needs_lab
@pytest.mark.parametrize("way", AS)
def test_inside_is_a_furnished_world_of_its_own(way: tuple[str, ...]) -> None:
    """The inner program has its own namespaces, its sockets, a private /run, the lab's resolver and no zombies; its 7 comes out."""
    ours = {str(Path(f"/proc/self/ns/{space}").readlink()) for space in ("user", "mnt", "net", "pid")}
    with outer("report", way=way) as (child, _):
        ports = [int(port) for port in line_of(child).split()]
        found = json.loads(line_of(child))
        assert child.wait(10) == 7
    assert not ours & set(found["spaces"])
    assert (found["uid"], found["zombies"]) == (0, 0)
    assert set(found["run"]) - {"mount"} == {"lab", "netns"}  # mount(8) makes /run/mount for itself
    assert found["pid"] != 1
    assert found["host_pid"] > 1
    assert "nameserver 198.18.0.53" in found["resolver"]
    assert found["hosts"] == "127.0.0.1 localhost\n"
    assert list(found["ports"].values()) == ports
    assert found["inheritable"] == [False, False]


@needs_lab
def test_the_hosts_own_files_stay_as_they_were() -> None:
    """The lab's resolver and hosts file are mounts of its own; the host reads what it read before."""
    before = [Path(name).read_text() for name in ("/etc/resolv.conf", "/etc/hosts")]
    with outer("obey") as (child, _):
        line_of(child), line_of(child)
        during = [Path(name).read_text() for name in ("/etc/resolv.conf", "/etc/hosts")]
        child.terminate()
        child.wait(10)
    assert during == before


@needs_lab
def test_an_inner_program_that_was_killed_gives_128_and_the_signal() -> None:
    """A crash inside is the outer's exit code, as a shell would tell it."""
    with outer("crash") as (child, _):
        assert child.wait(10) == 128 + signal.SIGKILL


@needs_lab
def test_the_sockets_close_with_the_lab() -> None:
    """The outer keeps no copy of a listening socket: a client is accepted while the lab runs and refused afterwards."""
    with outer("obey") as (child, _):
        port = int(line_of(child).split()[0])
        line_of(child)
        socket.create_connection(("127.0.0.1", port), 2).close()
        child.terminate()
        assert child.wait(10) == 143
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 2)


@needs_lab
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stop_is_passed_on_as_sigterm_and_waited_for(sent: signal.Signals, code: int) -> None:
    """An inner program that obeys ends well within the grace period, and everything around it is gone when the outer returns."""
    with outer("obey", grace=30) as (child, token):
        line_of(child)
        spaces = json.loads(line_of(child))
        child.send_signal(sent)
        assert child.wait(10) == code
        assert processes_with(token) == []
        assert_gone(token, spaces)


@needs_lab
def test_one_that_ignores_the_stop_is_killed_after_the_grace_period() -> None:
    """The grace is given in full, and has an end."""
    with outer("linger", grace=0.5) as (child, token):
        line_of(child)
        spaces = json.loads(line_of(child))
        asked = time.monotonic()
        child.terminate()
        assert child.wait(30) == 143
        assert time.monotonic() - asked >= 0.5
        assert_gone(token, spaces)


@needs_lab
def test_a_second_interrupt_does_not_wait() -> None:
    """Whoever presses Ctrl-C twice gets the shell back at once."""
    with outer("linger", grace=60) as (child, token):
        line_of(child)
        spaces = json.loads(line_of(child))
        child.send_signal(signal.SIGINT)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        assert child.wait(5) == 130
        assert_gone(token, spaces)


@needs_lab
@pytest.mark.parametrize("way", AS)
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_nothing_is_left_at_whatever_moment_the_outer_process_is_ended(sent: signal.Signals, way: tuple[str, ...]) -> None:
    """From the first millisecond to a settled lab with stubborn grandchildren, each way of ending leaves no process."""
    for _ in range(6):
        moment = random.uniform(0.0, 0.6)
        with outer("linger", grace=0.3, way=way) as (child, token):
            if moment > 0.1:
                line_of(child)
            time.sleep(moment)
            child.send_signal(sent)
            child.wait(10)
            assert_gone(token, [])


@needs_lab
@pytest.mark.parametrize("way", AS)
def test_a_settled_lab_dies_with_a_killed_outer_process(way: tuple[str, ...]) -> None:
    """SIGKILL of the one outer process ends every process below, and with them every namespace and mount."""
    with outer("linger", way=way) as (child, token):
        line_of(child)
        spaces = json.loads(line_of(child))
        assert len(processes_with(token)) > 6
        assert len(holders_of(spaces)) > 6
        child.kill()
        child.wait(10)
        assert_gone(token, spaces)
