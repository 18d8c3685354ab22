"""The real network, each case inside namespaces of its own; what the cases say is in their docstrings."""

from __future__ import annotations

import os
import sys

import pytest
from tests.hadr_lab.dataplane import network_cases

from hadr_lab.outer import run_inside


@pytest.mark.lab
@pytest.mark.parametrize("case", network_cases.CASES)
def test_network(case: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The case ends well inside the lab; what it printed is shown when it does not."""
    network_cases.programs()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    code = run_inside([sys.executable, "-W", "error", "-m", network_cases.__name__, case], {})
    captured = capfd.readouterr()
    with capfd.disabled():
        print(f" {captured.out.strip()}", end="")
    assert code == 0, captured.err
