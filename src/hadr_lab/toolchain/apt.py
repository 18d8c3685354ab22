"""apt in folders of our own: package lists, caches and downloads, without root and without touching the machine's."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hadr_lab.errors import MissingProgram

_URI = re.compile(r"^'[^']+' (?P<file>[^ ]+)_[^_]+_[^_ ]+\.deb ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """apt whose every folder lies below `root`; it reads the machine's sources and installed packages, and writes only there."""

    root: Path

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[Apt]:
        """One in a temporary folder."""
        with tempfile.TemporaryDirectory(prefix="hadr-lab-apt-") as folder:
            root = Path(folder)
            for below in ("lists/partial", "archives/partial", "downloads"):
                (root / below).mkdir(parents=True)
            yield cls(root=root)

    def update(self) -> None:
        """Fetch the package lists. A source that fails does not matter here: what it had is missed when it is asked for."""
        self._run("apt-get", "update", "-q")

    def known(self, alternatives: Iterable[Sequence[str]]) -> tuple[str, ...]:
        """Of each sequence the first name that the sources have. Raises MissingProgram."""
        names = set(self._run("apt-cache", "pkgnames").stdout.split())
        found = []
        for each in alternatives:
            name = next((name for name in each if name in names), None)
            if name is None:
                raise MissingProgram(f"no package {' or '.join(each)} in this machine's apt sources; is the network there?")
            found.append(name)
        return tuple(found)

    def closure(self, packages: Sequence[str]) -> tuple[str, ...]:
        """`packages` and everything they need that the machine has not."""
        planned = self._run("apt-get", "install", "--yes", "--no-install-recommends", "--print-uris", *packages)
        found = tuple(match["file"] for match in _URI.finditer(planned.stdout))
        if planned.returncode:
            raise MissingProgram(f"apt cannot plan {', '.join(packages)}: {_last_line(planned.stderr)}")
        return tuple(dict.fromkeys((*found, *packages)))

    def download(self, packages: Sequence[str]) -> tuple[Path, ...]:
        """The package files, downloaded and checked by apt. Raises MissingProgram with apt's last word."""
        target = self.root / "downloads"
        done = self._run("apt-get", "download", *packages, cwd=target)
        files = tuple(sorted(target.glob("*.deb")))
        if done.returncode or len(files) < len(set(packages)):
            raise MissingProgram(f"apt cannot download {', '.join(packages)}: {_last_line(done.stderr)}; is the network there?")
        return files

    def _run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        options = {
            "Dir::State::lists": self.root / "lists",
            "Dir::State::status": "/var/lib/dpkg/status",
            "Dir::Cache": self.root,
            "APT::Sandbox::User": "",
            "Acquire::Languages": "none",
        }
        program, *arguments = command
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return subprocess.run(
            [program, *settings, *arguments],
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it says nothing"
