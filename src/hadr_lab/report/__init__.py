"""The report of a drill: one self-contained HTML file, a pure function of the result and the history."""

from hadr_lab.report.page import REPORT, page, write

__all__ = ["REPORT", "page", "write"]
