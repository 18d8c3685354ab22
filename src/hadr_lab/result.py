"""`result.json`: what a drill found, key by key, and the same as a table for a terminal. It decides only the exit code.

Seconds are lab time unless a name says AWS. A number that is not known is null, never 0: an outage without an end has no length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from hadr_lab.errors import UsageError

RESULT = "result.json"
SPANS = {
    "onset_to_detected": ("onset", "detected"),
    "detected_to_decided": ("detected", "decided"),
    "act": ("decided", "acted"),
    "prove": ("acted", "proven"),
    "clients_recovered": ("proven", "recovered"),
}
"""The phases, one after the other, and the moments they lie between."""
PHASES = tuple(SPANS)


class SimulatedWait(msgspec.Struct, frozen=True, kw_only=True):
    """One wait that is simulated here: its length in the lab and on AWS, how often it was taken, and where the figure is from."""

    lab_s: float
    aws_s: float
    taken: int
    source: str


class StoreResult(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one store in counts."""

    acked: int
    present: int
    lost: int
    indeterminate_landed: int
    indeterminate_vanished: int
    refused: int
    rpo_s: float


class GroupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one group of requests went through: a kind of operation, or a population of clients.

    `errors` counts reasons over the whole drill; `at_the_end` is the most frequent one in the last window, empty when it recovered.
    """

    requests: int
    failed: int
    recovered: bool
    outage_s: float | None
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    at_the_end: str = ""


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """One step of whoever acted; times are seconds after the onset."""

    name: str
    status: str
    started_s: float | None
    ended_s: float | None
    requires: tuple[str, ...] = ()
    plane: str = "control"
    counts: bool = True
    on_critical_path: bool = False
    summary: str = ""
    proof: str = ""


class FaultResult(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as it was really injected; times are seconds after the onset (negative: before the loss itself)."""

    fault: str
    injected_s: float
    healed_s: float | None = None
    zones: tuple[str, ...] = ()


class MemberResult(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the site: where it is, and the networks its answers come from."""

    region: str
    networks: tuple[str, ...]


class PlatformResult(msgspec.Struct, frozen=True, kw_only=True):
    """What stood behind the service: zones with a ready pod by workload (member/name), before and at the end; the zones that were
    harmed or left; after how many seconds from the onset the workload was whole again outside them, the balancer had let go of the
    targets in them, and each member was last asked by clients that can follow. Null: not seen. `whole_s`: after how many seconds
    all members together first had the pods for the whole load (0: they had them before), where the scenario says how many those
    are. Nodes are the workload's, by member and instance type.
    """

    spread_before: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    spread_after: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    ready_before: dict[str, int] = msgspec.field(default_factory=dict)
    harmed: tuple[str, ...] = ()
    refilled_s: float | None = None
    whole_s: float | None = None
    nodes_before: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    nodes_after: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    targets_gone_s: float | None = None
    last_asked_s: dict[str, float | None] = msgspec.field(default_factory=dict)


class ShareResult(msgspec.Struct, frozen=True, kw_only=True):
    """Clients' independent draws by member, and Pearson's test of them against the weights that were expected or held.

    `statistic` is null when a member without weight was drawn: then no chance explains it.
    """

    drawn: dict[str, int]
    statistic: float | None
    chance: float
    fair: bool


class StageResult(msgspec.Struct, frozen=True, kw_only=True):
    """DNS weights that stood still, as Route 53 had them, between two moments (seconds after the onset), and clients' draws.

    `shares` is null when the stage was too short for clients to follow, or too few of them drew.
    """

    weights: dict[str, int]
    since_s: float
    until_s: float
    shares: ShareResult | None = None


class CrossingResult(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes between zones of one Region in normal running: over how long, for how many answered requests, by pair and by tier.

    `by_pair` is as counted; from the rest `checks_left_out` is taken, the health checks beyond those that AWS would make. What a
    database sends to its readers is `replicated` and in no other figure but `by_pair`: on AWS the storage that they share does it.

    `usd_per_million_requests` is by the published price, which `price` states; what is not charged is in `uncharged`.
    """

    seconds: float
    requests: int
    bytes: int
    checks_left_out: int
    by_pair: dict[str, int]
    by_tier: dict[str, int]
    replicated: int = 0
    bytes_per_request: float | None
    usd_per_million_requests: float | None
    price: str
    uncharged: str


class BackResult(msgspec.Struct, frozen=True, kw_only=True):
    """The way back of an act that moved the roles: by which verb, how long after the heal (without harm: after it was first asked
    for) until hadr no longer refused it and the last refusal, when it was gone (seconds after the onset), and what it cost clients.

    Null: it was not gone, or clients did not recover.
    """

    verb: str
    refused_s: float | None
    refused: str
    began_s: float | None
    ended_s: float | None
    exit_code: int | None
    said: str
    client_outage_s: float | None
    failed_requests: int
    critical_path_s: float
    floor_s: float
    aws_critical_path_s: float
    critical_path: tuple[str, ...]
    steps: tuple[StepResult, ...] = ()


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the scenario expected and what was seen."""

    what: str
    expected: str
    seen: str
    met: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a drill found. The first block is the contract; the rest explains it."""

    scenario: str
    architecture: str
    seed: int
    speed: float
    started: str
    verdict: str
    phases: dict[str, float | None]
    client_outage_s: float | None
    requests: int
    failed_requests: int
    acked_writes: int
    lost_writes: tuple[str, ...]
    doubled_writes: tuple[str, ...]
    rpo_s: float | None
    critical_path_s: float
    floor_s: float
    peak_rss_mb: float
    simulated_waits: dict[str, SimulatedWait]
    versions: dict[str, str]

    status: str = "completed"
    reasons: tuple[str, ...] = ()
    actor: str = "hadr"
    act_exit_code: int | None = None
    act_said: str = ""
    clients_recovered: bool = False
    onset: str = ""
    ended: str = ""
    length_s: float = 0.0
    moments: dict[str, float | None] = msgspec.field(default_factory=dict)
    unexpected_writes: tuple[str, ...] = ()
    sequential_s: float = 0.0
    aws_critical_path_s: float = 0.0
    critical_path: tuple[str, ...] = ()
    rpo_by_store: dict[str, float] = msgspec.field(default_factory=dict)
    stores: dict[str, StoreResult] = msgspec.field(default_factory=dict)
    kinds: dict[str, GroupResult] = msgspec.field(default_factory=dict)
    populations: dict[str, GroupResult] = msgspec.field(default_factory=dict)
    steps: tuple[StepResult, ...] = ()
    back: BackResult | None = None
    faults: tuple[FaultResult, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    members: dict[str, MemberResult] = msgspec.field(default_factory=dict)
    scheduling_lag_p99_s: float | None = None
    platform: PlatformResult = PlatformResult()
    crossings: CrossingResult | None = None
    shares: ShareResult | None = None
    stages: tuple[StageResult, ...] = ()
    weights_before: dict[str, int] = msgspec.field(default_factory=dict)
    weights_after: dict[str, int] = msgspec.field(default_factory=dict)
    latency_before: dict[str, float] = msgspec.field(default_factory=dict)
    latency_after: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 only when the books balance and the clients recovered; 2 when nobody can tell; 1 otherwise."""
        if self.verdict == "unknown":
            return 2
        return 0 if self.verdict == "valid" and self.clients_recovered else 1

    @property
    def as_expected(self) -> bool:
        """Whether everything the scenario expected was seen."""
        return bool(self.expectations) and all(expectation.met for expectation in self.expectations)


def with_expectations(result: Result, expectations: tuple[Expectation, ...]) -> Result:
    """The same result with what the scenario expected of it."""
    return msgspec.structs.replace(result, expectations=expectations)


def write(folder: Path, result: Result) -> Path:
    """Write `result.json` in one step; returns its path."""
    path = folder / RESULT
    partial = folder / f"{RESULT}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    partial.rename(path)
    return path


def read(folder: Path) -> Result:
    """The result in a run's folder. Raises UsageError when there is none."""
    try:
        return msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    except FileNotFoundError:
        raise UsageError(f"no {RESULT} in {folder}: name the folder of a drill that has ended") from None


def seconds(value: float | None) -> str:
    """Seconds for a person: milliseconds below a second, minutes from two minutes on, else one decimal; `-` when not known."""
    if value is None:
        return "-"
    if value >= 119.5:
        return f"{round(value) // 60} min {round(value) % 60:02d} s"
    return f"{value * 1000:.0f} ms" if 0 < abs(value) < 1 else f"{value:.1f} s"


def table(result: Result, *, report: Path | None = None) -> str:
    """The result as text: the answer first, then phases, then what the clients went through, then where to read on."""
    lines = [headline(result), ""]
    lines += _aligned("phase", ((name.replace("_", " "), seconds(result.phases.get(name))) for name in PHASES))
    lines += ["", *_aligned("measured", _measured(result))]
    lines += ["", *(f"! {reason}" for reason in result.reasons)] if result.reasons else []
    lines += ["", f"! {result.actor} ended {result.act_exit_code}: {result.act_said}"] if result.act_exit_code else []
    missed = [e for e in result.expectations if not e.met]
    lines += ["", *(f"! expected {e.what}: {e.expected}; seen: {e.seen}" for e in missed)] if missed else []
    lines += ["", f"report  {report}"] if report else []
    return "\n".join(lines) + "\n"


def headline(result: Result) -> str:
    """The answer in one line."""
    loss = f"{len(result.lost_writes):,} of {result.acked_writes:,} acknowledged writes lost"
    return f"{result.verdict.upper()}: {_clients(result)}; {loss} ({result.scenario}, {result.actor}, speed {result.speed:g})"


def _clients(result: Result) -> str:
    if not result.clients_recovered:
        return "clients did not recover"
    return f"clients recovered after {seconds(result.client_outage_s)}" if result.client_outage_s else "clients had no outage"


def _measured(result: Result) -> Iterable[tuple[str, str]]:
    yield "client outage", seconds(result.client_outage_s)
    yield "requests, failed", f"{result.requests:,}, {result.failed_requests:,}"
    if result.kinds:
        asked = sum(group.requests for group in result.kinds.values())
        failed = sum(group.failed for group in result.kinds.values())
        yield "  where DNS is followed", f"{asked:,}, {failed:,}"
    for kind, group in result.kinds.items():
        state = "recovered" if group.recovered else "not recovered"
        why = f": {group.at_the_end}" if group.at_the_end else ""
        yield f"    {kind}", f"{group.failed:,} of {group.requests:,} failed, {state}{why}"
    yield "writes acked, lost, doubled", f"{result.acked_writes:,}, {len(result.lost_writes):,}, {len(result.doubled_writes):,}"
    yield "recovery point", seconds(result.rpo_s)
    if result.latency_before and result.latency_after:
        yield "p99 of good answers", f"{seconds(result.latency_before['p99'])} before, {seconds(result.latency_after['p99'])} after"
    yield from _platform(result.platform)
    if result.crossings is not None and result.crossings.bytes_per_request is not None:
        tiers = ", ".join(f"{tier} {count / result.crossings.requests:,.0f}" for tier, count in result.crossings.by_tier.items())
        money = f"{result.crossings.usd_per_million_requests:.3f} USD per million requests"
        yield "bytes between zones per request", f"{result.crossings.bytes_per_request:,.0f} ({tiers}), {money}"
    if result.shares is not None:
        yield "clients' draws", drawn(result.shares)
    for stage in result.stages:
        held = seconds(stage.until_s - stage.since_s)
        yield f"weights {weights(stage.weights)}", f"for {held}; " + (drawn(stage.shares) if stage.shares else "too short to tell")
    if result.actor == "nobody":
        yield "peak memory", f"{result.peak_rss_mb / 1024:.2f} GiB"
        return
    side = f"{seconds(result.sequential_s)} one after the other" if result.sequential_s else "no steps"
    yield "critical path of the act", f"{seconds(result.critical_path_s)} (waits alone {seconds(result.floor_s)}; {side})"
    yield "the same with AWS's waits", seconds(result.aws_critical_path_s)
    yield from _way_back(result.back)
    yield "peak memory", f"{result.peak_rss_mb / 1024:.2f} GiB"


def _way_back(back: BackResult | None) -> Iterable[tuple[str, str]]:
    """What is told of the way back where it was asked for."""
    if back is None:
        return
    if back.began_s is None:
        yield f"back by {back.verb}", f"refused: {back.refused}"
        return
    waited = f"allowed after {seconds(back.refused_s)}" if back.refused else "allowed at once"
    yield f"back by {back.verb}", f"{waited}; exit {back.exit_code} after {seconds((back.ended_s or back.began_s) - back.began_s)}"
    yield "client outage of the way back", f"{seconds(back.client_outage_s)}, {back.failed_requests:,} requests failed"
    yield (
        "critical path of the way back",
        f"{seconds(back.critical_path_s)} (waits alone {seconds(back.floor_s)}; with AWS's {seconds(back.aws_critical_path_s)})",
    )


def weights(of: Mapping[str, int]) -> str:
    """Weights in the words of `hadr shift --to`."""
    return ",".join(f"{name}={weight}" for name, weight in sorted(of.items()))


def drawn(shares: ShareResult) -> str:
    """Whom clients drew, and whether that is what the weights say."""
    by = ", ".join(f"{name} {count}" for name, count in sorted(shares.drawn.items()))
    return f"drawn {by} ({'as' if shares.fair else 'not as'} weighted, p {shares.chance:.3f})"


def _platform(platform: PlatformResult) -> Iterable[tuple[str, str]]:
    """What is told of the platform where zones were harmed."""
    if not platform.harmed:
        return
    for name, zones in platform.spread_before.items():
        after = platform.spread_after.get(name, ())
        yield f"  {name}", f"ready in {', '.join(zones)}; at the end in {', '.join(after) or 'no zone'}"
    yield "targets let go after", seconds(platform.targets_gone_s)
    yield "pods whole again after", seconds(platform.refilled_s)
    if platform.whole_s is not None:
        yield "pods for the whole load after", seconds(platform.whole_s)


def _aligned(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    known = list(rows)
    width = max(len(name) for name, _ in [(title, ""), *known])
    return [title, "-" * width, *(f"{name:<{width}}  {value}" for name, value in known)]
