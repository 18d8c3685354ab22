"""Critical path, sum and act time as arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr.core.measure import Path, Timed, act, critical_path, sequential

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def timed(name: str, length: float, *requires: str) -> Timed:
    return Timed(name=name, requires=requires, length=timedelta(seconds=length))


def test_the_critical_path_is_the_longest_chain() -> None:
    """Two branches join; the longer one counts, and the steps are named in order."""
    steps = (timed("a", 3), timed("b", 5), timed("c", 1, "a", "b"), timed("d", 2, "c"), timed("alone", 7))
    assert critical_path(steps) == Path(steps=("b", "c", "d"), length=timedelta(seconds=8))
    assert sequential(steps) == timedelta(seconds=18)


def test_a_requirement_that_is_not_there_counts_as_met() -> None:
    """A step that was already proven is not in the list and costs nothing."""
    assert critical_path((timed("b", 5, "gone"),)).length == timedelta(seconds=5)


def test_nothing_takes_no_time() -> None:
    """An empty plan has an empty path."""
    assert critical_path(()) == Path(steps=(), length=timedelta(0))
    assert sequential(()) == timedelta(0)
    assert act(()) == timedelta(0)


def test_a_circle_is_a_mistake() -> None:
    """Steps that wait for each other are told by name."""
    with pytest.raises(ValueError, match="a -> b -> a"):
        critical_path((timed("a", 1, "b"), timed("b", 1, "a")))


def test_act_is_from_the_first_start_to_the_last_end() -> None:
    """Overlap is counted once."""
    spans = [(NOON, NOON + timedelta(seconds=5)), (NOON + timedelta(seconds=2), NOON + timedelta(seconds=9))]
    assert act(spans) == timedelta(seconds=9)


@given(st.lists(st.tuples(st.floats(0, 100), st.sets(st.integers(0, 7))), max_size=8))
def test_the_path_lies_between_the_longest_step_and_the_sum(drawn: list[tuple[float, set[int]]]) -> None:
    """For any steps that wait for earlier ones only."""
    steps = [
        timed(str(number), length, *(str(other) for other in before if other < number))
        for number, (length, before) in enumerate(drawn)
    ]
    path = critical_path(steps)
    assert max((step.length for step in steps), default=timedelta(0)) <= path.length <= sequential(steps)
