"""Answers that were given once and are given again to the same request.

A client that lost the answer, not the request, would otherwise find its own resource in the way. Two things tell such a request:
the number that AWS's SDKs give to each invocation and send with every attempt at it, and AWS's own idempotency tokens, with which
an equal request is the same one in another invocation too. Only success is remembered.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec
from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

from hadr_lab.aws.scope import Incoming, Scope
from hadr_lab.aws.service import Wire

KEPT = 2000
"""How many answers are kept; retries come within seconds."""

Key = tuple[str, str, str, str, str]


@dataclass(slots=True)
class Retries:
    """The latest answers to requests that may be sent again."""

    _answers: OrderedDict[Key, Wire] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def keys(self, scope: Scope, operation: str, request: Incoming) -> tuple[Key, ...]:
        """What a retry of this request would have in common with it; nothing for a request that no retry can be told by."""
        caller = (scope.access_key, scope.region, scope.service, operation)
        found: list[Key] = []
        if invocation := request.header("amz-sdk-invocation-id"):
            found.append((*caller, invocation))
        names = _token_names(scope.service, operation)
        if names and any(_members(request).get(name) for name in names):
            said = request.method.encode() + request.raw_path + b"?" + request.query + b"\n" + request.body
            found.append((*caller, hashlib.sha256(said).hexdigest()))
        return tuple(found)

    def answer(self, keys: tuple[Key, ...]) -> Wire | None:
        """The answer that was given to a request with one of these keys."""
        with self._guard:
            found = next((self._answers[key] for key in keys if key in self._answers), None)
        return (found[0], dict(found[1]), found[2]) if found else None

    def keep(self, keys: tuple[Key, ...], answer: Wire) -> None:
        """Remember a success."""
        if not 200 <= answer[0] < 300:
            return
        with self._guard:
            for key in keys:
                self._answers[key] = (answer[0], dict(answer[1]), answer[2])
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)


_NAMES: dict[tuple[str, str], frozenset[str]] = {}


def _token_names(service: str, operation: str) -> frozenset[str]:
    """The members of the operation's input that carry its token, as they are called on the wire."""
    if (service, operation) not in _NAMES:
        _NAMES[service, operation] = _modelled(service, operation)
    return _NAMES[service, operation]


def _modelled(service: str, operation: str) -> frozenset[str]:
    try:
        model = get_service_model(service)
    except UnknownServiceError:
        return frozenset()
    if operation not in model.operation_names:
        return frozenset()
    found = model.operation_model(operation)
    members = found.input_shape.members if found.input_shape else {}
    return frozenset(members[name].serialization.get("name", name) for name in found.idempotent_members)


def _members(request: Incoming) -> Mapping[str, Any]:
    """The top members of a JSON or form body; nothing for others."""
    if request.body[:1] == b"{":
        try:
            told = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return {}
        return told if isinstance(told, dict) else {}
    if "form-urlencoded" in request.header("content-type"):
        return {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    return {}
