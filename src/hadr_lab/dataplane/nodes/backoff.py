"""How long a container that ended waits before it is started again: kubelet's back-off. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST, LONGEST, FORGET = timedelta(seconds=10), timedelta(minutes=5), timedelta(minutes=10)


@dataclass(slots=True)
class Backoff:
    """The first restart is immediate, later ones wait 10 s, 20 s … 5 min; ten good minutes start it over."""

    pause: timedelta = timedelta(0)
    ends: int = 0

    def after(self, *, started: datetime, ended: datetime) -> timedelta:
        """The pause after a run from `started` to `ended`."""
        if ended - started >= FORGET:
            self.pause, self.ends = timedelta(0), 0
        self.ends += 1
        if self.ends > 1:
            self.pause = min(self.pause * 2 if self.pause else FIRST, LONGEST)
        return self.pause
