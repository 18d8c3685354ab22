"""Progress of long steps: one line a step with the seconds since the start, on stderr, so that stdout stays for results."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

SAY_AGAIN_S = 10.0
"""In a log, a step that goes on without news says so this often."""


@dataclass(slots=True)
class Progress:
    """Says what happens now. On a terminal a line that only ticks (`tick`) is overwritten; in a log it is one when it has news."""

    out: TextIO = field(default_factory=lambda: sys.stderr)
    start: float = field(default_factory=time.monotonic)
    _ticking: bool = False
    _said: str = ""
    _said_at: float = 0.0

    def step(self, text: str) -> None:
        """A step is done or begins; stays on the screen."""
        self._end_tick()
        print(f"{time.monotonic() - self.start:7.1f} s  {text}", file=self.out, flush=True)

    def tick(self, text: str) -> None:
        """The same step still goes on."""
        if not self.out.isatty():
            now = time.monotonic()
            if text != self._said or now - self._said_at >= SAY_AGAIN_S:
                self._said, self._said_at = text, now
                self.step(text)
            return
        self._ticking = True
        print(f"\r\x1b[K{time.monotonic() - self.start:7.1f} s  {text}", end="", file=self.out, flush=True)

    def _end_tick(self) -> None:
        if self._ticking:
            print("\r\x1b[K", end="", file=self.out)
            self._ticking = False
