"""Lengths of a plan or a run: its critical path, its sum if the steps had run one after the other, and the time it took.

Pure arithmetic over (name, what it waited for, how long); used for a plan's estimate and for a run's measured durations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One step with the steps it waited for and its own length."""

    name: str
    requires: tuple[str, ...]
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The longest chain of steps that wait for one another."""

    steps: tuple[str, ...]
    length: timedelta


def critical_path(steps: Sequence[Timed]) -> Path:
    """The longest chain. Requirements that are not among `steps` count as met. Raises ValueError on a circle."""
    by_name = {step.name: step for step in steps}
    known: dict[str, Path] = {}

    def path_to(name: str, below: tuple[str, ...]) -> Path:
        if name in below:
            raise ValueError(f"steps wait for each other in a circle: {' -> '.join((*below, name))}")
        if name not in known:
            before = [path_to(required, (*below, name)) for required in by_name[name].requires if required in by_name]
            longest = max(before, key=lambda path: path.length, default=Path(steps=(), length=ZERO))
            known[name] = Path(steps=(*longest.steps, name), length=longest.length + by_name[name].length)
        return known[name]

    return max((path_to(step.name, ()) for step in steps), key=lambda path: path.length, default=Path(steps=(), length=ZERO))


def sequential(steps: Iterable[Timed]) -> timedelta:
    """The time the same steps would take one after the other."""
    return sum((step.length for step in steps), ZERO)


def act(spans: Iterable[tuple[datetime, datetime]]) -> timedelta:
    """From the first step's start to the last step's end."""
    known = tuple(spans)
    if not known:
        return ZERO
    return max(end for _, end in known) - min(start for start, _ in known)
