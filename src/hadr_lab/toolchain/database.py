"""The database template: a MariaDB data directory with its system tables, made once and copied for every database of every lab.

It has root by unix socket only (inside the lab everybody is uid 0 of one user namespace), no test database and no other account.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hadr_lab.errors import MissingProgram
from hadr_lab.programs import Program
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache

LOG_FILE_SIZE = "4M"
_SETTINGS = """[mariadbd]
basedir={share}
lc-messages-dir={share}/share/mysql
character-sets-dir={share}/share/mysql/charsets
innodb-log-file-size={log}
innodb-buffer-pool-size=16M
skip-log-bin
"""
_OPTIONS = (
    "--skip-test-db",
    "--skip-name-resolve",
    "--auth-root-authentication-method=socket",
    "--auth-root-socket-user=root",
)


def template(programs: Mapping[str, Program], share: Path, progress: Progress) -> Path:
    """The template of this machine's MariaDB, made now (about a second) if there is none. Raises MissingProgram."""
    server = programs["mariadbd"]
    made_with = f"{server.path} {server.path.stat().st_size} {LOG_FILE_SIZE}"
    key = hashlib.sha256(made_with.encode()).hexdigest()[:12]
    target = cache.folder() / f"database-{key}"
    if not target.is_dir():
        progress.step(f"making the database template {target} (once)")
    return cache.made_once(target, lambda folder: _install(programs["mariadb-install-db"], share, folder), progress)


def _install(program: Program, share: Path, folder: Path) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="hadr-lab-", suffix=".cnf") as settings:
        settings.write(_SETTINGS.format(share=share, log=LOG_FILE_SIZE))
        settings.flush()
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [program.path, f"--defaults-file={settings.name}", f"--basedir={share}", f"--datadir={folder}", *as_root, *_OPTIONS],
            env={**os.environ, **program.env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise MissingProgram(f"{program.path} could not make a data directory: {''.join(said)}; is this MariaDB complete?")
