"""Terraform on a root of ours, unchanged, against the emulated AWS: the lab's way of running it, in an AWS of one's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.emulated import Emulator, an_emulator
from tests.infra.test_terraform import missing

from hadr_lab.applied import VARIABLES, obtain
from hadr_lab.applied.kept import AWS
from hadr_lab.errors import MissingProgram
from hadr_lab.progress import Progress
from hadr_lab.terraform import Root, copied

REPOSITORY = Path(__file__).parents[2]


@contextmanager
def applied(name: str, folder: Path) -> Iterator[tuple[Emulator, Root]]:
    """The root `name` as it was applied once, in an AWS of its own: what the lab boots from, made now if it is not kept yet."""
    try:
        kept = obtain(name, Progress())
    except MissingProgram as gap:
        missing(str(gap))
        raise
    with an_emulator(folder, load=kept.folder / AWS) as aws:
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
