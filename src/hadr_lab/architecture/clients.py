"""Clients of one Region. The only place of this package that makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3 clients of one Region by service name, made on first use by boto3's own session."""

    session: Any
    region: str

    def __call__(self, service: str) -> Any:
        """A client of `service` in this Region."""
        return self.session.client(service, region_name=self.region, config=Config(retries={"max_attempts": 2}, read_timeout=30))


def clients(region: str) -> Clients:
    """Clients of `region`; endpoint and credentials come from the environment, as for any AWS program."""
    return Clients(boto3.session.Session(), region)
