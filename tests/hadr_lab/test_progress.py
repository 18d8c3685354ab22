"""Progress in a log: a line for what is new, and a sign of life now and then."""

from __future__ import annotations

import io

import pytest

from hadr_lab import progress
from hadr_lab.progress import Progress


def test_a_log_gets_a_line_for_news_only() -> None:
    """Waiting for the same thing is said once; a step always."""
    out = io.StringIO()
    told = Progress(out=out)
    for text in ("waiting: 503", "waiting: 503", "waiting: 200", "waiting: 200"):
        told.tick(text)
    told.step("the site serves")
    assert [line.partition(" s  ")[2] for line in out.getvalue().splitlines()] == [
        "waiting: 503",
        "waiting: 200",
        "the site serves",
    ]


def test_a_long_wait_says_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the log sees that it lives."""
    monkeypatch.setattr(progress, "SAY_AGAIN_S", 0.0)
    out = io.StringIO()
    told = Progress(out=out)
    told.tick("waiting")
    told.tick("waiting")
    assert len(out.getvalue().splitlines()) == 2
