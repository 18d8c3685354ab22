"""Lengths and moments in words, the same everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta


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
