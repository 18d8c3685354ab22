"""File systems as directories below `efs/`, and a replicator for each replication configuration.

Level-triggered. A file system is read-only as long as it is the destination of a replication; breaking the replication takes the
simulated wait, then the destination is writable with the last whole files that came. What is not simulated: the source's rate, and
EFS's own objective, which is minutes; the lab looks at the source every second at any speed and says so in its result.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hadr_lab.aws.views import AwsState, FileReplication, FileSystem
from hadr_lab.dataplane.addresses import Addresses
from hadr_lab.dataplane.files.replicator import Replicator
from hadr_lab.dataplane.processes import Processes
from hadr_lab.errors import LabError
from hadr_lab.waits import Figure, Wait, Waits

AWS_OBJECTIVE = Figure(
    aws=timedelta(minutes=15), source="EFS user guide, replicating file systems: most keep a recovery point of 15 minutes"
)
INTERVAL = timedelta(seconds=1)
HOST = 20  # of each Region's own addresses: where replications arrive
FIRST_PORT = 2050
ROUND = timedelta(seconds=0.5)
REST = timedelta(seconds=0.02)

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Files:
    """The realizer of file systems.

    `region_address(region, host)` is an address of a Region's own range. `on_mode(file_system_id, read_only)` is called when a file
    system becomes a replica or stops being one, so that mounts can follow. `interval` is the time between two looks at a source.
    """

    state: AwsState
    processes: Processes
    waits: Waits
    network: Addresses
    state_dir: Path
    region_address: Callable[[str, int], str]
    on_mode: Callable[[str, bool], None] = lambda _file_system_id, _read_only: None
    interval: timedelta = INTERVAL
    replicators: dict[tuple[str, str], Replicator] = field(default_factory=dict)
    _modes: dict[str, bool] = field(default_factory=dict)
    _broken: set[tuple[str, str]] = field(default_factory=set)
    _breaking: dict[tuple[str, str], asyncio.Task[None]] = field(default_factory=dict)
    _ports: int = FIRST_PORT

    async def run(self) -> None:
        """Realize file systems for ever; on cancellation the replicators are ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.step(tasks)
                    await self.state.changed(ROUND)
                    await asyncio.sleep(REST.total_seconds())
        finally:
            for replicator in self.replicators.values():
                await replicator.stop()

    def folder(self, file_system_id: str) -> Path:
        """Where a file system's files are."""
        return self.state_dir / "efs" / file_system_id

    def read_only(self, file_system_id: str) -> bool:
        """Whether it is the destination of a replication that is not broken."""
        return any(
            view.destination_id == file_system_id and _key(view) not in self._broken for view in self.state.file_replications()
        )

    async def stall(self, source_id: str, on: bool) -> None:
        """Fault: replication from `source_id` stops (True) or goes on. Raises LabError when there is none."""
        found = [r for (source, _), r in self.replicators.items() if source == source_id]
        if not found:
            raise LabError(f"no replication from {source_id} runs; known sources: {[key[0] for key in self.replicators]}")
        for replicator in found:
            replicator.stall(on)

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """One round: folders, replicators, modes."""
        views = {view.file_system_id: view for region in self.state.regions() for view in self.state.file_systems(region)}
        for file_system_id in views:
            self._make(self.folder(file_system_id))
        wanted = {_key(view): view for view in self.state.file_replications()}
        for key in [key for key in self.replicators if key not in wanted]:
            await self.replicators.pop(key).stop()
        for key, view in wanted.items():
            if {view.source_id, view.destination_id} <= set(views):
                await self._match(key, view, tasks)
        self._tell_modes(views)
        for gone in [name for name in self._modes if name not in views]:
            del self._modes[gone]
            await asyncio.to_thread(shutil.rmtree, self.folder(gone), ignore_errors=True)

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o777)

    async def _match(self, key: tuple[str, str], view: FileReplication, tasks: asyncio.TaskGroup) -> None:
        if view.status == "DELETING":
            if key not in self._breaking:
                self._breaking[key] = tasks.create_task(self._break(key, view))
        elif view.status == "ENABLED":
            if key not in self.replicators:
                self.replicators[key] = self._replicator(view)
            try:
                await self.replicators[key].keep()
            except OSError as error:
                log.warning("replication from %s: %s", view.source_id, error)

    def _replicator(self, view: FileReplication) -> Replicator:
        self._ports += 1
        return Replicator(
            view=view,
            source=self.folder(view.source_id),
            destination=self.folder(view.destination_id),
            aside=self.state_dir / "efs-incoming" / view.destination_id,
            address=self.region_address(view.destination_region, HOST),
            port=self._ports,
            interval=self.interval,
            processes=self.processes,
            network=self.network,
            synced=lambda at: self._synced(view.source_id, at),
        )

    def _synced(self, source_id: str, at: datetime) -> None:
        self.state.replication_synced(source_id, at)

    async def _break(self, key: tuple[str, str], view: FileReplication) -> None:
        try:
            await self.waits.take(Wait.EFS_BREAK)
            if key in self.replicators:
                await self.replicators.pop(key).stop()
            self._broken.add(key)
            self._tell_mode(view.destination_id)
            self.state.replication_deleted(view.source_id)
        finally:
            self._broken.discard(key)
            del self._breaking[key]

    def _tell_modes(self, views: dict[str, FileSystem]) -> None:
        for file_system_id in views:
            self._tell_mode(file_system_id)

    def _tell_mode(self, file_system_id: str) -> None:
        read_only = self.read_only(file_system_id)
        if self._modes.get(file_system_id, False) != read_only:
            self.on_mode(file_system_id, read_only)
        self._modes[file_system_id] = read_only


def _key(view: FileReplication) -> tuple[str, str]:
    return view.source_id, view.destination_id
