"""Which namespaces there are and how each hangs on the router: names, numbers and addresses, and what a place's name covers.

Pure. One namespace for the edge, one a Region (AWS's own side of it), one a zone; namespace k has the link 198.19.k.0/30 to the
router, whose side of it bears the namespace's name, so that a rule of the router names places and never addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadr_lab.errors import UsageError

ROUTER = "router"
EDGE = "edge"
ANYWHERE = "*"
UPLINK = "uplink"
VOID = "void"
_LONGEST_INTERFACE = 15

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One namespace around the router. `block` is the range of AWS's own side (edge and Regions), which zones have none of."""

    name: str
    region: str
    number: int
    block: str = ""

    @property
    def address(self) -> str:
        """Its end of the link to the router."""
        return f"198.19.{self.number}.2"

    @property
    def gateway(self) -> str:
        """The router's end."""
        return f"198.19.{self.number}.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Every namespace around the router, by name."""

    spaces: Mapping[str, Space]

    def covers(self, place: str) -> frozenset[str]:
        """The namespaces that `place` (a Region with its zones, a zone, the edge, or `*`) stands for. UsageError when unknown."""
        if place == ANYWHERE:
            return frozenset(self.spaces)
        found = frozenset(space.name for space in self.spaces.values() if place in (space.name, space.region))
        if not found:
            raise UsageError(f"{place}: no such Region or zone here; there are {', '.join(sorted(self.spaces))}")
        return found

    def pairs(self, source: str, target: str) -> frozenset[Pair]:
        """The directed pairs of namespaces whose traffic goes from `source` to `target`.

        Where one covers the other (`*`, or a zone and its Region), what both cover belongs to the smaller.
        """
        sources, targets = self.covers(source), self.covers(target)
        if sources < targets:
            targets -= sources
        elif targets < sources:
            sources -= targets
        return frozenset((one, other) for one in sources for other in targets if one != other)

    def every_pair(self) -> frozenset[Pair]:
        """All of them."""
        return self.pairs(ANYWHERE, ANYWHERE)


def layout(regions: Mapping[str, Sequence[str]]) -> Layout:
    """The layout of `regions` (Region to zone names). Region i has 198.18.i.0/24, the edge 198.18.0.0/24."""
    wanted = [(EDGE, "", "198.18.0.0/24")]
    for index, (region, zones) in enumerate(regions.items(), start=1):
        wanted.append((region, region, f"198.18.{index}.0/24"))
        wanted += [(zone, region, "") for zone in zones]
    names = [name for name, _, _ in wanted]
    for name in names:
        if len(name) > _LONGEST_INTERFACE or names.count(name) > 1 or name == ROUTER:
            raise UsageError(f"{name}: a Region or zone needs a name of its own of at most {_LONGEST_INTERFACE} characters")
    spaces = [Space(name=name, region=region, number=k, block=block) for k, (name, region, block) in enumerate(wanted)]
    return Layout(spaces={space.name: space for space in spaces})
