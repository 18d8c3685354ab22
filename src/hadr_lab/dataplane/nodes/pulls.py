"""Image pulls of one machine: a simulated wait, once for each image, however many containers want it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hadr_lab.dataplane.nodes.images import Images, Recipe, find


class PullFailed(Exception):
    """There is no such image, or its registry does not answer."""


@dataclass(slots=True)
class Pulls:
    """`fetch` is called with an image that is not on the machine yet: it takes the wait, or raises PullFailed."""

    images: Images
    fetch: Callable[[str], Awaitable[None]]
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def present(self, image: str) -> bool:
        """Whether the image is on the machine."""
        task = self._tasks.get(image)
        return task is not None and task.done() and task.exception() is None

    async def ensure(self, image: str) -> Recipe:
        """The image's recipe, after its pull. Raises PullFailed; the next call tries again."""
        recipe = find(self.images, image)
        if recipe is None:
            raise PullFailed(f'failed to resolve reference "{image}": not found (the lab has {", ".join(sorted(self.images))})')
        task = self._tasks.get(image)
        if task is None or (task.done() and task.exception() is not None):
            task = self._tasks[image] = asyncio.ensure_future(self.fetch(image))
        await asyncio.shield(task)
        return recipe
