"""The page's part about the way back, where the roles were turned back: when it was allowed, its steps, what it cost clients."""

from __future__ import annotations

from hadr_lab.report.tables import behind, number, section, table
from hadr_lab.result import BackResult, seconds


def way_back(back: BackResult | None) -> str:
    """One section; nothing when nobody was to go back."""
    if back is None:
        return ""
    if back.began_s is None:
        return section("The way back", f"hadr {back.verb} was refused for as long as the drill asked: {back.refused}.")
    waited = f"It was refused for {seconds(back.refused_s)}, last because of {back.refused}. " if back.refused else ""
    text = (
        f"{waited}hadr {back.verb} ended {back.exit_code} after {seconds((back.ended_s or back.began_s) - back.began_s)}; clients "
        f"were without sustained success for {seconds(back.client_outage_s)} and {back.failed_requests:,} requests failed. Its "
        f"critical path is {seconds(back.critical_path_s)} ({' → '.join(back.critical_path) or 'no steps'}), of which simulated "
        f"waits alone are {seconds(back.floor_s)}; with AWS's waits it would be {seconds(back.aws_critical_path_s)}."
    )
    rows = [
        (s.name, s.status, number(s.started_s), number(s.ended_s), ", ".join(s.requires) or "-", s.proof or s.summary)
        for s in back.steps
    ]
    steps = table(("step", "status", "from s", "to s", "waits for", "proven by"), rows, numbers=(2, 3))
    return section("The way back", text, behind("Its steps as a table", steps))
