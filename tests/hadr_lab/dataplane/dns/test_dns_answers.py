"""Answers over a snapshot: zones, aliases with target health, checks, wildcards, chains, and what does not exist."""

from __future__ import annotations

from random import Random

import pytest

from hadr_lab.dataplane.dns.answers import Rcode, View
from hadr_lab.dataplane.dns.status import endpoint_healthy, healthy
from hadr_lab.dataplane.dns.zones import Alias, Check, Record, Snapshot, Zone

ONE, TWO = "peccy-one-1.us-east-1.elb.amazonaws.com", "peccy-two-1.us-east-2.elb.amazonaws.com"
NAMES = {
    ONE: ("10.1.0.10", "10.1.16.10"),
    TWO: ("10.2.0.10",),
    "s3.us-east-2.amazonaws.com": ("198.18.2.10",),
}
SOA = Record(name="hadr.test", type="SOA", ttl=900, values=("ns-1. hostmaster. 1 7200 900 1209600 86400",))


def member(name: str, weight: int, target: str, check: str = "") -> Record:
    return Record(
        name="peccy.hadr.test",
        type="A",
        set_identifier=name,
        weight=weight,
        health_check=check,
        alias=Alias(zone_id="Z35SXDOTRQ7X7K", name=target, evaluate=True),
    )


def checks() -> tuple[Check, ...]:
    """The switch: one serves while its endpoint is ready and `two` is not declared active."""
    return (
        Check(check_id="one-ready", type="HTTP"),
        Check(check_id="two-ready", type="HTTP"),
        Check(check_id="not-declared", type="HTTP", inverted=True),
        Check(check_id="one-serves", type="CALCULATED", children=("one-ready", "not-declared"), children_needed=2),
    )


def site(*more: Record, balancers: dict[str, bool] | None = None, ready: str = "one", declared: bool = False) -> View:
    """The demo's zone; `ready` are the members whose endpoints answer."""
    records = (SOA, member("one", 100, ONE, "one-serves"), member("two", 0, f"dualstack.{TWO}", "two-ready"), *more)
    snapshot = Snapshot(
        zones=(Zone(zone_id="Z1", name="hadr.test", records=records),),
        checks=checks(),
        names=NAMES,
        balancers=balancers if balancers is not None else {ONE: True, TWO: True},
    )
    verdicts = {"one-ready": ["one" in ready], "two-ready": ["two" in ready], "not-declared": [declared]}
    return View(snapshot, Random(3), verdicts)


@pytest.mark.parametrize(
    ("ready", "declared", "balancers", "expected"),
    [
        ("one", False, {ONE: True, TWO: False}, ONE),
        ("one two", False, {ONE: True, TWO: True}, ONE),
        ("two", False, {ONE: False, TWO: True}, TWO),
        ("", False, {ONE: False, TWO: False}, ONE),
        ("two", True, {ONE: True, TWO: True}, TWO),
        ("one two", True, {ONE: True, TWO: True}, TWO),
        ("one", True, {ONE: True, TWO: False}, ONE),
        ("one", False, {ONE: False, TWO: True}, ONE),
    ],
    ids=["normal", "both up", "one down", "all down fails open", "switched", "one revived", "switched too early", "sick balancer"],
)
def test_the_switch(ready: str, declared: bool, balancers: dict[str, bool], expected: str) -> None:
    """Which member the site's name leads to, in every situation of a failover."""
    answer = site(ready=ready, declared=declared, balancers=balancers).answer("peccy.hadr.test", "A")
    assert {resource.value for resource in answer.resources} == set(NAMES[expected])
    assert {resource.ttl for resource in answer.resources} == {60}


def test_an_alias_to_an_unknown_balancer_is_unhealthy() -> None:
    """A target that AWS does not publish cannot be healthy, so the zero-weight record answers."""
    view = site(balancers={TWO: True}, ready="one two")
    gone = View(
        Snapshot(zones=view.snapshot.zones, checks=view.snapshot.checks, names={TWO: NAMES[TWO]}, balancers={TWO: True}),
        Random(1),
        view.verdicts,
    )
    assert gone.addresses("peccy.hadr.test") == NAMES[TWO]


def test_an_alias_to_records_of_the_zone_is_as_healthy_as_the_best_of_them() -> None:
    """Evaluating a target group of records looks at their own health checks."""
    apex = Record(name="hadr.test", type="A", alias=Alias(zone_id="Z1", name="peccy.hadr.test", evaluate=True))
    view = site(apex, ready="two", balancers={ONE: False, TWO: True})
    assert view.well(apex)
    assert view.addresses("hadr.test") == NAMES[TWO]
    assert not site(apex, ready="", balancers={ONE: False, TWO: False}).well(apex)


def test_cnames_are_followed_into_zones_and_aws_names() -> None:
    """The answer holds the whole chain."""
    view = site(
        Record(name="www.hadr.test", type="CNAME", ttl=30, values=("peccy.hadr.test.",)),
        Record(name="alb.hadr.test", type="CNAME", ttl=30, values=(ONE,)),
    )
    assert view.answer("www.hadr.test", "A").resources[0].type == "CNAME"
    assert set(view.addresses("www.hadr.test")) == set(NAMES[ONE])
    assert set(view.addresses("alb.hadr.test")) == set(NAMES[ONE])


def test_circles_end() -> None:
    """Records that lead to themselves give an answer, not a hang."""
    view = site(
        Record(name="a.hadr.test", type="CNAME", ttl=5, values=("b.hadr.test",)),
        Record(name="b.hadr.test", type="CNAME", ttl=5, values=("a.hadr.test",)),
        Record(name="c.hadr.test", type="A", alias=Alias(zone_id="Z1", name="c.hadr.test", evaluate=True)),
    )
    assert view.addresses("a.hadr.test") == ()
    assert view.addresses("c.hadr.test") == ()


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "soa"),
    [
        ("absent.hadr.test", "A", Rcode.NXDOMAIN, "hadr.test"),
        ("peccy.hadr.test", "AAAA", Rcode.NOERROR, "hadr.test"),
        ("inner.hadr.test", "A", Rcode.NOERROR, "hadr.test"),
        (ONE, "AAAA", Rcode.NOERROR, ""),
        ("example.org", "A", Rcode.NXDOMAIN, ""),
        ("other.us-east-1.elb.amazonaws.com", "A", Rcode.NXDOMAIN, ""),
    ],
)
def test_what_does_not_exist_says_so_with_an_soa(name: str, kind: str, rcode: Rcode, soa: str) -> None:
    """No such name and no such type are different answers, both with the SOA that bounds their caching."""
    answer = site(Record(name="deep.inner.hadr.test", type="TXT", ttl=5, values=('"x"',))).answer(name, kind)
    assert (answer.rcode, answer.resources) == (rcode, ())
    assert [resource.name for resource in answer.authority] == [soa]


def test_wildcards_stand_for_names_that_do_not_exist() -> None:
    """The closest wildcard answers, but never for a name that has records of its own or below it."""
    wild = Record(name="*.hadr.test", type="A", ttl=5, values=("192.0.2.9",))
    view = site(wild, Record(name="own.hadr.test", type="TXT", ttl=5, values=('"x"',)))
    assert view.addresses("any.thing.hadr.test") == ("192.0.2.9",)
    assert view.addresses("own.hadr.test") == ()
    assert view.answer("below.own.hadr.test", "A").rcode is Rcode.NXDOMAIN


def test_every_bucket_has_a_host_name() -> None:
    """Below a Region's S3 host, any bucket's host exists; below other published names nothing does."""
    assert site().addresses("switch-two.s3.us-east-2.amazonaws.com") == ("198.18.2.10",)
    assert site().addresses("s3.us-east-2.amazonaws.com") == ("198.18.2.10",)
    assert site().addresses(f"below.{ONE}") == ()


def test_a_private_zone_is_seen_from_its_regions_only() -> None:
    """Inside it hides the public zone of the same name, outside it does not exist."""
    zones = (
        Zone(zone_id="P", name="hadr.test", records=(Record(name="db.hadr.test", type="A", ttl=5, values=("10.1.0.5",)),),
             private_regions=("us-east-1",)),
        Zone(zone_id="Q", name="hadr.test", records=(SOA,)),
    )  # fmt: skip
    view = View(Snapshot(zones=zones), Random(1))
    assert view.addresses("db.hadr.test", "us-east-1") == ("10.1.0.5",)
    assert view.answer("db.hadr.test", "A", "us-east-2").rcode is Rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([], True), ([None, None, None], True), ([False, None, False], True), ([False] * 3, False), ([True, False, False], True),
     ([True] + [False] * 5, False)],
)  # fmt: skip
def test_an_endpoint_is_healthy_while_enough_checkers_say_so(verdicts: list[bool | None], expected: bool) -> None:
    """More than 18 % suffice, and a checker without data counts for the endpoint."""
    assert endpoint_healthy(verdicts) is expected


@pytest.mark.parametrize(
    ("check", "verdict", "expected"),
    [
        (Check(check_id="x", type="HTTP"), True, True),
        (Check(check_id="x", type="HTTP"), False, False),
        (Check(check_id="x", type="HTTP"), None, True),
        (Check(check_id="x", type="HTTP", inverted=True), None, False),
        (Check(check_id="x", type="HTTP", inverted=True), False, True),
        (Check(check_id="x", type="HTTP", disabled=True), False, True),
        (Check(check_id="x", type="HTTP", disabled=True, inverted=True), False, False),
        (Check(check_id="x", type="CALCULATED", children=("y", "z"), children_needed=2), None, False),
        (Check(check_id="x", type="CALCULATED", children=("y", "z"), children_needed=1), None, True),
        (Check(check_id="x", type="CALCULATED", children=("y", "z"), children_needed=0), None, True),
        (Check(check_id="x", type="CALCULATED", children=("y", "z"), children_needed=3), None, False),
        (Check(check_id="x", type="CALCULATED", children=("x",), children_needed=1), None, False),
    ],
)
def test_status_of_a_check(check: Check, verdict: bool | None, expected: bool) -> None:
    """No data, inversion, disabling and calculation, as Route 53 combines them; y is healthy, z is not."""
    known = {"x": check, "y": Check(check_id="y", type="TCP"), "z": Check(check_id="z", type="TCP")}
    assert healthy("x", known, {"x": [verdict], "y": [True], "z": [False]}) is expected
    assert healthy("absent", known, {})
