"""The outage as clients see it: where it begins, where sustained success starts, and what does not count as recovery."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadr_lab.drill.outage import Outage, Sustained, errors, outage, success_rate
from hadr_lab.history import Kind, Operation, Outcome

RULE = Sustained(success=0.99, window_s=2.0)


def an_attempt(at: float, ok: bool, took: float = 0.01) -> Operation:
    """A read at `at`."""
    return Operation(
        id=f"w-{at}",
        kind=Kind.READ,
        client="ttl-1",
        intended=at,
        sent=at,
        finished=at + took,
        outcome=Outcome.OK if ok else Outcome.FAIL,
        status=200 if ok else None,
        address="10.1.0.4",
        attempt=1,
        latency_s=took,
        error="" if ok else "timeout",
    )


def a_history(fails: Callable[[float], bool], *, seconds: float = 20.0, rate: float = 50.0) -> list[Operation]:
    """Reads at a fixed rate from 0, failing where `fails` says so."""
    return [an_attempt(n / rate, not fails(n / rate)) for n in range(int(seconds * rate))]


def seen(operations: Sequence[Operation], end: float = 20.0) -> Outage:
    """The outage after onset 5."""
    return outage(operations, onset=5.0, end=end, sustained=RULE)


def test_an_outage_runs_from_the_first_failure_to_sustained_success() -> None:
    """Failures from 5.5 to 9: the outage is that long to within a request."""
    result = seen(a_history(lambda t: 5.5 <= t < 9.0))
    assert result.began == pytest.approx(5.5)
    assert result.ended == pytest.approx(9.0, abs=0.05)
    assert result.length_s == pytest.approx(3.5, abs=0.05)


def test_nothing_failed_is_an_outage_of_zero() -> None:
    """Recovered all the time."""
    result = seen(a_history(lambda _: False))
    assert (result.began, result.length_s, result.recovered) == (None, 0.0, True)


def test_a_service_that_blinks_has_not_recovered_yet() -> None:
    """A second of success inside the outage does not end it."""
    result = seen(a_history(lambda t: 5.0 <= t < 7.0 or 8.0 <= t < 10.0))
    assert result.ended == pytest.approx(10.0, abs=0.05)


def test_a_second_outage_moves_the_recovery() -> None:
    """Long success in between does not count when it was not sustained to the end."""
    result = seen(a_history(lambda t: 5.0 <= t < 7.0 or 15.0 <= t < 16.0))
    assert result.ended == pytest.approx(16.0, abs=0.05)


@pytest.mark.parametrize("fails_from", [5.0, 19.5])
def test_failing_at_the_end_is_no_recovery(fails_from: float) -> None:
    """For good, or only in the last half second: success was not sustained."""
    result = seen(a_history(lambda t: t >= fails_from))
    assert (result.recovered, result.length_s) == (False, None)


def test_too_little_after_the_outage_proves_nothing() -> None:
    """Success for one second of a window of two is not sustained."""
    assert not seen(a_history(lambda t: 5.0 <= t < 19.0)).recovered
    assert not seen([], end=20.0).recovered
    assert not seen(a_history(lambda _: False, seconds=6.0), end=6.0).recovered


def test_one_failure_among_many_is_within_the_share() -> None:
    """A single failure in 750 requests: an outage as short as the next success."""
    history = [an_attempt(n / 100, n != 700) for n in range(2000)]
    assert seen(history).length_s == pytest.approx(0.01)


def test_a_request_under_way_at_the_onset_belongs_to_the_outage() -> None:
    """It was due before the fault and died of it."""
    history = [*a_history(lambda t: 5.0 <= t < 7.0), an_attempt(4.9, ok=False, took=2.0)]
    assert seen(history).began == pytest.approx(4.9)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.booleans(), min_size=10, max_size=80), st.sampled_from([0.5, 0.9, 1.0]))
def test_agrees_with_the_definition(oks: list[bool], share: float) -> None:
    """Whatever the pattern, recovery is claimed exactly when all windows from there on hold the share."""
    history = [an_attempt(n * 0.25, ok) for n, ok in enumerate(oks)]
    end = len(oks) * 0.25
    rule = Sustained(success=share, window_s=1.0)
    result = outage(history, onset=0.0, end=end, sustained=rule)

    def rate(start: float) -> float:
        inside = [op.succeeded for op in history if start <= op.intended < start + 1.0]
        return sum(inside) / len(inside)

    starts = [op.intended for op in history if op.intended <= end - 1.0]
    assert result.recovered == (rate(end - 1.0) >= share)
    if result.ended is not None:
        assert all(rate(t) >= share for t in starts if t >= result.ended)


def test_rates_and_reasons() -> None:
    """The share of nothing is unknown; reasons are counted."""
    history = a_history(lambda t: t < 1.0, seconds=2.0)
    assert success_rate(history) == 0.5
    assert success_rate([]) is None
    assert errors(history) == {"timeout": 50}
