"""Scenario files: strict YAML in, `Scenario` out. Every complaint is one line that names the file and the place in it."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from hadr_lab.errors import UsageError
from hadr_lab.scenario.fault import HarmZone, OverloadMember
from hadr_lab.scenario.model import Actor, Scenario, Verb

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


def default_for(architecture: str, folder: Path = FOLDER) -> str:
    """The name of the architecture's own scenario. Raises UsageError when it has none."""
    found = next((script.name for script in catalogue(folder) if script.default and script.architecture == architecture), None)
    if found is None:
        known = ", ".join(sorted({script.architecture for script in catalogue(folder)}))
        raise UsageError(f"no scenario for architecture {architecture!r}; there are some for: {known}")
    return found


def _check(scenario: Scenario, path: Path) -> None:
    moments, act, expect = [fault.at for fault in scenario.faults], scenario.act, scenario.expect
    moving = act.by is not Actor.NOBODY and act.verb in (Verb.FAILOVER, Verb.SWITCHOVER)
    complaints = {
        "$.faults: nothing that clients feel; add a harm": bool(scenario.faults) and scenario.loss is None,
        "$.faults: nothing is harmed and nobody acts; give normal running a $.limits.hold": scenario.loss is None
        and act.by is Actor.NOBODY
        and not scenario.limits.hold,
        "$.faults: not in time order": moments != sorted(moments),
        "$.faults[...].heal: must come after the fault itself": any(f.heal is not None and f.heal <= f.at for f in scenario.faults),
        "$.act.target: name the member to move to": moving and not act.target,
        "$.act.target: already serves; name the other member": act.target == scenario.serving,
        "$.act.zone: name the zone to leave": act.verb is Verb.EVACUATE and not act.zone,
        "$.act.to: name the weights to shift to": act.verb is Verb.SHIFT and not act.to,
        "$.act.verb: only hadr switches over, evacuates and shifts weights": act.verb is not Verb.FAILOVER
        and act.by is not Actor.HADR,
        "$.act.back: only hadr goes back": act.back and act.by is not Actor.HADR,
        "$.expect.back_outage_at_most: nobody moves roles back": expect.back_outage_at_most is not None and not act.turns_back,
        "$.expect.whole: give it a $.expect.whole_within, and the other way round": (expect.whole is None)
        is not (expect.whole_within is None),
        "$.replicas: at least 1 of each": scenario.replicas is not None and min(scenario.replicas.by_name().values()) < 1,
        "$.steady.success: between 0 and 1": not 0 < scenario.steady.success <= 1,
        "$.load.rate: above 0": scenario.load.rate <= 0,
        f"$.expect.verdict: {expect.verdict!r} is none of valid, invalid, unknown": expect.verdict
        not in ("valid", "invalid", "unknown"),
        "$.faults[...].share: between 0 and 1": any(isinstance(f, OverloadMember) and not 0 < f.share < 1 for f in scenario.faults),
        "$.faults[...].loss: between 0 and 1": any(isinstance(f, HarmZone) and not 0 < f.loss < 1 for f in scenario.faults),
    }
    for complaint, holds in complaints.items():
        if holds:
            raise UsageError(f"{path.name}: {complaint}")
