"""What the generator leaves to the garbage collector, whose full passes are a scheduling lag of its own making."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from tests.hadr_lab.load.test_load_generator import FakePeccy, a_spec, a_world, run


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port on 127.0.0.1 where a handshake begins and never ends, as at an address that is cut off."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        yield full.getsockname()[1]


def garbage_of(main: Any) -> Counter[str]:
    """The generator's own objects that only the garbage collector found after `main` had run in the loop that the load runs in."""
    gc.freeze()  # what was there before is not looked at: here that is most of a test run
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        uvloop.run(main)
        gc.collect()
        return Counter(type(found).__name__ for found in gc.garbage if type(found).__module__.startswith("hadr_lab.load"))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()


def answers(peccy: FakePeccy) -> None:
    """Every request is answered."""


def closes(peccy: FakePeccy) -> None:
    """Every answer is the last one of its connection."""
    peccy.close_each = True


def hangs(peccy: FakePeccy) -> None:
    """No request is answered."""
    peccy.answer = "hang"


def resets(peccy: FakePeccy) -> None:
    """Every request ends its connection."""
    peccy.answer = "reset"


def test_attempts_that_have_ended_are_gone(tmp_path: Path) -> None:
    """However they ended, among hundreds of attempts not one is part of a cycle."""
    for behave in (answers, closes, hangs, resets):

        async def body(behave: Any = behave) -> None:
            async with a_world() as (names, peccy):
                behave(peccy)
                history = await run(a_spec(tmp_path / behave.__name__, names, peccy, max_age_s=0.1))
                assert len(history.operations) >= 100

        assert garbage_of(body()) == {}, behave.__name__


def test_attempts_that_found_no_connection_are_gone(tmp_path: Path) -> None:
    """A minute of a lost Region: before, one full collection over them stopped every client for half a second."""

    async def body() -> None:
        with nobody_accepts() as port:
            async with a_world() as (names, peccy):
                history = await run(a_spec(tmp_path, names, peccy, port=port))
                waited = Counter(op.error for op in history.operations)
                assert waited["timeout waiting for a connection"] > 100, waited

    assert garbage_of(body()) == {}


def test_a_cycle_would_be_found(tmp_path: Path) -> None:
    """The measure itself: an attempt that refers to itself is seen."""

    async def body() -> None:
        async with a_world() as (names, peccy):
            spec = a_spec(tmp_path, names, peccy, rate=20.0)
            generator_run = asyncio.create_task(run(spec))
            await asyncio.sleep(0.1)
            held = [o for o in gc.get_objects() if type(o).__name__ == "Connection" and type(o).__module__.startswith("hadr_lab")]
            held[0].itself = held[0]
            await generator_run

    assert garbage_of(body())["Connection"] == 1
