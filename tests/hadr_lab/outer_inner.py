"""The inner program that the tests of the outer process run: it says what it found inside, or settles in stubbornly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from hadr_lab.outer import Inside, enter

SPACES = ("user", "mnt", "net", "pid")


def main(what: str) -> int:
    """`report` answers on stdout and ends with 7; `obey` ends on SIGTERM; `linger` never does; `crash` ends by a signal."""
    inside = enter()
    if what == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "report":
        print(json.dumps(_report(inside)))
        return 7
    _settle()
    if what == "obey":
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(3))
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(json.dumps(_spaces()), flush=True)
    while True:
        time.sleep(60)


def _report(inside: Inside) -> dict[str, object]:
    return {
        "spaces": _spaces(),
        "uid": os.getuid(),
        "pid": os.getpid(),
        "host_pid": inside.host_pid,
        "resolver": Path("/etc/resolv.conf").read_text(),
        "hosts": Path("/etc/hosts").read_text(),
        "run": sorted(entry.name for entry in Path("/run").iterdir() if entry.is_dir()),
        "ports": {name: held.getsockname()[1] for name, held in inside.sockets.items()},
        "inheritable": [held.get_inheritable() for held in inside.sockets.values()],
        "zombies": _zombies(),
    }


def _zombies() -> int:
    """Leave an orphan that ends at once, and count who is still unburied a moment later."""
    subprocess.run(["sh", "-c", "setsid sleep 0.05 & exit 0"], check=True)
    time.sleep(0.3)
    states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path("/proc").glob("[0-9]*/stat")]
    return states.count("Z")


def _spaces() -> list[str]:
    made = [f"net:[{entry.stat().st_ino}]" for entry in Path("/run/netns").iterdir()]
    return [str(Path(f"/proc/self/ns/{space}").readlink()) for space in SPACES] + made


def _settle() -> None:
    """A namespace, a mount, and a family of processes that ignore every signal they can and leave their parents."""
    subprocess.run(["ip", "netns", "add", "away"], check=True)
    stubborn = (
        "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM INT HUP; while :; do sleep 60; done\" & while :; do sleep 60; done"
    )
    subprocess.Popen(["nsenter", "--net=/run/netns/away", "sh", "-c", stubborn])
    subprocess.Popen(["sh", "-c", f"({stubborn}) & exit 0"], start_new_session=True)
    time.sleep(0.2)  # for the family to be complete


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
