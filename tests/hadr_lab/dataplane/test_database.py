"""The pure parts of the databases: positions and errant transactions, SQL texts, lag."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr_lab.aws.views import DatabaseCluster, DatabaseInstance
from hadr_lab.dataplane.database import configuration, statements
from hadr_lab.dataplane.database.admin import Admin, DatabaseRefused
from hadr_lab.dataplane.database.heartbeat import Lag
from hadr_lab.dataplane.database.positions import Gtid, errant, parse, rejoin, written
from hadr_lab.dataplane.database.readers import Readers, reader_of, readers_of
from hadr_lab.dataplane.database.statements import Application, Secrets, application_accounts, lab_accounts
from hadr_lab.dataplane.database.vigil import Vigil
from hadr_lab.dataplane.names import Names


def test_positions_are_read_and_written_as_mariadb_does() -> None:
    """Reading and writing are inverse, and an empty position is empty."""
    assert parse("0-1-7, 12-12-3") == (Gtid(0, 1, 7), Gtid(12, 12, 3))
    assert written(parse("0-1-7,12-12-3")) == "0-1-7,12-12-3"
    assert parse("") == ()


@dataclass
class Model:
    """Two servers that write in turns and copy from each other, transaction by transaction: what GTIDs abbreviate."""

    logs: dict[int, list[Gtid]] = field(default_factory=lambda: {1: [], 2: []})

    def write(self, server: int, count: int) -> None:
        """`server` commits `count` transactions of its own."""
        for _ in range(count):
            newest = max((g.sequence for g in self.logs[server]), default=0)
            self.logs[server].append(Gtid(0, server, newest + 1))

    def copy(self, source: int, to: int) -> None:
        """`to` applies everything that `source` has."""
        self.logs[to] += self.logs[source][len(self.logs[to]) :]

    def state(self, server: int) -> str:
        """@@gtid_binlog_state."""
        newest: dict[int, Gtid] = {}
        for gtid in self.logs[server]:
            newest[gtid.server] = gtid
        return written(newest.values())


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6), st.integers(0, 5), st.integers(0, 5))
def test_errant_transactions_are_those_the_new_writer_never_had(
    turns: list[tuple[int, bool]], unreplicated: int, after: int
) -> None:
    """After any number of lossless role changes and one failover with loss, exactly the unreplicated ones are errant."""
    model, writer = Model(), 1
    for count, change in turns:
        model.write(writer, count)
        model.copy(writer, 3 - writer)
        writer = 3 - writer if change else writer
    old, new = writer, 3 - writer
    model.write(old, unreplicated)
    model.write(new, after)
    expected = [str(g) for g in model.logs[old] if g not in model.logs[new]]
    assert list(errant(own_state=model.state(old), writer_state=model.state(new))) == expected
    assert len(expected) == unreplicated


def test_heartbeats_are_never_errant() -> None:
    """Heartbeats after the link broke are in the old writer's own domain and are nobody's loss."""
    assert errant(own_state="0-1-5,1-1-900", writer_state="0-1-5,0-2-8,1-1-12,2-2-40") == ()


def test_a_server_rejoins_from_its_own_position_but_for_its_heartbeats() -> None:
    """In its own heartbeat domain it takes the writer's position, in all others its own."""
    assert set(parse(rejoin(own="0-1-5,1-1-900,2-2-3", server=1, writer="0-2-8,1-1-12,2-2-40"))) == {
        Gtid(0, 1, 5),
        Gtid(1, 1, 12),
        Gtid(2, 2, 3),
    }
    assert rejoin(own="", server=1, writer="0-2-8") == ""


def test_every_server_starts_read_only_with_an_id_of_its_own() -> None:
    """The configuration never opens a server for writing, and two addresses give two ids."""
    text = configuration.text(
        share=Path("usr"), folder=Path("one"), address="10.1.0.10", port=3306, number=configuration.server_id("10.1.0.10")
    )
    assert "\nread-only=1\n" in text
    assert "\nskip-slave-start\n" in text
    assert f"\nserver-id={10 * 2**24 + 2**16 + 10}\n" in text
    ids = {configuration.server_id(f"10.{member}.0.10", volume) for member in (1, 2) for volume in range(16)}
    assert len(ids) == 32


@pytest.mark.parametrize("value", ["it's", "back\\slash", "'; DROP TABLE x; --", "\\'"])
def test_no_value_ends_its_sql_string(value: str) -> None:
    """Inside the quotes every quote is doubled and every backslash escaped."""
    inside = statements.text(value)[1:-1].replace("\\\\", "").replace("''", "")
    assert "'" not in inside
    assert "\\" not in inside


def test_the_application_gets_its_own_database_and_nothing_global() -> None:
    """No grant on all databases: that is what keeps it from writing to a read-only server."""
    made = application_accounts(Application(username="peccy", password="pw", database="peccy"))
    assert "GRANT ALL PRIVILEGES ON `peccy`.* TO 'peccy'@'%'" in made
    assert not any("*.*" in statement for statement in made)
    assert application_accounts(Application(username="", password="", database="")) == ()


def test_the_labs_own_accounts_cannot_write_to_a_read_only_server() -> None:
    """Only the fence may change the restriction, and heartbeats come over the socket only."""
    made = lab_accounts(Secrets())
    assert [s for s in made if "READ_ONLY ADMIN" in s] == ["GRANT READ_ONLY ADMIN ON *.* TO 'hadr_fence'@'%'"]
    assert not any("SUPER" in statement or "ALL PRIVILEGES" in statement for statement in made)
    assert not any("hadr_heartbeat'@'%" in statement for statement in made)


BEAT = datetime(2026, 1, 1)  # noqa: DTZ001 databases give naive UTC


def a_reader(since: float = 0.0) -> Lag:
    """A reader that looks since then; its clock and the heartbeats' both begin at 0."""
    lag = Lag()
    assert lag.look(at=BEAT - timedelta(hours=1), age=timedelta(hours=1), now=since) is None
    return lag


def test_lag_is_how_late_the_newest_heartbeat_came() -> None:
    """Between two heartbeats the lag stays what the last one showed."""
    lag = a_reader()
    assert lag.look(at=BEAT, age=timedelta(milliseconds=40), now=1.0) == timedelta(milliseconds=40)
    assert lag.look(at=BEAT, age=timedelta(milliseconds=400), now=1.36) == timedelta(milliseconds=40)


def test_lag_grows_when_the_next_heartbeat_is_overdue() -> None:
    """Stalled replication shows as the time since the missing heartbeat should have come, and falls when it is there."""
    lag = a_reader()
    lag.look(at=BEAT, age=timedelta(milliseconds=40), now=1.0)
    assert lag.look(at=BEAT, age=timedelta(seconds=3), now=4.0) == timedelta(seconds=2.5)
    assert lag.look(at=BEAT + timedelta(seconds=3), age=timedelta(milliseconds=50), now=4.1) == timedelta(milliseconds=50)
    assert lag.look(at=BEAT + timedelta(seconds=4), age=timedelta(milliseconds=-1), now=5.0) == timedelta()


def test_heartbeats_of_the_writers_last_time_are_nobodys_lag() -> None:
    """Roles were turned round twice: the newest heartbeat of the new writer is of before, until it beats anew."""
    lag = Lag()
    assert lag.look(at=BEAT, age=timedelta(seconds=33), now=100.0) is None
    assert lag.look(at=BEAT, age=timedelta(seconds=33.4), now=100.4) is None
    assert lag.look(at=BEAT + timedelta(seconds=33.5), age=timedelta(milliseconds=60), now=100.6) == timedelta(milliseconds=60)


FULL = b"\xff" + (1040).to_bytes(2, "little") + b"#08004Too many connections"


async def a_full_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse a connection in MariaDB's protocol, at once."""
    writer.write(len(FULL).to_bytes(3, "little") + b"\0" + FULL)
    writer.close()


async def ended(socket: Path, *, turns: int) -> type[BaseException] | None:
    """How a call ends that is cancelled after so many turns of the event loop; None when it had ended before."""
    call = asyncio.create_task(Admin(socket=socket).rows("SELECT 1"))
    for _ in range(turns):
        await asyncio.sleep(0)
    late = not call.cancel()
    await asyncio.wait([call])
    if late:
        return None
    error = asyncio.CancelledError() if call.cancelled() else call.exception()
    assert error is not None, "the server refuses everyone"
    return type(error)


def test_a_cancelled_call_ends_as_cancelled(tmp_path: Path) -> None:
    """In whichever turn of the loop it is cancelled: a keeper that loses its cancellation keeps for ever."""

    async def in_every_turn() -> list[type[BaseException] | None]:
        async with await asyncio.start_unix_server(a_full_server, tmp_path / "socket"):
            return [await ended(tmp_path / "socket", turns=turns) for turns in range(60)]

    ends = asyncio.run(in_every_turn())
    during = ends.index(None)
    assert during > 5, "it takes some turns to connect"
    assert ends == [asyncio.CancelledError] * during + [None] * (len(ends) - during)


def test_a_refused_connection_is_told_with_its_code(tmp_path: Path) -> None:
    """What the server says before the connection is made is an answer, not silence."""

    async def refused() -> None:
        async with await asyncio.start_unix_server(a_full_server, tmp_path / "socket"):
            await Admin(socket=tmp_path / "socket").rows("SELECT 1")

    with pytest.raises(DatabaseRefused, match="Too many connections") as caught:
        asyncio.run(refused())
    assert caught.value.code == 1040


def test_a_writer_is_given_up_only_after_several_missed_greetings_in_a_row() -> None:
    """A slow or lossy zone misses one now and then."""
    vigil = Vigil()
    assert [vigil.saw(greeted) for greeted in (False, False, True, False, False)] == [False] * 5
    assert vigil.saw(False)


def a_view(status: str = "available", **changes: object) -> DatabaseCluster:
    """A cluster whose writer is in a, with a reader in b and one that is still being made in c."""
    instances = tuple(
        DatabaseInstance(identifier=f"d-{zone}", zone=zone, endpoint=f"d-{zone}.test", is_writer=zone == "a", available=zone != "c")
        for zone in "abc"
    )
    view = DatabaseCluster(
        region="r", zone="a", identifier="d", arn="arn:d", status=status, endpoint="d.cluster.test",
        reader_endpoint="d.cluster-ro.test", port=3306, subnet_ids=(), username="u", password="p", database="peccy",
        global_cluster="g", is_writer=True, replicates_from=None, global_endpoint="g.test", instances=instances,
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type]


def test_readers_are_the_instances_that_serve_and_do_not_write() -> None:
    """Of a cluster that is being made there are none yet: what they would copy is not there."""
    assert [each.identifier for each in readers_of(a_view())] == ["d-b"]
    assert readers_of(a_view("creating")) == ()


def test_a_reader_follows_its_own_cluster_and_has_no_name_but_its_own() -> None:
    """Whatever its cluster's role is: a reader of a reading cluster follows that one, not the far writer."""
    view = a_view(is_writer=False, replicates_from="arn:far")
    seen = reader_of(view, readers_of(view)[0])
    assert (seen.zone, seen.endpoint, seen.is_writer, seen.replicates_from) == ("b", "d-b.test", False, "arn:d")
    assert (seen.reader_endpoint, seen.global_endpoint, seen.instances) == ("", None, ())


def test_the_reader_endpoint_leads_to_the_writer_where_no_reader_serves() -> None:
    """As Aurora's does."""
    names = Names()
    Readers(names=names, keeper=lambda _view: None).publish(a_view(), "10.0.0.1")
    assert names.addresses == {"d.cluster-ro.test": ("10.0.0.1",)}
