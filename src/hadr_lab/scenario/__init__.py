"""Scenarios: the scripts of drills, as strict YAML files that become frozen values."""

from hadr_lab.scenario.files import catalogue, load, parse
from hadr_lab.scenario.model import (
    Act,
    Actor,
    Expect,
    Fault,
    Limits,
    LoadShape,
    LoseRegion,
    Losses,
    Scenario,
    StallReplication,
    Steady,
)

__all__ = [
    "Act",
    "Actor",
    "Expect",
    "Fault",
    "Limits",
    "LoadShape",
    "LoseRegion",
    "Losses",
    "Scenario",
    "StallReplication",
    "Steady",
    "catalogue",
    "load",
    "parse",
]
