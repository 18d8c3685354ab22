"""File systems and their replication through EFS, always asked in the member's own Region."""

from __future__ import annotations

from collections.abc import Mapping

from hadr.adapters.aws.calls import Caller
from hadr.core.errors import Gone
from hadr.core.site import Member
from hadr.core.view import FilesRole, FilesState, Protection


class Efs:
    """The members' file systems."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def observe(self, member: Member) -> FilesState:
        try:
            answer = self._call("efs", "describe_replication_configurations", member.region, FileSystemId=member.files)
        except Gone as gone:
            if "FileSystemNotFound" in str(gone):
                raise
            return FilesState(role=FilesRole.ALONE)
        for replication in answer.get("Replications", []):
            for destination in replication.get("Destinations", []):
                here = destination.get("FileSystemId") == member.files
                if here or replication.get("SourceFileSystemId") == member.files:
                    return FilesState(
                        role=FilesRole.DESTINATION if here else FilesRole.SOURCE,
                        status=str(destination.get("Status", "")),
                        source=str(replication.get("SourceFileSystemId", "")),
                        synced=destination.get("LastReplicatedTimestamp"),
                    )
        return FilesState(role=FilesRole.ALONE)

    def mounts(self, member: Member) -> Mapping[str, str]:
        found = self._call("efs", "describe_mount_targets", member.region, FileSystemId=member.files)["MountTargets"]
        return {str(one.get("AvailabilityZoneName", "")): str(one.get("LifeCycleState", "")) for one in found}

    def break_replication(self, member: Member, *, source: str, local_only: bool) -> str:
        mode = "LOCAL_CONFIGURATION_ONLY" if local_only else "ALL_CONFIGURATIONS"
        self._call("efs", "delete_replication_configuration", member.region, SourceFileSystemId=source, DeletionMode=mode)
        return f"deleting the replication from {source} ({mode})"

    def protection(self, member: Member) -> Protection:
        found = self._call("efs", "describe_file_systems", member.region, FileSystemId=member.files)["FileSystems"]
        if not found:
            raise Gone(f"efs in {member.region}: no file system {member.files}")
        said = found[0].get("FileSystemProtection", {}).get("ReplicationOverwriteProtection", "ENABLED")
        return Protection(str(said).lower())

    def allow_overwrite(self, member: Member) -> str:
        self._call(
            "efs",
            "update_file_system_protection",
            member.region,
            FileSystemId=member.files,
            ReplicationOverwriteProtection="DISABLED",
        )
        return f"{member.files} may be overwritten by a replication"

    def replicate(self, member: Member, *, origin: Member) -> str:
        self._call(
            "efs",
            "create_replication_configuration",
            origin.region,
            SourceFileSystemId=origin.files,
            Destinations=[{"Region": member.region, "FileSystemId": member.files}],
        )
        return f"replicating {origin.files} to {member.files}"
