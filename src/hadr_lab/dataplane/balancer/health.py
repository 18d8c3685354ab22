"""From what each node's HAProxy says of a target to what DescribeTargetHealth says of it.

ELB's rules: a new target is `initial` until its first check passed or it failed for long enough, a deregistered one is `draining`.
Nodes can differ (a node cut off from a zone sees it dead): the balancer's opinion is that of at least half of the nodes that live.
Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hadr_lab.aws.views import TargetHealth

INITIAL = TargetHealth(state="initial", reason="Elb.InitialHealthChecking", description="Initial health checks in progress")
DRAINING = TargetHealth(
    state="draining", reason="Target.DeregistrationInProgress", description="Target deregistration is in progress"
)
HEALTHY = TargetHealth(state="healthy")
UNSEEN = TargetHealth(state="unhealthy", reason="Target.Timeout", description="Request timed out")
"""What becomes of a target that only a node in a lost zone would send to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One server of a `live` backend as HAProxy shows it: its state's word and the outcome of its last check."""

    group: str
    server: str
    status: str
    check: str
    code: str

    @property
    def passed(self) -> bool:
        """Whether its last finished check passed."""
        return self.check.removeprefix("* ").endswith("OK")

    @property
    def up(self) -> bool:
        """Whether the node sends it requests."""
        return self.status.startswith(("UP", "no check"))


def failure(sight: Sight) -> TargetHealth:
    """Why the target is unhealthy, in ELB's words."""
    check = sight.check.removeprefix("* ")
    if check == "L7STS":
        text = f"Health checks failed with these codes: [{sight.code}]"
        return TargetHealth(state="unhealthy", reason="Target.ResponseCodeMismatch", description=text)
    if check.endswith("TOUT"):
        return TargetHealth(state="unhealthy", reason="Target.Timeout", description="Request timed out")
    return TargetHealth(state="unhealthy", reason="Target.FailedHealthChecks", description="Health checks failed")


def judge(sight: Sight, *, known: bool) -> TargetHealth:
    """One node's opinion of a target that is not draining; `known` once it has left its initial state there."""
    if not known:
        return INITIAL
    return HEALTHY if sight.up else failure(sight)


def fold(opinions: Iterable[TargetHealth]) -> TargetHealth:
    """The balancer's opinion out of its living nodes'. None at all is `initial`: nobody has looked yet."""
    held = list(opinions)
    settled = [opinion for opinion in held if opinion.state != "initial"]
    if not held or len(settled) < len(held):
        return INITIAL
    healthy = sum(opinion.state == "healthy" for opinion in settled)
    if 2 * healthy >= len(settled):
        return HEALTHY
    return next(opinion for opinion in settled if opinion.state != "healthy")


def serves(groups: Iterable[Iterable[TargetHealth]]) -> bool:
    """Whether an alias to the balancer may be answered: each of its groups has a healthy target. No group at all is fine."""
    return all(any(target.state == "healthy" for target in targets) for targets in groups)
