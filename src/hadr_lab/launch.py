"""From the host into the lab: check the machine, obtain the programs, open the host's sockets, start the inner process.

Everything that needs the host's network (downloads, builds) happens here, before the lab's namespaces exist.
"""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass

import msgspec

from hadr_lab import applied, host
from hadr_lab.errors import UsageError
from hadr_lab.outer import listen, run_inside
from hadr_lab.progress import Progress
from hadr_lab.toolchain import obtain

DEFAULT_SPEED = 20.0
ARCHITECTURES = applied.ARCHITECTURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the inner process is asked to do. `scenario` empty: stay up. `run` and `applied` (of `Applied`) are absolute folders."""

    architecture: str
    scenario: str
    speed: float
    seed: int
    run: str
    applied: str

    def encode(self) -> str:
        """As one command-line argument."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Order:
        """The order that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What an order needs of the host: the applied architecture, and listening sockets by name."""

    applied: applied.Applied
    sockets: dict[str, socket.socket]


def check(architecture: str) -> None:
    """Raises UsageError, listing those there are, for an unknown architecture."""
    if architecture not in ARCHITECTURES:
        raise UsageError(f"no architecture {architecture!r}; there are: {', '.join(ARCHITECTURES)}")


def prepare(architecture: str, *, aws_port: int = 0, web_port: int = 0) -> Ready:
    """Everything that can be refused before a lab is started, and what it needs of the host.

    Raises UsageError for an unknown architecture or a taken port, HostRefused and MissingProgram when the machine cannot.
    """
    check(architecture)
    host.check()
    sockets = {"aws": listen(aws_port), "web": listen(web_port)}
    progress = Progress()
    obtain(progress)
    made = applied.obtain(architecture, progress)
    sockets |= {f"kubernetes-{name}": listen() for name in made.outputs["members"]}
    return Ready(applied=made, sockets=sockets)


def launch(order: Order, sockets: dict[str, socket.socket]) -> int:
    """Carry out `order` behind `sockets`, which are handed down and closed here; returns the exit code."""
    sys.stdout.flush()
    return run_inside([sys.executable, "-m", "hadr_lab.inside", order.encode()], sockets)
