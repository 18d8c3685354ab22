"""Where a drill leaves what it found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadr_lab.cli import run_folder


@pytest.mark.parametrize(("scenario", "name"), [("region-loss", "region-loss"), ("/elsewhere/my drill.yaml", "my drill")])
def test_a_run_is_below_its_folder_whatever_the_scenario(tmp_path: Path, scenario: str, name: str) -> None:
    """A scenario that is a file of one's own lends its name, not its path; two runs of one second have two folders."""
    runs = tmp_path / "runs"
    runs.mkdir()
    first, second = run_folder(runs, scenario), run_folder(runs, scenario)
    assert first.parent == second.parent == runs
    assert first != second
    assert first.name.partition("Z-")[2] == name
    assert (runs / "latest").resolve() == second
