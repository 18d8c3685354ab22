"""Scenario files: strict YAML in, `Scenario` out. Every complaint is one line that names the file and the place in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from hadr_lab.errors import UsageError
from hadr_lab.scenario.model import LoseRegion, Scenario

FOLDER = Path(__file__).parent.parent / "scenarios"


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets a later duplicate win in silence; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that was there before."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def catalogue(folder: Path = FOLDER) -> tuple[Scenario, ...]:
    """Every scenario that ships, by name."""
    return tuple(parse(path.read_text(), path=path) for path in sorted(folder.glob("*.yaml")))


def load(name: str, folder: Path = FOLDER) -> Scenario:
    """The scenario called `name`, or in the file that `name` is the path of. Raises UsageError, listing those there are."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    try:
        text = path.read_text()
    except OSError:
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise UsageError(f"no scenario {name!r}; there are: {known}") from None
    return parse(text, path=path)


def parse(text: str, *, path: Path) -> Scenario:
    """The scenario in `text`. Raises UsageError naming `path` and the place."""
    try:
        said = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506  a SafeLoader
        scenario = msgspec.convert(said, Scenario)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{path.name}{place}: {error.problem}") from None
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise UsageError(f"{path.name}: {error}") from None
    _check(scenario, path)
    return msgspec.structs.replace(scenario, name=path.stem)


def _check(scenario: Scenario, path: Path) -> None:
    moments = [fault.at for fault in scenario.faults]
    complaints = {
        "$.faults: a drill loses a Region; add a lose-region fault": not any(isinstance(f, LoseRegion) for f in scenario.faults),
        "$.faults: not in time order": moments != sorted(moments),
        "$.faults[...].heal: must come after the fault itself": any(f.heal is not None and f.heal <= f.at for f in scenario.faults),
        "$.act.target: already serves; name the other member": scenario.act.target == scenario.serving,
        "$.steady.success: between 0 and 1": not 0 < scenario.steady.success <= 1,
        "$.load.rate: above 0": scenario.load.rate <= 0,
        f"$.expect.verdict: {scenario.expect.verdict!r} is none of valid, invalid, unknown": scenario.expect.verdict
        not in ("valid", "invalid", "unknown"),
    }
    for complaint, holds in complaints.items():
        if holds:
            raise UsageError(f"{path.name}: {complaint}")
