"""The engine's log, in full, beside the journal of the run that is under way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Everything that hadr says while in here also goes to hadr.log in `folder`, when there is such a folder."""
    if not folder.is_dir():
        yield
        return
    logger = logging.getLogger("hadr")
    handler = logging.FileHandler(folder / "hadr.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s level=%(levelname)s %(name)s %(message)s"))
    before, logger.propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()
