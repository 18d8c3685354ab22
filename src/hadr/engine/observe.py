"""Reads side by side, each with its own deadline, none waiting for another; the answers make a view.

A read that has not come back by its deadline is Unknown from then on, and is not asked a second time while it is still out: a
silent Region costs at most one waiting call for each question about it. Nothing here judges what was seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from hadr.core.errors import CallError
from hadr.core.roles import all_reads
from hadr.core.site import Site
from hadr.core.view import Known, Read, Reading, Unknown, View, What
from hadr.ports import Job, Ports

log = logging.getLogger("hadr.engine")

DEADLINE = timedelta(seconds=8)


def question(site: Site, ports: Ports, read: Read) -> Callable[[], Any]:
    """The call that answers `read`."""
    if read.what is What.ANSWER:
        return partial(ports.probe.resolve, site.traffic.host)
    if read.what is What.SERVICE:
        return partial(ports.probe.ready, site.traffic.host)
    if read.what is What.WEIGHTS:
        return ports.traffic.weights
    member = site.member(read.member)
    calls: dict[What, Callable[[], Any]] = {
        What.COMPUTE: partial(ports.compute.observe, member),
        What.DATABASE: partial(ports.database.observe, member),
        What.LAG: partial(ports.database.lag, member),
        What.FILES: partial(ports.files.observe, member),
        What.TARGETS: partial(ports.traffic.targets, member),
        What.SWITCH: partial(ports.traffic.declared, member),
        What.ADDRESSES: partial(ports.probe.resolve, member.balancer),
        What.ENDPOINT: partial(ports.probe.ready, member.balancer),
    }
    return calls[read.what]


@dataclass(slots=True)
class Board:
    """The latest reading of every question, and the reads that are out."""

    site: Site
    ports: Ports
    deadline: timedelta = DEADLINE
    readings: dict[Read, Reading[Any]] = field(default_factory=dict)
    _out: dict[Read, tuple[datetime, Job[Any]]] = field(default_factory=dict)
    _asked: dict[Read, datetime] = field(default_factory=dict)

    def ask(self, reads: Iterable[Read], *, every: timedelta) -> None:
        """Send out the reads that are not out already and were not asked within `every`."""
        now = self.ports.clock.now()
        for read in reads:
            last = self._asked.get(read)
            if read in self._out or (last is not None and now - last < every):
                continue
            self._asked[read] = now
            self._out[read] = (now, self.ports.workers.submit(question(self.site, self.ports, read)))

    def collect(self) -> None:
        """Take in the answers that came, and give up on those whose deadline passed."""
        now = self.ports.clock.now()
        for read, (asked, job) in list(self._out.items()):
            if job.done:
                del self._out[read]
                self.readings[read] = _reading(asked, job)
            elif now - asked >= self.deadline:
                self.readings[read] = Unknown(why=f"no answer within {self.deadline.total_seconds():.0f} s")

    def waiting(self, reads: Iterable[Read]) -> bool:
        """Whether any of `reads` is out and within its deadline."""
        now = self.ports.clock.now()
        return any(read in self._out and now - self._out[read][0] < self.deadline for read in reads)

    def view(self) -> View:
        """Everything seen so far, as of now."""
        return View(at=self.ports.clock.now(), readings=dict(self.readings))


def _reading(asked: datetime, job: Job[Any]) -> Reading[Any]:
    try:
        return Known(value=job.result(), at=asked)
    except CallError as error:
        return Unknown(why=str(error))
    except Exception as error:  # an answer of a shape nobody foresaw must cost one reading, not the run
        log.exception("error=%s", type(error).__name__)
        return Unknown(why=f"{type(error).__name__}: {error}")


def observe(site: Site, ports: Ports, *, deadline: timedelta = DEADLINE) -> View:
    """One look at everything. Returns when every read has come back or is past its deadline."""
    board = Board(site=site, ports=ports, deadline=deadline)
    reads = all_reads(site)
    board.ask(reads, every=timedelta(0))
    while board.waiting(reads):
        ports.workers.wait(timedelta(seconds=1))
        board.collect()
    board.collect()
    return board.view()
