"""Faults of the emulated API: which calls they hit and what happens to those.

Rules are looked at in the order they were added. Latency lets a call go on; the first other rule that strikes decides.
Nothing here waits or answers: the front does what `strike` returns.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The calls a fault hits. Empty means any; `operation` is a regular expression over the whole operation name."""

    region: str = ""
    service: str = ""
    operation: str = ""
    probability: float = 1.0

    def hits(self, *, region: str, service: str, operation: str) -> bool:
        """Whether the call is one of those, before the dice are thrown."""
        if self.region and self.region != region:
            return False
        if self.service and self.service != service:
            return False
        return not self.operation or re.fullmatch(self.operation, operation) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """Never answer; the client's own timeout ends the call. `lasting` closes the connection after that long instead."""

    match: Match
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Close the connection hard instead of answering."""

    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Answer an error in the service's own wire protocol."""

    match: Match
    code: str = "ServiceUnavailable"
    message: str = "The service is unavailable. Please try again shortly."
    status: int = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Let `rate` calls a second pass, after a burst of `burst`; answer the rest with the protocol's throttling error."""

    match: Match
    rate: float
    burst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Answer, but only after `delay`."""

    match: Match
    delay: timedelta


Fault = Hang | Reset | Fail | Throttle | Latency

THROTTLING: dict[str, tuple[str, int]] = {
    "query": ("Throttling", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "json": ("ThrottlingException", 400),
    "rest-json": ("ThrottlingException", 429),
    "rest-xml": ("Throttling", 400),
}
"""What AWS answers a throttled caller, by wire protocol."""


@dataclass(slots=True)
class _Bucket:
    """The tokens that a throttle has left."""

    tokens: float
    filled: float


@dataclass(slots=True)
class Faults:
    """The rules in force. Every method may be called from any thread."""

    random: Callable[[], float] = field(default_factory=lambda: random.Random().random)
    clock: Callable[[], float] = time.monotonic
    _rules: list[Fault] = field(default_factory=list)
    _buckets: dict[int, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it, for `remove`."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Lift this very rule; one that is not in force is fine."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule is not fault]
            self._buckets.pop(id(fault), None)

    def clear(self) -> None:
        """Lift every rule."""
        with self._lock:
            self._rules.clear()
            self._buckets.clear()

    @property
    def rules(self) -> tuple[Fault, ...]:
        """The rules in force, oldest first."""
        with self._lock:
            return tuple(self._rules)

    def strike(self, *, region: str, service: str, operation: str) -> tuple[timedelta, Fault | None]:
        """What happens to this call: how long it is delayed, and the fault that ends it, if any."""
        delay = timedelta(0)
        for rule in self.rules:
            if not rule.match.hits(region=region, service=service, operation=operation):
                continue
            if rule.match.probability < 1 and self.random() >= rule.match.probability:
                continue
            if isinstance(rule, Latency):
                delay += rule.delay
            elif not isinstance(rule, Throttle) or not self._token(rule):
                return delay, rule
        return delay, None

    def _token(self, rule: Throttle) -> bool:
        """Take one token of the rule's bucket, if there is one."""
        with self._lock:
            now = self.clock()
            bucket = self._buckets.setdefault(id(rule), _Bucket(tokens=rule.burst, filled=now))
            bucket.tokens = min(rule.burst, bucket.tokens + (now - bucket.filled) * rule.rate)
            bucket.filled = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True
