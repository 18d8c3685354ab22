"""Route 53's routing policies as tables: which records are answered for which health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr_lab.dataplane.dns.choose import choose
from hadr_lab.dataplane.dns.zones import Record


def weighted(**weights: int) -> tuple[Record, ...]:
    return tuple(
        Record(name="www.hadr.test", type="A", ttl=5, values=("192.0.2.1",), set_identifier=name, weight=weight)
        for name, weight in weights.items()
    )


def only(names: Iterable[str]) -> Callable[[Record], bool]:
    """A health under which exactly these set identifiers are healthy."""
    return lambda record: record.set_identifier in names


def drawn(records: tuple[Record, ...], well: Iterable[str], times: int = 400, origin: str = "") -> dict[str, float]:
    """The share of each set identifier over many answers."""
    rng = Random(7)
    counted = Counter(chosen.set_identifier for _ in range(times) for chosen in choose(records, only(well), rng, origin))
    return {name: count / times for name, count in counted.items()}


@pytest.mark.parametrize(
    ("weights", "well", "expected"),
    [
        ({"one": 100, "two": 0}, {"one", "two"}, {"one": 1.0}),
        ({"one": 100, "two": 0}, {"two"}, {"two": 1.0}),
        ({"one": 100, "two": 0}, {"one"}, {"one": 1.0}),
        ({"one": 100, "two": 0}, set(), {"one": 1.0}),
        ({"one": 0, "two": 0}, {"one", "two"}, {"one": 0.5, "two": 0.5}),
        ({"one": 0, "two": 0}, {"two"}, {"two": 1.0}),
        ({"one": 0, "two": 0}, set(), {"one": 0.5, "two": 0.5}),
        ({"one": 50, "two": 50}, {"one", "two"}, {"one": 0.5, "two": 0.5}),
        ({"one": 50, "two": 50}, {"two"}, {"two": 1.0}),
        ({"one": 50, "two": 50}, set(), {"one": 0.5, "two": 0.5}),
        ({"one": 90, "two": 10}, {"one", "two"}, {"one": 0.9, "two": 0.1}),
        ({"one": 90, "two": 10, "three": 0}, {"two", "three"}, {"two": 1.0}),
        ({"one": 90, "two": 10, "three": 0}, {"three"}, {"three": 1.0}),
        ({"one": 90, "two": 10, "three": 0}, set(), {"one": 0.9, "two": 0.1}),
    ],
)
def test_weighted(weights: dict[str, int], well: set[str], expected: dict[str, float]) -> None:
    """Shares follow the weights of the healthy; zero weights come last; nobody healthy means everybody."""
    assert drawn(weighted(**weights), well) == pytest.approx(expected, abs=0.07)


@pytest.mark.parametrize(
    ("well", "expected"),
    [
        ({"first", "second"}, "first"),
        ({"first"}, "first"),
        ({"second"}, "second"),
        (set(), "first"),
    ],
)
def test_failover(well: set[str], expected: str) -> None:
    """The secondary answers only when the primary is unhealthy and it itself is not."""
    records = tuple(
        Record(name="www", type="A", set_identifier=name, failover=role)
        for name, role in (("second", "SECONDARY"), ("first", "PRIMARY"))
    )
    assert drawn(records, well) == {expected: 1.0}


def test_failover_with_one_half_missing() -> None:
    """A lone record of either role is answered whatever its health."""
    for role in ("PRIMARY", "SECONDARY"):
        assert drawn((Record(name="www", type="A", set_identifier="x", failover=role),), ()) == {"x": 1.0}


@pytest.mark.parametrize(("count", "well", "answered"), [(3, 3, 3), (12, 12, 8), (12, 2, 2), (12, 0, 8), (3, 0, 3)])
def test_multivalue(count: int, well: int, answered: int) -> None:
    """Up to eight healthy records; when none is healthy, up to eight of all."""
    records = tuple(Record(name="www", type="A", set_identifier=str(n), multivalue=True) for n in range(count))
    chosen = choose(records, only({str(n) for n in range(well)}), Random(1))
    assert len({record.set_identifier for record in chosen}) == answered
    if well:
        assert all(int(record.set_identifier) < well for record in chosen)


@pytest.mark.parametrize(
    ("origin", "well", "expected"),
    [
        ("us-east-2", {"one", "two"}, "two"),
        ("us-east-2", {"one"}, "one"),
        ("", {"one", "two"}, "one"),
        ("us-east-2", set(), "two"),
    ],
)
def test_latency(origin: str, well: set[str], expected: str) -> None:
    """The asking Region's own record while it is healthy, or when none is."""
    records = tuple(
        Record(name="www", type="A", set_identifier=name, latency_region=region)
        for name, region in (("one", "us-east-1"), ("two", "us-east-2"))
    )
    assert drawn(records, well, origin=origin) == {expected: 1.0}


def test_a_simple_record_is_answered_whatever_its_health() -> None:
    """Without a routing policy there is nothing to choose between."""
    records = (Record(name="www", type="A", values=("192.0.2.1",), health_check="down"),)
    assert choose(records, lambda _record: False, Random(1)) == records
    assert choose((), lambda _record: True, Random(1)) == ()


@given(
    weights=st.lists(st.integers(0, 255), min_size=1, max_size=6),
    well=st.sets(st.integers(0, 5)),
    seed=st.integers(0, 1000),
)
def test_weighted_always_answers_and_never_prefers_the_sick(weights: list[int], well: set[int], seed: int) -> None:
    """Exactly one record is answered, and it is a healthy one whenever there is one."""
    records = weighted(**{str(n): weight for n, weight in enumerate(weights)})
    healthy = {str(n) for n in well if n < len(weights)}
    (chosen,) = choose(records, only(healthy), Random(seed))
    if healthy:
        assert chosen.set_identifier in healthy
    if any(weights[int(name)] for name in healthy):
        assert chosen.weight
