"""What a balancer node is configured to do, which changes it needs, and what its findings mean."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hadr_lab.dataplane.balancer_views import GROUP, OTHER, a_group, a_listener

from hadr_lab.aws.views import Rule, Subnet, Target, TargetGroup, TargetHealth
from hadr_lab.dataplane.balancer import health
from hadr_lab.dataplane.balancer.checks import Group
from hadr_lab.dataplane.balancer.configuration import Configuration, Server
from hadr_lab.dataplane.balancer.health import HEALTHY, INITIAL, Sight, failure, fold, judge, serves
from hadr_lab.dataplane.balancer.routing import pattern
from hadr_lab.dataplane.balancer.runtime import adding, sights
from hadr_lab.dataplane.balancer.targets import Held, Key, Step, static, steps
from hadr_lab.dataplane.balancer.zones import answered, places, targets_of
from hadr_lab.waits import Waits

KEY = Key("peccy-one.0123", "10.1.0.20:8080")
TARGET = Target(address="10.1.0.20", port=8080)


def a_configuration(*rules: Rule) -> Configuration:
    """A node's configuration with two groups."""
    groups = tuple(Group.of(a_group(arn=arn), Waits()) for arn in (GROUP, OTHER))
    return Configuration(address="10.1.0.10", folder=Path("node"), listeners=(a_listener(*rules),), groups=groups)


def text(*rules: Rule) -> str:
    """Its text."""
    return a_configuration(*rules).text(socket=Path("s.sock"))


@pytest.mark.parametrize(
    ("wildcards", "path", "matches"),
    [
        ("/api/*", "/api/x/y", True),
        ("/api/*", "/api", False),
        ("/a?c", "/abc", True),
        ("/a?c", "/abbc", False),
        ("/v1.0", "/v1.0", True),
        ("/v1.0", "/v1x0", False),
        ("/$(x)'\"{}", "/$(x)'\"{}", True),
        ("*", "/anything", True),
    ],
)
def test_a_path_pattern_matches_as_elb_matches_it(wildcards: str, path: str, *, matches: bool) -> None:
    """Stars and question marks are wildcards, everything else is itself, the whole path must match."""
    assert bool(re.search(pattern(wildcards), path)) is matches


@given(st.text(min_size=1))
def test_no_pattern_can_become_configuration(wildcards: str) -> None:
    """Quotes, blanks and line ends never reach the configuration as themselves."""
    assert not set(pattern(wildcards)) & set("'\"# \n\r\t{}%")


def test_the_check_is_the_target_groups_own_at_the_labs_speed() -> None:
    """Interval and timeout are divided by the speed, thresholds are not."""
    group = Group.of(a_group(check_port=9000, matcher="200-299, 302"), Waits(speed=10))
    assert group.options() == "check inter 1000 rise 3 fall 2 port 9000"
    assert group.timeout == timedelta(seconds=0.5)
    node = Configuration(address="10.1.0.10", folder=Path("node"), listeners=(), groups=(group,))
    assert "http-check expect status 200-299,302\n" in node.text(socket=Path("s"))


def test_a_fast_lab_never_checks_faster_than_the_floor() -> None:
    """At speed 1000 a check still has a quarter of a second between tries and half a second to answer."""
    group = Group.of(a_group(), Waits(speed=1000))
    assert (group.interval, group.timeout) == (timedelta(seconds=0.25), timedelta(seconds=0.5))


def test_rules_are_matched_in_order_and_the_first_one_wins() -> None:
    """Each rule applies only when none before it did."""
    lines = text(Rule(priority=1, paths=("/x",), fixed_status=418), Rule(priority=2, hosts=("a.test",), forward={OTHER: 1}))
    assert "set-var(txn.rule) int(0) if !{ var(txn.rule) -m found } path.0\n" in lines
    assert "set-var(txn.rule) int(1) if !{ var(txn.rule) -m found } host.1\n" in lines
    assert "set-var(txn.rule) int(2) if !{ var(txn.rule) -m found }\n" in lines


def test_weights_share_requests_by_a_roll() -> None:
    """Weights 30 and 10 become a roll below 40 with the border at 30; weight 0 gets nothing."""
    lines = text(Rule(priority=1, forward={GROUP: 30, OTHER: 10, "arn:x/y/z": 0}))
    assert "set-var(txn.roll) rand(40)" in lines
    assert "{ var(txn.roll) -m int lt 30 }" in lines
    assert "{ var(txn.roll) -m int lt 40 }" in lines
    assert "y.z" not in lines


def test_a_fixed_body_is_a_file_and_not_configuration() -> None:
    """The text of a fixed response is written beside the configuration, unchanged."""
    configuration = a_configuration(Rule(priority=1, fixed_status=503, fixed_body='it\'s\n"down"'))
    assert configuration.files()[Path("node/body-80-0.txt")] == 'it\'s\n"down"'
    assert "down" not in configuration.text(socket=Path("s"))


def test_a_new_configuration_starts_with_the_targets_that_were_healthy() -> None:
    """Healthy targets serve at once after a reload, the others are disabled until they passed."""
    held = {
        KEY: Held(since=0, known=True, healthy=True),
        Key("peccy-one.0123", "10.1.0.21:8080"): Held(since=0, known=True),
        Key("peccy-one.0123", "10.1.0.22:8080"): Held(since=0, known=True, healthy=True, draining=True),
        Key("gone.1", "10.1.0.23:8080"): Held(since=0),
    }
    servers = static(held, a_configuration().groups)
    assert [(s.healthy, s.known) for s in servers["peccy-one.0123"]] == [(True, True), (False, True), (False, False)]
    lines = a_configuration().text(socket=Path("s"), servers=servers)
    assert "  server 10.1.0.20:8080 10.1.0.20:8080 check inter 10000 rise 3 fall 2\n" in lines
    assert "  server 10.1.0.21:8080 10.1.0.21:8080 check inter 10000 rise 3 fall 2 disabled\n" in lines
    assert isinstance(servers["peccy-one.0123"][0], Server)
    assert "gone.1" not in servers


def test_the_same_values_give_the_same_text() -> None:
    """A node reloads only for a difference, so there must be none without a reason."""
    assert text() == text()


IN_A, IN_B = TARGET, Target(address="10.1.16.20", port=8080)
WHERE = places(
    [
        Subnet(region="us-east-1", zone=zone, subnet_id=zone, vpc_id="vpc", cidr=cidr)
        for zone, cidr in (("us-east-1a", "10.1.0.0/20"), ("us-east-1b", "10.1.16.0/20"))
    ]
)


def registered(groups: list[TargetGroup]) -> dict[Key, Target]:
    """What a node holds when nothing is shifted."""
    return targets_of("us-east-1a", groups, (), WHERE)


def test_a_node_sends_to_other_zones_only_where_it_may() -> None:
    """Without cross-zone sending each node has the targets of its own zone and no others."""
    both, own = a_group(IN_A, IN_B), a_group(IN_A, IN_B, cross_zone=False)
    assert len(targets_of("us-east-1a", [both], (), WHERE)) == 2
    assert [target.address for target in targets_of("us-east-1b", [own], (), WHERE).values()] == [IN_B.address]
    assert targets_of("us-east-1c", [own], (), WHERE) == {}


def test_targets_of_a_zone_that_is_shifted_away_from_drain_elsewhere() -> None:
    """Nodes in other zones finish what they have there and send nothing new; the zone's own node is as it was."""
    group = a_group(IN_A, IN_B)
    assert {t.address: t.draining for t in targets_of("us-east-1b", [group], {"us-east-1a"}, WHERE).values()} == {
        IN_A.address: True,
        IN_B.address: False,
    }
    assert not any(t.draining for t in targets_of("us-east-1a", [group], {"us-east-1a"}, WHERE).values())


def test_a_balancer_is_answered_with_the_zones_that_may_serve() -> None:
    """Shifted zones are left out; so are zones without a healthy target where sending stays in them. Nothing left is everything."""
    zones, both, own = ("us-east-1a", "us-east-1b"), a_group(IN_A, IN_B), a_group(IN_A, IN_B, cross_zone=False)
    for group, away, sick, found in (
        (both, (), (), zones),
        (both, (), (IN_A,), zones),
        (both, ("us-east-1a",), (), ("us-east-1b",)),
        (both, zones, (), zones),
        (own, (), (IN_A,), ("us-east-1b",)),
        (own, (), (IN_A, IN_B), zones),
        (own, ("us-east-1b",), (IN_A,), zones),
    ):
        told = answered(zones, [group], away, WHERE, lambda _group, target, sick=sick: target not in sick)  # type: ignore[misc]
        assert tuple(told) == tuple(found), (group.cross_zone, away, sick)


def test_targets_are_added_drained_readied_and_removed() -> None:
    """The difference between what is held and what is registered is one step for each target."""
    draining = Target(address="10.1.0.20", port=8080, draining=True)
    assert steps({}, registered([a_group(TARGET)])) == [(Step.ADD, KEY)]
    assert steps({}, registered([a_group(draining)])) == []
    assert steps({KEY: Held(since=0)}, registered([a_group(TARGET)])) == []
    assert steps({KEY: Held(since=0)}, registered([a_group(draining)])) == [(Step.DRAIN, KEY)]
    assert steps({KEY: Held(since=0, draining=True)}, registered([a_group(TARGET)])) == [(Step.READY, KEY)]
    assert steps({KEY: Held(since=0)}, {}) == [(Step.REMOVE, KEY)]


def test_a_new_target_is_down_before_it_is_ready() -> None:
    """There is no moment between the commands in which a new target would get a request."""
    commands = list(adding(a_configuration().groups[0], KEY.server))
    names = [command.split(" ", 2)[0] + " " + command.rsplit(" ", 1)[-1] for command in commands]
    assert names.index("set drain") < names.index("set down") < names.index("set ready")
    assert commands[1] == "add server open.peccy-one.0123/10.1.0.20:8080 10.1.0.20:8080"


def a_sight(status: str, check: str = "L7OK", code: str = "200") -> Sight:
    """What HAProxy shows of KEY."""
    return Sight(group=KEY.group, server=KEY.server, status=status, check=check, code=code)


@pytest.mark.parametrize(
    ("check", "code", "reason"),
    [
        ("L7STS", "503", "Target.ResponseCodeMismatch"),
        ("* L7TOUT", "", "Target.Timeout"),
        ("L4TOUT", "", "Target.Timeout"),
        ("L4CON", "", "Target.FailedHealthChecks"),
    ],
)
def test_a_failed_check_has_elbs_reason_code(check: str, code: str, reason: str) -> None:
    """DescribeTargetHealth's reason follows from how the last check ended."""
    assert failure(a_sight("DOWN", check, code)).reason == reason


def test_a_target_is_initial_until_it_is_known() -> None:
    """Neither healthy nor unhealthy before its first check passed or failed for long enough."""
    assert judge(a_sight("DOWN", "INI"), known=False) == INITIAL
    assert judge(a_sight("UP 1/2"), known=True) == HEALTHY
    assert judge(a_sight("DOWN 1/3"), known=True).state == "unhealthy"


UNHEALTHY = TargetHealth(state="unhealthy", reason="Target.Timeout")


@pytest.mark.parametrize(
    ("opinions", "state"),
    [
        ([], "initial"),
        ([HEALTHY, INITIAL], "initial"),
        ([HEALTHY, HEALTHY, UNHEALTHY], "healthy"),
        ([HEALTHY, UNHEALTHY], "healthy"),
        ([HEALTHY, UNHEALTHY, UNHEALTHY], "unhealthy"),
        ([UNHEALTHY], "unhealthy"),
    ],
)
def test_the_balancers_opinion_is_that_of_half_of_its_living_nodes(opinions: list[TargetHealth], state: str) -> None:
    """One node that is cut off does not make the others' targets unhealthy."""
    assert fold(opinions).state == state


def test_an_alias_needs_a_healthy_target_in_each_group() -> None:
    """Route 53's rule: every group needs one healthy target, and an empty group has none."""
    assert serves([[HEALTHY, UNHEALTHY], [HEALTHY]])
    assert not serves([[HEALTHY], [UNHEALTHY]])
    assert not serves([[HEALTHY], []])
    assert serves([])
    assert health.DRAINING.state == "draining"


def test_statistics_show_the_servers_of_the_live_backends_only() -> None:
    """The backend for failing open has no opinion on health."""
    csv = "# pxname,svname,status,check_status,check_code\nlive.g.1,a:1,UP,L7OK,200\nopen.g.1,a:1,no check,,\n"
    assert [(s.group, s.server, s.up, s.passed) for s in sights(csv)] == [("g.1", "a:1", True, True)]
