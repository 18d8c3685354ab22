"""SQL texts: accounts and grants, replication, heartbeats. Pure.

The application's account has all rights on its own database and none beyond: it can neither write to a read-only server nor lift
the restriction. Accounts are made on the writer and reach the readers by replication, as they do in a shared Aurora volume.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex

LAB_SCHEMA = "hadr_lab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Passwords of the lab's own accounts, made up for one run."""

    replication: str = field(default_factory=token_hex)
    heartbeat: str = field(default_factory=token_hex)
    fence: str = field(default_factory=token_hex)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What the cluster was created with."""

    username: str
    password: str
    database: str


def text(value: str) -> str:
    """`value` as an SQL string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def name(value: str) -> str:
    """`value` as an SQL identifier."""
    return "`" + value.replace("`", "``") + "`"


def lab_accounts(secrets: Secrets) -> tuple[str, ...]:
    """The accounts of replication, heartbeat and fence, and the heartbeat's table."""
    return (
        *_account("'hadr_replication'@'%'", secrets.replication),
        "GRANT REPLICATION SLAVE ON *.* TO 'hadr_replication'@'%'",
        *_account("'hadr_fence'@'%'", secrets.fence),
        "GRANT READ_ONLY ADMIN ON *.* TO 'hadr_fence'@'%'",
        *_account("'hadr_heartbeat'@'localhost'", secrets.heartbeat),
        "GRANT BINLOG REPLAY ON *.* TO 'hadr_heartbeat'@'localhost'",
        f"CREATE DATABASE IF NOT EXISTS {LAB_SCHEMA}",
        f"CREATE TABLE IF NOT EXISTS {LAB_SCHEMA}.heartbeat (server INT UNSIGNED PRIMARY KEY, at DATETIME(6) NOT NULL)",
        f"GRANT SELECT, INSERT, UPDATE ON {LAB_SCHEMA}.* TO 'hadr_heartbeat'@'localhost'",
    )


def application_accounts(application: Application) -> tuple[str, ...]:
    """The application's database, and its account with the password it has now."""
    made: list[str] = []
    if application.database:
        made.append(f"CREATE DATABASE IF NOT EXISTS {name(application.database)}")
    if application.username:
        account = f"{text(application.username)}@'%'"
        made += _account(account, application.password)
        if application.database:
            made.append(f"GRANT ALL PRIVILEGES ON {name(application.database)}.* TO {account}")
    return tuple(made)


def _account(account: str, password: str) -> tuple[str, str]:
    return (
        f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {text(password)}",
        f"ALTER USER {account} IDENTIFIED BY {text(password)}",
    )


def follow(*, address: str, port: int, password: str, position: str) -> tuple[str, ...]:
    """Follow the writer at `address` from `position`.

    Strict mode is lifted for the moment in which the position is set: in its own heartbeat domain a server may be ahead of it.
    """
    source = (
        f"MASTER_HOST = {text(address)}",
        f"MASTER_PORT = {port}",
        "MASTER_USER = 'hadr_replication'",
        f"MASTER_PASSWORD = {text(password)}",
        "MASTER_USE_GTID = slave_pos",
        "MASTER_CONNECT_RETRY = 1",
        "MASTER_HEARTBEAT_PERIOD = 1",
    )
    return (
        "SET GLOBAL gtid_strict_mode = 0",
        f"SET GLOBAL gtid_slave_pos = {text(position)}",
        "SET GLOBAL gtid_strict_mode = 1",
        f"CHANGE MASTER TO {', '.join(source)}",
        "START SLAVE",
    )


def beat(server: int) -> tuple[str, str]:
    """Write a heartbeat in the server's own domain. A read-only server refuses it."""
    return (
        f"SET gtid_domain_id = {server}",
        f"INSERT INTO {LAB_SCHEMA}.heartbeat VALUES ({server}, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE at = VALUES(at)",  # noqa: S608
    )


def newest_beat(server: int) -> str:
    """The newest heartbeat of `server` that has arrived, and its age in microseconds by the reader's clock."""
    return f"SELECT at, TIMESTAMPDIFF(MICROSECOND, at, UTC_TIMESTAMP(6)) AS age FROM {LAB_SCHEMA}.heartbeat WHERE server = {server}"  # noqa: S608
