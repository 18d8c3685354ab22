"""A drill carried out by `hadr-lab demo`, with what it said and left behind. Not a test itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.hadr_lab.demo_books import Raw
from tests.hadr_lab.demo_process import hadr_lab, left, started


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """How `hadr-lab demo` ended. `spaces` were its namespaces, `left` is who was in one of them when it had ended."""

    code: int
    raw: Raw
    printed: str
    said: str
    seconds: float
    spaces: frozenset[str]
    left: list[str]


def drilled(folder: Path, scenario: str, attempts: int = 2, *, architecture: str = "dr-multi-region") -> Drilled:
    """Carry out `scenario` on its `architecture`.

    When the machine was too busy to offer the load, which says nothing about the lab, once more.
    """
    made = hadr_lab("programs", timeout=900)
    assert made.returncode == 0, made.stderr
    for attempt in range(1, attempts + 1):
        found = _once(folder / f"{scenario}-{attempt}", scenario, architecture)
        if not found.raw.too_busy():
            break
    return found


def _once(folder: Path, scenario: str, architecture: str) -> Drilled:
    with started(folder, "demo", architecture, "--scenario", scenario) as lab:
        lab.until("steady state")
        spaces = lab.spaces()
        code = lab.wait(400)
        seconds = time.monotonic() - lab.started
        assert (lab.run / "result.json").exists(), lab.said()
        return Drilled(
            code=code,
            raw=Raw(folder=lab.run),
            printed=lab.printed(),
            said=lab.said(),
            seconds=seconds,
            spaces=spaces,
            left=left(spaces),
        )


def once(scenario: str, *, architecture: str = "dr-multi-region") -> Any:
    """A fixture of one module: the drill of `scenario`, carried out when the first of its tests asks for it."""

    @pytest.fixture(scope="module")
    def drill(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
        return drilled(tmp_path_factory.mktemp(scenario), scenario, architecture=architecture)

    return drill
