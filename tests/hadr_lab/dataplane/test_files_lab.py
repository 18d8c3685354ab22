"""File systems and their replication between two Regions, with the real replicator over a network that can be cut."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.hadr_lab.dataplane.stores_world import REGIONS, World, cpu, inside, running, until

from hadr_lab.aws.views import FileReplication, FileSystem
from hadr_lab.dataplane.files.realizer import Files

pytestmark = pytest.mark.lab

ONE, TWO = "fs-one", "fs-two"


def a_file_system(name: str, region: str) -> FileSystem:
    """A file system without mount targets."""
    return FileSystem(region=region, file_system_id=name, mount_targets={}, overwrite_protection="ENABLED")


def a_replication() -> FileReplication:
    """From one to two."""
    return FileReplication(
        source_region="us-east-1", source_id=ONE, destination_region="us-east-2", destination_id=TWO, status="ENABLED"
    )


def files(world: World, interval: timedelta = timedelta(seconds=0.2)) -> Files:
    """The realizer under test, with two file systems and a replication."""
    world.state.file_views = [a_file_system(ONE, "us-east-1"), a_file_system(TWO, "us-east-2")]
    world.state.replications = [a_replication()]
    return Files(
        state=world.state,
        processes=world.processes,
        waits=world.waits,
        network=world,
        state_dir=world.state_dir,
        region_address=lambda region, host: f"{REGIONS[region]}.{host}",
        interval=interval,
    )


def names(realizer: Files, file_system: str) -> set[str]:
    """The files in a file system."""
    return {path.name for path in realizer.folder(file_system).iterdir()}


async def files_arrive_and_the_time_is_told(world: World) -> None:
    """What is written is visible on the other side within the interval, and the reported time never runs ahead of the content."""
    realizer = files(world, timedelta(seconds=1))
    async with running(realizer.run()):
        await until(lambda: ONE in world.state.synced)
        latencies = []
        for number in range(10):
            await asyncio.sleep(0.13)
            written = datetime.now(UTC)
            start = time.monotonic()
            (realizer.folder(ONE) / f"{number}.png").write_bytes(b"x" * 20_000)
            while f"{number}.png" not in names(realizer, TWO):
                assert world.state.synced[ONE] < written, "said to be in step before the file was there"
                assert time.monotonic() - start < 5
                await asyncio.sleep(0.005)
            latencies.append(time.monotonic() - start)
        print(f"visible after {statistics.median(latencies):.2f} s median, {max(latencies):.2f} s at most, looking every 1 s")
        (realizer.folder(ONE) / "0.png").unlink()
        await until(lambda: "0.png" not in names(realizer, TWO))
        for number in range(2000):
            (realizer.folder(ONE) / f"many{number}").write_bytes(b"x" * 20_000)
        took = await until(lambda: len(names(realizer, TWO)) == 2009)
        print(f"2000 files of 20 kB arrived within {took:.2f} s")
        pid = next(p.pid for p in world.processes.running if p.name.endswith("sender"))
        before = cpu(pid)
        await asyncio.sleep(3)
        print(f"{(cpu(pid) - before) / 3:.3f} of a core to look at 2009 files every second")


async def a_cut_link_stops_replication_until_it_heals(world: World) -> None:
    """Nothing arrives across a partition, the reported time stands still, and all of it arrives afterwards."""
    realizer = files(world)
    async with running(realizer.run()):
        await until(lambda: ONE in world.state.synced)
        world.cut("us-east-1")
        await asyncio.sleep(0.5)
        stood = world.state.synced[ONE]
        (realizer.folder(ONE) / "during").touch()
        await asyncio.sleep(1.5)
        assert names(realizer, TWO) == set()
        assert world.state.synced[ONE] == stood
        world.heal()
        took = await until(lambda: names(realizer, TWO) == {"during"}, timeout=30)
        print(f"in step {took:.2f} s after the link healed")
        await realizer.stall(ONE, True)
        (realizer.folder(ONE) / "stalled").touch()
        await asyncio.sleep(1)
        assert names(realizer, TWO) == {"during"}
        await realizer.stall(ONE, False)
        await until(lambda: names(realizer, TWO) == {"during", "stalled"})


async def a_lost_source_is_broken_off(world: World) -> None:
    """After the loss of the source the replication can be deleted; the destination is writable then, not before."""
    realizer = files(world)
    modes: list[tuple[str, bool]] = []
    realizer.on_mode = lambda name, read_only: modes.append((name, read_only))
    async with running(realizer.run()):
        await until(lambda: ONE in world.state.synced)
        (realizer.folder(ONE) / "before").touch()
        await until(lambda: names(realizer, TWO) == {"before"})
        world.cut("us-east-1")
        world.lose("us-east-1")
        (realizer.folder(ONE) / "lost").touch()
        assert realizer.read_only(TWO)
        assert not realizer.read_only(ONE)
        assert modes == [(TWO, True)]
        world.state.replications = [replace(a_replication(), status="DELETING")]
        took = await until(lambda: ("replication_deleted", ONE) in world.state.told)
        print(f"broken off after {took:.2f} s, of which {180 / world.waits.speed:.2f} s were simulated")
        assert modes == [(TWO, True), (TWO, False)]
        assert not realizer.read_only(TWO)
        assert names(realizer, TWO) == {"before"}
        assert not [p.name for p in world.processes.running if p.running]
        world.heal()
        world.gone.clear()
        back = replace(
            a_replication(), source_region="us-east-2", source_id=TWO, destination_region="us-east-1", destination_id=ONE
        )
        world.state.replications = [back]
        await until(lambda: names(realizer, ONE) == {"before"}, what="the other way round, what was lost is overwritten")
        assert modes[-1] == (ONE, True)


async def a_killed_side_is_started_again(world: World) -> None:
    """Each side comes back after kill -9 and goes on from what is there."""
    realizer = files(world)
    async with running(realizer.run()):
        await until(lambda: ONE in world.state.synced)
        for side in ("sender", "receiver"):
            next(p for p in world.processes.running if p.name.endswith(side) and p.running).kill()
            (realizer.folder(ONE) / side).touch()
            took = await until(lambda side=side: side in names(realizer, TWO))  # type: ignore[misc]
            print(f"{side} back and in step after {took:.2f} s")
        world.state.file_views = world.state.file_views[:1]
        world.state.replications = []
        await until(lambda: not realizer.folder(TWO).exists(), what="a deleted file system's files are gone")


@pytest.mark.parametrize(
    "scenario",
    [
        files_arrive_and_the_time_is_told,
        a_cut_link_stops_replication_until_it_heals,
        a_lost_source_is_broken_off,
        a_killed_side_is_started_again,
    ],
)
def test_files(scenario: object) -> None:
    """Each scenario's own sentence says what must hold."""
    assert callable(scenario)
    inside(scenario)
