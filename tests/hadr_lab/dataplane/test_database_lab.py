"""Aurora clusters as real MariaDB servers in a small lab of two Regions."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.hadr_lab.dataplane.stores_world import World, inside, running, until

from hadr_lab.aws.views import DatabaseCluster, DatabaseInstance, GlobalSwitch, WriterFailover
from hadr_lab.dataplane.database.admin import Admin
from hadr_lab.dataplane.database.realizer import Databases
from hadr_lab.waits import Wait, Waits

pytestmark = pytest.mark.lab

ONE, TWO = "arn:aws:rds:us-east-1:1:cluster:peccy-one", "arn:aws:rds:us-east-2:1:cluster:peccy-two"
GLOBAL = "peccy"

CLIENT = """
import sys, time, pymysql
address, seconds = sys.argv[1], float(sys.argv[2])
statement = sys.argv[3]
def connect(): return pymysql.connect(host=address, user="peccy", password="it's", database="peccy", autocommit=True,
    connect_timeout=2, read_timeout=2)
if not seconds:
    try:
        with connect() as c, c.cursor() as cursor:
            cursor.execute(statement)
            print(cursor.fetchall() if cursor.description else "done")
    except pymysql.MySQLError as error:
        print("error", error.args[0])
    sys.exit()
end, number = time.monotonic() + seconds, int(statement)
while time.monotonic() < end:
    try:
        with connect() as c, c.cursor() as cursor:
            while time.monotonic() < end:
                number += 1
                cursor.execute("INSERT INTO t VALUES (%s)", (number,))
                print(number, flush=True)
                time.sleep(0.005)
    except pymysql.MySQLError:
        time.sleep(0.02)
"""


def a_cluster(member: str, *, writer: bool = False) -> DatabaseCluster:
    """Cluster `one` or `two` of the global database."""
    region, zone = {"one": ("us-east-1", "us-east-1a"), "two": ("us-east-2", "us-east-2a")}[member]
    return DatabaseCluster(
        region=region,
        zone=zone,
        identifier=f"peccy-{member}",
        arn={"one": ONE, "two": TWO}[member],
        status="creating",
        endpoint=f"peccy-{member}.cluster.test",
        reader_endpoint=f"peccy-{member}.cluster-ro.test",
        port=3306,
        subnet_ids=(f"subnet-{zone}",),
        username="peccy",
        password="it's",
        database="peccy",
        global_cluster=GLOBAL,
        is_writer=writer,
        replicates_from=None if writer else ONE,
        global_endpoint="peccy.global.test",
    )


def databases(world: World) -> Databases:
    """The realizer under test, with a global database in both Regions."""
    world.state.database_views = [a_cluster("one", writer=True), a_cluster("two")]
    return Databases(
        state=world.state,
        processes=world.processes,
        programs=world.programs,
        names=world.names,
        waits=world.waits,
        network=world,
        state_dir=world.state_dir,
    )


def address(world: World, member: str) -> str:
    """Where the cluster's endpoint leads."""
    return world.names.addresses[f"peccy-{member}.cluster.test"][0]


async def sql(world: World, member: str, statement: str, *, netns: str = "edge") -> str:
    """What the application gets for a statement over the network; `error <code>` for an error."""
    return (await world.run(netns, sys.executable, "-c", CLIENT, address(world, member), "0", statement)).strip()


async def load(world: World, member: str, *, seconds: float, start: int = 0) -> list[int]:
    """Write numbers for so long; those that were acknowledged."""
    output = await world.run("edge", sys.executable, "-c", CLIENT, address(world, member), str(seconds), str(start))
    return [int(line) for line in output.split()]


async def ready(world: World) -> None:
    """Both clusters serve, and there is a table."""
    await until(lambda: {("database_ready", ONE), ("database_ready", TWO)} <= set(world.state.told))
    assert await sql(world, "one", "CREATE TABLE t (n BIGINT PRIMARY KEY)") == "done"


async def numbers(realizer: Databases, arn: str) -> list[int]:
    """What a server holds, asked over its admin socket."""
    return [row["n"] for row in await Admin(socket=realizer.socket_of(arn)).rows("SELECT n FROM peccy.t ORDER BY n")]


def ask(world: World, to: str, *, loss: bool) -> None:
    """Ask for a role change."""
    source = TWO if to == ONE else ONE
    now = datetime.now(UTC)
    world.state.switches.append(GlobalSwitch(global_cluster=GLOBAL, from_arn=source, to_arn=to, allow_data_loss=loss, asked=now))


async def switched(world: World, to: str, *, loss: bool) -> float:
    """Ask for a role change and wait for its end; how long it took."""
    world.state.told.clear()
    ask(world, to, loss=loss)
    return await until(lambda: not world.state.switches)


async def a_writer_and_a_reader(world: World) -> None:
    """The writer serves, the reader follows and refuses writes, root is not reachable, and the lag is known."""
    realizer = databases(world)
    start = time.monotonic()
    async with running(realizer.run()):
        await until(lambda: {("database_ready", ONE), ("database_ready", TWO)} <= set(world.state.told))
        print(f"both ready after {time.monotonic() - start:.2f} s")
        assert await sql(world, "one", "CREATE TABLE t (n BIGINT PRIMARY KEY)") == "done"
        assert await sql(world, "one", "INSERT INTO t VALUES (1)") == "done"
        await asyncio.sleep(0.3)
        assert await sql(world, "two", "SELECT n FROM t") == "((1,),)"
        assert await sql(world, "two", "INSERT INTO t VALUES (2)") == "error 1290"
        assert await sql(world, "two", "SET GLOBAL read_only = 0") == "error 1227"
        assert world.names.addresses["peccy.global.test"] == world.names.addresses["peccy-one.cluster.test"]
        assert world.names.addresses["peccy-two.cluster-ro.test"] == (address(world, "two"),)
        rooted = CLIENT.replace('user="peccy", password="it\'s"', 'user="root"')
        assert "error 1" in await world.run("edge", sys.executable, "-c", rooted, address(world, "one"), "0", "SELECT 1")
        await until(lambda: world.state.lags.get(TWO) is not None)
        lags = []
        for _ in range(20):
            await asyncio.sleep(0.1)
            lags.append(world.state.lags[TWO])
        assert all(lag is not None and lag < timedelta(seconds=0.5) for lag in lags)
        print("lag", max(lag.total_seconds() for lag in lags if lag is not None), "s at most")
        await realizer.stall(TWO, True)
        await asyncio.sleep(2.2)
        lag = world.state.lags[TWO]
        assert lag is not None and timedelta(seconds=1.2) < lag < timedelta(seconds=2.5)  # noqa: PT018 one value, two sides
        assert await sql(world, "one", "INSERT INTO t VALUES (3)") == "done"
        await realizer.stall(TWO, False)
        await until(lambda: (world.state.lags[TWO] or timedelta(9)) < timedelta(seconds=0.5))
        assert await numbers(realizer, TWO) == [1, 3]


async def a_lost_region_is_failed_over_with_its_loss_known(world: World) -> None:
    """What was not replicated is lost, is exactly the difference, and is found again as errant when the old writer returns.

    It is then given the new writer's data by itself; what it had is kept beside.
    """
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        before = await load(world, "one", seconds=1)
        await until(lambda: (world.state.lags[TWO] or timedelta(9)) < timedelta(seconds=0.5))
        await realizer.stall(TWO, True)
        lost = await load(world, "one", seconds=1, start=10_000)
        world.cut("us-east-1a")
        world.lose("us-east-1")
        took = await switched(world, TWO, loss=True)
        print(f"failover after {took:.2f} s, of which {120 / world.waits.speed} s were simulated")
        assert ("switch_done", GLOBAL) in world.state.told
        assert await sql(world, "two", "INSERT INTO t VALUES (-1)") == "done"
        assert await numbers(realizer, TWO) == [-1, *before]
        await until(lambda: world.names.addresses["peccy.global.test"] == (address(world, "two"),))
        await asyncio.sleep(1)
        assert not any(p.running for p in world.processes.within(region="us-east-1")), "nothing starts in a lost place"
        world.heal()
        world.gone.clear()
        await until(lambda: realizer.errant(ONE))
        assert len(realizer.errant(ONE)) == len(lost)
        assert await sql(world, "one", "INSERT INTO t VALUES (-2)") == "error 1290"
        assert await numbers(realizer, ONE) == [*before, *lost]
        await until(lambda: world.state.lags.get(ONE) is not None and realizer.errant(ONE) == ())
        await until(lambda: (world.state.lags[ONE] or timedelta(9)) < timedelta(seconds=0.5))
        assert await numbers(realizer, ONE) == [-1, *before]
        assert (world.state_dir / "databases/us-east-1/peccy-one/data.1").is_dir()


async def a_silent_primary_does_not_hold_up_a_failover(world: World) -> None:
    """Eight seconds into a silent cut, while the reader tries to reconnect, the promotion takes well under a second."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        before = await load(world, "one", seconds=0.5)
        await asyncio.sleep(0.3)
        world.cut("us-east-1a")
        for delay in (0, 8):
            await asyncio.sleep(delay)
            start = time.monotonic()
            await realizer.stall(TWO, True)
            print(f"receiver stopped within {time.monotonic() - start:.3f} s, {delay} s after the cut")
            await realizer.stall(TWO, False)
        await asyncio.sleep(1)
        took = await switched(world, TWO, loss=True)
        simulated = 120 / world.waits.speed
        print(f"promotion {took - simulated:.2f} s beside the simulated wait")
        assert took - simulated < 1
        assert await numbers(realizer, TWO) == before


async def a_partition_leaves_two_writers_until_it_heals(world: World) -> None:
    """Across a partition the old writer cannot be told; afterwards it is made read-only and what it took alone is errant."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        world.cut("us-east-2a")
        await switched(world, TWO, loss=True)
        assert await sql(world, "one", "INSERT INTO t VALUES (1)") == "done"
        assert await sql(world, "two", "INSERT INTO t VALUES (2)", netns="us-east-2a") == "done"
        await asyncio.sleep(3)
        assert await sql(world, "one", "INSERT INTO t VALUES (3)") == "done"
        world.heal()
        took = await until(lambda: realizer.errant(ONE))
        print(f"old writer fenced {took:.2f} s after the partition healed")
        assert len(realizer.errant(ONE)) == 2
        assert await sql(world, "one", "INSERT INTO t VALUES (4)") == "error 1290"
        assert await numbers(realizer, TWO) == [2]


async def a_reachable_old_writer_is_fenced(world: World) -> None:
    """A failover with both sides up makes the old writer read-only, loses nothing acknowledged after that, and it follows."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        writing = asyncio.create_task(load(world, "one", seconds=3))
        await asyncio.sleep(1)
        await switched(world, TWO, loss=True)
        acknowledged = await writing
        await until(lambda: world.state.lags.get(ONE) is not None)
        assert await numbers(realizer, TWO) == acknowledged
        assert await sql(world, "one", "INSERT INTO t VALUES (-1)") == "error 1290"
        assert realizer.errant(ONE) == ()


async def a_switchover_loses_nothing(world: World) -> None:
    """Roles turn round under load and back again; every acknowledged write is on both sides."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        writing = asyncio.create_task(load(world, "one", seconds=2.5))
        await asyncio.sleep(1)
        await switched(world, TWO, loss=False)
        assert ("switch_done", GLOBAL) in world.state.told
        acknowledged = await writing
        assert acknowledged
        acknowledged += await load(world, "two", seconds=0.5, start=50_000)
        await until(lambda: (world.state.lags.get(ONE) or timedelta(9)) < timedelta(seconds=0.5))
        assert await numbers(realizer, TWO) == acknowledged
        assert await numbers(realizer, ONE) == acknowledged
        await switched(world, ONE, loss=False)
        assert ("switch_done", GLOBAL) in world.state.told
        assert await sql(world, "one", "INSERT INTO t VALUES (-1)") == "done"
        assert await sql(world, "two", "INSERT INTO t VALUES (-2)") == "error 1290"
        await until(lambda: (world.state.lags[TWO] or timedelta(9)) < timedelta(seconds=0.5))


async def a_switchover_that_cannot_be_lossless_does_not_happen(world: World) -> None:
    """With replication stalled the switchover fails, says why, and the old writer goes on."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        await realizer.stall(TWO, True)
        await switched(world, TWO, loss=False)
        failures = [told for told in world.state.told if told[0] == "switch_failed"]
        assert "does not replicate" in str(failures[0][2])
        assert await sql(world, "one", "INSERT INTO t VALUES (1)") == "done"
        world.lose("us-east-2a")
        await switched(world, TWO, loss=True)
        assert "lost place" in str([told for told in world.state.told if told[0] == "switch_failed"][-1][2])


async def a_crashed_server_comes_back_with_its_data(world: World) -> None:
    """After kill -9 the writer is started again, recovers and accepts writes; the reader goes on following."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        acknowledged = await load(world, "one", seconds=0.5)
        for process in world.processes.within(region="us-east-1"):
            process.kill()
        start = time.monotonic()
        while await sql(world, "one", "INSERT INTO t VALUES (-1)") != "done":
            assert time.monotonic() - start < 10
        print(f"writes again {time.monotonic() - start:.2f} s after kill -9")
        assert await numbers(realizer, ONE) == [-1, *acknowledged]
        while await numbers(realizer, TWO) != [-1, *acknowledged]:
            assert time.monotonic() - start < 15
            await asyncio.sleep(0.1)
        await realizer.hold_read_only(ONE, True)
        assert await sql(world, "one", "INSERT INTO t VALUES (-2)") == "error 1290"
        await realizer.hold_read_only(ONE, False)
        assert await sql(world, "one", "INSERT INTO t VALUES (-2)") == "done"


@pytest.mark.parametrize(
    "scenario",
    [
        a_writer_and_a_reader,
        a_lost_region_is_failed_over_with_its_loss_known,
        a_silent_primary_does_not_hold_up_a_failover,
        a_partition_leaves_two_writers_until_it_heals,
        a_reachable_old_writer_is_fenced,
        a_switchover_loses_nothing,
        a_switchover_that_cannot_be_lossless_does_not_happen,
        a_crashed_server_comes_back_with_its_data,
    ],
)
def test_database(scenario: object) -> None:
    """Each scenario's own sentence says what must hold."""
    assert callable(scenario)
    inside(scenario)


def test_a_lost_writer_is_replaced_in_another_zone_and_nothing_acknowledged_is_lost() -> None:
    """Its zone falls silent and dies under load."""
    inside(a_lost_zone)


async def a_lost_zone(world: World) -> None:
    """The zone of the writer is cut off, then killed, while a client writes to the cluster's name."""
    realizer = of_two_instances(world)
    async with running(realizer.run()):
        await ready(world)
        before, number = address(world, "one"), realizer.keepers[ONE].server.server_id
        writing = asyncio.create_task(load(world, "one", seconds=3.0))
        async with asyncio.timeout(15):
            while len(await numbers(realizer, ONE)) <= 20:  # noqa: ASYNC110  # a busy machine starts the client late
                await asyncio.sleep(0.05)
        world.cut("us-east-1a")
        await asyncio.sleep(0.3)
        world.lose("us-east-1a")
        acknowledged = await writing
        await until(lambda: ("writer_moved", ONE) in world.state.told)
        assert address(world, "one") not in (before, "")
        await until(lambda: world.names.addresses.get("peccy-one-1.test") == (address(world, "one"),))
        await until(lambda: ONE_READER not in realizer.readers.known, what="the reader of that zone is the writer now")
        assert len(acknowledged) > 10
        assert set(acknowledged) <= set(await numbers(realizer, ONE))
        assert await sql(world, "one", "INSERT INTO t VALUES (-1)") == "done"
        assert realizer.keepers[ONE].server.server_id == number
        await follows(world, realizer)


def test_a_frozen_writer_is_replaced_although_its_machine_still_takes_connections() -> None:
    """Seen by its silence; it is ended before another instance opens the storage."""
    inside(a_frozen_writer)


async def a_frozen_writer(world: World) -> None:
    """SIGSTOP to the server, nothing else."""
    realizer = of_two_instances(world)
    async with running(realizer.run()):
        await ready(world)
        frozen = realizer.keepers[ONE].server.process
        assert frozen is not None
        frozen.kill(signal.SIGSTOP)
        await until(lambda: ("writer_moved", ONE) in world.state.told, timeout=30)
        assert not frozen.running
        assert await sql(world, "one", "INSERT INTO t VALUES (-1)") == "done"
        await follows(world, realizer)


def test_a_healthy_writer_that_is_to_be_another_serves_nobody_until_it_is() -> None:
    """FailoverDBCluster: connections break at once, and AWS's time passes before the name leads to another."""
    inside(an_asked_take_over)


async def an_asked_take_over(world: World) -> None:
    """Asked for while nothing is wrong."""
    world.waits = Waits(speed=5)  # six seconds, longer than a server takes to start here
    realizer = of_two_instances(world)
    async with running(realizer.run()):
        await ready(world)
        before, old = address(world, "one"), realizer.keepers[ONE].server.process
        assert old is not None
        now = datetime.now(UTC)
        asked = WriterFailover(arn=ONE, from_instance="peccy-one-0", to_instance="peccy-one-1", zone="us-east-1b", asked=now)
        world.state.takeovers.append(asked)
        await until(lambda: not old.running)
        assert await sql(world, "one", "SELECT 1") == "error 2003"
        assert address(world, "one") == before
        assert ("writer_moved", ONE) not in world.state.told
        await until(lambda: ("writer_moved", ONE) in world.state.told, timeout=30)
        assert world.waits.taken == {Wait.AURORA_WRITER: 1}
        assert address(world, "one") not in (before, "")
        assert await sql(world, "one", "INSERT INTO t VALUES (-1)") == "done"
        await follows(world, realizer)


def test_a_writer_without_a_stand_in_comes_back_where_it_was() -> None:
    """A cluster of one instance restarts in place, as on Aurora."""
    inside(a_lone_writer)


async def a_lone_writer(world: World) -> None:
    """Its process is killed."""
    realizer = databases(world)
    async with running(realizer.run()):
        await ready(world)
        before, process = address(world, "one"), realizer.keepers[ONE].server.process
        assert process is not None
        process.kill()
        await until(lambda: realizer.keepers[ONE].server.process is not process and realizer.keepers[ONE].server.running)
        assert address(world, "one") == before
        assert not any(told[0] == "writer_lost" for told in world.state.told)


def test_a_reader_answers_in_its_own_zone_and_refuses_writes() -> None:
    """It has what the writer has, answers at its own and at the reader endpoint, and is nobody's stand-in for writes."""
    inside(a_reader)


async def a_reader(world: World) -> None:
    """One writer, one reader in the other zone, then the reader's zone is lost."""
    realizer = of_two_instances(world)
    async with running(realizer.run()):
        await ready(world)
        assert await sql(world, "one", "INSERT INTO t VALUES (7)") == "done"
        await until(lambda: ONE_READER in realizer.readers.known and realizer.readers.known[ONE_READER].server.running)
        at = realizer.readers.known[ONE_READER].server.address
        await until(lambda: world.names.addresses.get("peccy-one-1.test") == (at,))
        await until(lambda: world.names.addresses.get("peccy-one.cluster-ro.test") == (at,))
        assert at != address(world, "one")

        async def asked(statement: str) -> str:
            return (await world.run("us-east-1b", sys.executable, "-c", CLIENT, at, "0", statement)).strip()

        for _ in range(100):
            if "7" in await asked("SELECT n FROM t"):
                break
            await asyncio.sleep(0.05)
        assert "7" in await asked("SELECT n FROM t")
        assert await asked("INSERT INTO t VALUES (8)") == "error 1290"
        world.cut("us-east-1b")
        world.lose("us-east-1b")
        await until(lambda: world.names.addresses.get("peccy-one.cluster-ro.test") == (address(world, "one"),))


ONE_READER = "peccy-one-1"


def of_two_instances(world: World) -> Databases:
    """As `databases`; cluster one has a reader in its Region's other zone."""
    realizer = databases(world)
    one = world.state.database_views[0]
    zones = ("us-east-1a", "us-east-1b")
    instances = tuple(
        DatabaseInstance(identifier=f"peccy-one-{n}", zone=zone, endpoint=f"peccy-one-{n}.test", is_writer=n == 0, available=True)
        for n, zone in enumerate(zones)
    )
    several = replace(one, status="available", instances=instances, subnet_ids=tuple(f"subnet-{zone}" for zone in zones))
    world.state.database_views[0] = several
    return realizer


async def follows(world: World, realizer: Databases) -> None:
    """The other Region's cluster replicates from where the writer is now."""
    assert await sql(world, "one", "INSERT INTO t VALUES (-2)") == "done"
    for _ in range(100):
        if -2 in await numbers(realizer, TWO):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("two never got what one was told after its writer had moved")
