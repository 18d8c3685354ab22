"""Faults from another shell: the words of the command line, and one order and one answer over the lab's socket."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hadr_lab.control import Control, Order, ask, fault_of, told
from hadr_lab.errors import LabError, ScenarioFailed, UsageError
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
from hadr_lab.session import Session

HERE = Session(
    pid=os.getpid(),
    architecture="dr-multi-region",
    speed=20.0,
    aws_endpoint="",
    web_endpoint="",
    host="",
    site_file="",
    kubeconfig="",
)


@dataclass
class Site:
    """Remembers what was done to it; losing us-east-2 goes wrong."""

    done: list[str] = field(default_factory=list)

    async def inject(self, fault: Fault) -> None:
        """Harm."""
        if isinstance(fault, LoseRegion) and fault.region == "us-east-2":
            raise ScenarioFailed("the router refused")
        self.done.append(f"inject {fault.__struct_config__.tag}")

    async def heal(self, fault: Fault) -> None:
        """Take it back."""
        self.done.append(f"heal {fault.__struct_config__.tag}")


def asked(folder: Path, *orders: Order) -> tuple[list[str], list[LabError | None]]:
    """What a site went through when these orders were given one after the other, and how each ended for who gave it."""
    site, ends = Site(), list[LabError | None]()

    async def serve() -> None:
        server = await Control(site=site, regions=("us-east-1", "us-east-2")).serve(folder / "control.sock")
        for order in orders:
            try:
                await asyncio.to_thread(ask, HERE, order, folder / "control.sock")
                ends.append(None)
            except LabError as error:
                ends.append(error)
        server.close()
        await server.wait_closed()

    asyncio.run(serve())
    return site.done, ends


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("lose-region", "us-east-1"), LoseRegion(region="us-east-1")),
        (("stall-replication", ""), StallReplication(database=True, files=True)),
        (("stall-replication", "files"), StallReplication(database=False, files=True)),
        (("stall-replication", "database"), StallReplication(database=True, files=False)),
        (("harm-zone", "us-east-1a"), HarmZone(zone="us-east-1a", how=ZoneHarm.LOST)),
        (("harm-zone", "writer", "frozen"), HarmZone(zone="writer", how=ZoneHarm.FROZEN)),
        (("lose-writer", "", "frozen"), LoseWriter(member="one", how=WriterHarm.FROZEN)),
        (("read-only-database", "two"), ReadOnlyDatabase(member="two")),
        (("lose-balancer-node", "us-east-1b"), LoseBalancerNode(zone="us-east-1b")),
        (("lose-mount-target", "us-east-1b"), LoseMountTarget(zone="us-east-1b")),
        (("refuse-capacity", "us-east-1b"), RefuseCapacity(zone="us-east-1b")),
        (("overload-member", "two"), OverloadMember(member="two")),
    ],
)
def test_words_name_a_fault(words: tuple[str, ...], fault: Fault) -> None:
    """The command line's words become the same faults that scenarios have."""
    assert fault_of(*words) == fault


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lose-region", ""), "which Region"),
        (("harm-zone", ""), "which Zone"),
        (("harm-zone", "us-east-1a", "gone"), "Invalid enum value 'gone'"),
        (("lose-region", "us-east-1", "killed"), "in one way only"),
        (("stall-replication", "mail"), "stall-replication of mail"),
        (("flood", ""), "no fault is called flood; there are lose-region"),
    ],
)
def test_other_words_are_a_usage_error(words: tuple[str, ...], says: str) -> None:
    """Who names no fault learns which there are."""
    with pytest.raises(UsageError, match=says):
        fault_of(*words)


def test_orders_are_carried_out_and_failures_told(tmp_path: Path) -> None:
    """Each order ends when it is done; what the site could not do and what was asked wrongly are told apart."""
    lose = LoseRegion(region="us-east-1")
    orders = [Order(fault=lose), Order(fault=LoseRegion(region="us-east-2")), Order(fault=LoseRegion(region="mars"))]
    done, (first, second, third, fourth) = asked(tmp_path, *orders, Order(fault=lose, heal=True))
    assert done == ["inject lose-region", "heal lose-region"]
    assert (first, fourth) == (None, None)
    assert (type(second), str(second)) == (ScenarioFailed, "the router refused")
    assert isinstance(third, UsageError)
    assert "mars is not part of this lab" in str(third)


def test_a_lab_without_the_socket_takes_no_faults(tmp_path: Path) -> None:
    """A drill, or a lab whose site is not up yet, says so."""
    with pytest.raises(UsageError, match="takes no faults"):
        ask(HERE, Order(fault=LoseRegion(region="us-east-1")), tmp_path / "control.sock")


def test_an_order_is_told_in_words() -> None:
    """Who harmed a site sees what was done."""
    assert told(Order(fault=LoseRegion(region="us-east-1"))) == "lose-region us-east-1: done"
    assert told(Order(fault=StallReplication(files=True), heal=True)) == "stall-replication database and files: healed"
