"""Which part of a lab each fault acts on, and that its heal meets the same."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hadr_lab.dataplane.network.layout import layout
from hadr_lab.errors import UsageError
from hadr_lab.eye import Eye
from hadr_lab.faults.carrier import Faults
from hadr_lab.faults.zone import Zones
from hadr_lab.lab import Lab
from hadr_lab.scenario import (
    Fault,
    HarmZone,
    LoseBalancerNode,
    LoseMountTarget,
    LoseRegion,
    LoseWriter,
    OverloadMember,
    ReadOnlyDatabase,
    RefuseCapacity,
    StallReplication,
    WriterHarm,
    ZoneHarm,
)
from hadr_lab.site import MadeMember

ZONE = "us-east-1a"
MEMBERS = {
    name: MadeMember(
        name=name,
        region="us-east-1",
        cluster=name,
        database=name,
        file_system=f"fs-{name}",
        balancer=f"{name}.elb.test",
        facts={"TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/peccy/1"},
    )
    for name in ("one", "two")
}
ONE, TWO = (MEMBERS[name].database_arn for name in ("one", "two"))


@dataclass
class Part:
    """Remembers every call, whatever it is called; `answers` are what some return."""

    name: str
    calls: list[str]
    answers: dict[str, Any] = field(default_factory=dict)
    later: frozenset[str] = frozenset()

    def __getattr__(self, method: str) -> Any:
        def called(*words: Any, **more: Any) -> Any:
            told = ", ".join([*map(str, words), *(f"{key}={value}" for key, value in more.items())])
            self.calls.append(f"{self.name}.{method}({told})")
            return self._soon(method) if method in self.later else self.answers.get(method)

        return called

    async def _soon(self, method: str) -> Any:
        return self.answers.get(method)


def a_lab(calls: list[str], *, writer: str = ZONE) -> Lab:
    """A lab of two zones whose parts only remember."""
    network = Part("network", calls, later=frozenset({"lose", "restore", "cut", "heal", "impair"}))
    vars(network)["layout"] = layout({"us-east-1": (ZONE, "us-east-1b")})
    found = SimpleNamespace(
        network=network,
        nodes=Part("nodes", calls),
        databases=Part(
            "databases",
            calls,
            answers={"zone_of": writer, "signal": 2**22 + 1},  # a process id that nobody has
            later=frozenset({"hold_read_only", "stall"}),
        ),
        files=Part("files", calls, later=frozenset({"stall"})),
        balancers=Part("balancers", calls),
        state=SimpleNamespace(capacity=Part("capacity", calls)),
        processes=Part("processes", calls, answers={"within": ()}),
    )
    return cast("Lab", found)


async def nobody(_member: str) -> tuple[str, ...]:
    """No pod at all."""
    return ()


def carried_out(fault: Fault) -> tuple[list[str], list[str]]:
    """What a fault does to the parts, and what its heal does."""
    calls: list[str] = []
    faults = Faults(lab=a_lab(calls), members=MEMBERS, eye=cast("Eye", SimpleNamespace(namespaces=nobody)))

    async def both() -> list[str]:
        await faults.inject(fault)
        done = calls.copy()
        calls.clear()
        await faults.heal(fault)
        return done

    return asyncio.run(both()), calls


@pytest.mark.parametrize(
    ("fault", "done", "healed"),
    [
        (
            LoseRegion(region="us-east-1"),
            ["network.lose(us-east-1)", "processes.within(region=us-east-1)"],
            ["network.restore(us-east-1)"],
        ),
        (
            StallReplication(database=False, files=True),
            ["files.stall(fs-one, True)"],
            ["files.stall(fs-one, False)"],
        ),
        (
            HarmZone(zone=ZONE, how=ZoneHarm.BLACKHOLED),
            [f"network.halt({ZONE})", f"network.cut({ZONE})"],
            [f"network.heal({ZONE})", f"network.resume({ZONE})"],
        ),
        (HarmZone(zone=ZONE, how=ZoneHarm.LOSSY, loss=0.5), [f"network.impair({ZONE}, loss=0.5)"], [f"network.impair({ZONE})"]),
        (ReadOnlyDatabase(member="two"), [f"databases.hold_read_only({TWO}, True)"], [f"databases.hold_read_only({TWO}, False)"]),
        (LoseWriter(how=WriterHarm.KILLED), [f"databases.signal({ONE}, {signal.SIGKILL})"], []),
        (LoseBalancerNode(zone=ZONE), [f"balancers.take_down({ZONE})"], [f"balancers.bring_up({ZONE})"]),
        (LoseMountTarget(zone=ZONE), [f"nodes.lose_files({ZONE})"], [f"nodes.restore_files({ZONE})"]),
        (RefuseCapacity(zone=ZONE), [f"capacity.refuse(us-east-1, {ZONE}, *)"], [f"capacity.allow(us-east-1, {ZONE}, *)"]),
        (OverloadMember(member="one"), [], []),
    ],
)
def test_a_fault_acts_on_its_part_and_its_heal_on_the_same(fault: Fault, done: list[str], healed: list[str]) -> None:
    """Nothing else is touched."""
    assert carried_out(fault) == (done, healed)


def test_the_writers_zone_is_healed_even_when_the_writer_has_left_it() -> None:
    """What was struck is remembered, not looked up again."""
    calls: list[str] = []
    lab = a_lab(calls)
    faults = Faults(lab=lab, members=MEMBERS, eye=cast("Eye", SimpleNamespace(namespaces=nobody)))
    fault = HarmZone(zone="writer", how=ZoneHarm.SLOW)

    async def both() -> None:
        await faults.inject(fault)
        cast("Part", lab.databases).answers["zone_of"] = "us-east-1b"
        await faults.heal(fault)

    asyncio.run(both())
    assert calls[-1] == f"network.impair({ZONE})"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (HarmZone(zone="mars-1a"), "mars-1a is no zone of this lab; there are us-east-1a, us-east-1b"),
        (HarmZone(zone="us-east-1"), "us-east-1 is no zone"),
        (LoseBalancerNode(zone="edge"), "edge is no zone"),
        (ReadOnlyDatabase(member="three"), "no member three"),
        (OverloadMember(member="three"), "no member three"),
    ],
)
def test_a_place_that_is_not_there_is_a_usage_error(fault: Fault, says: str) -> None:
    """And nothing is harmed."""
    calls: list[str] = []
    faults = Faults(lab=a_lab(calls), members=MEMBERS, eye=cast("Eye", SimpleNamespace(namespaces=nobody)))
    with pytest.raises(UsageError, match=says):
        asyncio.run(faults.inject(fault))
    assert calls == []


def test_ec2_has_nothing_to_give_in_a_lost_zone() -> None:
    """Karpenter would wait for machines that never boot; after the heal the zone has capacity again."""
    done, healed = carried_out(HarmZone(zone=ZONE, how=ZoneHarm.SLOW))
    assert not any("capacity" in call for call in done + healed)
    calls: list[str] = []
    faults = Faults(lab=a_lab(calls), members=MEMBERS, eye=cast("Eye", SimpleNamespace(namespaces=nobody)))
    fault = HarmZone(zone=ZONE, how=ZoneHarm.LOST)
    faults.zones = cast("Zones", Part("zones", calls, later=frozenset({"harm", "heal"})))

    async def both() -> None:
        await faults.inject(fault)
        await faults.heal(fault)

    asyncio.run(both())
    assert [call for call in calls if "capacity" in call] == [
        f"capacity.refuse(us-east-1, {ZONE})",
        f"capacity.allow(us-east-1, {ZONE})",
    ]
