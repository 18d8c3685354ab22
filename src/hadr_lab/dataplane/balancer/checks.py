"""A target group's health check in HAProxy's terms: interval, timeout, thresholds, the request and the codes that pass.

The interval and the timeout are the target group's own figures divided by the lab's speed. They never go below a floor: a machine
that is busy for a moment must not look like a broken target.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from hadr_lab.aws.views import TargetGroup
from hadr_lab.waits import Wait, Waits

SHORTEST_INTERVAL = timedelta(seconds=0.25)
SHORTEST_TIMEOUT = timedelta(seconds=0.5)


def milliseconds(length: timedelta) -> int:
    """HAProxy's unit, never zero."""
    return max(1, round(length.total_seconds() * 1000))


def group_name(arn: str) -> str:
    """A name for the target group of `arn` that is unique and allowed in HAProxy: its last two parts."""
    return ".".join(arn.split("/")[-2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One target group without its targets: what a configuration is made of."""

    arn: str
    name: str
    path: str
    matcher: str
    check_port: int | None
    interval: timedelta
    timeout: timedelta
    rise: int
    fall: int

    @classmethod
    def of(cls, view: TargetGroup, waits: Waits) -> Self:
        """The group of `view`, with its check's clock at the lab's speed."""
        return cls(
            arn=view.arn,
            name=group_name(view.arn),
            path=view.check_path,
            matcher=view.matcher or "200",
            check_port=view.check_port,
            interval=max(SHORTEST_INTERVAL, waits.scaled(Wait.TARGET_CHECK_INTERVAL, view.check_interval)),
            timeout=max(SHORTEST_TIMEOUT, view.check_timeout / waits.speed),
            rise=view.healthy_threshold,
            fall=view.unhealthy_threshold,
        )

    @property
    def patience(self) -> timedelta:
        """How long a new target may fail before it counts as unhealthy: as long as a healthy one would need to be found out."""
        return self.interval * (self.fall + 1) + self.timeout

    def options(self) -> str:
        """The words of a `server` line (or of `add server`) that turn on the health check."""
        port = f" port {self.check_port}" if self.check_port else ""
        return f"check inter {milliseconds(self.interval)} rise {self.rise} fall {self.fall}{port}"
