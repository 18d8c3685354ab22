"""From the host into the lab: obtain the programs, check the machine, open the host's sockets, start the inner process.

Everything that needs the host's network (downloads, builds) happens here, before the lab's namespaces exist.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import msgspec

from hadr_lab import host
from hadr_lab.outer import listen, run_inside
from hadr_lab.progress import Progress
from hadr_lab.toolchain import obtain

DEFAULT_SPEED = 20.0
ARCHITECTURES = ("dr-multi-region",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the inner process is asked to do. `scenario` empty: stay up. `run` is an absolute folder."""

    architecture: str
    scenario: str
    speed: float
    seed: int
    run: str
    aws_port: int = 0
    web_port: int = 0

    def encode(self) -> str:
        """As one command-line argument."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Order:
        """The order that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


def launch(order: Order) -> int:
    """Carry out `order`; returns the exit code. Raises LabError when the machine cannot or a program is missing."""
    progress = Progress()
    host.check()
    obtain(progress)
    sockets = {"aws": listen(order.aws_port), "web": listen(order.web_port), "kubernetes-one": listen(), "kubernetes-two": listen()}
    sys.stdout.flush()
    return run_inside([sys.executable, "-m", "hadr_lab.inside", order.encode()], sockets)
