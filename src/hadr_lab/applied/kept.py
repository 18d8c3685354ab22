"""The kept outcome of `terraform apply`: where it lies, what it is known by, and how it is made when it is not there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from hadr_lab.errors import LabError
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache

ROOT = Path(__file__).resolve().parents[3]
INFRA = ROOT / "infra"
EMULATOR = Path(__file__).resolve().parents[1] / "aws"
ARCHITECTURES = tuple(sorted(found.parent.name for found in INFRA.glob("*/outputs.tf")))

VARIABLES: Mapping[str, Any] = {
    "admin_principal_arns": ["arn:aws:iam::123456789012:user/operator"],
    "deletion_protection": False,
}
"""The lab's terraform.tfvars: who its operator is, and that all may be destroyed again. The rest is each root's default."""

AWS, STATE, OUTPUTS = "aws.state", "terraform.tfstate", "outputs.json"
ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "-Urmp", "--fork", "--kill-child", "--mount-proc")
"""Terraform, its providers and the emulator end with whoever asked for them, however that one ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One applied root. `folder` holds what is kept of it."""

    architecture: str
    folder: Path

    @property
    def aws(self) -> bytes:
        """The state of the emulated AWS, for `hadr_lab.aws.saved.restore`."""
        return (self.folder / AWS).read_bytes()

    @property
    def state_file(self) -> Path:
        """Terraform's state."""
        return self.folder / STATE

    @property
    def outputs(self) -> dict[str, Any]:
        """`terraform output`, values only."""
        return {name: told["value"] for name, told in json.loads((self.folder / OUTPUTS).read_text()).items()}


def obtain(architecture: str, progress: Progress) -> Applied:
    """The applied root of `architecture`; made now, in two to four minutes, unless it is kept already.

    Raises MissingProgram without Terraform or its provider, LabError when it does not apply.
    """
    folder = cache.folder() / f"applied-{architecture}-{key(architecture)}"

    def make(into: Path) -> None:
        progress.step(
            f"applying infra/{architecture} to the emulated AWS (once, a few minutes; most of it the provider's own waits)"
        )
        told = [*ALONE, sys.executable, "-m", "hadr_lab.applied", architecture, str(into)]
        with subprocess.Popen(told, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as making:
            assert making.stdout is not None  # noqa: S101  # asked for
            for line in making.stdout:
                progress.tick(line.rstrip())
        if making.returncode:
            raise LabError(
                f"infra/{architecture} was not applied to the emulated AWS (exit {making.returncode}); its words are above"
            )

    return Applied(architecture=architecture, folder=cache.made_once(folder, make, progress))


def key(architecture: str, infra: Path = INFRA) -> str:
    """What the outcome depends on, as one word: the HCL, the emulator's code, moto, Python, and the variables."""
    said = hashlib.sha256(json.dumps([architecture, VARIABLES, sys.version_info[:2], metadata.version("moto")]).encode())
    hcl = sorted(path for path in infra.glob("**/*.tf") if ".terraform" not in path.parts)
    for name, path in [(path.relative_to(infra), path) for path in hcl] + [(path.relative_to(EMULATOR), path) for path in _code()]:
        said.update(str(name).encode() + b"\0" + path.read_bytes() + b"\0")
    return said.hexdigest()[:12]


def _code() -> list[Path]:
    return sorted(EMULATOR.glob("**/*.py"))
