"""What an instance type offers a cluster: processors, memory, architecture, and how many pods the VPC CNI lets it have.

EC2's sizes follow rules within the families that clusters use, so this is the rules and their exceptions, not a list of 800 types.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(r"(?P<family>[a-z]+)(?P<generation>\d+)(?P<options>[a-z0-9-]*)\.(?P<size>[a-z0-9-]+)")
_PROCESSORS = {"nano": 2, "micro": 2, "small": 2, "medium": 1, "large": 2, "xlarge": 4, "metal": 96}
_MEMORY_RATIO = {"c": 2, "m": 4, "r": 8, "x": 16, "t": 4, "i": 8, "d": 8, "g": 4, "p": 8, "inf": 4, "trn": 4, "hpc": 4}
_BURSTABLE_MEMORY = {"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8}
_INTERFACES = {"nano": (2, 2), "micro": (2, 2), "small": (3, 4), "medium": (3, 6), "large": (3, 10), "xlarge": (4, 15)}
_INTERFACES_BY_MULTIPLE = ((4, (4, 15)), (15, (8, 30)), (1000, (15, 50)))
MI = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Capacity of a type. `interface_addresses` is how many addresses one network interface holds, its own included."""

    processors: int
    memory: int
    arm: bool
    interfaces: int
    interface_addresses: int

    @property
    def max_pods(self) -> int:
        """EKS's own formula for the VPC CNI without prefixes."""
        return self.interfaces * (self.interface_addresses - 1) + 2

    def allocatable(self, max_pods: int) -> tuple[int, int]:
        """(millicores, bytes) left after EKS's kube-reserved and the eviction threshold of 100 Mi."""
        reserved_memory = (255 + 11 * max_pods + 100) * MI
        bands = ((1, 60), (1, 10), (2, 5), (self.processors, 2.5))
        reserved, left = 0.0, self.processors
        for width, millicores in bands:
            used = min(width, left)
            reserved, left = reserved + used * millicores, left - used
        return self.processors * 1000 - int(reserved), self.memory - reserved_memory


def shape(instance_type: str) -> Shape:
    """The shape of a type such as m6i.large. Raises ValueError for a text that is not a type's name."""
    match = _TYPE.fullmatch(instance_type)
    if match is None:
        raise ValueError(f"{instance_type!r} is not the name of an instance type")
    family, size = match["family"], match["size"]
    multiple = int(size.removesuffix("xlarge") or 1) if size.endswith("xlarge") and size != "xlarge" else 0
    processors = 4 * multiple if multiple else _PROCESSORS.get(size, 2)
    memory = float(processors * _MEMORY_RATIO.get(family, 4))
    if family == "t" and size in _BURSTABLE_MEMORY:
        processors, memory = 2, _BURSTABLE_MEMORY[size]
    interfaces, addresses = _INTERFACES.get(size, (8, 30))
    if multiple:
        interfaces, addresses = next(offer for limit, offer in _INTERFACES_BY_MULTIPLE if multiple < limit)
    return Shape(
        processors=processors,
        memory=int(memory * 1024 * MI),
        arm=family == "a" or "g" in match["options"],
        interfaces=interfaces,
        interface_addresses=addresses,
    )
