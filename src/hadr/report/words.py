"""Lengths and moments in words, the same everywhere."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from hadr.core.errors import ConfigError

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def length(time: timedelta) -> str:
    """3.2 s below a minute, 3 min 56 s from there on."""
    total = time.total_seconds()
    if total < 60:
        return f"{total:.1f} s"
    minutes, rest = divmod(round(total), 60)
    return f"{minutes} min {rest:02d} s"


def moment(at: datetime) -> str:
    """A moment as people write it; always UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """The time of day alone."""
    return f"{at:%H:%M:%S}"


def duration(text: str, flag: str) -> timedelta:
    """60s, 5m, 1h or plain seconds. Raises ConfigError naming the flag."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h)?", text.strip())
    if found is None or float(found[1]) <= 0:
        raise ConfigError(f"{flag}: {text!r} is no time such as 60s or 5m")
    return timedelta(seconds=float(found[1]) * UNITS[found[2] or ""])
