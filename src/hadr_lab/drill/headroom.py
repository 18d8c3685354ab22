"""Head-room for the loss of a member, held against grown: two drills of one loss side by side, in time, requests and money. Pure.

Both are judged over the same span after the loss, so that the longer drill has no more time to fail in. What AWS would take is the
lab's time with the simulated waits for a new node at full length; that somebody has to tell `hadr` first is in neither figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hadr_lab.drill.account import latencies
from hadr_lab.errors import UsageError
from hadr_lab.history import UNABLE, Operation
from hadr_lab.result import Result, seconds
from hadr_lab.waits import Wait

HELD, GROWN = "headroom-held", "headroom-grown"
SLOW_S = 1.0
"""A good answer that took longer, from when it was due, is a slow one."""
NEW_NODE = (Wait.INSTANCE_BOOT, Wait.IMAGE_PULL)
"""What pods wait for, one after the other, when there is no node for them."""

Price = Callable[[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One of the two, as measured; times are seconds after the loss, money is US dollars a month for nodes in normal running."""

    pods: Mapping[str, int]
    nodes: Mapping[str, int]
    made: int
    whole_s: float
    whole_on_aws_s: float
    requests: int
    failed: int
    slow: int
    p99_s: float | None
    usd: float


def span(results: Sequence[Result]) -> float:
    """The seconds after the loss that all of these drills saw."""
    return min((_moment(result.ended) - _moment(result.onset)) for result in results)


def way_of(result: Result, operations: Sequence[Operation], *, within_s: float, price: Price) -> Way:
    """A drill as one of the two. Raises UsageError for one that did not get as far as the pods for the whole load."""
    platform, onset = result.platform, _moment(result.onset)
    if platform.whole_s is None:
        raise UsageError(f"{result.scenario}: the pods for the whole load were never seen; look into its report")
    after = [op for op in operations if onset <= op.intended < onset + within_s and op.population != UNABLE]
    good = [op.latency_s for op in after if op.succeeded]
    region = {name: member.region for name, member in result.members.items()}
    before, later = platform.nodes_before, platform.nodes_after
    made = sum(max(0, sum(later.get(name, {}).values()) - sum(kinds.values())) for name, kinds in before.items())
    kinds = {kind for of in before.values() for kind in of}
    return Way(
        pods=dict(platform.ready_before),
        nodes={kind: sum(of.get(kind, 0) for of in before.values()) for kind in sorted(kinds)},
        made=made,
        whole_s=platform.whole_s,
        whole_on_aws_s=platform.whole_s + (_stretched(result) if made else 0.0),
        requests=len(after),
        failed=len(after) - len(good),
        slow=sum(latency > SLOW_S for latency in good),
        p99_s=latencies(after).get("p99"),
        usd=sum(count * price(kind, region[name]) for name, of in before.items() for kind, count in of.items()),
    )


def comparison(held: Way, grown: Way, *, within_s: float) -> str:
    """Both side by side as Markdown, as it stands in the README."""
    rows = [
        ("pods in normal running, both members", _each(held.pods), _each(grown.pods)),
        ("their nodes", _kinds(held), _kinds(grown)),
        ("nodes made after the loss", str(held.made), str(grown.made)),
        ("pods for the whole load on the member that is left", _after(held.whole_s), _after(grown.whole_s)),
        ("the same with AWS's waits for a new node", _after(held.whole_on_aws_s), _after(grown.whole_on_aws_s)),
        (f"requests failed in the {within_s:.0f} s after the loss", _failed(held), _failed(grown)),
        (f"good answers slower than {seconds(SLOW_S)}; p99", _slow(held), _slow(grown)),
        ("nodes and their disks, USD a month", f"{held.usd:,.0f}", f"{grown.usd:,.0f}"),
    ]
    table = "\n".join(f"| {what} | {one} | {other} |" for what, one, other in rows)
    said = f"Holding head-room costs {held.usd - grown.usd:,.0f} USD a month more than growing after the loss"
    wait = grown.whole_on_aws_s - held.whole_on_aws_s
    said += f"; growing leaves the clients to half of the pods for about {wait:.0f} s on AWS, if hadr is told as soon as here.\n"
    return f"{said}\n| | held | grown after the loss |\n|---|---|---|\n{table}\n"


def _stretched(result: Result) -> float:
    """What AWS's waits for a new node take longer than the lab's."""
    waits = [result.simulated_waits[wait] for wait in NEW_NODE]
    return sum(wait.aws_s - wait.lab_s for wait in waits)


def _moment(text: str) -> float:
    if not text:
        raise UsageError("one of these drills was broken off before anything was lost")
    return datetime.fromisoformat(text).timestamp()


def _each(pods: Mapping[str, int]) -> str:
    """By workload; they are kept by member and workload."""
    counted: Counter[str] = Counter()
    for name, count in pods.items():
        counted[name.rpartition("/")[2]] += count
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


def _kinds(way: Way) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in way.nodes.items())


def _after(moment: float) -> str:
    return "at once" if moment == 0 else f"after {seconds(moment)}"


def _failed(way: Way) -> str:
    return f"{way.failed:,} of {way.requests:,}"


def _slow(way: Way) -> str:
    return f"{way.slow:,}; {seconds(way.p99_s)}"
