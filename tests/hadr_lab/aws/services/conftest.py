"""The emulated AWS that a module's contract tests share; names are each test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hadr_lab.aws.services.cloud import EAST_1, Cloud, Network, a_cloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A fresh AWS for the module; no call of any test may be one that the emulator cannot answer."""
    with a_cloud() as made:
        yield made


@pytest.fixture
def network(cloud: Cloud) -> Network:
    """The module's VPC in us-east-1; a test that counts what is in it makes its own."""
    return cloud.at(EAST_1)
