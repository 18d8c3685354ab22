"""Replication lag from heartbeats: the writer stamps a row twice a second, the reader looks how late the newest stamp came.

The figure is what a failover at this moment would lose: the delay of the last heartbeat that arrived, or, when the next is overdue,
the time since it should have been there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BEAT_EVERY = timedelta(seconds=0.5)
LOOK_EVERY = timedelta(seconds=0.2)


@dataclass(slots=True)
class Lag:
    """The lag as one reader sees it over time, from its first look on."""

    newest: datetime | None = None
    delay: timedelta = timedelta()
    since: float | None = None

    def look(self, *, at: datetime, age: timedelta, now: float) -> timedelta | None:
        """The lag now (seconds of any clock), when the newest heartbeat here was written `at` and is `age` old.

        None until one came that was written since the first look: those of before, of the writer's last time, are nobody's lag.
        """
        if self.since is None:
            self.since = now
        if age.total_seconds() > now - self.since:
            return None
        if at != self.newest:
            self.newest, self.delay = at, max(age, timedelta())
        return max(self.delay, age - BEAT_EVERY)
