"""What things cost a month, by the list that `infra` keeps: prices.json, read by costs.py. No price is known here."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

from hadr_lab.errors import UsageError

COSTS = Path(__file__).resolve().parents[2] / "infra" / "costs.py"


@cache
def _costs() -> dict[str, Any]:
    return runpy.run_path(str(COSTS))


def node(kind: str, region: str) -> float:
    """US dollars a month of one service node of that type with its disk. Raises UsageError for what the list does not have."""
    return monthly(kind, region) + float(_costs()["NODE_DISK_GB"]) * monthly("gp3", region)


def monthly(kind: str, region: str) -> float:
    """US dollars a month, list price. Raises UsageError for what the list does not have."""
    try:
        month, _, _ = _costs()["price"](kind, region)
    except LookupError as unknown:
        raise UsageError(f"infra/{unknown}") from None
    return float(month)
