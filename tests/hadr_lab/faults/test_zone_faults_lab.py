"""Harm to a zone on the real network and real processes, each kind inside namespaces of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tests.hadr_lab.dataplane import network_cases
from tests.hadr_lab.faults import zone_cases

from hadr_lab.outer import run_inside

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.lab
@pytest.mark.parametrize("case", zone_cases.CASES)
def test_a_harmed_zone(case: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the case says in its docstring."""
    network_cases.programs()
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    )  # a case imports its neighbours
    code = run_inside([sys.executable, "-W", "error", zone_cases.__file__, case], {})
    captured = capfd.readouterr()
    assert code == 0, captured.err + captured.out
