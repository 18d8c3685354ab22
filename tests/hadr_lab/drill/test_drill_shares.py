"""Whether clients are shared out as the weights say: a chi-squared test whose figures are the textbooks'."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from hadr_lab.drill.shares import compared, draws
from hadr_lab.history import Kind, Operation, Outcome

HALF = {"one": 50.0, "two": 50.0}
AT = {"10.0.0.1": "one", "10.0.0.2": "two"}


@pytest.mark.parametrize(
    ("freedom", "statistic"), [(1, 3.841), (1, 10.828), (2, 5.991), (3, 7.815), (4, 9.488), (5, 11.070), (1, 0.0)]
)
def test_the_tail_is_the_tables(freedom: int, statistic: float) -> None:
    """The 5 % points (and one 0.1 % point) of the chi-squared distribution as printed everywhere."""
    wanted = {0.0: 1.0, 10.828: 0.001}.get(statistic, 0.05)
    total = 10_000.0
    weights = {str(n): 1.0 for n in range(freedom + 1)}
    each = total / (freedom + 1)
    shift = math.sqrt(statistic * each / 2)
    drawn = {name: round(each * 1000) for name in weights} | {"0": round((each + shift) * 1000), "1": round((each - shift) * 1000)}
    scaled = compared(drawn, weights)
    assert scaled.statistic == pytest.approx(statistic * 1000, rel=0.01, abs=0.01)
    small = compared({name: round(count / 1000) for name, count in drawn.items()}, weights)
    assert small.chance == pytest.approx(wanted, rel=0.1)


def test_fair_draws_are_called_fair_about_as_often_as_they_should() -> None:
    """Of 2,000 fair samples hardly any is rejected; of samples at 60/40 nearly every one is."""
    chance = random.Random(7)

    def sample(share: float) -> Counter[str]:
        return Counter("one" if chance.random() < share else "two" for _ in range(600))

    assert sum(not compared(sample(0.5), HALF).fair for _ in range(2000)) <= 8
    assert sum(not compared(sample(0.6), HALF).fair for _ in range(200)) >= 180


def test_a_member_without_weight_is_not_drawn_by_chance() -> None:
    """One draw is enough."""
    assert not compared({"one": 999, "two": 1}, {"one": 100, "two": 0}).fair
    assert compared({"one": 999}, {"one": 100, "two": 0}).fair


@pytest.mark.parametrize(("drawn", "weights"), [({"one": 4, "two": 4}, HALF), ({"one": 40}, {"one": 0.0})])
def test_too_little_to_judge_is_said(drawn: dict[str, int], weights: dict[str, float]) -> None:
    """Rather than a verdict that means nothing."""
    with pytest.raises(ValueError, match="draws over weights"):
        compared(drawn, weights)


def test_a_client_draws_again_only_when_its_answer_is_old() -> None:
    """A hundred requests over one answer are one draw; clients that never ask again are none."""

    def ask(at: float, client: str, address: str) -> Operation:
        return Operation(
            id="r", kind=Kind.READ, client=client, intended=at, sent=at, finished=at, outcome=Outcome.OK, status=200,
            address=address, attempt=1, latency_s=0.0,
        )  # fmt: skip

    asks = [ask(n / 10, "ttl-1", "10.0.0.1") for n in range(100)] + [ask(20.0, "ttl-1", "10.0.0.2")]
    asks += [ask(1.0, "ttl-2", "10.0.0.2"), ask(1.0, "forever-1", "10.0.0.2"), ask(1.0, "pinned-1", "10.0.0.2")]
    assert draws(asks, AT, apart_s=10.0) == {"one": 1, "two": 2}
