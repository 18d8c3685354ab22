"""A scenario's expectations against a result. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hadr_lab.result import Expectation, Result, drawn, weights
from hadr_lab.scenario import Actor, Expect, Losses
from hadr_lab.waits import Waits

SIDE_BY_SIDE = 1.25
"""The act may take this much longer than its critical path; more means that steps waited for one another without need."""


LOOKS = timedelta(seconds=3)
"""What is seen of the platform is up to a look old when it changes, and looks queue on a busy machine."""


def compare(expect: Expect, result: Result, *, waits: Waits) -> tuple[Expectation, ...]:
    """Every expectation with what was seen; `waits` gives the lab's length of AWS's times."""
    return (*_compared(expect, result), *_platform(expect, result, waits), *_weights(expect, result))


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


def _platform(expect: Expect, result: Result, waits: Waits) -> Iterable[Expectation]:
    """What was expected of clients' patience and of the platform behind the service."""
    platform = result.platform
    if expect.outage_at_most is not None:
        yield _within("client outage", result.client_outage_s, expect.outage_at_most)
    if expect.back_outage_at_most is not None:
        back = result.back
        yield _within("client outage of the way back", back.client_outage_s if back else None, expect.back_outage_at_most)
        yield _one("exit code of the way back", "0", str(back.exit_code if back else None))
    if expect.failed_at_most is not None:
        failed = result.failed_requests
        most = f"at most {expect.failed_at_most}"
        yield Expectation(what="failed requests", expected=most, seen=str(failed), met=failed <= expect.failed_at_most)
    if expect.spread_before:
        zones = {zone for found in platform.spread_before.values() for zone in found}
        thin = [name for name, found in platform.spread_before.items() if set(found) != zones]
        seen = f"not {', '.join(thin)}" if thin else f"in {len(zones)} zones"
        yield Expectation(what="pods spread before", expected="in every zone", seen=seen, met=not thin and len(zones) > 1)
    if expect.refilled_within is not None:
        yield _within("pods whole again", platform.refilled_s, expect.refilled_within)
    if expect.whole_within is not None:
        yield _within("pods for the whole load", platform.whole_s, expect.whole_within)
    if expect.targets_gone_within is not None:
        yield _within("targets let go", platform.targets_gone_s, expect.targets_gone_within / waits.speed + LOOKS)
    if expect.shares:
        seen = "unknown" if result.shares is None else f"{result.shares.drawn}, p {result.shares.chance:.4f}"
        wanted = ", ".join(f"{name} {weight:g}" for name, weight in expect.shares.items())
        yield Expectation(what="clients' draws", expected=wanted, seen=seen, met=result.shares is not None and result.shares.fair)
    if expect.traffic_on:
        limit = expect.traffic_within / waits.speed + LOOKS
        others = {name: at for name, at in platform.last_asked_s.items() if name != expect.traffic_on}
        late = {name: at for name, at in others.items() if at is not None and at > limit.total_seconds()}
        seen = ", ".join(f"{name} asked until {at:.1f} s" for name, at in late.items()) or "yes"
        yield Expectation(
            what=f"only {expect.traffic_on} asked after {limit.total_seconds():.1f} s",
            expected="yes",
            seen=seen,
            met=not late and platform.last_asked_s.get(expect.traffic_on) is not None,
        )


def _weights(expect: Expect, result: Result) -> Iterable[Expectation]:
    """What was expected of a shift: of the tool, of Route 53 and of the clients."""
    if expect.act_exit is not None:
        yield _one("exit code of the act", str(expect.act_exit), str(result.act_exit_code))
    if expect.act_says:
        yield Expectation(
            what="words of the act", expected=expect.act_says, seen=result.act_said, met=expect.act_says in result.act_said
        )
    if expect.weights_after:
        yield _one("weights afterwards", weights(expect.weights_after), weights(result.weights_after))
    if expect.clients_follow:
        told = [(stage, stage.shares) for stage in result.stages if stage.shares is not None]
        wanted = {weights(stage.weights) for stage in result.stages}
        seen = "; ".join(f"{weights(stage.weights)}: {drawn(shares)}" for stage, shares in told) or "no stage that can be judged"
        judged = {weights(stage.weights) for stage, _ in told}
        met = len(wanted) > 1 and judged == wanted and all(shares.fair for _, shares in told)
        yield Expectation(what="clients follow the weights", expected="in every stage", seen=seen, met=met)


def _within(what: str, seen: float | None, limit: timedelta) -> Expectation:
    most = limit.total_seconds()
    return Expectation(
        what=what,
        expected=f"within {most:g} s",
        seen="never" if seen is None else f"{seen:.1f} s",
        met=seen is not None and seen <= most,
    )


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
