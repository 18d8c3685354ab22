"""Start one process of the service from its environment.

Everything heavy is imported here, so that importing `app.main` once and forking makes processes in milliseconds. Everything that
belongs to one process (loop, threads, sockets, pool) is made inside `main`.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Mapping

import uvicorn
import uvicorn.lifespan.on
import uvicorn.loops.uvloop
import uvicorn.protocols.http.httptools_impl
from fastapi import FastAPI

from app import api
from app.database import Database
from app.errors import ConfigError
from app.hobbies import Hobbies
from app.mysql import MySql
from app.nearest import COPY_WITHIN, Nearest
from app.patient import Patient
from app.pictures import Pictures
from app.readiness import Readiness
from app.settings import Settings, from_env
from app.sqlite import Sqlite

DRAIN_S = 10
"""How long requests under way may still take after SIGTERM, beside waiting for the database: a pod's grace period is longer."""
KEEP_ALIVE_S = 75
"""Longer than nginx keeps its connections to us, so that it is never we who close one it is about to use."""


def build(settings: Settings) -> FastAPI:
    """Return the application for these settings. Connects to nothing."""
    database: Database = MySql(settings.database) if settings.database else Sqlite(settings.files / "peccy.sqlite3")
    copy = MySql(settings.copy, answer_within=COPY_WITHIN) if settings.copy else None
    now = _hobbies(database, copy)  # who asks whether we are ready hears how it is at this moment
    patient = settings.database is not None and settings.patience > 0
    hobbies = _hobbies(Patient(database, patience=settings.patience), copy) if patient else now
    pictures = Pictures(settings.files, history=settings.picture_history, probe=settings.identity.hostname)
    readiness = Readiness({"database": now, "files": pictures})
    local = Readiness({"files": pictures})  # mounted through the zone's own mount target; the database is the Region's
    fence = database.writable if settings.fenced else None
    return api.create(identity=settings.identity, hobbies=hobbies, pictures=pictures, readiness=readiness, local=local, fence=fence)


def main(env: Mapping[str, str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, finish the requests under way, then end by that signal.

    Returns an exit status only when serving did not begin: 64 for a wrong environment, 1 for an address that cannot be bound.
    """
    try:
        settings = from_env(os.environ if env is None else env)
    except ConfigError as error:
        print(f"peccy-app: {error}", file=sys.stderr)
        return 64
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings),
            host=settings.bind,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S + math.ceil(settings.patience),
        )
    )
    server.run()
    return 0 if server.started else 1


def _hobbies(database: Database, copy: Database | None) -> Hobbies:
    return Hobbies(database, reads=Nearest(copy=copy, writer=database) if copy else None)
