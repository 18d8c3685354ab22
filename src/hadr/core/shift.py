"""Moving DNS weight: what is wanted, and whether it may begin. Pure. When it has to be taken back is in `seen`.

A shift never takes all weight away, and never sends clients to a member that is not ready for them.
"""

from __future__ import annotations

from hadr.core.errors import ConfigError
from hadr.core.guards import Guard
from hadr.core.site import Site
from hadr.core.stages import Weights
from hadr.core.view import Known, Unknown, View

LARGEST = 255


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
