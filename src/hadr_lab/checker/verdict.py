"""The verdict: valid when the books balance, invalid when they cannot, unknown when nobody can tell. Pure.

Losing acknowledged writes inside the replication lag is a fact of asynchronous replication: it is reported, it is not invalid.
Invalid is what the loss of a link does not explain: a lost write that the surviving side acknowledged (or the lost side after it
was cut off), a hole in the order of the database, anything doubled, anything that should not be there, a stale picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hadr_lab.checker.books import Account, Books, Content, Loss, Store, balance
from hadr_lab.history import History


class Verdict(StrEnum):
    """Three-valued, as Jepsen's."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a run must keep to be worth judging."""

    scheduling_lag_s: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict, every reason for it, and the books it stands on (None when the content could not be read)."""

    verdict: Verdict
    reasons: tuple[str, ...]
    books: Books | None


def judge(history: History, content: Content | None, *, loss: Loss | None, limits: Limits | None = None) -> Judgement:
    """Judge a drill. Faults found outweigh doubts: a run with both is invalid."""
    doubts = list(_doubts(history, content, limits or Limits()))
    if content is None or history.summary is None:
        return Judgement(verdict=Verdict.UNKNOWN, reasons=tuple(doubts), books=None)
    books = balance(history.operations, content, ids=history.summary.ids, loss=loss)
    if not any(account.acked for account in books.accounts.values()):
        doubts.append("no write was ever acknowledged: nothing was proven")
    faults = list(_faults(books))
    if faults:
        return Judgement(verdict=Verdict.INVALID, reasons=(*faults, *doubts), books=books)
    return Judgement(verdict=Verdict.UNKNOWN if doubts else Verdict.VALID, reasons=tuple(doubts), books=books)


def _doubts(history: History, content: Content | None, limits: Limits) -> Iterable[str]:
    yield from history.gaps
    if content is None:
        yield "the final content of the surviving member could not be read"
    lag = history.summary.scheduling_lag_p99_s if history.summary else 0.0
    if lag > limits.scheduling_lag_s:
        yield f"the load generator itself was late: p99 {lag:.3f} s, limit {limits.scheduling_lag_s:g} s; the machine was too busy"


def _faults(books: Books) -> Iterable[str]:
    for store, account in books.accounts.items():
        yield from _account_faults(store, account)
    if books.stale_latest:
        yield f"files: {books.stale_latest}"


def _account_faults(store: Store, account: Account) -> Iterable[str]:
    found = (
        (account.unexplained, "acknowledged and lost, which the loss of the link does not explain"),
        (account.holes, "lost although a later one of the same side survived"),
        (account.doubled, "held more than once"),
        (account.unexpected, "held although every attempt was refused or none was made"),
    )
    for keys, what in found:
        if keys:
            shown = ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")
            yield f"{store}: {len(keys)} {what}: {shown}"
