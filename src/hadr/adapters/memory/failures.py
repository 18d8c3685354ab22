"""Failures prepared for the next calls to a world, by operation: the name of a port's method."""

from __future__ import annotations

from dataclasses import dataclass, field

from hadr.core.errors import CallError


@dataclass(slots=True)
class Failure:
    """A prepared failure of the next calls of one operation. `applied`: the change happens all the same."""

    error: CallError
    applied: bool
    left: int


@dataclass(slots=True)
class Failures:
    """What was prepared, taken in that order."""

    _prepared: dict[str, list[Failure]] = field(default_factory=dict)

    def prepare(self, operation: str, error: CallError, *, applied: bool, times: int) -> None:
        """Let the next `times` calls of `operation` fail with `error`, once those prepared before have."""
        self._prepared.setdefault(operation, []).append(Failure(error=error, applied=applied, left=times))

    def take(self, operation: str) -> Failure | None:
        """The failure of a call that is made now; None when it is to go well."""
        found = next((one for one in self._prepared.get(operation, []) if one.left), None)
        if found is not None:
            found.left -= 1
        return found

    def clear(self) -> None:
        """Let every call go well from now on."""
        self._prepared.clear()
