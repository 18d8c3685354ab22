"""The whole outside in memory, under a clock that jumps: for tests, and for simulating failovers with the real engine."""

from hadr.adapters.memory.clock import VirtualClock, VirtualWorkers
from hadr.adapters.memory.example import example_member, example_site, zonal_site
from hadr.adapters.memory.runs import MemoryRuns
from hadr.adapters.memory.world import Delays, World
from hadr.adapters.memory.zone_world import ZoneDelays, ZoneWorld

__all__ = [
    "Delays",
    "MemoryRuns",
    "VirtualClock",
    "VirtualWorkers",
    "World",
    "ZoneDelays",
    "ZoneWorld",
    "example_member",
    "example_site",
    "zonal_site",
]
