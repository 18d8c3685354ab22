"""The emulated AWS as a process of its own: `python -m hadr_lab.aws`, started, asked for its address, and ended.

It runs the code of this very tree, wherever that lies.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hadr_lab.errors import LabError, StartFailed

SOURCES = Path(__file__).resolve().parents[1]
SAVING_S = 60


@contextmanager
def emulator(*, load: Path | None = None, save: Path | None = None, log: Path | None = None) -> Iterator[str]:
    """The URL of an emulated AWS that ends with the block. It begins with the state in `load`; afterwards its state is in `save`.

    What it says goes to `log`, or else to our stderr. Raises StartFailed when it gives no URL, and LabError after the block when it
    did not end well: then nothing was saved.
    """
    words = [word for name, path in (("--load", load), ("--save", save)) if path for word in (name, str(path))]
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    with ExitStack() as open_files:
        said = open_files.enter_context(log.open("w")) if log else None
        command = [sys.executable, "-m", "hadr_lab.aws", *words]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=said, text=True) as serving:
            assert serving.stdout is not None  # noqa: S101  # asked for
            try:
                url = serving.stdout.readline().strip()
                if not url:
                    raise StartFailed(f"the emulated AWS did not start{_words(log)}")
                yield url
            finally:
                _end(serving)
    if serving.returncode:
        raise LabError(f"the emulated AWS did not end well (exit {serving.returncode}){_words(log)}")


def _end(serving: subprocess.Popen[str]) -> None:
    serving.terminate()
    try:
        serving.wait(SAVING_S)
    except subprocess.TimeoutExpired:
        serving.kill()


def _words(log: Path | None) -> str:
    return f": {log.read_text()[-2000:]}" if log else "; its words are above"
