"""The checker on hand-made books: each account, each fault, each doubt."""

from __future__ import annotations

from typing import Any

import pytest
from tests.hadr_lab.loads import a_summary

from hadr_lab.checker import Content, Judgement, Loss, Row, Store, Verdict, judge
from hadr_lab.history import History, Kind, Operation, Outcome

ONE, TWO = "10.1.0.4", "10.2.0.4"
CUT = 100.0


def an_attempt(key: str, at: float, outcome: Outcome = Outcome.OK, **changes: Any) -> Operation:
    """An attempt of a write sent at `at` and answered 10 ms later by member one."""
    values: dict[str, Any] = {
        "id": key,
        "kind": Kind.WRITE,
        "client": "ttl-1",
        "intended": at,
        "sent": at,
        "finished": at + 0.01,
        "outcome": outcome,
        "status": 201,
        "address": ONE,
        "attempt": 1,
        "latency_s": 0.01,
    }
    return Operation(**(values | changes))


def judged(
    *operations: Operation,
    rows: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    latest: str | None = None,
    loss: Loss | None = Loss(cut=CUT, networks=("10.1.0.0/16",)),  # noqa: B008  frozen
    lag: float = 0.001,
) -> Judgement:
    """Judge these attempts against this content; member one is cut off at 100."""
    history = History(operations=operations, summary=a_summary(len(operations), scheduling_lag_p99_s=lag, scheduling_lag_max_s=lag))
    content = Content(rows=tuple(Row(key=key, id=n) for n, key in enumerate(rows)), files=files, latest=latest)
    return judge(history, content, loss=loss)


def database(judgement: Judgement) -> Any:
    """The database's account."""
    assert judgement.books is not None
    return judgement.books.accounts[Store.DATABASE]


def test_everything_present_is_valid() -> None:
    """Acknowledged by either side and present: the books balance and nothing was lost."""
    result = judged(an_attempt("w-1", 99.0), an_attempt("w-2", 110.0, address=TWO), rows=("w-1", "w-2"))
    assert (result.verdict, result.reasons) == (Verdict.VALID, ())
    assert (database(result).acked, database(result).lost) == (2, ())
    assert result.books is not None
    assert result.books.rpo_s == 0


def test_a_loss_inside_the_lag_is_reported_and_valid() -> None:
    """Acknowledged by the lost side just before the cut and absent: lost, explained, and the window starts at the oldest."""
    result = judged(an_attempt("w-1", 98.0), an_attempt("w-2", 99.49), an_attempt("w-3", 99.9), rows=("w-1",))
    assert result.verdict is Verdict.VALID
    assert database(result).lost == ("w-2", "w-3")
    assert result.books is not None
    assert result.books.rpo_s == pytest.approx(0.5)


def test_an_answer_that_was_on_its_way_at_the_cut_is_explained() -> None:
    """The acknowledgement reached the client 0.2 s after the cut: it was sent before; the window is not negative."""
    result = judged(an_attempt("w-0", 90.0), an_attempt("w-1", 99.99, finished=100.2), rows=("w-0",))
    assert result.verdict is Verdict.VALID
    assert result.books is not None
    assert result.books.rpo_s == 0


@pytest.mark.parametrize(
    ("attempt", "loss"),
    [
        (an_attempt("w-1", 110.0, address=TWO), Loss(cut=CUT, networks=("10.1.0.0/16",))),
        (an_attempt("w-1", 99.0, address=TWO), Loss(cut=CUT, networks=("10.1.0.0/16",))),
        (an_attempt("w-1", 105.0), Loss(cut=CUT, networks=("10.1.0.0/16",))),
        (an_attempt("w-1", 99.0), None),
    ],
    ids=["by the survivor", "by the survivor before the cut", "by the lost side long after the cut", "nothing was cut"],
)
def test_a_loss_that_the_cut_does_not_explain_is_invalid(attempt: Operation, loss: Loss | None) -> None:
    """Only what the lost side acknowledged before it was cut off may be missing."""
    result = judged(attempt, an_attempt("w-2", 120.0, address=TWO), rows=("w-2",), loss=loss)
    assert result.verdict is Verdict.INVALID
    assert "does not explain: w-1" in result.reasons[0]


def test_a_hole_in_the_order_is_invalid() -> None:
    """w-2 was sent after w-1 was acknowledged, by the same side, and survived: w-1 cannot have been lost with the link."""
    result = judged(an_attempt("w-1", 98.0), an_attempt("w-2", 99.0), rows=("w-2",))
    assert result.verdict is Verdict.INVALID
    assert database(result).holes == ("w-1",)


def test_writes_side_by_side_make_no_hole() -> None:
    """w-2 was sent before w-1 was acknowledged, so either may have been committed first."""
    result = judged(an_attempt("w-1", 98.0, finished=99.5), an_attempt("w-2", 99.0), rows=("w-2",))
    assert result.verdict is Verdict.VALID


def test_a_survivor_of_the_other_side_makes_no_hole() -> None:
    """What the surviving side took after the cut says nothing about the order of replication; nor does a retry that moved over."""
    moved = (an_attempt("w-3", 99.95, Outcome.INFO), an_attempt("w-3", 110.0, address=TWO, attempt=2))
    result = judged(
        an_attempt("w-0", 97.0), an_attempt("w-1", 99.9), an_attempt("w-2", 111.0, address=TWO), *moved, rows=("w-0", "w-2", "w-3")
    )
    assert result.verdict is Verdict.VALID


def test_what_the_lost_side_takes_once_it_is_back_makes_no_hole() -> None:
    """It serves again long after the cut: that those writes are there says nothing about what was on its way at the cut."""
    result = judged(an_attempt("w-1", 99.9), an_attempt("w-2", 200.0), rows=("w-2",))
    assert result.verdict is Verdict.VALID
    assert database(result).lost == ("w-1",)


def test_a_picture_that_the_lost_side_took_once_it_was_back_counts() -> None:
    """The newest write there is, acknowledged by the side that serves again: another picture in its place is stale."""
    pictures = (an_attempt("w-1", 110.0, address=TWO, kind=Kind.FILE), an_attempt("w-2", 200.0, kind=Kind.FILE))
    assert judged(*pictures, files=("w-1", "w-2"), latest="w-2").verdict is Verdict.VALID
    assert "w-2 replaced it" in judged(*pictures, files=("w-1", "w-2"), latest="w-1").reasons[0]


def test_files_need_no_order() -> None:
    """A file store is copied in no particular order: a later picture may survive an earlier one."""
    a, b = an_attempt("w-1", 98.0, kind=Kind.FILE), an_attempt("w-2", 99.0, kind=Kind.FILE)
    result = judged(a, b, files=("w-2",), latest="w-2")
    assert result.verdict is Verdict.VALID
    assert result.books is not None
    assert result.books.accounts[Store.FILES].lost == ("w-1",)


def test_a_doubled_write_is_invalid() -> None:
    """The same key in two rows means an idempotency key was not honoured."""
    result = judged(an_attempt("w-1", 98.0), rows=("w-1", "w-1"))
    assert result.verdict is Verdict.INVALID
    assert database(result).doubled == ("w-1",)


def test_a_refused_write_that_is_held_is_invalid() -> None:
    """Refused by every attempt, and there all the same."""
    result = judged(an_attempt("w-1", 98.0, Outcome.FAIL), an_attempt("w-2", 98.0), rows=("w-1", "w-2"))
    assert result.verdict is Verdict.INVALID
    assert database(result).unexpected == ("w-1",)


def test_a_key_nobody_sent_is_invalid_unless_it_is_somebody_elses() -> None:
    """With our prefix it is unexpected; without it is foreign, counted and not judged."""
    assert judged(an_attempt("w-1", 98.0), rows=("w-1", "w-77")).verdict is Verdict.INVALID
    foreign = judged(an_attempt("w-1", 98.0), rows=("w-1", "proof-77", ""))
    assert foreign.verdict is Verdict.VALID
    assert database(foreign).foreign == 2


def test_an_uncertain_write_may_be_there_or_not() -> None:
    """Never acknowledged, perhaps carried out: counted as landed or vanished, and both are fine."""
    unsure = [an_attempt(f"w-{n}", 99.0, Outcome.INFO) for n in (1, 2)]
    result = judged(*unsure, an_attempt("w-0", 98.0), rows=("w-0", "w-1"))
    assert result.verdict is Verdict.VALID
    assert (database(result).landed, database(result).vanished) == (("w-1",), ("w-2",))


def test_a_retry_that_was_acknowledged_is_one_acknowledged_write() -> None:
    """Timeout first, acknowledged second: one write, acknowledged once, present once."""
    result = judged(an_attempt("w-1", 99.0, Outcome.INFO), an_attempt("w-1", 110.0, address=TWO, attempt=2), rows=("w-1",))
    assert (result.verdict, database(result).acked) == (Verdict.VALID, 1)


def test_a_stale_picture_is_invalid() -> None:
    """The survivor acknowledged w-2 after w-1 had ended, yet serves w-1; serving none of ours is as wrong."""
    a = an_attempt("w-1", 110.0, kind=Kind.FILE, address=TWO)
    b = an_attempt("w-2", 111.0, kind=Kind.FILE, address=TWO)
    assert judged(a, b, files=("w-1", "w-2"), latest="w-2").verdict is Verdict.VALID
    assert judged(a, b, files=("w-1", "w-2"), latest="w-1").verdict is Verdict.INVALID
    assert judged(a, b, files=("w-1", "w-2"), latest=None).verdict is Verdict.INVALID


def test_a_retried_picture_may_have_been_put_down_late() -> None:
    """A timed-out attempt can still take effect after its retry was acknowledged, so the order proves nothing."""
    a = (
        an_attempt("w-1", 109.0, Outcome.INFO, kind=Kind.FILE, address=TWO),
        an_attempt("w-1", 110.0, kind=Kind.FILE, address=TWO, attempt=2),
    )
    b = an_attempt("w-2", 111.0, kind=Kind.FILE, address=TWO)
    assert judged(*a, b, files=("w-1", "w-2"), latest="w-1").verdict is Verdict.VALID


def test_doubts_make_it_unknown() -> None:
    """A late generator, no acknowledgement at all, no content, gaps: each alone leaves the verdict open and says why."""
    ok = an_attempt("w-1", 98.0)
    assert judged(ok, rows=("w-1",), lag=1.0).verdict is Verdict.UNKNOWN
    assert judged(an_attempt("w-1", 98.0, Outcome.FAIL)).reasons == ("no write was ever acknowledged: nothing was proven",)
    history = History(operations=(ok,), summary=a_summary(1))
    assert judge(history, None, loss=None).verdict is Verdict.UNKNOWN
    torn = History(operations=(ok,), summary=a_summary(1), gaps=("torn",))
    content = Content(rows=(Row(key="w-1", id=1),), files=())
    assert judge(torn, content, loss=None).reasons == ("torn",)
    assert judge(History(operations=(ok,), summary=None, gaps=("no account",)), content, loss=None).verdict is Verdict.UNKNOWN


def test_a_fault_outweighs_a_doubt() -> None:
    """A doubled write is doubled however late the generator was."""
    result = judged(an_attempt("w-1", 98.0), rows=("w-1", "w-1"), lag=1.0)
    assert result.verdict is Verdict.INVALID
    assert len(result.reasons) == 2
