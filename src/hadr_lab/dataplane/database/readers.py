"""The readers of an Aurora cluster: a server for each instance that is not the writer, in its own zone, read-only for ever.

On Aurora a reader sees the shared storage a few milliseconds late; here it is a follower of the cluster's server, which comes to
the same for who reads. It is never promoted: a take-over moves the cluster's own server to the reader's zone, because only that one
has the storage, and the reader of that zone ends. Nothing is told to the API about readers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

from hadr_lab.aws.views import AwsState, DatabaseCluster, DatabaseInstance
from hadr_lab.dataplane.database.keeper import Keeper
from hadr_lab.dataplane.names import Names


class Silent:
    """In place of the API's state: what a reader's keeper would tell is nobody's."""

    def database_ready(self, arn: str) -> None:
        """Nobody waits for it."""

    def database_lag(self, arn: str, lag: timedelta | None) -> None:
        """The lag of a reader is no metric of the global database."""


SILENT = cast("AwsState", Silent())


@dataclass(slots=True, kw_only=True)
class Readers:
    """The readers of every cluster, by instance identifier. `keeper` makes the keeper of a reader's view; None: not now."""

    names: Names
    keeper: Callable[[DatabaseCluster], Keeper | None]
    known: dict[str, Keeper] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def match(self, views: Mapping[str, DatabaseCluster], tasks: asyncio.TaskGroup) -> None:
        """Have a server for each reader of a cluster that serves, and none for others."""
        wanted = {each.identifier: reader_of(view, each) for view in views.values() for each in readers_of(view)}
        for identifier in [known for known in self.known if known not in wanted]:
            await self.forget(identifier)
        for identifier, view in wanted.items():
            if identifier in self.known:
                self.known[identifier].view = view
            elif (keeper := self.keeper(view)) is not None:
                self.known[identifier] = keeper
                self._tasks[identifier] = tasks.create_task(keeper.run())

    async def renew(self, views: Iterable[DatabaseCluster]) -> None:
        """The storage of these clusters is another one: their readers end, and are made anew with the next `match`."""
        for identifier in [each.identifier for view in views for each in readers_of(view) if each.identifier in self.known]:
            await self.forget(identifier)

    async def forget(self, identifier: str) -> None:
        """End a reader, with everything it had."""
        keeper, task = self.known.pop(identifier), self._tasks.pop(identifier)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keeper.server.discard()
        await keeper.network.release(keeper.server.netns, keeper.server.address)
        self.names.publish(keeper.view.endpoint)

    async def stop(self) -> None:
        """End every server."""
        for keeper in self.known.values():
            await keeper.server.stop()

    def serving(self, view: DatabaseCluster) -> tuple[str, ...]:
        """The addresses of the cluster's readers that can be reached."""
        mine = (self.known.get(each.identifier) for each in readers_of(view))
        return tuple(keeper.server.address for keeper in mine if keeper and keeper.server.running and not keeper.lost)

    def publish(self, view: DatabaseCluster, writer: str) -> None:
        """The reader endpoint leads to every reader that serves, and to the `writer` where there is none, as Aurora's does."""
        if view.reader_endpoint:
            self.names.publish(view.reader_endpoint, *(sorted(self.serving(view)) or (writer,)))


def readers_of(view: DatabaseCluster) -> tuple[DatabaseInstance, ...]:
    """The instances of a cluster that serves which are not its writer."""
    if view.status == "creating":
        return ()
    return tuple(each for each in view.instances if not each.is_writer and each.available)


def reader_of(view: DatabaseCluster, instance: DatabaseInstance) -> DatabaseCluster:
    """A reader as a keeper sees it: a follower of its cluster that answers at the instance's own name."""
    return replace(
        view,
        zone=instance.zone,
        identifier=instance.identifier,
        endpoint=instance.endpoint,
        reader_endpoint="",
        global_endpoint=None,
        is_writer=False,
        replicates_from=view.arn,
        instances=(),
    )
