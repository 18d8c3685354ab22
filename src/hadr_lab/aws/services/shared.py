"""Services that are moto's as they are, but that other services here write into: they share the lock."""

from __future__ import annotations

from moto.cloudwatch.responses import CloudWatchResponse
from moto.secretsmanager.responses import SecretsManagerResponse

from hadr_lab.aws.services.serial import Serial


class CloudWatch(Serial, CloudWatchResponse):
    """CloudWatch's API; the replication lag of databases is put into it."""


class SecretsManager(Serial, SecretsManagerResponse):
    """Secrets Manager's API; RDS keeps the master users' passwords in it."""
