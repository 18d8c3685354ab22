"""Whether a failover would work now: the rules with their evidence, as a document and as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from rich.table import Table

from hadr.core.inspection import worst
from hadr.core.readiness import Finding
from hadr.core.roles import Verdict
from hadr.core.site import Site
from hadr.core.view import View

WORDS = {Verdict.YES: "ready", Verdict.NO: "NOT ready", Verdict.UNKNOWN: "unknown"}


def document(site: Site, view: View, target: str, found: tuple[Finding, ...]) -> dict[str, Any]:
    """The findings for --json."""
    return {
        "site": site.name,
        "at": view.at.isoformat(),
        "to": target,
        "ready": worst(found),
        "findings": [msgspec.to_builtins(finding) for finding in found],
    }


def answer(site: Site, target: str, found: tuple[Finding, ...]) -> str:
    """The first line."""
    wrong = ", ".join(finding.rule for finding in found if finding.verdict is not Verdict.YES)
    match worst(found):
        case Verdict.YES:
            return f"{site.name}: a failover to {target} would work now; {len(found)} rules hold"
        case Verdict.NO:
            return f"{site.name}: a failover to {target} would NOT work as promised; look at {wrong}"
        case _:
            return f"{site.name}: whether a failover to {target} would work is unknown; look at {wrong}"


def table(found: Iterable[Finding]) -> Table:
    """The rules, one a line."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("rule", no_wrap=True)
    made.add_column("", no_wrap=True)
    made.add_column("evidence", overflow="fold")
    for finding in found:
        made.add_row(finding.rule, WORDS[finding.verdict], finding.evidence)
    return made


def remarks(target: str, found: tuple[Finding, ...]) -> list[str]:
    """What mends what is not right, and what to type next."""
    lines = [f"Mend {finding.rule}: {finding.fix}" for finding in found if finding.fix]
    return [*lines, f"Next: hadr {'plan failover' if worst(found) is Verdict.YES else 'readiness'} --to {target}"]
