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

from hadr.core.errors import CallError, Gone
from hadr.core.roles import all_reads
from hadr.core.site import CONTROL_PLANE_REGION, Site
from hadr.core.view import Known, Read, Reading, Unknown, View, What
from hadr.ports import Job, Ports

log = logging.getLogger("hadr.engine")

DEADLINE = timedelta(seconds=8)
SILENCE, QUIET = timedelta(seconds=3), timedelta(seconds=2)
"""A Region that answered nothing after SILENCE, when nothing at all came back for QUIET, is not waited for any longer."""

CLIENTS_EYE = frozenset({What.ENDPOINT, What.ADDRESSES, What.ANSWER, What.SERVICE})


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
        What.PROTECTION: partial(ports.files.protection, member),
        What.TARGETS: partial(ports.traffic.targets, member),
        What.SWITCH: partial(ports.traffic.declared, member),
        What.SWITCH_TRIAL: partial(ports.traffic.try_switch, member),
        What.CHECKS: partial(ports.traffic.check, member),
        What.PLACED: partial(ports.compute.placed, member),
        What.INSTANCES: partial(ports.database.instances, member),
        What.MOUNTS: partial(ports.files.mounts, member),
        What.BALANCER: partial(ports.traffic.balancer, member),
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

    def give_up(self, reads: Iterable[Read]) -> None:
        """Call `reads` unanswered, although their deadline is not over."""
        now = self.ports.clock.now()
        for read in reads:
            asked, _ = self._out[read]
            self.readings[read] = Unknown(why=f"no answer within {(now - asked).total_seconds():.0f} s")

    def view(self) -> View:
        """Everything seen so far, as of now."""
        return View(at=self.ports.clock.now(), readings=dict(self.readings))


def _reading(asked: datetime, job: Job[Any]) -> Reading[Any]:
    try:
        return Known(value=job.result(), at=asked)
    except CallError as error:
        return Unknown(why=str(error), absent=isinstance(error, Gone))
    except Exception as error:  # an answer of a shape nobody foresaw must cost one reading, not the run
        log.exception("error=%s", type(error).__name__)
        return Unknown(why=f"{type(error).__name__}: {error}")


def observe(site: Site, ports: Ports, *, deadline: timedelta = DEADLINE, reads: tuple[Read, ...] = ()) -> View:
    """One look at everything, or at what `reads` asks.

    Returns when every read has come back, is past its deadline, or is about a silent Region.
    """
    board = Board(site=site, ports=ports, deadline=deadline)
    reads = reads or all_reads(site)
    began = latest = ports.clock.now()
    board.ask(reads, every=timedelta(0))
    while waiting := [read for read in reads if board.waiting([read])]:
        now = ports.clock.now()
        if min(now - began - SILENCE, now - latest - QUIET) >= timedelta(0) and _silent(site, board, waiting):
            board.give_up(waiting)
            break
        known = len(board.readings)
        ports.workers.wait(timedelta(seconds=0.25))
        board.collect()
        latest = ports.clock.now() if len(board.readings) > known else latest
    board.collect()
    return board.view()


def _silent(site: Site, board: Board, waiting: Iterable[Read]) -> bool:
    """Whether all that is waited for are control planes of Regions that answered nothing, while another Region does answer."""
    answered = {_region(site, read) for read, reading in board.readings.items() if isinstance(reading, Known)} - {""}
    return bool(answered) and all(_region(site, read) not in {"", *answered} for read in waiting)


def _region(site: Site, read: Read) -> str:
    """The Region whose control planes answer a read; none for what a client would ask, which is always waited for."""
    if read.what in (What.WEIGHTS, What.CHECKS):
        return CONTROL_PLANE_REGION
    if read.what in CLIENTS_EYE:
        return ""
    return site.member(read.member).region
