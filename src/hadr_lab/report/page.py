"""The page of a drill: one file, no network, a pure function of result and history, so it can be written again any time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from hadr_lab.history import UNABLE, Operation
from hadr_lab.report.back import way_back
from hadr_lab.report.chart import Frame, Line, Marker, Stack, line_chart, nice_ticks, stack_chart
from hadr_lab.report.platform import platform
from hadr_lab.report.series import NOBODY, Slice, kinds, slices
from hadr_lab.report.style import CSS, JS
from hadr_lab.report.tables import behind, card, ids, number, section, table
from hadr_lab.report.timeline import PHASE_WORDS, phase_spans, timeline
from hadr_lab.result import Result, headline, seconds

REPORT = "report.html"
LATENCY_TICKS = (0.001, 0.01, 0.1, 1.0, 10.0)


def write(path: Path, result: Result, operations: Sequence[Operation]) -> Path:
    """Write the page; returns its path."""
    path.write_text(page(result, operations), encoding="utf-8")
    return path


def page(result: Result, operations: Sequence[Operation]) -> str:
    """The whole page."""
    onset = datetime.fromisoformat(result.onset or result.started).timestamp()
    following = [op for op in operations if op.population != UNABLE]
    parts = slices(operations, onset=onset, members=result.members)
    able = slices(following, onset=onset, members=result.members)
    body = "".join(
        [
            _head(result),
            _cards(result),
            _timeline(result),
            *_charts(result, able, parts),
            way_back(result.back),
            platform(result),
            _lost(result),
            _groups(result),
            _waits(result),
            _site(result),
        ]
    )
    title = escape(f"{result.scenario}: {result.verdict}")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{CSS}</style></head><body><main>{body}</main><script>{JS}</script></body></html>\n"
    )


def _head(result: Result) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in result.reasons)
    missed = "".join(
        f"<li>expected {escape(e.what)}: {escape(e.expected)}; seen: {escape(e.seen)}</li>"
        for e in result.expectations
        if not e.met
    )
    broken = "".join(
        f"<li>{escape(name)} requests did not recover: {escape(group.at_the_end)}</li>"
        for name, group in result.kinds.items()
        if group.at_the_end
    )
    listed = f'<ul class="reasons warn">{reasons}{broken}{missed}</ul>' if reasons or broken or missed else ""
    said = f'<p class="small">{escape(result.act_said)}</p>' if result.act_exit_code and result.act_said else ""
    return (
        f'<header><span class="badge {escape(result.verdict)}">{escape(result.verdict)}</span>'
        f"<h1>{escape(headline(result).partition(': ')[2].rpartition(' (')[0].capitalize())}</h1>"
        f'<p class="soft">Scenario <b>{escape(result.scenario)}</b> on {escape(result.architecture)}, recovered by '
        f"<b>{escape(result.actor)}</b>, speed {result.speed:g}, seed {result.seed}, {escape(result.started)}</p>"
        f"{listed}{said}</header>"
    )


def _cards(result: Result) -> str:
    outage = "good" if result.clients_recovered else "bad"
    failed = f"{result.failed_requests / result.requests:.1%} of {result.requests:,}" if result.requests else "of none"
    lost = "none lost" if not result.lost_writes else f"of {result.acked_writes:,} acknowledged"
    return (
        '<dl class="cards">'
        + card("Client outage", seconds(result.client_outage_s), "first failure to sustained success", outage)
        + card("Failed requests", f"{result.failed_requests:,}", failed)
        + card("Lost writes", f"{len(result.lost_writes):,}", lost, "bad" if result.lost_writes else "good")
        + card(
            "Doubled writes", f"{len(result.doubled_writes):,}", "one key stored twice", "bad" if result.doubled_writes else "good"
        )
        + card("Recovery point", seconds(result.rpo_s), "age of the loss window")
        + card("Act", seconds(result.phases.get("act")), f"critical path {seconds(result.critical_path_s)}")
        + "</dl>"
    )


def _timeline(result: Result) -> str:
    drawn = timeline(result)
    if not drawn:
        return section("What happened when", "Nothing was done, or nothing was recorded.")
    key = (
        '<p class="small soft keys"><span class="key critical"></span>on the critical path<span class="key beside"></span>beside it'
        '<span class="key aside"></span>best effort, nobody waits for it<span class="key failed"></span>not done</p>'
    )
    spans = [(PHASE_WORDS[n], f"{a:.2f}", f"{b:.2f}", f"{b - a:.2f}") for n, a, b in phase_spans(result)]
    steps = [
        (s.name, s.status, number(s.started_s), number(s.ended_s), ", ".join(s.requires) or "-", s.plane, s.proof or s.summary)
        for s in result.steps
    ]
    text = (
        f"Seconds after the loss. The steps that run side by side take {seconds(result.critical_path_s)} on their critical path "
        f"({' → '.join(result.critical_path) or 'no steps'}); one after the other they would take {seconds(result.sequential_s)}. "
        f"The simulated waits alone cost {seconds(result.floor_s)} on that path."
    )
    tables = table(("phase", "from s", "to s", "length s"), spans, numbers=(1, 2, 3))
    tables += table(("step", "status", "from s", "to s", "waits for", "plane", "proven by"), steps, numbers=(2, 3))
    known = "".join(
        f'<span class="key p-{PHASE_WORDS[n]}"></span>{PHASE_WORDS[n]} {seconds(b - a)}' for n, a, b in phase_spans(result)
    )
    key = f'<p class="small keys">{known}</p>{key}'
    return section(
        "What happened when", text, key, f'<div class="scroll">{drawn}</div>', behind("Phases and steps as tables", tables)
    )


def _charts(result: Result, able: Sequence[Slice], everybody: Sequence[Slice]) -> list[str]:
    if not able:
        return [section("What clients saw", "No request was recorded.")]
    return [_success(result, able), _latency(result, able), _answered(result, everybody)]


def _success(result: Result, parts: Sequence[Slice]) -> str:
    known = kinds(parts)
    frame = _frame(parts, "Success rate over time", _outage_words(result), 0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0), _percent)
    lines = [Line(name=kind, css=kind, points=tuple((part.at, part.success(kind)) for part in parts)) for kind in known]
    drawn = line_chart(frame, lines, _moments(result), shade=_outage(result))
    rows = [(f"{p.at:.2f}", *(f"{p.good[k]}/{p.total[k]}" for k in known)) for p in parts]
    tips = [", ".join(f"{k} {_percent(rate)}" for k in known if (rate := p.success(k)) is not None) for p in parts]
    text = (
        "Share of requests that succeeded, by operation, at the time they were due, of clients that can follow a moved name. "
        + _outage_words(result)
    )
    return section(
        "Success",
        text,
        _tipped(drawn, frame, parts, tips),
        behind("As a table", table(("second", *known), rows, numbers=(0, 1, 2, 3))),
    )


def _latency(result: Result, parts: Sequence[Slice]) -> str:
    known = kinds(parts)
    frame = _frame(
        parts, "Latency over time", "Median and 99th percentile by operation.", 0.001, 10.0, LATENCY_TICKS, seconds, log=True
    )
    lines = [Line(name=kind, css=kind, points=tuple((p.at, p.quantile(kind, 0.5)) for p in parts)) for kind in known]
    lines += [
        Line(name=f"{kind} p99", css=f"{kind} thin", points=tuple((p.at, p.quantile(kind, 0.99)) for p in parts), label=False)
        for kind in known
    ]
    drawn = line_chart(frame, lines, _moments(result), shade=_outage(result))
    rows = [(f"{p.at:.2f}", *(f"{_ms(p.quantile(k, 0.5))} / {_ms(p.quantile(k, 0.99))}" for k in known)) for p in parts]
    tips = [", ".join(f"{k} {_ms(p.quantile(k, 0.5))} / {_ms(p.quantile(k, 0.99))} ms" for k in known if p.total[k]) for p in parts]
    text = (
        "From the moment a request was due to its answer or its failure: median (thick) and 99th percentile (thin), by operation."
    )
    head = ("second", *(f"{k} p50 / p99 ms" for k in known))
    return section(
        "Latency", text, _tipped(drawn, frame, parts, tips), behind("As a table", table(head, rows, numbers=(0, 1, 2, 3)))
    )


def _answered(result: Result, parts: Sequence[Slice]) -> str:
    names = [*result.members, *({who for p in parts for who in p.answered} - set(result.members) - {NOBODY})]
    layers = [(name, f"m{n % 3}") for n, name in enumerate(names)] + [(NOBODY, "none")]
    width = parts[1].at - parts[0].at if len(parts) > 1 else 0.5
    top = max(sum(p.answered.values()) for p in parts) / width
    frame = _frame(
        parts, "Who answered", "Requests a second by answering Region.", 0.0, top, nice_ticks(0.0, top, 4), lambda v: f"{v:g}/s"
    )
    stacks = [Stack(name=name, css=css, heights=tuple((p.at, p.answered[name] / width) for p in parts)) for name, css in layers]
    drawn = stack_chart(frame, stacks, _moments(result), width=width)
    regions = {name: f"{name} ({member.region})" for name, member in result.members.items()}
    key = "".join(f'<span class="key {css}"></span>{escape(regions.get(name, name))}' for name, css in layers)
    rows = [(f"{p.at:.2f}", *(str(p.answered[name]) for name, _ in layers)) for p in parts]
    tips = [", ".join(f"{name} {p.answered[name]}" for name, _ in layers if p.answered[name]) for p in parts]
    head = ("second", *(regions.get(name, name) for name, _ in layers))
    inside = _tipped(drawn, frame, parts, tips) + behind("As a table", table(head, rows, numbers=range(len(head))))
    text = "Requests a second by the Region that answered, whatever the answer was; all clients, retries included."
    return section("Who answered", text, f'<p class="small soft keys">{key}</p>', inside)


def _lost(result: Result) -> str:
    rows = [
        (
            name,
            *(f"{n:,}" for n in (s.acked, s.present, s.lost, s.indeterminate_landed, s.indeterminate_vanished, s.refused)),
            seconds(s.rpo_s),
        )
        for name, s in result.stores.items()
    ]
    head = ("store", "acknowledged", "present", "lost", "unsure, landed", "unsure, absent", "refused", "loss window")
    text = (
        "Every write that a client was told is safe, against what the surviving member holds, judged by a checker that knows "
        "nothing of the tool. When a Region is lost, losing what had not crossed the WAN is what asynchronous replication means; "
        "anything else is a fault, and a lost zone explains no lost write."
    )
    lists = ids("Lost", result.lost_writes) + ids("Doubled", result.doubled_writes) + ids("Unexpected", result.unexpected_writes)
    return section("What was lost", text, table(head, rows, numbers=range(1, 8)), lists)


def _groups(result: Result) -> str:
    head = ("", "requests", "failed", "outage", "recovered", "most frequent reason")

    def rows(groups: dict[str, Any]) -> list[tuple[str, ...]]:
        return [
            (
                name,
                f"{g.requests:,}",
                f"{g.failed:,}",
                seconds(g.outage_s),
                "yes" if g.recovered else "no",
                next(iter(g.errors), "-"),
            )
            for name, g in groups.items()
        ]

    text = (
        "Clients that honour the TTL, that pool connections until they break (pinned), and that resolve a name once in their life "
        "(forever). The last cannot follow a moved name, so their outage is stated here and not counted in the headline."
    )
    inside = table(("operation", *head[1:]), rows(result.kinds), numbers=(1, 2, 3))
    inside += table(("clients", *head[1:]), rows(result.populations), numbers=(1, 2, 3))
    return section("By operation and by kind of client", text, inside)


def _waits(result: Result) -> str:
    rows = [
        (n.replace("_", " "), seconds(w.lab_s), seconds(w.aws_s), str(w.taken), w.source) for n, w in result.simulated_waits.items()
    ]
    text = (
        f"What takes time on AWS and none here is waited for, divided by the speed ({result.speed:g}). With AWS's figures in full "
        f"the critical path of the same act would be {seconds(result.aws_critical_path_s)} instead of "
        f"{seconds(result.critical_path_s)}; the waits alone make up {seconds(result.floor_s)} of the latter. "
        "Everything else in this report really happened."
    )
    head = ("wait", "here", "on AWS", "taken", "source of the figure")
    return section("What was simulated", text, table(head, rows, numbers=(1, 2, 3)))


def _site(result: Result) -> str:
    faults = [
        (f.fault, ", ".join(f.zones) or "-", f"{f.injected_s:+.2f} s", "-" if f.healed_s is None else f"{f.healed_s:+.2f} s")
        for f in result.faults
    ]
    lag = "unknown" if result.scheduling_lag_p99_s is None else f"{result.scheduling_lag_p99_s * 1000:.1f} ms"
    expected = [(e.what, e.expected, e.seen, "yes" if e.met else "no") for e in result.expectations]
    versions = table(("part", "version"), sorted(result.versions.items()))
    memory, took = f"{result.peak_rss_mb / 1024:.2f} GiB", seconds(result.length_s)
    text = f"Peak memory {memory}; the load generator's own lag: p99 {lag}; the drill took {took}."
    sides = (
        table(("fault", "zone", "injected", "healed"), faults, numbers=(2, 3))
        + table(("expectation", "expected", "seen", "met"), expected),
        versions,
    )
    return section("How it was run", text, f'<div class="two-sides"><div>{sides[0]}</div><div>{sides[1]}</div></div>')


def _frame(
    parts: Sequence[Slice],
    title: str,
    description: str,
    low: float,
    high: float,
    ticks: tuple[float, ...],
    unit: Callable[[float], str],
    *,
    log: bool = False,
) -> Frame:
    width = parts[1].at - parts[0].at if len(parts) > 1 else 0.5
    start, end = parts[0].at - width / 2, parts[-1].at + width / 2
    return Frame(
        title=title, description=description, start=start, end=end, low=low, high=high or 1.0, ticks=ticks, unit=unit, log=log
    )


def _tipped(svg: str, frame: Frame, parts: Sequence[Slice], tips: Sequence[str]) -> str:
    """The chart with what the pointer shows at each slice."""
    told = [[round(frame.x(p.at), 1), f"{p.at:.1f} s: {tip}"] for p, tip in zip(parts, tips, strict=True)]
    drawn = svg.replace("<svg ", f'<svg data-slices="{escape(json.dumps(told), quote=True)}" ', 1)
    return f'<div class="scroll">{drawn}</div>'


def _moments(result: Result) -> list[Marker]:
    marks = (("onset", "loss", "loss"), ("detected", "detected", ""), ("acted", "acted", ""), ("recovered", "recovered", "back"))
    known = [(result.moments.get(moment), word, css) for moment, word, css in marks]
    return [Marker(at=at, name=word, css=css) for at, word, css in known if at is not None]


def _outage(result: Result) -> tuple[float, float] | None:
    failing, recovered = result.moments.get("failing"), result.moments.get("recovered")
    return None if failing is None else (failing, float("inf") if recovered is None else recovered)


def _outage_words(result: Result) -> str:
    if not result.onset:
        return "Nothing was harmed."
    if not result.clients_recovered:
        return "They did not recover."
    return f"They were without sustained success for {seconds(result.client_outage_s)} (shaded)."


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f}"
