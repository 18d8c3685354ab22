"""The only module that makes AWS clients: Region always explicit, short timeouts, few attempts, nothing at import.

Credentials, profile and AWS_ENDPOINT_URL are boto3's own business. Reads are tried once, because the engine looks again anyway; a
change may be sent once more when the first attempt got a retryable answer.
"""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from hadr import __version__

CONNECT_S, READ_S = 2, 5


class Sessions:
    """Clients by service and Region, made once each. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str, bool], Any] = {}

    def client(self, service: str, region: str, *, changes: bool = False) -> Any:
        """The client of `service` in `region`; `changes` allows a second attempt."""
        key = (service, region, changes)
        with self._lock:
            if key not in self._clients:
                self._session = self._session or boto3.session.Session()
                config = _config(attempts=2 if changes else 1)
                self._clients[key] = self._session.client(service, region_name=region, config=config)
            return self._clients[key]

    def regional_sts(self, region: str) -> Any:
        """An STS client of its own for presigning: its events are changed by whoever asks for it."""
        with self._lock:
            self._session = self._session or boto3.session.Session()
            return self._session.client("sts", region_name=region, config=_config(attempts=1))


def _config(*, attempts: int) -> Any:
    return Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra=f"hadr/{__version__}",
    )
