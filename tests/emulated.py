"""An emulated AWS in a process of its own, for tests: its address, what it complained about, and clients of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from hadr_lab.emulator import emulator

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "lab",
    "AWS_SECRET_ACCESS_KEY": "lab",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""The environment of somebody who knows no other AWS."""


def _session() -> Any:
    return boto3.session.Session(aws_access_key_id="operator", aws_secret_access_key="secret")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A running `python -m hadr_lab.aws` and what it complained about."""

    url: str
    log: Path
    _made: Any = field(default_factory=_session)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A boto3 client of it, which asks once."""
        return self._made.client(service, region_name=region, endpoint_url=self.url, config=Config(retries={"max_attempts": 0}))


@contextmanager
def an_emulator(folder: Path, *, load: Path | None = None, save: Path | None = None) -> Iterator[Emulator]:
    """An AWS of one's own until the block ends; `load` is the state that it starts with, `save` where it leaves its own."""
    log = folder / "aws.log"
    with emulator(load=load, save=save, log=log) as url:
        yield Emulator(url=url, log=log)
