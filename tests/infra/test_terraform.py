"""Every root and module through the real Terraform with stand-ins for AWS: formatted, valid, and its own tests pass.

Works offline when a folder with the AWS provider can be found: HADR_TF_PLUGINS, else the places where Terraform and packagers put
such mirrors. Nothing is written into the repository. What is missing skips with its reason, or fails where CI=true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from hadr_lab.terraform import provider

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

INFRA = Path(__file__).resolve().parents[2] / "infra"
ROOTS = ("dr-multi-region", "ha-multi-cluster", "ha-single-cluster")
TESTED = tuple(sorted(str(found.parent.relative_to(INFRA)) for found in INFRA.glob("**/tests") if found.is_dir()))


def missing(reason: str) -> None:
    """Skip loudly; where CI demands the whole, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What Terraform is run with: never anybody's credentials or profile, never an endpoint."""
    return provider.environment(tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, so that runs leave nothing behind in it."""
    copy = tmp_path_factory.mktemp("terraform") / "infra"
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*"))
    return copy


def terraform(*words: str, at: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One run of Terraform."""
    program = shutil.which("terraform")
    if program is None:
        missing("terraform is not on PATH; install 1.11 or newer")
    return subprocess.run(
        [str(program), *words], cwd=at, env=dict(environment), capture_output=True, text=True, timeout=540, check=False
    )


def initialised(folder: Path, environment: Mapping[str, str]) -> Path:
    """The folder after `terraform init`; without the provider at hand there is nothing to test."""
    said = terraform("init", "-no-color", "-backend=false", at=folder, environment=environment)
    if said.returncode != 0:
        missing(f"terraform init in {folder.name} (HADR_TF_PLUGINS may name a provider mirror): {said.stderr.strip()[-600:]}")
    return folder


def test_every_file_is_formatted(infra: Path, environment: Mapping[str, str]) -> None:
    """`terraform fmt` has nothing to change."""
    said = terraform("fmt", "-check", "-recursive", "-no-color", at=infra, environment=environment)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_is_valid(infra: Path, environment: Mapping[str, str], root: str) -> None:
    """Configuration, modules and the provider's schema fit together."""
    said = terraform("validate", "-no-color", at=initialised(infra / root, environment), environment=environment)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("folder", TESTED)
def test_the_tests_of_a_root_or_module_pass(infra: Path, environment: Mapping[str, str], folder: str) -> None:
    """`terraform test` with stand-ins for AWS."""
    said = terraform("test", "-no-color", at=initialised(infra / folder, environment), environment=environment)
    assert said.returncode == 0, (said.stdout + said.stderr)[-6000:]
    assert "Success!" in said.stdout
    assert ", 0 failed" in said.stdout
