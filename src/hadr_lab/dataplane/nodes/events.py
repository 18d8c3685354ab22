"""Kubernetes Events about pods, as kubelet writes them: best effort, and one object counts up when a thing happens again."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hadr_lab.dataplane.controlplane.api import MERGE_PATCH, UNREACHABLE, ApiError, KubeApi
from hadr_lab.dataplane.nodes.objects import stamp

NORMAL, WARNING = "Normal", "Warning"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Events:
    """Writes events of one node in the background; a failure to write one is nobody's concern."""

    api: KubeApi
    node: str
    _seen: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def pod(self, pod: Mapping[str, Any], reason: str, message: str, kind: str = NORMAL) -> None:
        """Say something about a pod."""
        _log.info("pod=%s/%s reason=%s %s", pod["metadata"]["namespace"], pod["metadata"]["name"], reason, message)
        task = asyncio.get_running_loop().create_task(self._write(pod, reason, message, kind))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, pod: Mapping[str, Any], reason: str, message: str, kind: str) -> None:
        metadata, now = pod["metadata"], stamp(datetime.now(UTC))
        key = (metadata["uid"], reason, message)
        base = f"/api/v1/namespaces/{metadata['namespace']}/events"
        name, times = self._seen.get(key, ("", 0))
        self._seen[key] = (name or f"{metadata['name']}.{secrets.token_hex(8)}", times + 1)
        try:
            if name:
                await self.api.patch(f"{base}/{name}", {"count": times + 1, "lastTimestamp": now}, MERGE_PATCH)
            else:
                await self.api.create(base, self._event(pod, self._seen[key][0], reason, message, kind, now))
        except (ApiError, *UNREACHABLE) as error:
            _log.debug("event of %s was not written: %r", metadata["name"], error)

    def _event(self, pod: Mapping[str, Any], name: str, reason: str, message: str, kind: str, now: str) -> dict[str, Any]:
        metadata = pod["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message[:1000],
            "type": kind,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": "kubelet", "host": self.node},
            "reportingComponent": "kubelet",
            "reportingInstance": self.node,
        }

    def close(self) -> None:
        """Give up what is not written yet."""
        for task in self._tasks:
            task.cancel()
