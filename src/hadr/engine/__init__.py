"""Observe, decide, perform: the loop that all verbs share. It knows the ports and the core, and no library."""

from hadr.engine.observe import Board, observe
from hadr.engine.perform import perform
from hadr.engine.run import Run

__all__ = ["Board", "Run", "observe", "perform"]
