"""Who runs in a zone: every process whose network namespace is the zone's own, or that of a pod that hangs on it.

Found by looking, whoever started it: a machine that fails asks no realizer. It only sends signals; what a zone's loss means for
its links, and that nothing is started there again, is said elsewhere.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from hadr_lab.dataplane.network.netns import inside
from hadr_lab.dataplane.processes import NETNS

PROC = Path("/proc")
POD = "pod-"


def residents(zone: str) -> tuple[int, ...]:
    """The process ids of a zone, as the lab numbers them."""
    return within({zone, *pods(zone)})


def pods(zone: str) -> tuple[str, ...]:
    """The namespaces of the pods that hang on the zone: a pod's link there is called as its namespace."""
    links = inside(zone, socket.if_nameindex)
    return tuple(name for _, name in links if name.startswith(POD))


def within(namespaces: Collection[str]) -> tuple[int, ...]:
    """The processes that are in any of these network namespaces; one that ends meanwhile is left out."""
    wanted = {(NETNS / name).stat().st_ino for name in namespaces if (NETNS / name).exists()}
    return tuple(pid for pid in _pids() if _namespace(pid) in wanted)


def send(pids: Collection[int], number: signal.Signals) -> None:
    """Send a signal to each; one that is gone is fine."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def stopped(pid: int) -> bool:
    """Whether the process stands still by a signal."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir(PROC) if entry.name.isdigit())


def _namespace(pid: int) -> int:
    try:
        return (PROC / str(pid) / "ns" / "net").stat().st_ino
    except OSError:
        return 0
