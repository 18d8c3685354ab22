"""The timeline: phases as one bar, steps in lanes side by side, and what the same steps would have taken one after the other."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from hadr_lab.report.chart import nice_ticks
from hadr_lab.result import SPANS, Result, StepResult, seconds

WIDTH, LEFT, RIGHT, ROW = 960, 190, 70, 26
PHASE_WORDS = {
    "onset_to_detected": "detect",
    "detected_to_decided": "decide",
    "act": "act",
    "prove": "prove",
    "clients_recovered": "clients",
}


def timeline(result: Result) -> str:
    """Phases and steps on one axis of seconds after the loss; empty when neither is known."""
    steps = [step for step in result.steps if step.started_s is not None]
    spans = phase_spans(result)
    end = max(
        [stop for _, _, stop in spans] + [step.ended_s or 0.0 for step in steps] + [result.sequential_s and _serial_end(result)]
    )
    if not end:
        return ""
    rows = 1 + len(steps) + (1 if steps else 0)
    height = 34 + rows * ROW

    def x(at: float) -> float:
        return LEFT + at / end * (WIDTH - LEFT - RIGHT)

    parts = [_grid(end, height, x)]
    parts += [_phase(name, x(start), x(stop), stop - start) for name, start, stop in spans]
    parts.append(_label("phases", 0))
    parts += [_step(step, n + 1, x, end) for n, step in enumerate(steps)]
    if steps:
        parts.append(_serial(result, len(steps) + 1, x))
    words = "; ".join(f"{PHASE_WORDS[name]} {stop - start:.1f} s" for name, start, stop in spans)
    return (
        f'<svg class="chart timeline" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Timeline of phases and steps">'
        f"<title>Timeline of phases and steps</title><desc>{escape(words)}</desc>{''.join(parts)}</svg>"
    )


def phase_spans(result: Result) -> list[tuple[str, float, float]]:
    """Name, start and end of each known phase in seconds after the loss."""
    known = [(name, result.moments.get(began), result.moments.get(ended)) for name, (began, ended) in SPANS.items()]
    return [(name, start, max(start, stop)) for name, start, stop in known if start is not None and stop is not None]


def _serial_end(result: Result) -> float:
    return _act_start(result) + result.sequential_s


def _act_start(result: Result) -> float:
    return min((s.started_s for s in result.steps if s.started_s is not None and s.counts), default=0.0)


def _y(row: int) -> float:
    return 8 + row * ROW


def _label(text: str, row: int, css: str = "") -> str:
    return f'<text class="lane {css}" x="{LEFT - 10}" y="{_y(row) + 16:.1f}" text-anchor="end">{escape(text)}</text>'


def _grid(end: float, height: int, x: Callable[[float], float]) -> str:
    parts = []
    for tick in nice_ticks(0.0, end):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" x="{x(tick):.1f}" y="{height - 10}" text-anchor="middle">{tick:g} s</text>')
    return "".join(parts)


def _phase(name: str, left: float, right: float, length: float) -> str:
    word = PHASE_WORDS[name]
    wide = right - left > 7 * len(word) + 6
    text = (
        f'<text class="inbar" x="{(left + right) / 2:.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{word}</text>' if wide else ""
    )
    return (
        f'<g><title>{word}: {seconds(length)}</title><rect class="phase p-{word}" x="{left:.1f}" y="{_y(0):.1f}" '
        f'width="{max(1.0, right - left - 1):.1f}" height="20" rx="3"/>{text}</g>'
    )


def _step(step: StepResult, row: int, x: Callable[[float], float], end: float) -> str:
    started, ended = step.started_s or 0.0, end if step.ended_s is None else step.ended_s
    left, right = x(started), x(ended)
    css = "critical" if step.on_critical_path else "beside"
    css = ("phase p-prove" if step.name == "prove" else css) if step.counts else "aside"
    css = css if step.status == "done" or not step.counts else "failed"
    words = f"{step.name}: {seconds(ended - started)}, {step.status}. {step.proof}"
    return (
        f"<g><title>{escape(words)}</title>{_label(step.name, row)}"
        f'<rect class="step {css}" x="{left:.1f}" y="{_y(row) + 2:.1f}" width="{max(2.0, right - left):.1f}" height="16" rx="3"/>'
        f'<text class="after" x="{max(2.0, right - left) + left + 5:.1f}" y="{_y(row) + 15:.1f}">'
        f"{seconds(ended - started)}</text></g>"
    )


def _serial(result: Result, row: int, x: Callable[[float], float]) -> str:
    """The counted steps end to end, as if each had waited for the one before."""
    at, parts = _act_start(result), [_label("one after the other", row, "muted")]
    for step in result.steps:
        if not step.counts or step.started_s is None or step.ended_s is None or step.name == "prove":
            continue
        length = step.ended_s - step.started_s
        parts.append(
            f'<rect class="step serial" x="{x(at):.1f}" y="{_y(row) + 4:.1f}" width="{max(1.0, x(at + length) - x(at) - 1):.1f}" '
            f'height="12" rx="2"><title>{escape(step.name)}</title></rect>'
        )
        at += length
    parts.append(f'<text class="after" x="{x(at) + 5:.1f}" y="{_y(row) + 15:.1f}">{seconds(result.sequential_s)}</text>')
    return "".join(parts)
