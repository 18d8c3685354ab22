"""The status of a health check, from what the checkers saw: pure.

A check is healthy until there is enough data to tell; inversion comes last, so an inverted check is unhealthy until then. A
disabled check counts as healthy (and can still be inverted).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hadr_lab.dataplane.dns.zones import Check

HEALTHY_SHARE = 0.18
"""An endpoint is healthy while more than this share of the checkers say so (Route 53 developer guide)."""

DEPTH = 8
"""Calculated checks deeper than this count as unhealthy, so that a cycle ends."""

Verdicts = Mapping[str, Sequence[bool | None]]
"""Check id to what each of its checkers says; None is «no data yet»."""


def endpoint_healthy(verdicts: Sequence[bool | None]) -> bool:
    """Whether the checkers together call the endpoint healthy; a checker without data counts for it."""
    if not verdicts:
        return True
    return sum(verdict is not False for verdict in verdicts) / len(verdicts) > HEALTHY_SHARE


def healthy(check_id: str, checks: Mapping[str, Check], verdicts: Verdicts, depth: int = 0) -> bool:
    """Whether DNS may treat what the check guards as healthy. An unknown check guards nothing: healthy."""
    check = checks.get(check_id)
    if check is None:
        return True
    if depth >= DEPTH:
        return False
    if check.disabled:
        well = True
    elif check.type == "CALCULATED":
        good = sum(healthy(child, checks, verdicts, depth + 1) for child in check.children)
        well = good >= check.children_needed
    else:
        well = endpoint_healthy(verdicts.get(check_id, ()))
    return well != check.inverted
