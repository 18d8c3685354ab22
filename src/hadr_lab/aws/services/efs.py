"""EFS's API: moto's, with replication between Regions, overwrite protection, backup policies and AWS-shaped ids.

A replication is one record that both its Regions answer for, so that it can be ended on the surviving side. It must never be
gone before the destination is writable.
"""

from __future__ import annotations

import json
import uuid
from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.efs.models import FileSystem, efs_backends
from moto.efs.responses import EFSResponse

from hadr_lab.aws.service import AwsError
from hadr_lab.aws.services.ec2 import ec2_of, known_subnet
from hadr_lab.aws.services.file_replication import PROTECTIONS, Files, Replication
from hadr_lab.aws.services.serial import Serial, now

Answer = tuple[str, dict[str, str | int]]


class Efs(Serial, EFSResponse):
    """EFS's API in one Region; `files` is bound before first use."""

    files: ClassVar[Files]

    # --- file systems

    def create_file_system(self) -> ActionResult:  # type: ignore[override]  # moto's is old style
        """CreateFileSystem."""
        body, _ = super().create_file_system()
        made = self._file_system(json.loads(body)["FileSystemId"])
        self.files.protection[made.file_system_id] = "ENABLED"
        return ActionResult(self._described(made) | {"LifeCycleState": "creating"})

    def describe_file_systems(self) -> Answer:
        """DescribeFileSystems, with the protection that moto leaves out."""
        body, headers = super().describe_file_systems()
        answer = json.loads(body)
        for described in answer["FileSystems"]:
            described["FileSystemProtection"] = self._protection(described["FileSystemId"])
        return json.dumps(answer), headers

    def update_file_system(self) -> ActionResult:
        """UpdateFileSystem: throughput."""
        inputs = self.inputs()
        made = self._file_system(inputs["FileSystemId"])
        made.throughput_mode = inputs.get("ThroughputMode") or made.throughput_mode
        if made.throughput_mode == "provisioned":
            made.provisioned_throughput_in_mibps = inputs.get("ProvisionedThroughputInMibps", made.provisioned_throughput_in_mibps)
        return ActionResult(self._described(made))

    def delete_file_system(self) -> Answer:
        """DeleteFileSystem. Raises FileSystemInUse while it is replicated."""
        file_system_id = self.inputs()["FileSystemId"]
        self._file_system(file_system_id)
        if self.files.involving(file_system_id):
            message = "The file system is part of a replication configuration; delete that first."
            raise AwsError("FileSystemInUse", message, 409)
        answer = super().delete_file_system()
        self.files.forget(file_system_id)
        return answer

    def _described(self, made: FileSystem) -> dict[str, Any]:
        return made.info_json() | {"FileSystemProtection": self._protection(made.file_system_id)}

    def _protection(self, file_system_id: str) -> dict[str, str]:
        return {"ReplicationOverwriteProtection": self.files.protection_of(file_system_id)}

    def _file_system(self, file_system_id: str, region: str = "") -> FileSystem:
        """A file system by id or ARN. Raises FileSystemNotFound."""
        kept = efs_backends[self.files.account][region or self.region].file_systems_by_id
        found = kept.get(file_system_id.rsplit("/", 1)[-1])
        if found is None:
            raise AwsError("FileSystemNotFound", f"File system '{file_system_id}' does not exist.", 404)
        return found

    # --- mount targets

    def create_mount_target(self) -> Answer:
        """CreateMountTarget, at a free address of its subnet unless it names one."""
        inputs = self.inputs()
        if not inputs.get("IpAddress"):
            subnet = known_subnet(self.files.account, self.region, inputs["SubnetId"], code="SubnetNotFound")
            self.params["IpAddress"] = ec2_of(self.files.account, self.region).private_addresses.free(subnet)
        return super().create_mount_target()

    # --- policies

    def put_backup_policy(self) -> ActionResult:
        """PutBackupPolicy."""
        inputs = self.inputs()
        file_system = self._file_system(inputs["FileSystemId"])
        self.files.backup[file_system.file_system_id] = inputs["BackupPolicy"]["Status"]
        return ActionResult({"BackupPolicy": inputs["BackupPolicy"]})

    def describe_backup_policy(self) -> ActionResult:  # type: ignore[override]  # moto's is old style
        """DescribeBackupPolicy. Raises PolicyNotFound when none was ever set."""
        file_system = self._file_system(self.inputs()["FileSystemId"])
        status = self.files.backup.get(file_system.file_system_id) or ("ENABLED" if file_system._backup else None)
        if status is None:
            raise AwsError("PolicyNotFound", "None", 404)
        return ActionResult({"BackupPolicy": {"Status": status}})

    def update_file_system_protection(self) -> ActionResult:
        """UpdateFileSystemProtection. Raises ReplicationAlreadyExists for a destination."""
        inputs = self.inputs()
        file_system_id = self._file_system(inputs["FileSystemId"]).file_system_id
        asked = inputs.get("ReplicationOverwriteProtection", "ENABLED")
        if asked not in PROTECTIONS:
            raise AwsError("BadRequest", f"ReplicationOverwriteProtection cannot be set to {asked}", 400)
        if self.files.protection_of(file_system_id) == "REPLICATING":
            raise AwsError("ReplicationAlreadyExists", f"File system '{file_system_id}' is a replication destination.", 409)
        self.files.protection[file_system_id] = asked
        return ActionResult({"ReplicationOverwriteProtection": asked})

    # --- replication

    def create_replication_configuration(self) -> ActionResult:
        """CreateReplicationConfiguration, onto a new file system or an existing one whose overwrite protection is off."""
        inputs = self.inputs()
        source = self._file_system(inputs["SourceFileSystemId"])
        if len(inputs["Destinations"]) != 1:
            raise AwsError("BadRequest", "Exactly one destination is supported.", 400)
        if self.files.involving(source.file_system_id):
            message = f"File system '{source.file_system_id}' is already in a replication configuration."
            raise AwsError("ReplicationAlreadyExists", message, 409)
        asked = inputs["Destinations"][0]
        region = asked.get("Region") or self.region
        self._reach(region)
        destination = self._existing(asked, region) if asked.get("FileSystemId") else self._fresh(source, asked, region)
        replication = Replication(
            source_region=self.region,
            source_id=source.file_system_id,
            source_arn=source.file_system_arn,
            destination_region=region,
            destination_id=destination.file_system_id,
            created=now(),
        )
        self.files.replications[source.file_system_id] = replication
        self.files.protection[destination.file_system_id] = "REPLICATING"
        return ActionResult(replication.described(self.files.account))

    def _existing(self, asked: dict[str, Any], region: str) -> FileSystem:
        destination = self._file_system(asked["FileSystemId"], region)
        if self.files.involving(destination.file_system_id):
            message = f"File system '{destination.file_system_id}' is already in a replication configuration."
            raise AwsError("ReplicationAlreadyExists", message, 409)
        if self.files.protection_of(destination.file_system_id) != "DISABLED":
            message = "The destination file system's replication overwrite protection must be disabled."
            raise AwsError("ConflictException", message, 409)
        return destination

    def _fresh(self, source: FileSystem, asked: dict[str, Any], region: str) -> FileSystem:
        return efs_backends[self.files.account][region].create_file_system(
            creation_token=f"source-{source.file_system_id}-{uuid.uuid4()}",
            performance_mode=source.performance_mode,
            encrypted=True,
            kms_key_id=asked.get("KmsKeyId") or "alias/aws/elasticfilesystem",
            throughput_mode=source.throughput_mode,
            provisioned_throughput_in_mibps=source.provisioned_throughput_in_mibps,
            availability_zone_name=asked.get("AvailabilityZoneName", ""),
            backup=False,
            tags=[],
        )

    def describe_replication_configurations(self) -> ActionResult:
        """DescribeReplicationConfigurations that this Region is part of. Raises ReplicationNotFound for a named file system."""
        named = str(self.inputs().get("FileSystemId") or "").rsplit("/", 1)[-1]
        kept = [r for r in self.files.replications.values() if self.region in r.kept_in]
        found = [r for r in kept if not named or named in (r.source_id, r.destination_id)]
        if named and not found:
            message = f"File system '{named}' does not have a replication configuration."
            raise AwsError("ReplicationNotFound", message, 404)
        return ActionResult({"Replications": [replication.described(self.files.account) for replication in found]})

    def delete_replication_configuration(self) -> ActionResult:
        """DeleteReplicationConfiguration, on both sides or (LOCAL_CONFIGURATION_ONLY) on the asked one; DELETING meanwhile.

        Raises InternalServerError when both sides are meant and the other Region cannot be reached.
        """
        inputs = self.inputs()
        source_id = inputs["SourceFileSystemId"].rsplit("/", 1)[-1]
        replication = self.files.replications.get(source_id)
        if replication is None or self.region not in replication.kept_in:
            message = f"File system '{source_id}' does not have a replication configuration."
            raise AwsError("ReplicationNotFound", message, 404)
        local = inputs.get("DeletionMode") == "LOCAL_CONFIGURATION_ONLY"
        regions = {self.region} if local else set(replication.kept_in)
        for region in regions - {self.region}:
            self._reach(region)
        self.files.delete(replication, regions)
        return EmptyResult()

    def _reach(self, region: str) -> None:
        if region != self.region and not self.files.reachable(region):
            raise AwsError("InternalServerError", f"An error occurred on the server side ({region} did not answer).", 503)
