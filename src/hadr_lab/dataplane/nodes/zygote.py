"""The process that every container of a Region is forked from. `python -m hadr_lab.dataplane.nodes.zygote [--import MODULE]...`

It is process 1 of its own pid namespace, so its end ends every container and whatever they started. It has one thread and has
imported the demo service, so that a pod of it costs a fork. Orders come as JSON lines on standard input, reports go as JSON lines
to standard output; the end of standard input is the end. It decides nothing: what to run, when and how often is its parent's.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import random
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from hadr_lab.dataplane.nodes import isolation, kernel
from hadr_lab.dataplane.nodes.isolation import Mount

Order = Mapping[str, Any]
SETUP_FAILED = 125


class Zygote:
    """Carries out orders and reports what became of them."""

    def __init__(self, orders: int, reports: int) -> None:
        """`orders` and `reports` are file descriptors."""
        self.orders, self.reports = orders, reports
        self.children: dict[int, str] = {}
        self.pids: dict[str, int] = {}
        self.buffer = b""
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Until standard input ends."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        self.selector.register(self.orders, selectors.EVENT_READ, self._read_orders)
        self.selector.register(self.wake_read, selectors.EVENT_READ, self._reap)
        self.report(event="ready")
        while True:
            for key, _ in self.selector.select():
                if not key.data():
                    return

    def report(self, **fields: object) -> None:
        """One line to the parent."""
        line = json.dumps(fields).encode() + b"\n"
        while line:
            line = line[os.write(self.reports, line) :]

    def _read_orders(self) -> bool:
        chunk = os.read(self.orders, 1 << 16)
        if not chunk:
            return False
        *lines, self.buffer = (self.buffer + chunk).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return True

    def _obey(self, order: Order) -> None:
        match order["op"]:
            case "start":
                self._fork(order, _become_container)
            case "exec":
                self._fork(order, self._become_exec)
            case "remount":
                self._fork(order, self._become_remount)
            case "cover":
                self._fork(order, self._become_cover)
            case "signal":
                self._signal(order["id"], order["signal"])

    def _fork(self, order: Order, become: Callable[[Order], None]) -> None:
        """Fork a child that becomes what was ordered; what goes wrong before it runs comes back through a pipe."""
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            os.close(status_read)
            _child(order, become, status_write)
        os.close(status_write)
        self.children[pid], self.pids[order["id"]] = order["id"], pid

        def started() -> bool:
            self.selector.unregister(status_read)
            trouble = os.read(status_read, 1 << 12).decode(errors="replace")
            os.close(status_read)
            self.report(event="failed" if trouble else "started", id=order["id"], message=trouble)
            return True

        self.selector.register(status_read, selectors.EVENT_READ, started)

    def _reap(self) -> bool:
        """Report every child that ended and end what is left of its process group; strangers (orphans) are only reaped."""
        try:
            while os.read(self.wake_read, 4096):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return True
            identity = self.children.pop(pid, None)
            if identity is not None:
                _kill_group(pid, signal.SIGKILL)
                self.pids.pop(identity, None)
                self.report(event="exited", id=identity, code=os.waitstatus_to_exitcode(status))

    def _signal(self, identity: str, number: int) -> None:
        if (pid := self.pids.get(identity)) is not None:
            _kill_group(pid, number)

    def _join(self, identity: str) -> None:
        """Enter the namespaces of a running container. Raises ProcessLookupError when it has ended."""
        pid = self.pids.get(identity)
        if pid is None:
            raise ProcessLookupError(f"container {identity} is not running")
        kernel.join(os.pidfd_open(pid), kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS)

    def _become_exec(self, order: Order) -> None:
        self._join(order["container"])
        os.chdir(order.get("cwd") or "/")
        _execute(order["argv"], order["env"])

    def _become_remount(self, order: Order) -> None:
        self._join(order["container"])
        kernel.set_read_only(isolation.normal(order["target"]), read_only=order["read_only"])

    def _become_cover(self, order: Order) -> None:
        self._join(order["container"])
        target = isolation.normal(order["target"])
        if order["on"]:
            isolation.cover(target)
        else:
            isolation.uncover(target)


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _child(order: Order, become: Callable[[Order], None], status: int) -> NoReturn:
    """The forked side: never returns into the zygote's loop."""
    code = SETUP_FAILED
    try:
        os.setsid()
        _reset_signals()
        _redirect(order["output"])
        random.seed()
        become(order)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # noqa: BLE001  # the last stop before the process ends
        traceback.print_exc()
        _tell(status, f"{type(error).__name__}: {error}")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(status: int, message: str) -> None:
    try:
        os.write(status, message.encode()[:4000])
    except OSError:
        return


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _redirect(output: str) -> None:
    out = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)


def _become_container(order: Order) -> None:
    mounts = [Mount(source=m["source"], target=m["target"], read_only=m["read_only"]) for m in order["mounts"]]
    isolation.enter(netns=order["netns"], hostname=order["hostname"], root=order["root"], mounts=mounts)
    if order["cwd"]:
        os.chdir(order["cwd"])
    if not order["call"]:
        _execute(order["argv"], order["env"])
    _call(order["call"], order["argv"], order["env"])


def _execute(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606  # a shell is what the container asks for, or not


def _call(target: str, argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Become a call of `module:function` of this interpreter, with argv and environment as if it had been started."""
    module, _, name = target.partition(":")
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(argv)
    function = getattr(importlib.import_module(module), name)
    os.closerange(3, 256)
    try:
        code = function()
    except Exception:  # noqa: BLE001  # what an interpreter does with it at the top
        traceback.print_exc()
        code = 1
    raise SystemExit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Import what pods will need, then serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--import", dest="modules", action="append", default=[])
    parser.add_argument("--path", action="append", default=[])
    options = parser.parse_args(argv)
    sys.path[:0] = options.path
    for module in options.modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    orders, reports = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    Zygote(orders, reports).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
