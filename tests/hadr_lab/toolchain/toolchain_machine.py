"""A pretended machine for the toolchain's tests: a folder of small scripts that answer like the real programs."""

from __future__ import annotations

import io
from pathlib import Path

from hadr_lab.progress import Progress


def a_program(folder: Path, name: str, script: str = "exit 0") -> Path:
    """An executable shell script called `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def quiet() -> Progress:
    """Progress that nobody sees but `said`."""
    return Progress(out=io.StringIO())


def said(progress: Progress) -> str:
    """All that a quiet progress was told."""
    assert isinstance(progress.out, io.StringIO)
    return progress.out.getvalue()
