"""`python -m hadr_lab.applied ARCHITECTURE FOLDER`: apply the root to an emulated AWS of its own and keep the outcome in FOLDER.

Lines on stdout say how far it is; what went wrong goes to stderr. It is run in a pid namespace of its own: when that ends, so do
Terraform, its providers and the emulator.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from hadr_lab.applied.kept import AWS, INFRA, OUTPUTS, STATE, VARIABLES
from hadr_lab.emulator import emulator
from hadr_lab.errors import LabError
from hadr_lab.terraform import copied


def make(architecture: str, folder: Path) -> None:
    """Apply and keep. Raises LabError with Terraform's words, and when it asked for something that the emulator does not have."""

    def heard(line: str) -> None:
        print(line, flush=True)

    with tempfile.TemporaryDirectory() as work:
        log = Path(work) / "aws.log"
        with emulator(save=folder / AWS, log=log) as url:
            root = copied(INFRA, architecture, Path(work), url, VARIABLES, heard)
            root.apply()
            (folder / OUTPUTS).write_text(root.outputs_text())
            shutil.copy(root.folder / "terraform.tfstate", folder / STATE)
        if "unsupported" in (said := log.read_text()):
            raise LabError(f"Terraform asked for what the emulated AWS does not have: {said[-2000:]}")


if __name__ == "__main__":
    try:
        make(sys.argv[1], Path(sys.argv[2]))
    except LabError as error:
        sys.exit(f"hadr-lab: {error}")
