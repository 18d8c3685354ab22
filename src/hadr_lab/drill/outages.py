"""One site, one zone, every kind of harm in turn: the table of what clients feel of each. The kind decides more than the place.

Each kind is a drill of its own with its own steady state, books and report; between two of them everything is healed and waited
for until it is as before. A kind that clients do not get over while it lasts is told as that, never as a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec

from hadr_lab.drill.ports import Clock, Lab, WallClock
from hadr_lab.drill.runner import Drill
from hadr_lab.drill.sight import Sight, ready, spread
from hadr_lab.errors import ScenarioFailed
from hadr_lab.result import Result, seconds
from hadr_lab.scenario import (
    Act,
    Actor,
    Expect,
    Fault,
    HarmZone,
    Limits,
    LoadShape,
    Losses,
    ReadOnlyDatabase,
    Scenario,
    ZoneHarm,
)

OUTAGES = "outages"
"""In place of a scenario's name."""
FILE = "outages.json"
HOLD, PATIENCE = timedelta(seconds=15), timedelta(seconds=10)
"""Shorter together than the 50 s after which Kubernetes gives a silent node up: the balancer and Aurora are what is measured."""
SETTLE = timedelta(seconds=240)
LATE = timedelta(seconds=1)
WHY = {
    "read-only database": "Reads go on; every write is refused with its reason until the database takes writes again.",
    "slow": "Every answer from the zone is late and every health check passes: nothing takes the zone out.",
    "lossy": "TCP sends again what was lost, so most requests are late and few fail; health checks hardly see it.",
    "killed": "Addresses refuse at once, so whoever asks can try another at once.",
    "frozen": "The kernel still takes connections and nobody answers: clients wait out their patience until checks have failed.",
    "blackholed": "Nothing refuses: clients and proxies wait for answers that cannot come until checks have failed.",
    "lost": "As blackholed, and nothing in the zone survives it: the writer is started anew in another zone.",
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of harm as clients felt it. `outage_s` is null when they did not get over it while it lasted."""

    kind: str
    zone: str
    outage_s: float | None
    recovered: bool
    held_s: float
    requests: int
    failed: int
    latency_p99_before_s: float | None
    latency_p99_s: float | None
    targets_gone_s: float | None
    acked_writes: int
    lost_writes: int
    verdict: str
    as_expected: bool
    why: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Every kind, in the order in which they were done."""

    architecture: str
    speed: float
    seed: int
    rows: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        """0 when every drill's books balance; 2 when nobody can tell of one; else 1."""
        verdicts = {row.verdict for row in self.rows}
        return 1 if "invalid" in verdicts else 2 if verdicts != {"valid"} else 0


def kinds(zone: str) -> tuple[tuple[str, Fault], ...]:
    """The kinds by name, the gentle ones first."""
    order = (ZoneHarm.SLOW, ZoneHarm.LOSSY, ZoneHarm.KILLED, ZoneHarm.FROZEN, ZoneHarm.BLACKHOLED, ZoneHarm.LOST)
    return (("read-only database", ReadOnlyDatabase()), *((how.value, HarmZone(zone=zone, how=how)) for how in order))


def scenario_of(architecture: str, name: str, fault: Fault) -> Scenario:
    """The drill of one kind: nobody acts, the harm is held, then the clients' recovery is looked for while it still lasts."""
    return Scenario(
        name=f"{OUTAGES}-{name.replace(' ', '-')}",
        architecture=architecture,
        description=WHY[name],
        faults=(fault,),
        act=Act(by=Actor.NOBODY),
        load=LoadShape(scheduling_lag=LATE),
        expect=Expect(lost_writes=Losses.NONE),
        limits=Limits(hold=HOLD, recovery=PATIENCE),
    )


def row_of(name: str, scenario: Scenario, result: Result) -> Row:
    """A drill's result as a row."""
    return Row(
        kind=name,
        zone=", ".join(result.platform.harmed),
        outage_s=result.client_outage_s,
        recovered=result.clients_recovered,
        held_s=scenario.limits.hold.total_seconds(),
        requests=result.requests,
        failed=result.failed_requests,
        latency_p99_before_s=result.latency_before.get("p99"),
        latency_p99_s=result.latency_after.get("p99"),
        targets_gone_s=result.platform.targets_gone_s,
        acked_writes=result.acked_writes,
        lost_writes=len(result.lost_writes),
        verdict=result.verdict,
        as_expected=result.as_expected,
        why=scenario.description,
    )


def as_text(table: Table) -> str:
    """The table as Markdown, as it stands in the README."""
    lines = [
        "| kind of harm | client outage | requests failed | p99 of good answers | targets let go after | acked writes lost |",
        "|---|---|---|---|---|---|",
    ]
    for row in table.rows:
        outage = seconds(row.outage_s) if row.recovered else "as long as it lasts"
        latency = f"{seconds(row.latency_p99_before_s)} -> {seconds(row.latency_p99_s)}"
        gone = "never" if row.targets_gone_s is None else seconds(row.targets_gone_s)
        lost = f"{row.lost_writes} of {row.acked_writes:,}"
        lines.append(f"| {row.kind} | {outage} | {row.failed:,} of {row.requests:,} | {latency} | {gone} | {lost} |")
    return "\n".join([*lines, "", *(f"- **{row.kind}**: {row.why}" for row in table.rows)]) + "\n"


def struck(sight: Sight, writer: str, member: str) -> str:
    """The zone to harm: the writer's if the member's workload is there too, else the first that has some. Raises ScenarioFailed."""
    zones = sorted({zone for name, found in spread(sight).items() if name.startswith(f"{member}/") for zone in found})
    if not zones:
        raise ScenarioFailed(f"member {member} has no ready pod in any zone, so there is no zone to harm")
    return writer if writer in zones else zones[0]


@dataclass(slots=True, kw_only=True)
class Outages:
    """All kinds, or the `scenarios` that are named, on one running site; everything is left below `run`.

    `writer` says in which zone the database's writer is now.
    """

    lab: Lab
    writer: Callable[[], str]
    architecture: str
    run: Path
    seed: int
    speed: float
    told: Callable[[str], None]
    scenarios: tuple[Scenario, ...] = ()
    clock: Clock = field(default_factory=WallClock)

    async def carry_out(self) -> Table:
        """Each of them; the table so far is on disk after each."""
        first = await self._whole()
        rows: list[Row] = []
        for name in [script.name for script in self.scenarios] or [name for name, _ in kinds("")]:
            scenario = await self._scenario(name)
            self.told(f"next: {name}")
            rows.append(row_of(name, scenario, await self._one(scenario)))
            await self._settle(first)
            table = Table(architecture=self.architecture, speed=self.speed, seed=self.seed, rows=tuple(rows))
            (self.run / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n")
        return table

    async def _scenario(self, name: str) -> Scenario:
        """The drill that is next; a kind strikes the zone that is the right one at this moment."""
        for script in self.scenarios:
            if script.name == name:
                return script
        zone = struck(await self.lab.look(), self.writer(), "one")
        return scenario_of(self.architecture, name, dict(kinds(zone))[name])

    async def _one(self, scenario: Scenario) -> Result:
        folder = self.run / "kinds" / scenario.name
        folder.mkdir(parents=True)
        drill = Drill(
            lab=self.lab, scenario=scenario, run=folder, seed=self.seed, speed=self.speed, clock=self.clock, told=self.told
        )
        try:
            return await drill.carry_out()
        finally:
            for fault in scenario.faults:
                await self.lab.heal(fault)

    async def _whole(self) -> Sight:
        """A look at the site with its workload ready."""
        while not ready(sight := await self.lab.look()):
            await self.clock.sleep(1.0)
        return sight

    async def _settle(self, first: Sight) -> None:
        """Until the workload has as many ready pods as at first. Raises ScenarioFailed when it does not get there."""
        deadline = self.clock.now() + SETTLE.total_seconds()
        while missing := ready(first) - ready(await self.lab.look()):
            if self.clock.now() > deadline:
                raise ScenarioFailed(
                    f"the site was not whole again {SETTLE.total_seconds():g} s after a heal: {dict(missing)} missing"
                )
            await self.clock.sleep(1.0)
