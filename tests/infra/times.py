"""Where the time of an apply goes: `python -m tests.infra.times ROOT` applies it to an emulated AWS of its own and prints the chain
of resources that each had to wait for the one before it, with the seconds that each of them took.

What takes 10 s or more there is the provider's own waiting (version 5.100): it asks for such a resource only after a fixed delay,
or again only after one, however soon the resource is there.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.emulated import an_emulator
from tests.infra.terraform import root

from hadr_lab.applied import VARIABLES

FIXED_S = 9.5
"""A resource that took longer than this was waited for: nothing that is asked of the emulated AWS takes as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One resource: when it was begun and there, in seconds since the start, and what it depends on, without keys."""

    address: str
    began: float
    there: float
    needs: frozenset[str]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.there - self.began


def timed(name: str) -> tuple[float, list[Made]]:
    """Apply, and say how long it took as a whole, and of each resource."""
    with tempfile.TemporaryDirectory() as folder, an_emulator(Path(folder)) as aws:
        made = root(name, Path(folder), aws.url, **VARIABLES)
        began = datetime.now().astimezone()
        done = subprocess.run(
            ["terraform", "apply", "-json", "-input=false", "-auto-approve", "-parallelism=20"],
            cwd=made.folder,
            env=dict(made.environment),
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = (datetime.now().astimezone() - began).total_seconds()
        return seconds, _resources(done.stdout, began, json.loads((made.folder / "terraform.tfstate").read_text()))


def _resources(said: str, began: datetime, state: Any) -> list[Made]:
    needs = {
        _address(one): frozenset(one["instances"][0].get("dependencies", [])) for one in state["resources"] if one["instances"]
    }
    started: dict[str, float] = {}
    found = []
    for line in said.splitlines():
        event = json.loads(line)
        at = (datetime.fromisoformat(event["@timestamp"]) - began).total_seconds()
        if event["type"] == "apply_start":
            started[event["hook"]["resource"]["addr"]] = at
        elif event["type"] == "apply_complete":
            address = event["hook"]["resource"]["addr"]
            needed = needs.get(bare(address), frozenset())
            found.append(Made(address=address, began=started[address], there=at, needs=needed))
    return found


def _address(one: Any) -> str:
    mode = "data." if one["mode"] == "data" else ""
    return bare(".".join(part for part in (one.get("module", ""), f"{mode}{one['type']}.{one['name']}") if part))


def bare(address: str) -> str:
    """Without keys and counts: dependencies are told so."""
    return re.sub(r"\[[^]]*\]", "", address)


def chain(resources: list[Made]) -> list[Made]:
    """Backwards from the last one that was there: before each, the one of its dependencies that was there last."""
    found = [max(resources, key=lambda one: one.there)]
    while before := [one for one in resources if bare(one.address) in found[-1].needs]:
        found.append(max(before, key=lambda one: one.there))
    return found[::-1]


def main() -> None:
    """Print it."""
    total, resources = timed(sys.argv[1])
    waited = chain(resources)
    fixed = sum(one.seconds for one in waited if one.seconds > FIXED_S)
    count = sum(not re.search(r"(^|\.)data\.", one.address) for one in resources)
    print(f"{sys.argv[1]}: {count} resources in {total:.0f} s, {fixed:.0f} s of them the provider's waits, in this chain:")
    for one in waited:
        print(f"{one.began:7.1f} {one.seconds:6.1f}  {one.address}")


if __name__ == "__main__":
    main()
