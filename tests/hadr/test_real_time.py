"""The same engine with real threads and real time, over a quick world: what the virtual clock cannot show."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

from hadr.adapters.clock import SystemClock, ThreadWorkers
from hadr.adapters.journal import FolderRuns
from hadr.adapters.memory import Delays, VirtualClock, World, example_site
from hadr.core.journal import run_record, verify
from hadr.core.plan import plan_failover
from hadr.engine import Run, observe


class RealTime(VirtualClock):
    """Time that passes by itself; calls cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._system = SystemClock()

    def now(self) -> datetime:
        return self._system.now()

    def spend(self, time: timedelta) -> None:
        """Nothing to do: real time passes."""


def test_a_failover_in_threads_is_done_and_journalled_on_disk(tmp_path: Path) -> None:
    """Steps run in threads, the journal on disk verifies, and the goal is there within seconds."""
    delays = Delays(**{field.name: timedelta(milliseconds=50) for field in fields(Delays)})
    world = World(site=example_site(), active="one", delays=delays, clock=RealTime())
    world.lose("one")
    ports = replace(world.ports(), workers=ThreadWorkers())
    plan = plan_failover(world.site, observe(world.site, ports), "two")
    runs = FolderRuns(tmp_path)
    journal = runs.begin("real-time", {}, ports.clock.now())
    Run(site=world.site, ports=ports, plan=plan, journal=journal).carry_out()
    record = run_record(verify(runs.journal(journal.run)).entries)
    assert record.status == "done"
    assert record.act <= record.critical_path.length * 1.25
    assert world.answered_by().name == "two"
