"""The exit code of a plan that is only shown."""

from __future__ import annotations

from hadr.cli.options import NO, UNKNOWN, YES
from hadr.core.guards import Guard
from hadr.core.plan import Plan


def exit_code(plan: Plan, allowed: frozenset[Guard]) -> int:
    """UNKNOWN when nothing but missing knowledge stands in the way."""
    refusals = plan.standing_refusals(allowed)
    if not refusals:
        return YES
    return UNKNOWN if all(refusal.unknown for refusal in refusals) else NO
