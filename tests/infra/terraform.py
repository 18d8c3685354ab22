"""Terraform on a root of ours, unchanged, against the emulated AWS: the lab's way of running it, and an emulator of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.infra.test_terraform import missing

from hadr_lab.applied import VARIABLES, obtain
from hadr_lab.applied.kept import AWS
from hadr_lab.errors import MissingProgram
from hadr_lab.progress import Progress
from hadr_lab.terraform import Root, copied

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulator:
    """A running `python -m hadr_lab.aws` and what it complained about."""

    url: str
    log: Path

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of it."""
        config = Config(retries={"max_attempts": 0})
        session = boto3.session.Session(aws_access_key_id="operator", aws_secret_access_key="secret")
        return session.client(service, region_name=region, endpoint_url=self.url, config=config)


@contextmanager
def emulator(folder: Path, *, load: Path | None = None) -> Iterator[Emulator]:
    """An AWS of one's own, in a process of its own, until the block ends; `load` is the state that it starts with."""
    log = folder / "aws.log"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-m", "hadr_lab.aws", *(["--load", str(load)] if load else [])]
    with (
        log.open("w") as said,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True) as serving,
    ):
        assert serving.stdout
        try:
            yield Emulator(url=serving.stdout.readline().strip(), log=log)
        finally:
            serving.terminate()


@contextmanager
def applied(name: str, folder: Path) -> Iterator[tuple[Emulator, Root]]:
    """The root `name` as it was applied once, in an AWS of its own: what the lab boots from, made now if it is not kept yet."""
    try:
        kept = obtain(name, Progress())
    except MissingProgram as gap:
        missing(str(gap))
        raise
    with emulator(folder, load=kept.folder / AWS) as aws:
        made = root(name, folder, aws.url, **VARIABLES)
        shutil.copy(kept.state_file, made.folder / "terraform.tfstate")
        yield aws, made


def root(name: str, folder: Path, url: str, **variables: Any) -> Root:
    """A copy of the root `name` and of the modules that knows `url` as AWS; without Terraform the test is not for here."""
    try:
        return copied(REPOSITORY / "infra", name, folder, url, variables)
    except MissingProgram as gap:
        missing(str(gap))
        raise
