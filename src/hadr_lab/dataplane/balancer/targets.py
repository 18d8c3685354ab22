"""The targets one node holds, and what must change so that they are those that are registered.

A target is initial until the node's first passed check, or until it failed for as long as a healthy one would have needed to be
found out; after that it is known. Pure: it says which step each target needs, the node carries them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hadr_lab.aws.views import Target
from hadr_lab.dataplane.balancer.checks import Group
from hadr_lab.dataplane.balancer.configuration import Server


class Key(NamedTuple):
    """A target of a group; `server` is its address and port, which is also its name in HAProxy."""

    group: str
    server: str


@dataclass(slots=True)
class Held:
    """A target that the node's HAProxy knows. `since` is when it came to be (the loop's clock)."""

    since: float
    known: bool = False
    draining: bool = False
    healthy: bool = False


class Step(StrEnum):
    """What a target needs so that HAProxy treats it as it is registered."""

    ADD = "add"
    DRAIN = "drain"
    READY = "ready"
    REMOVE = "remove"


def server_name(target: Target) -> str:
    """The target's name in HAProxy."""
    return f"{target.address}:{target.port}"


def steps(held: Mapping[Key, Held], wanted: Mapping[Key, Target]) -> list[tuple[Step, Key]]:
    """What to do, removals first. A target that is draining already when it is first seen is not added any more."""
    todo = [(Step.REMOVE, key) for key in held if key not in wanted]
    for key, target in wanted.items():
        if key not in held:
            if not target.draining:
                todo.append((Step.ADD, key))
        elif target.draining != held[key].draining:
            todo.append((Step.DRAIN if target.draining else Step.READY, key))
    return todo


def static(held: Mapping[Key, Held], groups: Iterable[Group]) -> dict[str, list[Server]]:
    """The held targets as static lines of a new configuration: those that were healthy serve on without a gap."""
    names = {group.name for group in groups}
    lines: dict[str, list[Server]] = {}
    for key, target in held.items():
        if key.group in names:
            usable = not target.draining
            server = Server(name=key.server, healthy=target.healthy and usable, known=target.known and usable)
            lines.setdefault(key.group, []).append(server)
    return lines
