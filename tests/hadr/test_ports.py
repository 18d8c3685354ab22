"""One contract for every port, run against each world that is listed in `WORLDS`: memory now, an emulated AWS beside it.

A world only has to make a two-member site with `one` active, let time pass, and cut a Region off. What is asserted holds for any
correct world, so no test looks inside one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest

from hadr.adapters.memory import World, example_site
from hadr.core.errors import CallError, Gone, Rejected
from hadr.core.site import Member, Site
from hadr.core.view import FilesRole, Protection
from hadr.ports import Ports


class Subject(Protocol):
    """A world under test."""

    @property
    def site(self) -> Site: ...

    @property
    def ports(self) -> Ports: ...

    def pass_time(self) -> None:
        """Let about a second of this world's time pass."""

    def lose(self, member: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InMemory:
    """The in-memory world as a subject."""

    world: World
    ports: Ports

    @property
    def site(self) -> Site:
        return self.world.site

    def pass_time(self) -> None:
        self.world.clock.advance(timedelta(seconds=1))

    def lose(self, member: str) -> None:
        self.world.lose(member)


def in_memory() -> Subject:
    world = World(site=example_site(), active="one")
    return InMemory(world=world, ports=world.ports())


WORLDS: dict[str, Callable[[], Subject]] = {"memory": in_memory}


@pytest.fixture(params=sorted(WORLDS))
def subject(request: pytest.FixtureRequest) -> Subject:
    return WORLDS[request.param]()


def one(subject: Subject) -> Member:
    return subject.site.member("one")


def two(subject: Subject) -> Member:
    return subject.site.member("two")


def until(subject: Subject, what: Callable[[], bool], seconds: int = 600) -> bool:
    """Whether `what` becomes true within so many of the world's seconds."""
    for _ in range(seconds):
        if what():
            return True
        subject.pass_time()
    return False


def test_compute_starts_from_a_stand_by(subject: Subject) -> None:
    """Two wants its pods and has no node maker; one serves."""
    stand_by = subject.ports.compute.observe(two(subject))
    assert (stand_by.capacity_desired, stand_by.nodes_ready, stand_by.serving) == (0, 0, False)
    assert stand_by.pods_wanted > stand_by.pods_running == 0
    assert subject.ports.compute.observe(one(subject)).serving


def test_compute_start_brings_nodes_and_pods_and_is_idempotent(subject: Subject) -> None:
    """Asked twice it is the same; the pods run in time."""
    compute, member = subject.ports.compute, two(subject)
    compute.start(member)
    compute.start(member)
    assert compute.observe(member).capacity_desired == member.capacity.replicas
    assert until(subject, lambda: compute.observe(member).pods_running == compute.observe(member).pods_wanted)
    assert compute.observe(member).nodes_ready > 0


def test_compute_stop_ends_every_pod_and_start_brings_them_back(subject: Subject) -> None:
    """Fencing leaves nothing that could write; its undo is a start."""
    compute, member = subject.ports.compute, one(subject)
    compute.stop(member)
    assert until(subject, lambda: compute.observe(member).pods_running == 0)
    assert all(deployment.desired == 0 for deployment in compute.observe(member).deployments)
    compute.start(member)
    wanted = dict(member.workload.deployments)
    assert {d.name: d.desired for d in compute.observe(member).deployments} == wanted


def test_database_promotion_is_seen_under_way_and_then_done(subject: Subject) -> None:
    """The writer changes once, after a while; meanwhile the change is visible."""
    database, member = subject.ports.database, two(subject)
    assert database.observe(member).writer == "one"
    database.promote(member)
    seen = database.observe(member)
    assert seen.switching_to == "two" or seen.writer == "two"
    assert until(subject, lambda: database.observe(member).writer == "two" and database.observe(member).switching_to is None)
    assert database.observe(member).cluster_status == "available"


def test_database_promotion_of_the_writer_changes_nothing(subject: Subject) -> None:
    """Asked for what is there already, it is refused definitely."""
    with pytest.raises(Rejected):
        subject.ports.database.promote(one(subject))
    assert subject.ports.database.observe(one(subject)).writer == "one"


def test_database_lag_is_small_and_recent(subject: Subject) -> None:
    """The reader's lag is measured while replication flows."""
    lag = subject.ports.database.lag(two(subject))
    assert timedelta(0) <= lag.value < timedelta(minutes=1)
    assert subject.ports.clock.now() - lag.measured < timedelta(minutes=5)


@pytest.mark.parametrize("lost", [False, True])
def test_files_are_writable_once_replication_is_broken(subject: Subject, lost: bool) -> None:
    """With the source's Region and without it."""
    files, member = subject.ports.files, two(subject)
    before = files.observe(member)
    assert (before.role, before.source) == (FilesRole.DESTINATION, one(subject).files)
    assert before.synced is not None
    if lost:
        subject.lose("one")
    files.break_replication(member, source=before.source, local_only=lost)
    assert until(subject, lambda: files.observe(member).role is not FilesRole.DESTINATION)
    with pytest.raises(Gone):
        files.break_replication(member, source=before.source, local_only=lost)


def test_database_switchover_turns_the_roles_round(subject: Subject) -> None:
    """With the writes stopped it is seen under way and then done; asked for what is there it is refused."""
    ports = subject.ports
    ports.compute.quiesce(one(subject))
    assert until(subject, lambda: ports.compute.observe(one(subject)).pods_running == 0)
    with pytest.raises(Rejected):
        ports.database.switch_over(one(subject), away=two(subject))
    ports.database.switch_over(two(subject), away=one(subject))
    seen = ports.database.observe(two(subject))
    assert seen.switching_to == "two" or seen.writer == "two"
    assert until(subject, lambda: ports.database.observe(two(subject)).writer == "two")
    assert until(subject, lambda: ports.database.lag(one(subject)).value < timedelta(minutes=1))


def test_compute_quiesce_leaves_the_node_maker(subject: Subject) -> None:
    """The workload goes to 0; what makes nodes stays, to take them away."""
    compute, member = subject.ports.compute, one(subject)
    compute.quiesce(member)
    assert until(subject, lambda: compute.observe(member).pods_running == 0)
    seen = compute.observe(member)
    assert (seen.capacity_desired, seen.pods_wanted) == (member.capacity.replicas, 0)


def test_files_are_replicated_the_other_way_round(subject: Subject) -> None:
    """Broken on both sides, protected again, lifted, made anew: roles swap and a sync follows."""
    files, origin, replica = subject.ports.files, two(subject), one(subject)
    with pytest.raises(CallError):
        files.replicate(replica, origin=origin)
    files.break_replication(origin, source=replica.files, local_only=False)
    assert until(subject, lambda: files.observe(origin).role is files.observe(replica).role is FilesRole.ALONE)
    assert files.protection(replica) in (Protection.ON, Protection.OFF)
    files.allow_overwrite(replica)
    files.allow_overwrite(replica)
    assert files.protection(replica) is Protection.OFF
    files.replicate(replica, origin=origin)
    assert until(subject, lambda: files.observe(replica).status == "ENABLED")
    seen = files.observe(replica)
    assert (seen.role, seen.source, files.protection(replica)) == (FilesRole.DESTINATION, origin.files, Protection.REPLICATING)
    assert files.observe(origin).role is FilesRole.SOURCE
    assert until(subject, lambda: files.observe(replica).synced is not None)
    with pytest.raises(Rejected):
        files.allow_overwrite(replica)


def test_a_half_that_is_left_is_deleted_where_it_is(subject: Subject) -> None:
    """The destination's side alone was deleted: the source's own Region still tells of it, until it is deleted there too."""
    files, origin, replica = subject.ports.files, one(subject), two(subject)
    files.break_replication(replica, source=origin.files, local_only=True)
    assert until(subject, lambda: files.observe(replica).role is FilesRole.ALONE)
    assert files.observe(origin).role is FilesRole.SOURCE
    files.break_replication(origin, source=origin.files, local_only=True)
    assert until(subject, lambda: files.observe(origin).role is FilesRole.ALONE)


def test_traffic_declarations_are_set_and_withdrawn(subject: Subject) -> None:
    """Twice is the same as once, both ways."""
    traffic, member = subject.ports.traffic, two(subject)
    assert not traffic.declared(member)
    for _ in range(2):
        traffic.declare(member, run="contract")
        assert traffic.declared(member)
    for _ in range(2):
        traffic.withdraw(member)
        assert not traffic.declared(member)


def test_traffic_weights_move_whole(subject: Subject) -> None:
    """All weight is on one; after the move all of it is on two."""
    traffic = subject.ports.traffic
    assert traffic.weights()["one"] > traffic.weights()["two"] == 0
    traffic.give_all_weight(two(subject), run="contract")
    assert traffic.weights()["two"] > traffic.weights()["one"] == 0


def test_traffic_targets_follow_the_pods(subject: Subject) -> None:
    """The serving member's targets are healthy, the stand-by has none that are."""
    traffic = subject.ports.traffic
    assert traffic.targets(one(subject)).healthy > 0
    assert traffic.targets(two(subject)).healthy == 0


def test_probe_sees_what_clients_see(subject: Subject) -> None:
    """The name leads to the active member, which is ready for writes; the stand-by is not."""
    probe = subject.ports.probe
    assert probe.resolve(subject.site.traffic.host) & probe.resolve(one(subject).balancer)
    assert probe.ready(subject.site.traffic.host).ok
    assert not probe.ready(two(subject).balancer).ok
    assert "contract-1" in probe.write_through(key="contract-1")
    with pytest.raises(Gone):
        probe.resolve("no-such-name.hadr.test")


def test_a_lost_region_answers_nothing_and_its_clients_get_no_answer(subject: Subject) -> None:
    """Every call about it fails as ours, within its time; the other member's answer."""
    subject.lose("one")
    ports, lost = subject.ports, one(subject)
    for call in (
        lambda: ports.compute.observe(lost),
        lambda: ports.compute.stop(lost),
        lambda: ports.database.observe(lost),
        lambda: ports.files.observe(lost),
        lambda: ports.traffic.targets(lost),
        lambda: ports.traffic.weights(),
    ):
        with pytest.raises(CallError):
            call()
    assert ports.probe.ready(lost.balancer).status is None
    assert ports.database.observe(two(subject)).cluster_status == "available"
    assert ports.files.observe(two(subject)).role is FilesRole.DESTINATION
