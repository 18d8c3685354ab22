"""Blocking calls (files, SQLite) in a few threads of their own, each waited for at most so long.

A shared file system that hangs holds at most `size` threads; a call that has to wait longer than its limit for one of them is
withdrawn and never runs. Never use the event loop's own thread pool: name lookups need it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from app.errors import Unavailable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """At most `size` threads, each call answered within `within` seconds; `part` names what is slow in the error."""

    def __init__(self, *, part: str, size: int, within: float) -> None:
        """Make the pool; its threads start with the calls."""
        self._part = part
        self._within = within
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=part)

    async def run(self, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Return what `call` returns. Raises Unavailable when it takes too long (it may still have its effect), and its errors."""
        future = self._pool.submit(call, *args, **kwargs)
        try:
            async with asyncio.timeout(self._within):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise Unavailable(self._part, f"no answer within {self._within:g} s") from None

    def close(self) -> None:
        """End the idle threads; calls not yet begun are withdrawn."""
        self._pool.shutdown(wait=False, cancel_futures=True)
