"""Image pulls of one machine: a simulated wait, once for each image, however many containers want it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hadr_lab.dataplane.nodes.images import Images, Recipe, find


class PullFailed(Exception):
    """There is no such image."""


@dataclass(slots=True)
class Pulls:
    """`wait` is taken once for an image that is not on the machine yet."""

    images: Images
    wait: Callable[[], Awaitable[None]]
    _done: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def present(self, image: str) -> bool:
        """Whether the image is on the machine."""
        task = self._done.get(image)
        return task is not None and task.done()

    async def ensure(self, image: str) -> Recipe:
        """The image's recipe, after its pull. Raises PullFailed."""
        recipe = find(self.images, image)
        if recipe is None:
            raise PullFailed(f'failed to resolve reference "{image}": not found (the lab has {", ".join(sorted(self.images))})')
        if image not in self._done:
            self._done[image] = asyncio.ensure_future(self.wait())
        await asyncio.shield(self._done[image])
        return recipe
