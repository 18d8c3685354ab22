"""Role changes of a global cluster, done to the servers: failover (loss allowed) and switchover (no loss, or not at all).

A failover needs nothing of the old writer: it is told to stop when it can be reached, and never waited for. A switchover needs both
sides: the old writer stops accepting writes first, and if the new one has not caught up in time the old one goes on.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from hadr_lab.dataplane.database.keeper import Keeper
from hadr_lab.errors import LabError
from hadr_lab.waits import Wait, Waits

CATCH_UP_TIME = timedelta(seconds=30)
REACH_TIME = timedelta(seconds=30)

log = logging.getLogger(__name__)


class SwitchRefused(LabError):
    """A role change cannot be done; the message is what the API's user gets to know."""


async def failover(target: Keeper, old: Keeper | None, waits: Waits) -> None:
    """Make `target` the writer with what it has. Raises LabError when it cannot be."""
    fencing = asyncio.create_task(old.fence(target.server)) if old is not None and target.server.running else None
    try:
        await waits.take(Wait.AURORA_FAILOVER)
        await _answering(target)
        target.stalled = False
        await target.server.promote()
    finally:
        if fencing is not None:
            fencing.cancel()
            await asyncio.gather(fencing, return_exceptions=True)


async def switchover(target: Keeper, old: Keeper, waits: Waits) -> None:
    """Turn the roles round without loss. Raises LabError, with the old writer writing again, when that cannot be."""
    if old.lost or target.lost:
        raise SwitchRefused("a switchover needs both clusters, and one of them is lost; a failover would allow data loss")
    status = await target.server.replication()
    if status is None or {status["Slave_IO_Running"], status["Slave_SQL_Running"]} != {"Yes"}:
        raise SwitchRefused(f"{target.view.identifier} does not replicate from {old.view.identifier} at this moment")
    await waits.take(Wait.AURORA_FAILOVER)
    try:
        await old.server.block()
        position = await old.server.position()
        if not await target.server.reached(position, within=CATCH_UP_TIME):
            raise SwitchRefused(f"{target.view.identifier} did not reach {position} within {CATCH_UP_TIME.total_seconds():g} s")
        await target.server.promote()
    except LabError:
        await _reopen(old)
        raise


async def _reopen(old: Keeper) -> None:
    try:
        await old.server.admin.rows("SET GLOBAL read_only = 0")
    except LabError as error:
        log.warning("database cluster=%s still read-only after a switchover that failed: %s", old.view.identifier, error)


async def _answering(target: Keeper) -> None:
    deadline = asyncio.get_running_loop().time() + REACH_TIME.total_seconds()
    while True:
        if target.lost:
            raise SwitchRefused(f"{target.view.identifier} is in a lost place ({target.view.zone})")
        try:
            await target.server.admin.value("1")
        except LabError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SwitchRefused(f"{target.view.identifier} does not answer: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return
