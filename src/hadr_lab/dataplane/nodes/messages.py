"""What the realizer tells a Region's node agent, and what the agent tells back: one JSON object a line, over a unix socket.

Downwards always the whole wish (level-triggered), upwards single facts. The parent's closing of the socket is the agent's end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hadr_lab.dataplane.controlplane.api import Endpoint
from hadr_lab.dataplane.nodes.objects import Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Machines that run, clusters they may join (by endpoint host name), file systems (id to read-only).

    In the zones `halted` no kubelet does anything: what runs there, or was killed there, stays as it is. In the zones
    `without_files` no mount target answers.
    """

    machines: tuple[Machine, ...] = ()
    clusters: Mapping[str, Endpoint] = field(default_factory=dict)
    file_systems: Mapping[str, bool] = field(default_factory=dict)
    halted: tuple[str, ...] = ()
    without_files: tuple[str, ...] = ()

    def line(self) -> bytes:
        """As it goes over the socket."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Wish:
        """Back from the socket."""
        body: dict[str, Any] = json.loads(line)
        return cls(
            machines=tuple(Machine(**machine) for machine in body["machines"]),
            clusters={
                host: Endpoint(**{**endpoint, "addresses": tuple(endpoint["addresses"])})
                for host, endpoint in body["clusters"].items()
            },
            file_systems=body["file_systems"],
            halted=tuple(body["halted"]),
            without_files=tuple(body["without_files"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """An instance has joined: its Node object is there."""

    instance_id: str
    node: str
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """The simulated wait for an image was taken once."""

    node: str


Fact = Joined | Pulled


def fact_line(fact: Fact) -> bytes:
    """A fact as it goes over the socket."""
    return json.dumps({"fact": type(fact).__name__, **asdict(fact)}).encode() + b"\n"


def parse_fact(line: bytes) -> Fact:
    """A fact back from the socket. Raises KeyError for one that is not known."""
    body = json.loads(line)
    kind: type[Joined] | type[Pulled] = {"Joined": Joined, "Pulled": Pulled}[body.pop("fact")]
    return kind(**body)
