"""Services that are moto's but for a detail, and that other services here write into: they share the lock."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

from hadr_lab.aws.services.serial import Serial


class CloudWatch(Serial, CloudWatchResponse):
    """CloudWatch's API; the replication lag of databases is put into it."""


class SecretsManager(Serial, SecretsManagerResponse):
    """Secrets Manager's API; RDS keeps the master users' passwords in it. A replica has the key that was asked for it."""

    def create_secret(self) -> str:
        """CreateSecret."""
        answer = super().create_secret()
        self._give_keys(self._get_param("Name"))
        return answer

    def replicate_secret_to_regions(self) -> str:
        """ReplicateSecretToRegions."""
        answer = json.loads(super().replicate_secret_to_regions())
        return json.dumps(answer | {"ReplicationStatus": self._give_keys(self._get_param("SecretId"))})

    def _give_keys(self, name: str) -> list[dict[str, Any]]:
        """Give each replica that was asked for its key (moto gives all of them the account's own); returns all replicas."""
        secret = secretsmanager_backends[self.current_account][self.region].secrets[name]
        keys = {asked["Region"]: asked.get("KmsKeyId") for asked in self._get_param("AddReplicaRegions", [])}
        replicas = secret.replicas if isinstance(secret, FakeSecret) else []
        for replica in replicas:
            replica.config["KmsKeyId"] = keys.get(replica.region) or replica.config["KmsKeyId"]
        return [replica.config for replica in replicas]
