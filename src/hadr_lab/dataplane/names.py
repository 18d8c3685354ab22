"""Host names that AWS itself publishes: load balancers, database and cluster endpoints, S3 hosts.

Realizers publish here the addresses their processes serve; the name server answers from it. Hosted zones are not in here: they
come from the emulated Route 53.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Names:
    """Host name (lower case, no final dot) to IPv4 addresses. `watchers` are called after each real change."""

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def publish(self, name: str, *addresses: str) -> None:
        """Make `name` answer with `addresses`; none withdraws it."""
        key = name.lower().rstrip(".")
        if self.addresses.get(key, ()) == addresses:
            return
        if addresses:
            self.addresses[key] = addresses
        else:
            self.addresses.pop(key, None)
        for watcher in self.watchers:
            watcher()

    def snapshot(self) -> Mapping[str, tuple[str, ...]]:
        """A copy that later publications do not change."""
        return dict(self.addresses)
