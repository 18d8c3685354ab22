"""Charts as inline SVG: lines and stacked bars over time, with markers. Strings out; colours come from the page's classes.

Every chart has a title and a description for those who do not see it, and the page puts a table behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 84, 28, 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: a value (or None: a gap) at each time."""

    name: str
    css: str
    points: tuple[tuple[float, float | None], ...]
    label: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One layer of bars: a height at each time."""

    name: str
    css: str
    heights: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A moment that all charts show."""

    at: float
    name: str
    css: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Axes: the time span, the values' span and how they are written."""

    title: str
    description: str
    start: float
    end: float
    low: float
    high: float
    ticks: tuple[float, ...]
    unit: Callable[[float], str]
    log: bool = False

    def x(self, at: float) -> float:
        """Horizontal place of a time."""
        span = (self.end - self.start) or 1.0
        return LEFT + (at - self.start) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Vertical place of a value; values outside are drawn at the edge."""
        low, high, at = (self._scaled(v) for v in (self.low, self.high, min(max(value, self.low), self.high)))
        return HEIGHT - BOTTOM - (at - low) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def line_chart(frame: Frame, lines: Sequence[Line], markers: Sequence[Marker], *, shade: tuple[float, float] | None = None) -> str:
    """Lines over time."""
    parts = [_shade(frame, shade), _axes(frame), _markers(frame, markers)]
    parts += [f'<path class="line {line.css}" d="{_path(frame, line)}"/>' for line in lines]
    return _svg(frame, "".join(parts) + _labels(frame, lines))


def stack_chart(frame: Frame, stacks: Sequence[Stack], markers: Sequence[Marker], *, width: float) -> str:
    """Stacked bars over time; `width` is the length of a slice."""
    floor: dict[float, float] = {}
    bars = []
    for stack in stacks:
        for at, height in stack.heights:
            below = floor.get(at, 0.0)
            floor[at] = below + height
            if height:
                left, right = frame.x(at - width / 2), frame.x(at + width / 2)
                top, bottom = frame.y(below + height), frame.y(below)
                bars.append(
                    f'<rect class="{stack.css}" x="{left:.1f}" y="{top:.1f}" width="{max(0.5, right - left - 0.4):.1f}" '
                    f'height="{bottom - top:.1f}"/>'
                )
    return _svg(frame, _axes(frame) + "".join(bars) + _markers(frame, markers))


def nice_ticks(low: float, high: float, count: int = 8) -> tuple[float, ...]:
    """Round numbers that cover a span in about `count` steps."""
    raw = max(high - low, 1e-9) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return tuple(n * step for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1))


def _svg(frame: Frame, inside: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(frame.title)}">'
        f"<title>{escape(frame.title)}</title><desc>{escape(frame.description)}</desc>{inside}</svg>"
    )


def _axes(frame: Frame) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for tick in frame.ticks:
        y = frame.y(tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(frame.unit(tick))}</text>')
    for tick in nice_ticks(frame.start, frame.end):
        x = frame.x(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g} s</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    return "".join(parts)


def _markers(frame: Frame, markers: Sequence[Marker]) -> str:
    parts, free = [], [-math.inf, -math.inf]
    for marker in sorted(markers, key=lambda m: m.at):
        if not frame.start <= marker.at <= frame.end:
            continue
        x = frame.x(marker.at)
        row = 0 if x >= free[0] else 1
        free[row] = x + 7 * len(marker.name) + 8
        parts.append(f'<line class="marker {marker.css}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="mark" x="{x + 3:.1f}" y="{10 + 12 * row}">{escape(marker.name)}</text>')
    return "".join(parts)


def _shade(frame: Frame, shade: tuple[float, float] | None) -> str:
    if shade is None:
        return ""
    left, right = frame.x(max(shade[0], frame.start)), frame.x(min(shade[1], frame.end))
    return f'<rect class="shade" x="{left:.1f}" y="{TOP}" width="{max(0.0, right - left):.1f}" height="{HEIGHT - TOP - BOTTOM}"/>'


def _path(frame: Frame, line: Line) -> str:
    parts, pen = [], "M"
    for at, value in line.points:
        if value is None:
            pen = "M"
            continue
        parts.append(f"{pen}{frame.x(at):.1f} {frame.y(value):.1f}")
        pen = "L"
    return "".join(parts)


def _labels(frame: Frame, lines: Sequence[Line]) -> str:
    """The name of each line at its right end, pushed apart where they would overlap."""
    ends = [(next((v for _, v in reversed(line.points) if v is not None), None), line) for line in lines if line.label]
    placed, last = [], -math.inf
    for place, line in sorted(((frame.y(v), line) for v, line in ends if v is not None), key=lambda item: item[0]):
        last = max(place, last + 14)
        placed.append(f'<text class="label {line.css}" x="{WIDTH - RIGHT + 8}" y="{last + 4:.1f}">{escape(line.name)}</text>')
    return "".join(placed)
