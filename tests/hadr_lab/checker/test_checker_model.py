"""The checker against two models: brute force over arbitrary books, and a simulated pair with asynchronous replication."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hadr_lab.loads import a_summary

from hadr_lab.checker import Content, Loss, Row, Store, Verdict, balance, judge
from hadr_lab.history import History, Kind, Operation, Outcome

ONE, TWO = "10.1.0.4", "10.2.0.4"
LOSS = Loss(cut=50.0, networks=("10.1.0.0/16",), grace_s=0.5)


def attempt(key: str, sent: float, took: float, outcome: Outcome, address: str, number: int, kind: Kind = Kind.WRITE) -> Operation:
    """One attempt with everything the checker looks at."""
    return Operation(
        id=key,
        kind=kind,
        client="ttl-1",
        intended=sent,
        sent=sent,
        finished=sent + took,
        outcome=outcome,
        status=None,
        address=address,
        attempt=number,
        latency_s=took,
    )


attempts = st.builds(
    attempt,
    key=st.integers(0, 5).map(lambda n: f"w-{n}"),
    sent=st.integers(40, 60).map(float),
    took=st.sampled_from([0.0, 0.25, 0.5, 3.0]),
    outcome=st.sampled_from(list(Outcome)),
    address=st.sampled_from([ONE, TWO]),
    number=st.just(1),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(attempts, max_size=12), st.lists(st.integers(0, 7), max_size=8))
def test_agrees_with_brute_force_on_arbitrary_books(history: list[Operation], held: list[int]) -> None:
    """Every account, recomputed pair by pair straight from its definition, is the same."""
    rows = [f"w-{n}" for n in held]
    books = balance(history, Content(rows=tuple(Row(key=k, id=0) for k in rows), files=()), ids="w", loss=LOSS)
    account = books.accounts[Store.DATABASE]
    ids = {op.id for op in history}
    ok = {
        k: min(((o.finished, n) for n, o in enumerate(history) if o.id == k and o.outcome is Outcome.OK), default=None) for k in ids
    }
    lost = {k for k in ids if ok[k] is not None and k not in rows}
    assert set(account.lost) == lost
    assert account.acked == sum(v is not None for v in ok.values())
    assert set(account.doubled) == {k for k in rows if rows.count(k) > 1}
    possible = {o.id for o in history if o.outcome is not Outcome.FAIL}
    assert set(account.unexpected) == set(rows) - possible
    unsure = {k for k in ids if ok[k] is None and k in possible}
    assert (set(account.landed), set(account.vanished)) == (unsure & set(rows), unsure - set(rows))

    def explained(key: str) -> bool:
        finished, number = ok[key] or (0.0, 0)
        return history[number].address == ONE and finished <= 50.5

    assert set(account.unexplained) == {k for k in lost if not explained(k)}

    def hole(key: str) -> bool:
        finished, number = ok[key] or (0.0, 0)
        others = {o.id for o in history if o.id in rows and o.outcome is not Outcome.FAIL}
        ours = [[o for o in history if o.id == k] for k in others]
        later = [min(o.sent or 0.0 for o in g) for g in ours if all(o.address == ONE for o in g if o.outcome is not Outcome.FAIL)]
        return history[number].address == ONE and any(finished < sent <= LOSS.cut for sent in later)

    assert set(account.holes) == {k for k in lost if hole(k)}


@dataclass(frozen=True)
class Site:
    """What a simulated drill left: history, content, and the truth about it."""

    history: History
    content: Content
    lost: frozenset[str]
    window: float


@st.composite
def drills(draw: st.DrawFn) -> Site:
    """Writes flow to member one until the cut at 50, then to two. Two holds what one committed up to `lag` before the cut.

    A write commits somewhere between its sending and its answer; some answers never arrive, and those are tried again elsewhere.
    """
    lag = draw(st.sampled_from([0.035, 1.0, 5.0]))
    operations: list[Operation] = []
    rows: list[str] = []
    committed: list[tuple[float, str, float | None]] = []
    for number in range(draw(st.integers(1, 25))):
        key, sent = f"w-{number}", draw(st.floats(40, 60))
        took, share = draw(st.floats(0.001, 0.5)), draw(st.floats(0, 1))
        heard = draw(st.booleans())
        if sent + took < LOSS.cut:
            operations.append(attempt(key, sent, took, Outcome.OK if heard else Outcome.INFO, ONE, 1))
            committed.append((sent + took * share, key, sent + took if heard else None))
        elif sent < LOSS.cut:
            operations.append(attempt(key, sent, 2.0, Outcome.INFO, ONE, 1))
            heard = False
        else:
            heard = False
        if not heard and draw(st.booleans()):
            operations.append(attempt(key, max(sent, 55.0), took, Outcome.OK, TWO, 2))
            rows.append(key)
    replicated = [key for at, key, _ in committed if at <= LOSS.cut - lag]
    lost = {key: acked for at, key, acked in committed if at > LOSS.cut - lag and acked is not None}
    rows = list(dict.fromkeys(replicated + rows))
    content = Content(rows=tuple(Row(key=key, id=n) for n, key in enumerate(rows)), files=())
    history = History(operations=tuple(operations), summary=a_summary(len(operations)))
    window = max((LOSS.cut - acked for acked in lost.values()), default=0.0)
    return Site(history=history, content=content, lost=frozenset(lost), window=window)


@settings(max_examples=100, deadline=None)
@given(drills())
def test_an_honest_asynchronous_site_is_never_invalid(site: Site) -> None:
    """Whatever the lag, the lost list is exactly the truth, the window is its age, and no fault is found."""
    result = judge(site.history, site.content, loss=LOSS)
    assert result.books is not None
    assert result.verdict is not Verdict.INVALID, result.reasons
    assert set(result.books.accounts[Store.DATABASE].lost) == site.lost
    assert result.books.rpo_s == site.window


@settings(max_examples=100, deadline=None)
@given(drills(), st.data())
def test_tampering_with_an_honest_site_is_found(site: Site, data: st.DataObject) -> None:
    """A row doubled, a row nobody wrote, or a row that the survivor acknowledged taken away: each makes it invalid."""
    acked_by_two = {op.id for op in site.history.operations if op.outcome is Outcome.OK and op.address == TWO}
    ways = ["invent"] + (["double"] if site.content.rows else []) + (["drop"] if acked_by_two else [])
    way = data.draw(st.sampled_from(ways))
    rows = site.content.rows
    if way == "double":
        rows = (*rows, data.draw(st.sampled_from(rows)))
    elif way == "invent":
        rows = (*rows, Row(key="w-9999", id=1))
    else:
        gone = data.draw(st.sampled_from(sorted(acked_by_two)))
        rows = tuple(row for row in rows if row.key != gone)
    assert judge(site.history, replace(site.content, rows=rows), loss=LOSS).verdict is Verdict.INVALID
