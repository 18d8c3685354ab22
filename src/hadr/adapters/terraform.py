"""What a Terraform root says of the site it made: its outputs, read with the root's own Terraform, or from a file that holds them.

Only the output `site` is used. Nothing is planned, applied or written; Terraform itself reads the state, wherever it is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, TextIO

from hadr.core.errors import ConfigError

AT_MOST_S = 120
OUTPUT = "site"


def read_outputs(source: str, stdin: TextIO) -> str:
    """The JSON of `terraform output -json`: of the root in folder `source`, from file `source`, or from stdin for "-"."""
    if source == "-":
        return stdin.read()
    path = Path(source)
    if path.is_dir():
        return _ask_terraform(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{source}: no such folder or file; give a Terraform root, its outputs as JSON, or -") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source}: cannot be read: {error}") from error


def _ask_terraform(root: Path) -> str:
    program = shutil.which("terraform")
    if program is None:
        raise ConfigError(f"{root}: terraform is not on PATH; run `terraform output -json` where it is, and give that file")
    command = [program, f"-chdir={root}", "output", "-json", "-no-color"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=AT_MOST_S, check=False)
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{root}: terraform did not answer within {AT_MOST_S} s") from None
    if done.returncode != 0:
        raise ConfigError(f"{root}: terraform output failed: {' '.join(done.stderr.split()) or done.returncode}")
    return done.stdout


def site_output(text: str, source: str) -> Any:
    """The value of the output `site`. Raises ConfigError when there is none."""
    try:
        outputs = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not JSON, as `terraform output -json` would write it: {error}") from error
    if outputs == {}:
        raise ConfigError(f"{source}: no outputs; apply the root first")
    if not isinstance(outputs, dict) or not isinstance(found := outputs.get(OUTPUT), dict) or "value" not in found:
        names = ", ".join(sorted(outputs)) if isinstance(outputs, dict) else type(outputs).__name__
        raise ConfigError(f"{source}: no output {OUTPUT!r} that holds the site; there is: {names}")
    return found["value"]
