"""Terraform on a root of ours, unchanged, against the emulated AWS: a copy of `infra`, the provider, and nothing else.

The root sees the emulator through AWS_ENDPOINT_URL alone, and neither credentials nor settings of whoever runs the test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.infra.test_terraform import REGISTRY, cli_configuration, mirrors, missing

REPOSITORY = Path(__file__).parents[2]
CHANGES = 2
"""The exit code of `plan -detailed-exitcode` when there is something to change."""


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
def emulator(folder: Path) -> Iterator[Emulator]:
    """An AWS of one's own, in a process of its own, until the block ends."""
    log = folder / "aws.log"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, "-m", "hadr_lab.aws"]
    with (
        log.open("w") as said,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True) as serving,
    ):
        assert serving.stdout
        try:
            yield Emulator(url=serving.stdout.readline().strip(), log=log)
        finally:
            serving.terminate()


@dataclass(slots=True, kw_only=True)
class Root:
    """One root of `infra` in a folder of its own. `seconds` says how long each command took."""

    folder: Path
    environment: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    def apply(self) -> None:
        """`terraform apply`."""
        self._must("apply", "-auto-approve", "-parallelism=20")

    def plan(self) -> str:
        """What `terraform plan` would change; nothing when it finds no difference."""
        done = self._run("plan", "-detailed-exitcode", "-parallelism=20")
        assert done.returncode in (0, CHANGES), _end(done)
        changes = done.stdout.partition("Terraform will perform the following actions:")[2] or done.stdout
        return changes if done.returncode == CHANGES else ""

    def destroy(self) -> list[str]:
        """`terraform destroy`; the addresses that are left in the state."""
        self._must("destroy", "-auto-approve", "-parallelism=20")
        return self.resources()

    def resources(self) -> list[str]:
        """The addresses in the state."""
        return self._must("state", "list").splitlines()

    def outputs(self) -> dict[str, Any]:
        """`terraform output`, values only."""
        return {name: told["value"] for name, told in json.loads(self._must("output", "-json")).items()}

    def initialise(self) -> None:
        """`terraform init`; where it cannot be had, the test is not for here."""
        done = self._run("init")
        if done.returncode:
            missing(f"terraform cannot initialise (set HADR_TF_PLUGINS to a folder with the provider): {_end(done)}")

    def _must(self, *words: str) -> str:
        done = self._run(*words)
        assert done.returncode == 0, _end(done)
        return done.stdout

    def _run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        quiet = [] if verb in ("state", "output") else ["-input=false", "-no-color"]
        started = time.monotonic()
        done = subprocess.run(
            ["terraform", verb, *quiet, *words],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=1500,
        )
        self.seconds[f"{len(self.seconds)} {verb}"] = round(time.monotonic() - started, 1)
        return done


def root(name: str, folder: Path, url: str, **variables: Any) -> Root:
    """A copy of the root `name` and of the modules, initialised, that knows `url` as AWS."""
    if shutil.which("terraform") is None:
        missing("terraform is not installed")
    leave = shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfvars")
    shutil.copytree(REPOSITORY / "infra", folder / "infra", ignore=leave)
    made = Root(folder=folder / "infra" / name, environment=_environment(folder, url, variables))
    made.initialise()
    return made


def _environment(folder: Path, url: str, variables: Mapping[str, Any]) -> dict[str, str]:
    """What Terraform may see: no credentials, profiles or settings of whoever runs the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
    mirror = next((path for path in mirrors() if (path / REGISTRY / "hashicorp" / "aws").is_dir()), None)
    if mirror:
        kept["TF_CLI_CONFIG_FILE"] = str(cli_configuration(folder, mirror))
    own = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "terraform",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
    }
    return kept | own | {f"TF_VAR_{name}": json.dumps(value) for name, value in variables.items()}


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return f"terraform {done.args[1]} ended with {done.returncode}: {(done.stderr or done.stdout)[-4000:]}"
