"""Pieces of HTML: tables, cards, lists of ids. Everything that comes from a run is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int] = (), caption: str = "") -> str:
    """A table; columns in `numbers` are set to the right. Cells are text, not HTML."""
    right = set(numbers)

    def cells(tag: str, values: Sequence[str]) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        return "".join(f"<{tag}{scope}{' class=n' if n in right else ''}>{escape(str(v))}</{tag}>" for n, v in enumerate(values))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: float | None) -> str:
    """A cell of seconds with two decimals; a dash for what is not known."""
    return "-" if value is None else f"{value:.2f}"


def behind(summary: str, inside: str) -> str:
    """Something to open: the table behind a chart."""
    return f"<details><summary>{escape(summary)}</summary>{inside}</details>"


def card(name: str, value: str, note: str = "", css: str = "") -> str:
    """One headline number."""
    return f'<div class="card"><dt>{escape(name)}</dt><dd class="{css}">{escape(value)}<small>{escape(note)}</small></dd></div>'


def ids(title: str, keys: Sequence[str], *, shown: int = 400) -> str:
    """A list of ids, cut off with a count when it is very long."""
    if not keys:
        return ""
    more = f" … and {len(keys) - shown} more, all in result.json" if len(keys) > shown else ""
    listed = f'<p class="ids">{escape(" ".join(keys[:shown]))}{escape(more)}</p>'
    return behind(f"{title}: {len(keys)}", listed)


def section(title: str, text: str, *parts: str) -> str:
    """A section with a heading and an explaining sentence."""
    intro = f'<p class="soft">{escape(text)}</p>' if text else ""
    return f"<section><h2>{escape(title)}</h2>{intro}{''.join(parts)}</section>"
