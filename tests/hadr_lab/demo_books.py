"""The books of a drill once more, from its raw files alone and by other means than the checker's. Not a test itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore import xform_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A run folder as plain JSON."""

    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        """result.json."""
        return self._object("result.json")

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every attempt of every operation."""
        return self._lines("history.jsonl")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every answered call of the AWS API."""
        return self._lines("calls.jsonl")

    @property
    def asked_by_hadr(self) -> set[tuple[str, str]]:
        """Service and method, in boto3's names, of every call that came from a client of hadr's, whichever way it was made."""
        return {(call["service"], xform_name(call["operation"])) for call in self.calls if " hadr/" in call["agent"]}

    def held(self) -> set[str]:
        """The keys that the surviving database and file system hold."""
        content = self._object("content.json")
        return {row["key"] for row in content["rows"]} | set(content["files"])

    def acked(self) -> set[str]:
        """The ids of all acknowledged writes."""
        return {op["id"] for op in self.history if op["kind"] in ("write", "file") and op["outcome"] == "ok"}

    def too_busy(self) -> bool:
        """Whether nothing but the machine kept the verdict open: the load generator could not keep its own times."""
        found = self.result
        return found["verdict"] == "unknown" and all("machine was too busy" in why for why in found["reasons"])

    def _object(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return found

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]
