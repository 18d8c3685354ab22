"""A scenario's expectations against a result. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hadr_lab.result import Expectation, Result
from hadr_lab.scenario import Actor, Expect, Losses

SIDE_BY_SIDE = 1.25
"""The act may take this much longer than its critical path; more means that steps waited for one another without need."""


def compare(expect: Expect, result: Result) -> tuple[Expectation, ...]:
    """Every expectation with what was seen."""
    return tuple(_compared(expect, result))


def _compared(expect: Expect, result: Result) -> Iterable[Expectation]:
    yield _one("verdict", expect.verdict, result.verdict)
    yield _one("clients recover", _word(expect.clients_recover), _word(result.clients_recovered))
    reads = result.kinds.get("read")
    writes = [result.kinds[kind] for kind in ("write", "file") if kind in result.kinds and result.kinds[kind].requests]
    yield _one("reads recover", _word(expect.reads_recover), _word(bool(reads and reads.recovered)))
    yield _one("writes recover", _word(expect.writes_recover), _word(bool(writes) and all(w.recovered for w in writes)))
    lost = len(result.lost_writes)
    if expect.lost_writes is not Losses.ANY:
        held = (lost > 0) == (expect.lost_writes is Losses.SOME)
        yield Expectation(what="lost writes", expected=expect.lost_writes.value, seen=str(lost), met=held)
    yield from _recovery_point(expect, result.rpo_s)
    act = result.phases.get("act")
    if act is not None and result.actor == Actor.HADR:
        limit = SIDE_BY_SIDE * result.critical_path_s
        yield Expectation(what="act, side by side", expected=f"at most {limit:.1f} s", seen=f"{act:.1f} s", met=act <= limit)


def _recovery_point(expect: Expect, rpo_s: float | None) -> Iterable[Expectation]:
    least, most = expect.rpo_at_least.total_seconds(), expect.rpo_at_most
    seen = "unknown" if rpo_s is None else f"{rpo_s:.3f} s"
    if least:
        yield Expectation(
            what="recovery point", expected=f"at least {least:g} s", seen=seen, met=rpo_s is not None and rpo_s >= least
        )
    if most is not None:
        limit = most.total_seconds()
        yield Expectation(
            what="recovery point", expected=f"at most {limit:g} s", seen=seen, met=rpo_s is not None and rpo_s <= limit
        )


def _one(what: str, expected: str, seen: str) -> Expectation:
    return Expectation(what=what, expected=expected, seen=seen, met=expected == seen)


def _word(yes: bool) -> str:
    return "yes" if yes else "no"
