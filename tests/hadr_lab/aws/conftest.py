"""Fixtures of the emulated API's contract tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.core.responses import ActionResult

from hadr_lab.aws.local import Running, running
from hadr_lab.aws.service import AwsService


class Broken(AwsService):
    """A service that breaks down over one operation, as moto's do here and there."""

    name = "fis"

    def list_actions(self) -> ActionResult:
        raise KeyError("actions")


@pytest.fixture(scope="module")
def aws() -> Iterator[Running]:
    """The front without the other services of our own (moto, S3, STS and one that breaks): two Regions and the edge."""
    with running({"fis": Broken}) as made:
        yield made
