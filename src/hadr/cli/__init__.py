"""The command line: it parses, calls, renders and chooses the exit code. It decides nothing, and alone prints."""

from hadr.cli.entry import main, run

__all__ = ["main", "run"]
