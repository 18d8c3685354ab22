"""checkov, in a virtual environment of its own below the lab's cache: it pins boto3 and much else otherwise.

The environment belongs to exactly one requirements/scan.txt and is made once (a minute on two cores). A scan asks nobody: neither
for checks nor for guidelines, and a proxy that is not there sees to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "scan.txt"
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the scanner says of one check on one resource. `reason` is the comment beside a skipped one."""

    check: str
    resource: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Every check on every resource; paths are below the folder that was scanned."""

    passed: tuple[Judgement, ...]
    failed: tuple[Judgement, ...]
    skipped: tuple[Judgement, ...]
    unreadable: tuple[str, ...]


def scan(folder: Path) -> Scan:
    """All Terraform below `folder`, modules as the roots call them. Raises CalledProcessError where the scanner breaks."""
    words = ["-d", str(folder), "--framework", "terraform", "--compact", "-o", "json"]
    quiet = ["--skip-download", "--download-external-modules", "false"]
    environment = os.environ | {"HTTPS_PROXY": NOBODY, "HTTP_PROXY": NOBODY, "NO_PROXY": ""}
    command = [str(_python()), "-m", "checkov.main", *words, *quiet]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)
    if done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    results = json.loads(done.stdout)["results"]
    return Scan(
        passed=tuple(map(_judgement, results["passed_checks"])),
        failed=tuple(map(_judgement, results["failed_checks"])),
        skipped=tuple(map(_judgement, results["skipped_checks"])),
        unreadable=tuple(results["parsing_errors"]),
    )


def _judgement(said: Any) -> Judgement:
    reason = said["check_result"].get("suppress_comment") or ""
    return Judgement(check=said["check_id"], resource=said["resource"], file=said["file_path"].lstrip("/"), reason=reason)


def _python() -> Path:
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    made = cache.made_once(cache.folder() / f"scanner-{key}", _install, Progress())
    return made / "bin" / "python"


def _install(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
