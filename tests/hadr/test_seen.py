"""When what a client sees has become worse: failures, and answers that clearly take longer; never one answer, never noise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr.core.seen import FEWEST, KEPT, SLOW_IN_A_ROW, Seen, failing, pace, slackest, slower, worse
from hadr.core.view import Answer

GONE = Answer(status=None, detail="timed out")
NAME, ONE, TWO = "peccy.test", "one.test", "two.test"

lengths = st.integers(min_value=1, max_value=2900)
"""Of good answers, in milliseconds; beyond three seconds the probe gives up."""
looks = st.lists(lengths, min_size=FEWEST, max_size=10)


def seen(*took: float, after: Seen | None = None) -> Seen:
    """Good answers that took so many milliseconds, after those there were."""
    found = after or Seen()
    for each in took:
        found = found.and_then(Answer(status=200, took=timedelta(milliseconds=each)))
    return found


def failed(times: int, after: Seen | None = None) -> Seen:
    """So many failures, after what there was."""
    found = after or Seen()
    for _ in range(times):
        found = found.and_then(GONE)
    return found


def test_what_was_bad_before_is_not_held_against_it() -> None:
    """Only what is worse than the look beforehand sends it back; answers in a row do always."""
    before = Seen(asked=100, failed=10)
    assert not failing(before, Seen(asked=100, failed=11))
    assert failing(before, Seen(asked=100, failed=14))
    assert failing(before, Seen(asked=3, failed=3, in_a_row=3))
    assert not failing(Seen(), Seen(asked=10, failed=1))
    assert failing(Seen(), Seen(asked=10, failed=2))
    assert failing(Seen(asked=3, failed=2, in_a_row=2), Seen(asked=3, failed=3, in_a_row=3))
    assert not failing(Seen(asked=3, failed=3, in_a_row=3), Seen(asked=9, failed=9, in_a_row=9))
    assert Seen().share == 0


def test_what_was_seen_in_words() -> None:
    """Milliseconds; that the last answers alone are remembered is said; no median of nothing."""
    assert str(Seen()) == "0 of 0 answers failed"
    assert str(seen(12, 10, 14)) == "0 of 3 answers failed, median 12 ms"
    assert str(failed(1, seen(12, 14))) == "1 of 3 answers failed, median 13 ms, last: no answer (timed out)"
    assert str(seen(*[5] * 20, *[1500] * 20)) == "0 of 40 answers failed, median 1500 ms (of the last 20)"
    assert str(Seen().and_then(Answer(status=200))) == "0 of 1 answers failed"


@pytest.mark.parametrize(
    ("before", "beyond"),
    [
        ((12,) * 10, 262),
        ((12, 11, 13), 262),
        ((250,) * 10, 500),
        ((900,) * 10, 1800),
        ((*[12] * 9, 2900), 262),
        ((*[12] * 8, 700, 2900), 700),
        ((12, 2900), None),
        ((), None),
    ],
)
def test_what_is_slow_follows_from_what_was_before(before: tuple[float, ...], beyond: float | None) -> None:
    """A quarter of a second more, or twice as long where that is more; what came twice is usual; two tell nothing."""
    found = pace(seen(*before))
    assert (found and found.slow) == (beyond and timedelta(milliseconds=beyond))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ((612,) * 5, "5 answers in a row took over 262 ms (12 ms before)"),
        ((*[12] * 30, *[2900] * 5), "5 answers in a row took over 262 ms (12 ms before)"),
        ((612, 12) * 10, "10 of the last 20 answers took over 262 ms (12 ms before)"),
        ((612, 612, 12) * 5, "10 of the last 15 answers took over 262 ms (12 ms before)"),
        ((2900,), ""),
        ((2900,) * 4, ""),
        ((2900, 2900, 2900, 2900, 12, 12) * 2, ""),
        ((262,) * 60, ""),
        ((*(2900, 12) * 4, *[12] * 12, *(2900, 12) * 4), ""),
    ],
)
def test_several_slow_answers_are_worse_and_a_few_are_not(now: tuple[float, ...], words: str) -> None:
    """Five in a row, or half of the last twenty; two stalls of four seconds are neither."""
    assert slower(pace(seen(*[12] * 10)), seen(*now)) == words


def test_a_failure_neither_breaks_nor_lengthens_a_row_of_slow_answers() -> None:
    """It is counted elsewhere; between slow answers it is no good news."""
    usual = pace(seen(*[12] * 10))
    assert not slower(usual, failed(2, seen(*[612] * 4)))
    assert slower(usual, seen(612, after=failed(1, seen(*[612] * 4))))


def test_nothing_to_compare_with_is_no_reason() -> None:
    """Nobody was served before, or hardly: then any answer is better."""
    slow = {NAME: seen(*[2900] * 20), TWO: seen(*[2900] * 20)}
    assert worse({}, slow, name=NAME) == {}
    assert worse({NAME: failed(10), TWO: seen(*[12] * 10)}, slow, name=NAME) == {}
    assert worse({NAME: seen(*[12] * 10), TWO: failed(10)}, slow, name=NAME) == {}
    assert slackest([]) is None


def test_the_name_is_held_to_the_farthest_member_it_leads_to() -> None:
    """Clients near one that are led to two take its way; that is what they were sent for, not harm."""
    before = {NAME: seen(*[12] * 10), ONE: seen(*[12] * 10), TWO: seen(*[400] * 10)}
    assert worse(before, {NAME: seen(*[420] * 9), TWO: seen(*[420] * 9)}, name=NAME) == {}
    assert set(worse(before, {NAME: seen(*[420] * 9), ONE: seen(*[12] * 9)}, name=NAME)) == {NAME}
    assert set(worse(before, {NAME: seen(*[12] * 9), ONE: seen(*[420] * 9), TWO: seen(*[420] * 9)}, name=NAME)) == {ONE}


def test_a_member_is_slow_only_beyond_what_clients_had() -> None:
    """Half of them had an ill member; that the other slows down under all of them, but not as much, is better for them."""
    before = {NAME: seen(*[12, 600] * 5), ONE: seen(*[600] * 10), TWO: seen(*[12] * 10)}
    assert worse(before, {NAME: seen(*[400] * 9), TWO: seen(*[400] * 9)}, name=NAME) == {}
    assert set(worse(before, {NAME: seen(*[900] * 9), TWO: seen(*[900] * 9)}, name=NAME)) == {NAME, TWO}


def test_failures_are_told_before_slowness() -> None:
    """One reason for each host, the graver one."""
    before = {NAME: seen(*[12] * 10), TWO: seen(*[12] * 10)}
    now = {NAME: seen(*[12] * 10), TWO: failed(3, seen(*[612] * 9))}
    words = "3 of 12 answers failed, median 612 ms, last: no answer (timed out)"
    assert worse(before, now, name=NAME) == {TWO: words}


def test_lengths_alone_are_kept_of_a_member_nobody_was_sent_to() -> None:
    """What it failed is not usual."""
    assert failed(3, seen(12)).only_lengths() == Seen(took=(timedelta(milliseconds=12),))


@given(before=looks, now=st.lists(lengths, max_size=60))
def test_fewer_than_five_slow_answers_never_undo_a_shift(before: list[int], now: list[int]) -> None:
    """Whatever was before, and however slow they are."""
    usual = pace(seen(*before))
    assert usual is not None
    slow = [each for each in now if timedelta(milliseconds=each) > usual.slow][: SLOW_IN_A_ROW - 1]
    quick = [each for each in now if timedelta(milliseconds=each) <= usual.slow]
    assert not slower(usual, seen(*quick, *slow))
    assert not slower(usual, seen(*slow, *quick))


@given(before=looks, times=st.integers(min_value=SLOW_IN_A_ROW, max_value=40))
def test_answers_far_beyond_all_of_before_always_do(before: list[int], times: int) -> None:
    """Twice the longest there was and more than a quarter of a second above it."""
    beyond = max(2 * max(before), max(before) + 250) + 1
    assert slower(pace(seen(*before)), seen(*[beyond] * times))


@given(before=looks, by=st.integers(0, 2000), now=st.lists(lengths, max_size=60))
def test_who_had_slower_answers_before_is_allowed_no_less(before: list[int], by: int, now: list[int]) -> None:
    """A look whose every answer took longer never makes a shift return that did not return otherwise."""
    quick, slow = seen(*before), seen(*[each + by for each in before])
    assert slower(pace(quick), seen(*now)) or not slower(pace(slow), seen(*now))


@given(before=looks, times=st.integers(1, 6))
def test_what_goes_on_as_before_is_not_worse(before: list[int], times: int) -> None:
    """The same answers in the same order, again and again: at most one of three is longer than what came twice."""
    assert not slower(pace(seen(*before)), seen(*before * times))


@given(st.lists(st.one_of(lengths, st.none()), max_size=80))
def test_memory_is_bounded_and_counts_are_right(answers: list[int | None]) -> None:
    """However long a stage is held."""
    found = Seen()
    for each in answers:
        found = failed(1, found) if each is None else seen(each, after=found)
    good = [each for each in answers if each is not None]
    assert (found.asked, found.failed) == (len(answers), len(answers) - len(good))
    assert found.took == tuple(timedelta(milliseconds=each) for each in good[-KEPT:])
