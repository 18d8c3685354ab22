"""What every service of this package has in common: one lock, and a class bound to the state it answers from.

moto's backends are not thread-safe and call each other (EKS makes EC2 instances, EFS makes network interfaces), and the
realizers read them too. So all of these services and the state share one re-entrant lock, taken for a whole answer. Nothing
may wait for anything while it holds that lock.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from hadr_lab.aws.service import AwsService, Wire

Bound = TypeVar("Bound", bound="Serial")


class Serial(AwsService):
    """A service that answers one call at a time, whoever else shares its lock."""

    lock: ClassVar[threading.RLock]

    def call_action(self) -> Wire:
        """Answer the call while nobody else reads or changes the state."""
        with self.lock:
            return super().call_action()


def bound(service: type[Bound], lock: threading.RLock, **state: Any) -> type[Bound]:
    """A subclass of `service` that answers from `state`; response classes are made per call, so state hangs on the class."""
    made: type[Bound] = type(service.__name__, (service,), {"lock": lock, **state})
    return made


def now() -> datetime:
    """The time, with its zone: what AWS answers carry."""
    return datetime.now(UTC)


def page(items: list[str], inputs: dict[str, Any]) -> tuple[list[str], str | None]:
    """One page of `items` by maxResults and nextToken (the index of the next item), and the token of the following page."""
    start = int(inputs.get("nextToken") or 0)
    end = start + int(inputs.get("maxResults") or 100)
    return items[start:end], str(end) if end < len(items) else None
