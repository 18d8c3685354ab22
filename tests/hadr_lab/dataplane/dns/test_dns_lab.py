"""Route 53's data plane in the real network; what each case shows is in its docstring."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hadr_lab.outer import run_inside

CASES = Path(__file__).with_name("dns_cases.py")


@pytest.mark.lab
@pytest.mark.parametrize("case", ["resolvers", "restart", "switch", "lost_region"])
def test_dns(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The case ends well inside the lab; what it measured is shown."""
    code = run_inside([sys.executable, str(CASES), case], {})
    captured = capfd.readouterr()
    with capfd.disabled():
        print(f" {captured.out.strip()}", end="")
    assert code == 0, captured.err
