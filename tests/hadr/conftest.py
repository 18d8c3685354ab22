"""What the tests of hadr share: a failover carried out in memory, and its record."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import pytest

from hadr.adapters.memory import MemoryRuns, World
from hadr.core.guards import Guard
from hadr.core.journal import RunRecord, run_record, verify
from hadr.core.plan import Plan, plan_failover
from hadr.engine import Run, observe


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that ended, its plan and its record."""

    plan: Plan
    record: RunRecord


class FailOver(Protocol):
    """Plans and carries out a failover of `world`; errors of the run are let through."""

    def __call__(self, world: World, target: str = "two", allowed: Collection[Guard] = ()) -> Finished: ...


@pytest.fixture
def fail_over() -> FailOver:
    def carry_out(world: World, target: str = "two", allowed: Collection[Guard] = ()) -> Finished:
        ports, runs = world.ports(), MemoryRuns()
        plan = plan_failover(world.site, observe(world.site, ports), target)
        journal = runs.begin("test", {}, world.clock.now())
        Run(site=world.site, ports=ports, plan=plan, journal=journal, allowed=allowed).carry_out()
        return Finished(plan=plan, record=run_record(verify(runs.journal(journal.run)).entries))

    return carry_out
