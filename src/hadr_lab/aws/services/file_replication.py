"""What is known of EFS beyond moto's model: overwrite protection, backup policies and replications, and the views of them.

A deleted replication is DELETING until the realizer says that the destination is writable; then the destination protects itself
against being overwritten again. Deleted on one side only (the other Region cannot be reached), the other side keeps its half, in
ERROR, until it is deleted there too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.efs.models import efs_backends

from hadr_lab.aws.views import FileReplication, FileSystem

PROTECTIONS = ("ENABLED", "DISABLED")
ENABLED, DELETING, ERROR = "ENABLED", "DELETING", "ERROR"


@dataclass(slots=True, kw_only=True)
class Replication:
    """One replication. `synced`: everything the source held then is on the destination.

    `kept_in` are the Regions that know of it; `leaving` those that are to forget it once the destination is writable.
    """

    source_region: str
    source_id: str
    source_arn: str
    destination_region: str
    destination_id: str
    created: datetime
    status: str = ENABLED
    synced: datetime | None = None
    kept_in: set[str] = field(default_factory=set)
    leaving: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Both Regions know of a new replication."""
        self.kept_in = {self.source_region, self.destination_region}

    @property
    def half(self) -> bool:
        """Whether only one side is left of it: nothing is replicated."""
        return self.status == ERROR

    def involves(self, file_system_id: str) -> bool:
        """Whether the file system is a source or destination of it, as its own Region sees it."""
        ends = ((self.source_id, self.source_region), (self.destination_id, self.destination_region))
        return any(end == file_system_id and region in self.kept_in for end, region in ends)

    def described(self, account: str) -> dict[str, Any]:
        """As DescribeReplicationConfigurations tells it."""
        destination = {
            "Status": self.status,
            "FileSystemId": self.destination_id,
            "Region": self.destination_region,
            "OwnerId": account,
        }
        return {
            "SourceFileSystemId": self.source_id,
            "SourceFileSystemRegion": self.source_region,
            "SourceFileSystemArn": self.source_arn,
            "OriginalSourceFileSystemArn": self.source_arn,
            "SourceFileSystemOwnerId": account,
            "CreationTime": self.created,
            "Destinations": [destination | ({"LastReplicatedTimestamp": self.synced} if self.synced else {})],
        }


@dataclass(slots=True)
class Files:
    """The account's file systems: protection and backup policy by id, replications by their source's id."""

    account: str
    protection: dict[str, str] = field(default_factory=dict)
    backup: dict[str, str] = field(default_factory=dict)
    replications: dict[str, Replication] = field(default_factory=dict)
    reachable: Callable[[str], bool] = lambda _region: True

    def protection_of(self, file_system_id: str) -> str:
        """ENABLED, DISABLED or (of a destination) REPLICATING."""
        return self.protection.get(file_system_id, "ENABLED")

    def involving(self, file_system_id: str) -> list[Replication]:
        """The replications that the file system is source or destination of."""
        return [r for r in self.replications.values() if r.involves(file_system_id)]

    def forget(self, file_system_id: str) -> None:
        """The file system is gone."""
        self.protection.pop(file_system_id, None)
        self.backup.pop(file_system_id, None)

    def delete(self, replication: Replication, regions: set[str]) -> None:
        """The replication is to end in those Regions; asking twice changes nothing."""
        if replication.half:
            self._forget_in(replication, regions)
        else:
            replication.status = DELETING
            replication.leaving |= regions

    def _forget_in(self, replication: Replication, regions: set[str]) -> None:
        replication.kept_in -= regions
        if replication.destination_region not in replication.kept_in:
            self.protection[replication.destination_id] = "ENABLED"
        if not replication.kept_in:
            del self.replications[replication.source_id]

    def synced(self, source_id: str, at: datetime) -> None:
        """Everything the source held at `at` is on the destination."""
        replication = self.replications.get(source_id)
        if replication and (replication.synced is None or at > replication.synced):
            replication.synced = at

    def deleted(self, source_id: str) -> bool:
        """The replication is broken and the destination writable. Returns whether there was one to end."""
        replication = self.replications.get(source_id)
        if replication is None or replication.status != DELETING:
            return False
        replication.status = ERROR
        self._forget_in(replication, replication.leaving)
        return True

    def views(self, region: str) -> tuple[FileSystem, ...]:
        """The Region's file systems."""
        kept = efs_backends[self.account][region].file_systems_by_id.values()
        return tuple(
            FileSystem(
                region=region,
                file_system_id=made.file_system_id,
                mount_targets={t.availability_zone_name: t.ip_address for t in made.iter_mount_targets()},
                overwrite_protection=self.protection_of(made.file_system_id),
            )
            for made in kept
        )

    def replication_views(self) -> tuple[FileReplication, ...]:
        """Every replication of the account that still has both ends."""
        return tuple(
            FileReplication(
                source_region=r.source_region,
                source_id=r.source_id,
                destination_region=r.destination_region,
                destination_id=r.destination_id,
                status=r.status,
            )
            for r in self.replications.values()
            if not r.half
        )
