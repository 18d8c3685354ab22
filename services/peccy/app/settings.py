"""What one process needs to know, read once from its environment.

Nothing here reads the environment at import, and nothing else in the package reads it at all. The database password is given by
value or as the path of a mounted file; a file is read again for each connection, so a rotated password needs no restart.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import VERSION
from app.errors import ConfigError

PATIENCE = 45.0
"""Seconds that a request waits for a database that moves: Aurora's 30 s, and its name's. A load balancer's idle timeout is 60 s."""
PATIENCE_LIMIT = 50.0
"""With it, and a statement's own limits after it, the answer is there before that."""
PICTURE_LIMIT = 2 * 1024 * 1024
"""Largest picture in bytes; nginx's body limit is a little above it (multipart framing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MySqlTarget:
    """Where the database is and how to log in. Exactly one of `password` and `password_file` is used, the file first."""

    host: str
    port: int = 3306
    name: str = "peccy"
    user: str = "peccy"
    password: str = field(default="", repr=False)
    password_file: Path | None = None

    def credentials(self) -> tuple[str, str]:
        """Return the user and the password as they are now.

        The file holds the bare password, or what RDS keeps in Secrets Manager (JSON with username and password). Raises OSError
        when it cannot be read, ValueError when its JSON has no password.
        """
        if self.password_file is None:
            return self.user, self.password
        text = self.password_file.read_text().strip()
        if not text.startswith("{"):
            return self.user, text
        secret = json.loads(text)
        if not isinstance(secret.get("password"), str):
            raise ValueError(f"{self.password_file} has no password")
        return str(secret.get("username") or self.user), secret["password"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers: shown under /debugs and in the x-peccy-* headers of every response."""

    member: str = "local"
    region: str = "local"
    zone: str = "unknown"
    hostname: str = "localhost"
    version: str = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a process needs. `database` None: SQLite in the file store takes its place; `copy` None: there is none nearer.

    `patience`: seconds that a request waits for a database that moves; 0: it never does. `fenced`: no picture is stored while the
    database takes no writes.
    """

    identity: Identity
    files: Path
    database: MySqlTarget | None = None
    copy: MySqlTarget | None = None
    patience: float = PATIENCE
    fenced: bool = False
    bind: str = "0.0.0.0"  # noqa: S104 - a pod listens on its own address, whatever that is
    port: int = 8000
    picture_history: int = 0


def from_env(env: Mapping[str, str]) -> Settings:
    """Read the PECCY_* variables. Raises ConfigError naming the variable that is wrong."""
    database = _database(env)
    nearer = env.get("PECCY_DATABASE_READ_HOST", "")
    return Settings(
        identity=Identity(
            member=env.get("PECCY_MEMBER") or "local",
            region=env.get("PECCY_REGION") or env.get("AWS_REGION") or "local",
            zone=_zone(env.get("PECCY_ZONE", "")),
            hostname=socket.gethostname(),
            version=env.get("PECCY_VERSION") or VERSION,
        ),
        files=Path(env.get("PECCY_FILES") or "files"),
        database=database,
        copy=replace(database, host=nearer) if database and nearer not in ("", database.host) else None,
        patience=_seconds(env, "PECCY_DATABASE_PATIENCE", default=PATIENCE, most=PATIENCE_LIMIT),
        fenced=_fence(env),
        bind=env.get("PECCY_BIND") or "0.0.0.0",  # noqa: S104
        port=_number(env, "PECCY_PORT", default=8000, least=0, most=65535),
        picture_history=_number(env, "PECCY_PICTURE_HISTORY", default=0, least=0, most=1_000_000),
    )


def _database(env: Mapping[str, str]) -> MySqlTarget | None:
    host = env.get("PECCY_DATABASE_HOST", "")
    if not host:
        return None
    file = env.get("PECCY_DATABASE_PASSWORD_FILE", "")
    return MySqlTarget(
        host=host,
        port=_number(env, "PECCY_DATABASE_PORT", default=3306, least=1, most=65535),
        name=env.get("PECCY_DATABASE_NAME") or "peccy",
        user=env.get("PECCY_DATABASE_USER") or "peccy",
        password=env.get("PECCY_DATABASE_PASSWORD", ""),
        password_file=Path(file) if file else None,
    )


def _number(env: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ConfigError(f"{name}={text!r}: expected a whole number from {least} to {most}")
    return int(text)


def _fence(env: Mapping[str, str]) -> bool:
    value = env.get("PECCY_FILES_FENCE", "")
    if value not in ("", "database"):
        raise ConfigError(f"PECCY_FILES_FENCE={value!r}: expected database, or nothing")
    return value == "database"


def _seconds(env: Mapping[str, str], name: str, *, default: float, most: float) -> float:
    text = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?s?", text) or float(text.rstrip("s")) > most:
        raise ConfigError(f"{name}={text!r}: expected seconds from 0 to {most:g}")
    return float(text.rstrip("s"))


def _zone(value: str) -> str:
    """Return the zone itself, or the content of the file it names (a downward API volume); unknown is an honest answer."""
    if not value.startswith("/"):
        return value or "unknown"
    try:
        return Path(value).read_text().strip() or "unknown"
    except OSError:
        return "unknown"
