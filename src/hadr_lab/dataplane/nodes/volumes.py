"""A pod's volumes as directories of the lab: what kubelet and the EFS CSI driver put where containers mount them.

Config maps, secrets, tokens and downward files are written anew when they change (a temporary file, then a rename); emptyDir is a
folder that lives as long as the pod; a claim is followed to its volume, which must be of driver efs.csi.aws.com.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.controlplane.api import ApiError, KubeApi
from hadr_lab.dataplane.nodes import environment

Json = Mapping[str, Any]
EFS_DRIVER = "efs.csi.aws.com"
DEFAULT_TOKEN_LIFE = 3607


class VolumeFailed(Exception):
    """A volume cannot be mounted now; the text is for the pod's FailedMount event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A mounted volume: its folder, whether containers may write, and the file system behind it when that can change."""

    path: Path
    read_only: bool = False
    file_system: str = ""


@dataclass(slots=True)
class FileSystems:
    """The Region's EFS: a folder for each file system below `root`, and which of them are replicas and so read-only.

    In the zones `unreachable` no mount target answers.
    """

    root: Path
    read_only: dict[str, bool] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """An EFS volume handle: file system, folder in it, access point."""

    file_system: str
    path: str
    access_point: str

    @classmethod
    def parse(cls, text: str) -> Handle:
        """fs-1, fs-1:/path, fs-1::fsap-1 or fs-1:/path:fsap-1."""
        parts = [*text.split(":"), "", ""]
        return cls(file_system=parts[0], path=parts[1] or "/", access_point=parts[2])


def chosen(data: Mapping[str, str], items: Any, what: str) -> dict[str, str]:
    """The files of a config map or secret: all its keys, or those that `items` names. Raises VolumeFailed for a missing one."""
    if not items:
        return dict(data)
    missing = [item["key"] for item in items if item["key"] not in data]
    if missing:
        raise VolumeFailed(f"{what} has no key {', '.join(missing)}")
    return {item["path"]: data[item["key"]] for item in items}


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Make `folder` hold exactly these files; a file that did not change is not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        content = text.encode(errors="surrogateescape")
        if path.exists() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"..{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)
    for path in folder.rglob("*"):
        if path.is_file() and str(path.relative_to(folder)) not in files:
            path.unlink()


@dataclass(slots=True, kw_only=True)
class Volumes:
    """The volumes of one pod in `zone`. `pod` gives its newest object, because downward files follow it."""

    zone: str
    api: KubeApi
    pod: Callable[[], Json]
    folder: Path
    file_systems: FileSystems
    access_point_path: Callable[[str], Awaitable[str]]
    mounted: dict[str, Volume] = field(default_factory=dict)
    _tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    async def mount(self) -> None:
        """Mount, or bring up to date, every volume of the pod. Raises VolumeFailed."""
        for volume in self.pod()["spec"].get("volumes") or ():
            try:
                self.mounted[volume["name"]] = await self._one(volume)
            except ApiError as error:
                raise VolumeFailed(f"volume {volume['name']}: {error.message}") from error

    async def _one(self, volume: Json) -> Volume:
        folder = self.folder / volume["name"]
        if "emptyDir" in volume:
            folder.mkdir(parents=True, exist_ok=True)
            return Volume(path=folder)
        if "persistentVolumeClaim" in volume:
            return await self._claimed(volume["persistentVolumeClaim"])
        sources = (volume["projected"].get("sources") or ()) if "projected" in volume else (_as_source(volume),)
        files: dict[str, str] = {}
        for source in sources:
            files |= await self._files(source, volume["name"])
        write_files(folder, files)
        return Volume(path=folder, read_only=True)

    async def _files(self, source: Json, volume: str) -> dict[str, str]:
        if "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            return {wanted["path"]: await self._token(wanted, volume)}
        if "downwardAPI" in source:
            return self._downward(source["downwardAPI"])
        for kind, plural in (("configMap", "configmaps"), ("secret", "secrets")):
            if kind in source:
                return await self._object(source[kind], kind, plural)
        raise VolumeFailed(f"volume {volume} is of a kind that the lab does not have: {', '.join(source)}")

    async def _object(self, wanted: Json, kind: str, plural: str) -> dict[str, str]:
        pod = self.pod()
        try:
            found = await self.api.get(f"/api/v1/namespaces/{pod['metadata']['namespace']}/{plural}/{wanted['name']}")
        except ApiError as error:
            if error.status == 404 and wanted.get("optional"):
                return {}
            raise
        data = environment.decoded(found) if kind == "secret" else config_data(found)
        return chosen(data, wanted.get("items"), f"{kind} {wanted['name']}")

    def _downward(self, wanted: Json) -> dict[str, str]:
        pod, files = self.pod(), {}
        for item in wanted.get("items") or ():
            if "fieldRef" in item:
                files[item["path"]] = environment.field_of(pod, item["fieldRef"]["fieldPath"])
            else:
                reference = item["resourceFieldRef"]
                files[item["path"]] = environment.resource_of(pod, pod["spec"]["containers"][0], reference, {})
        return files

    async def _token(self, wanted: Json, volume: str) -> str:
        """A bound token, kept until four fifths of its life are over."""
        key = f"{volume}/{wanted['path']}"
        known, until = self._tokens.get(key, ("", datetime.min.replace(tzinfo=UTC)))
        now = datetime.now(UTC)
        if now < until:
            return known
        metadata, account = self.pod()["metadata"], self.pod()["spec"].get("serviceAccountName", "default")
        life = int(wanted.get("expirationSeconds") or DEFAULT_TOKEN_LIFE)
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        spec: dict[str, Any] = {"expirationSeconds": life, "boundObjectRef": bound}
        if wanted.get("audience"):
            spec["audiences"] = [wanted["audience"]]
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
        token = str((await self.api.create(path, body))["status"]["token"])
        self._tokens[key] = (token, now + timedelta(seconds=life * 0.8))
        return token

    async def _claimed(self, claim: Json) -> Volume:
        namespace, name = self.pod()["metadata"]["namespace"], claim["claimName"]
        found = await self.api.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}")
        volume_name = found["spec"].get("volumeName")
        if not volume_name or found.get("status", {}).get("phase") != "Bound":
            raise VolumeFailed(f"claim {name} is not bound")
        spec = (await self.api.get(f"/api/v1/persistentvolumes/{volume_name}"))["spec"]
        csi = spec.get("csi") or {}
        if csi.get("driver") != EFS_DRIVER:
            raise VolumeFailed(f"volume {volume_name} has driver {csi.get('driver')}; the lab's nodes have {EFS_DRIVER} only")
        handle = Handle.parse(csi["volumeHandle"])
        if self.zone in self.file_systems.unreachable:
            raise VolumeFailed(f"mount of {handle.file_system} failed: the mount target in {self.zone} does not answer")
        folder = await self._folder(handle)
        asked = bool(claim.get("readOnly") or csi.get("readOnly"))
        replica = self.file_systems.read_only[handle.file_system]
        return Volume(path=folder, read_only=asked or replica, file_system="" if asked else handle.file_system)

    async def _folder(self, handle: Handle) -> Path:
        """The folder behind a handle; an access point's is made when it is missing, another one has to be there, as on EFS."""
        if handle.file_system not in self.file_systems.read_only:
            raise VolumeFailed(f"file system {handle.file_system} does not exist in this Region or is not available")
        root = self.file_systems.root / handle.file_system
        if handle.access_point:
            folder = root / (await self.access_point_path(handle.access_point)).lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = root
        folder = folder / handle.path.lstrip("/")
        if not folder.is_dir():
            raise VolumeFailed(f"mount of {handle.file_system}:{handle.path} failed: no such file or directory")
        return folder


def _as_source(volume: Json) -> Json:
    """A plain config map, secret or downward volume in the form of a projected source (a secret's name has another key there)."""
    if "secret" in volume:
        secret = volume["secret"]
        return {"secret": {**secret, "name": secret["secretName"]}}
    return {key: value for key, value in volume.items() if key != "name"}


def config_data(config_map: Json) -> dict[str, str]:
    """A ConfigMap's data and binary data as text."""
    binary = {
        key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in (config_map.get("binaryData") or {}).items()
    }
    return {**(config_map.get("data") or {}), **binary}
