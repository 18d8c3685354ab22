"""The checker: an independent, pure judge of a drill. It sees the clients' history and what is left, and nothing of `hadr`."""

from hadr_lab.checker.books import Books, Content, Loss, Row, Store, balance
from hadr_lab.checker.verdict import Judgement, Limits, Verdict, judge

__all__ = ["Books", "Content", "Judgement", "Limits", "Loss", "Row", "Store", "Verdict", "balance", "judge"]
