"""The page's part about what stands behind the service: pods and targets by zone, what crosses zones, who is drawn by clients."""

from __future__ import annotations

from hadr_lab.report.tables import behind, section, table
from hadr_lab.result import CrossingResult, PlatformResult, Result, ShareResult, StageResult, drawn, seconds, weights


def platform(result: Result) -> str:
    """Four sections, each only where there is something to tell."""
    parts = [
        _zones(result.platform) if result.platform.harmed else "",
        _crossings(result.crossings) if result.crossings is not None and result.crossings.requests else "",
        _shares(result.shares) if result.shares is not None else "",
        _stages(result.stages) if result.stages else "",
    ]
    return "".join(parts)


def _zones(seen: PlatformResult) -> str:
    rows = [
        (name, str(seen.ready_before.get(name, 0)), ", ".join(zones), ", ".join(seen.spread_after.get(name, ())) or "no zone")
        for name, zones in seen.spread_before.items()
    ]
    asked = [(name, "not after the onset" if at is None else seconds(at)) for name, at in seen.last_asked_s.items()]
    text = (
        f"Harmed or left: {', '.join(seen.harmed)}. The balancer counted no target there as healthy after "
        f"{seconds(seen.targets_gone_s)}; every workload had as many ready pods as before outside it after "
        f"{seconds(seen.refilled_s)}. A dash means that it was not seen while the drill looked, once a second."
    )
    inside = table(("workload", "ready before", "in zones", "ready at the end in"), rows, numbers=(1,))
    return section("Zones", text, inside, behind("Who was asked until when", table(("member", "last asked"), asked, numbers=(1,))))


def _crossings(found: CrossingResult) -> str:
    each = found.requests
    tiers = [(tier, f"{count:,}", f"{count / each:,.1f}") for tier, count in found.by_tier.items()]
    tiers.append(("all", f"{found.bytes:,}", f"{found.bytes / each:,.1f}"))
    tiers.append(("apart: database to its readers", f"{found.replicated:,}", f"{found.replicated / each:,.1f}"))
    pairs = [(pair, f"{count:,}") for pair, count in found.by_pair.items()]
    text = (
        f"Counted on the lab's links over {found.seconds:.0f} s of normal running with {each:,} answered requests. By the "
        f"published price that is {found.usd_per_million_requests or 0:.4f} USD per million requests: {found.price}. Not charged: "
        f"{found.uncharged}. The clients' own way in and what pods say to AWS's side of the Region count for no architecture."
    )
    inside = table(("tier", "bytes", "per request"), tiers, numbers=(1, 2))
    return section("What crosses zones", text, inside, behind("By pair of zones", table(("pair", "bytes"), pairs, numbers=(1,))))


def _stages(found: tuple[StageResult, ...]) -> str:
    rows = [
        (
            weights(stage.weights),
            seconds(stage.since_s),
            seconds(stage.until_s),
            drawn(stage.shares) if stage.shares else "too short to tell",
        )
        for stage in found
    ]
    text = (
        "The weights as Route 53 had them, from when to when after the onset, and whom clients that honour the TTL drew meanwhile, "
        "from when the change had propagated and both answers and connections of before were old."
    )
    return section("Weights", text, table(("weights", "from", "to", "clients"), rows, numbers=(1, 2)))


def _shares(found: ShareResult) -> str:
    total = sum(found.drawn.values())
    rows = [(name, f"{count:,}", f"{count / total:.1%}") for name, count in found.drawn.items()]
    said = "no evidence against the weights" if found.fair else "not what the weights say"
    text = (
        f"Independent draws of clients that honour the TTL, at most one for each client and life of an answer. Pearson's test: "
        f"statistic {'infinite' if found.statistic is None else format(found.statistic, '.2f')}, p {found.chance:.4f}: {said}."
    )
    return section("Whom clients draw", text, table(("member", "draws", "share"), rows, numbers=(1, 2)))
