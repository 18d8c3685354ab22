"""The books of a drill: every write that a client made, against what the surviving member holds. Pure.

For each store (database, files) every id ends in one account: present and acknowledged, lost (acknowledged and absent),
indeterminate (never acknowledged, perhaps carried out), or refused. What is held and should not be is unexpected; what is held
twice is doubled. The books state facts; whether they are acceptable is the verdict's business.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hadr_lab.history import Kind, Operation, Outcome


class Store(StrEnum):
    """Where writes of one kind end up."""

    DATABASE = "database"
    FILES = "files"


STORE_OF = {Kind.WRITE: Store.DATABASE, Kind.FILE: Store.FILES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the hobbies table as the surviving database has it. `created` is what the database says, or empty."""

    key: str
    id: int
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The final content of the member that serves at the end. `latest` is the key inside `picture.png`, None when there is none."""

    rows: tuple[Row, ...]
    files: tuple[str, ...]
    latest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The harm that may explain lost writes: a side (its networks) whose link was cut at `cut`, seconds since the epoch.

    `grace_s` is how long after the cut answers that were already on the way may still arrive.
    """

    cut: float
    networks: tuple[str, ...]
    grace_s: float = 0.5

    def took(self, address: str | None) -> bool:
        """Whether this address belongs to the lost side."""
        return address is not None and any(ipaddress.ip_address(address) in ipaddress.ip_network(n) for n in self.networks)

    def before(self, moment: float) -> bool:
        """Whether an answer heard then was given before the cut. What is heard from that side later, it gave once it was back."""
        return moment <= self.cut + self.grace_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """All attempts of one write, folded. `acked` is the time of the first acknowledgement, `acked_by` the address that gave it."""

    key: str
    store: Store
    first_sent: float
    acked: float | None
    acked_by: str | None
    uncertain: bool
    attempts: int
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of one store. All tuples hold ids in the order in which the writes were first sent."""

    acked: int = 0
    present: int = 0
    lost: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    landed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    refused: int = 0
    foreign: int = 0
    rpo_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Both accounts. `stale_latest` says why the picture that is served is not the newest, empty when it may be."""

    accounts: dict[Store, Account] = field(default_factory=dict)
    stale_latest: str = ""

    @property
    def rpo_s(self) -> float:
        """Age of the loss window: from the oldest lost acknowledgement to the cut, the longer of both stores."""
        return max((account.rpo_s for account in self.accounts.values()), default=0.0)


def fold(operations: Iterable[Operation]) -> tuple[Write, ...]:
    """Every write of a history once, in the order of first sending (of first intention, where nothing was sent)."""
    attempts: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.kind in STORE_OF:
            attempts.setdefault(operation.id, []).append(operation)
    writes = (_write(key, of_it) for key, of_it in attempts.items())
    return tuple(sorted(writes, key=lambda write: (write.first_sent, write.key)))


def balance(operations: Iterable[Operation], content: Content, *, ids: str, loss: Loss | None) -> Books:
    """Balance the books. Only keys that start with `ids` and a hyphen are ours; others are counted as foreign."""
    writes = fold(operations)
    held = {Store.DATABASE: [row.key for row in content.rows], Store.FILES: list(content.files)}
    accounts = {store: _account(store, [w for w in writes if w.store is store], held[store], ids, loss) for store in Store}
    files = [write for write in writes if write.store is Store.FILES]
    return Books(accounts=accounts, stale_latest=_stale(files, content, loss))


def _write(key: str, attempts: Sequence[Operation]) -> Write:
    acks = [a for a in attempts if a.outcome is Outcome.OK]
    first = min(acks, key=lambda a: a.finished, default=None)
    return Write(
        key=key,
        store=STORE_OF[attempts[0].kind],
        first_sent=min(a.intended if a.sent is None else a.sent for a in attempts),
        acked=first.finished if first else None,
        acked_by=first.address if first else None,
        uncertain=any(a.outcome is Outcome.INFO for a in attempts),
        attempts=len(attempts),
        addresses=frozenset(a.address for a in attempts if a.address is not None and a.outcome is not Outcome.FAIL),
    )


def _account(store: Store, writes: Sequence[Write], held: Sequence[str], ids: str, loss: Loss | None) -> Account:
    counts = Counter(key for key in held if key.startswith(f"{ids}-"))
    lost = [w for w in writes if w.acked is not None and w.key not in counts]
    maybe = [w for w in writes if w.acked is None and w.uncertain]
    known = {w.key for w in writes if w.acked is not None or w.uncertain}
    acked = sum(w.acked is not None for w in writes)
    return Account(
        acked=acked,
        present=acked - len(lost),
        lost=_keys(lost),
        unexplained=_keys(w for w in lost if not _explained(w, loss)),
        holes=_keys(_holes(writes, lost, counts, loss)) if store is Store.DATABASE else (),
        doubled=tuple(key for key, count in counts.items() if count > 1),
        unexpected=tuple(key for key in counts if key not in known),
        landed=_keys(w for w in maybe if w.key in counts),
        vanished=_keys(w for w in maybe if w.key not in counts),
        refused=len(writes) - acked - len(maybe),
        foreign=len(held) - counts.total(),
        rpo_s=_window(lost, loss),
    )


def _keys(writes: Iterable[Write]) -> tuple[str, ...]:
    return tuple(write.key for write in writes)


def _explained(write: Write, loss: Loss | None) -> bool:
    """A lost write is explained when the lost side acknowledged it, and did so before it was cut off."""
    return loss is not None and loss.took(write.acked_by) and write.acked is not None and loss.before(write.acked)


def _window(lost: Sequence[Write], loss: Loss | None) -> float:
    if loss is None or not lost:
        return 0.0
    return max(0.0, loss.cut - min(w.acked for w in lost if w.acked is not None))


def _holes(writes: Sequence[Write], lost: Sequence[Write], counts: Counter[str], loss: Loss | None) -> list[Write]:
    """Lost writes that were acknowledged before the sending of another one that the same side took and that survived.

    Replication of a database is in commit order: it may miss the end, never something in the middle.
    """
    if loss is None:
        return []
    sent = [w for w in writes if w.key in counts and w.addresses and w.first_sent <= loss.cut]
    survived = [w for w in sent if all(loss.took(a) for a in w.addresses)]
    newest = max((w.first_sent for w in survived), default=float("-inf"))
    return [w for w in lost if w.acked is not None and w.acked < newest and loss.took(w.acked_by)]


def _stale(files: Sequence[Write], content: Content, loss: Loss | None) -> str:
    """Why `latest` cannot be right: a write that began after it had ended was acknowledged, and no cut explains its loss."""
    kept = [w for w in files if w.acked is not None and not _explained(w, loss)]
    if not kept:
        return ""
    newest = max(kept, key=lambda w: w.first_sent)
    latest = next((w for w in files if w.key == content.latest), None)
    if content.latest is None or latest is None:
        return f"the picture that is served is none of ours, though {newest.key} was acknowledged"
    ended = latest.acked if latest.acked is not None and latest.attempts == 1 else float("inf")
    return f"the picture that is served is {latest.key}, though {newest.key} replaced it" if ended < newest.first_sent else ""
