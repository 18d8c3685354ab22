"""What the verbs share: how to reach the world, and where to print."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from hadr.core.site import Site
from hadr.ports import Ports, Runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One command's surroundings."""

    wire: Callable[[Site], Ports]
    runs_at: Callable[[Path], Runs]
    out: Console
    err: Console

    def say(self, answer: str, *body: RenderableType, remarks: Iterable[str] = ()) -> None:
        """The result for people: the answer first, then tables, then what to know and to type next."""
        self.out.print(answer, soft_wrap=True)
        for part in body:
            self.out.print()
            self.out.print(part)
        lines = list(remarks)
        if lines:
            self.out.print()
        for line in lines:
            self.out.print(line, soft_wrap=True)

    def tell(self, document: Any) -> None:
        """The result for programs: plain JSON, never through markup or wrapping."""
        self.pass_on(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def pass_on(self, text: str) -> None:
        """Text for a file or another program, as it is."""
        self.out.file.write(text)
        self.out.file.flush()

    def narrate(self, line: str) -> None:
        """Something on the way, for whoever watches."""
        self.err.print(line, soft_wrap=True)

    def complain(self, line: str) -> None:
        """What went wrong, in one line."""
        self.err.print(f"hadr: {' '.join(line.split())}", soft_wrap=True)
