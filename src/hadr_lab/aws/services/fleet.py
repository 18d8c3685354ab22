"""CreateFleet's request read: how many instances, and which pools to try in which order. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One capacity pool: a launch template and one override of it (type, subnet, image, ...)."""

    specification: Mapping[str, Any]
    override: Mapping[str, Any]
    lifecycle: str

    @property
    def instance_type(self) -> str:
        """The override's type; empty when the launch template gives it."""
        return str(self.override.get("InstanceType") or "")

    @property
    def described(self) -> dict[str, Any]:
        """How CreateFleet's answer names this pool."""
        return {
            "LaunchTemplateAndOverrides": {
                "LaunchTemplateSpecification": dict(self.specification),
                "Overrides": dict(self.override),
            },
            "Lifecycle": self.lifecycle,
        }


def target(inputs: Mapping[str, Any]) -> int:
    """How many instances are asked for."""
    return int(inputs["TargetCapacitySpecification"]["TotalTargetCapacity"])


def pools(inputs: Mapping[str, Any]) -> list[Pool]:
    """Every pool of the request, lowest priority number first; without priorities in the request's order."""
    lifecycle = inputs["TargetCapacitySpecification"].get("DefaultTargetCapacityType") or "on-demand"
    found = [
        Pool(specification=config["LaunchTemplateSpecification"], override=override, lifecycle=lifecycle)
        for config in inputs.get("LaunchTemplateConfigs", [])
        for override in config.get("Overrides") or [{}]
    ]
    return sorted(found, key=lambda pool: float(pool.override.get("Priority", "inf")))
