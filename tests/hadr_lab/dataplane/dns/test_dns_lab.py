"""Route 53's data plane in the real network; what each case shows is in its docstring."""

from __future__ import annotations

import os
import sys

import pytest
from tests.hadr_lab.dataplane.dns import dns_cases

from hadr_lab.outer import run_inside


@pytest.mark.lab
@pytest.mark.parametrize("case", dns_cases.CASES)
def test_dns(case: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The case ends well inside the lab; what it measured is shown."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    code = run_inside([sys.executable, "-m", dns_cases.__name__, case], {})
    captured = capfd.readouterr()
    with capfd.disabled():
        print(f" {captured.out.strip()}", end="")
    assert code == 0, captured.err
