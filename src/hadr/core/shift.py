"""Moving DNS weight: what is wanted, whether it may begin, and when what clients see has become worse. Pure.

A shift never takes all weight away, and never sends clients to a member that is not ready for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from hadr.core.errors import ConfigError
from hadr.core.guards import Guard
from hadr.core.site import Site
from hadr.core.stages import Weights
from hadr.core.view import Known, Unknown, View

LARGEST = 255
TOLERATED = 0.02
IN_A_ROW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a client saw while it watched: answers, those that failed, failures at the end in a row, and the words of the last."""

    asked: int = 0
    failed: int = 0
    in_a_row: int = 0
    last: str = ""

    def and_then(self, *, ok: bool, words: str) -> Seen:
        """One more answer."""
        return Seen(
            asked=self.asked + 1,
            failed=self.failed + (not ok),
            in_a_row=0 if ok else self.in_a_row + 1,
            last=self.last if ok else words,
        )

    @property
    def share(self) -> float:
        """Failed answers of all."""
        return self.failed / self.asked if self.asked else 0.0

    def __str__(self) -> str:
        return f"{self.failed} of {self.asked} answers failed" + (f", last: {self.last}" if self.last else "")


def wanted_weights(site: Site, text: str) -> Weights:
    """`one=70,two=30` as weights of every member. Raises ConfigError for what is none."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, separator, number = part.strip().partition("=")
        if not separator or not number.strip().isdecimal() or int(number) > LARGEST:
            raise ConfigError(f"--to: {part.strip()!r} is not MEMBER=WEIGHT with a whole number up to {LARGEST}")
        if site.member(name.strip()).name in found:
            raise ConfigError(f"--to: {name.strip()} is named twice")
        found[name.strip()] = int(number)
    missing = [member.name for member in site.members if member.name not in found]
    if missing:
        raise ConfigError(f"--to: give every member a weight; {', '.join(missing)} has none")
    if not any(found.values()):
        raise ConfigError("--to: takes all weight away; then Route 53 would answer with every member, ready or not")
    return found


def refusals(site: Site, view: View, wanted: Weights) -> tuple[tuple[Guard, str], ...]:
    """Why weight may not be moved: a member that is to get some is not ready, or weights do not decide."""
    found: list[tuple[Guard, str]] = []
    for member in site.members:
        declared, endpoint = view.switch(member.name), view.endpoint(member.name)
        if member.switch is not None and isinstance(declared, Unknown):
            found.append((Guard.STALE_VIEW, f"whether {member.name} is declared active is unknown: {declared.why}"))
        elif isinstance(declared, Known) and declared.value:
            found.append((Guard.ROLES_UNCLEAR, f"{member.name} is declared active, so weights do not decide where clients go"))
        if not wanted[member.name]:
            continue
        if isinstance(endpoint, Unknown):
            found.append((Guard.TARGET_NOT_READY, f"whether {member.name} is ready is unknown: {endpoint.why}"))
        elif not endpoint.value.ok:
            found.append((Guard.TARGET_NOT_READY, f"{member.name} is not ready for clients: {endpoint.value}"))
    return tuple(found)


def worse(before: Seen, now: Seen) -> bool:
    """Whether clients are worse off than before: failures in a row, or a share of them clearly above what there was.

    Failures in a row say nothing where there was nothing else before, as at a lost member or a name that still leads to it.
    """
    if now.in_a_row >= IN_A_ROW and before.in_a_row < IN_A_ROW:
        return True
    return now.failed >= 2 and now.share > before.share + TOLERATED
