"""Kubernetes quantities, as far as the downward API needs them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_SUFFIX = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}
_QUANTITY = re.compile(r"(?P<number>[0-9.]+(?:[eE][+-]?[0-9]+)?)(?P<suffix>[A-Za-z]*)")


def parse(text: str) -> Decimal:
    """The value of a quantity such as 250m or 1.5Gi. Raises ValueError for anything else."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None or match["suffix"] not in _SUFFIX:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(match["number"]) * _SUFFIX[match["suffix"]]


def divided(value: Decimal, divisor: str) -> str:
    """`value` in units of `divisor`, rounded up, as resourceFieldRef gives it. A divisor of 0 or nothing means 1."""
    unit = parse(divisor or "1") or Decimal(1)
    return str((value / unit).to_integral_value(rounding=ROUND_CEILING))
