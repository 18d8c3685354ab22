"""site.yaml to a Site. Strict: an unknown key, a key given twice or a wrong type is one clear line that names the place.

A typo in a DR configuration must be an error, never a default. Nothing here is a secret or an endpoint: credentials and
AWS_ENDPOINT_URL come from the environment, as for every AWS program. The schema is documented in docs/reference/site-yaml.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from hadr.core.errors import ConfigError
from hadr.core.site import Capacity, Member, Objectives, ProbeSettings, Site, Switch, Traffic, Workload

FILES_BEHIND = timedelta(minutes=15)
"""How far EFS promises a replica to be behind, at most, most of the time."""


class Strict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A mapping in site.yaml; a key it does not name is an error."""


class CapacityFields(Strict):
    namespace: str
    deployment: str
    replicas: int


class WorkloadFields(Strict):
    namespace: str
    deployments: dict[str, int]
    nodes: str
    zone: str | None = None


class SwitchFields(Strict):
    bucket: str
    region: str
    key: str


class MemberFields(Strict):
    name: str
    region: str
    cluster: str
    capacity: CapacityFields
    workload: WorkloadFields
    database: str
    files: str
    target_group: str
    balancer: str
    record: str | None = None
    zones: dict[str, str] = msgspec.field(default_factory=dict)
    switch: SwitchFields | None = None


class DatabaseFields(Strict):
    global_cluster: str


class TrafficFields(Strict):
    host: str
    hosted_zone: str


class ProbeFields(Strict):
    scheme: Literal["http", "https"] = "http"
    port: int = 80
    read: str = "/hobbies"
    write: str = "/hobbies"
    ready: str = "/readyz"


class ObjectiveFields(Strict):
    recovery_time: timedelta
    recovery_point: timedelta | None = None
    file_recovery_point: timedelta | None = None


class SiteFields(Strict):
    site: str
    members: list[MemberFields]
    traffic: TrafficFields
    objectives: ObjectiveFields
    database: DatabaseFields | None = None
    probe: ProbeFields = msgspec.field(default_factory=ProbeFields)


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML without tags, in which a key given twice is an error instead of silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                place = f"line {key_node.start_mark.line + 1}, column {key_node.start_mark.column + 1}"
                raise ConfigError(f"{place}: the key {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_site(path: Path) -> Site:
    """Read `path`. Raises ConfigError with the file and the place in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; name the site's file with --site or HADR_SITE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    try:
        return parse_site(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_site(text: str) -> Site:
    """A Site from the text of a site.yaml. Raises ConfigError with the place."""
    try:
        raw = yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {' '.join(str(error).split())}") from error
    except TypeError as error:
        raise ConfigError(f"a key is not a plain word: {error}") from error
    return _site(_fields(raw))


def site_text(document: Any) -> str:
    """A site.yaml from plain values, as Terraform's output `site` holds them. Raises ConfigError with the place.

    Keys that are null are left out: Terraform writes null where a site.yaml has nothing.
    """
    plain = _without_nulls(msgspec.to_builtins(_fields(_without_nulls(document))))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)


def write_site(path: Path, text: str) -> None:
    """Put `text` at `path` in one piece: whoever reads meanwhile sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _fields(raw: Any) -> SiteFields:
    try:
        fields = msgspec.convert(raw, SiteFields)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigError(str(error)) from error
    _check(fields)
    return fields


def _check(fields: SiteFields) -> None:
    """What types cannot say. Raises ConfigError for the first thing that is wrong."""
    if len(fields.members) not in (1, 2):
        raise ConfigError(f"$.members: a site has one or two members, here are {len(fields.members)}")
    for number, member in enumerate(fields.members):
        _check_member(f"$.members[{number}]", member)
    for key in ("read", "write", "ready"):
        if not getattr(fields.probe, key).startswith("/"):
            raise ConfigError(f"$.probe.{key}: a path begins with /, here is {getattr(fields.probe, key)!r}")
    for key in ("recovery_time", "recovery_point", "file_recovery_point"):
        value = getattr(fields.objectives, key)
        if value is not None and value <= timedelta(0):
            raise ConfigError(f"$.objectives.{key}: has to be longer than nothing, for example PT1M")
    _check_layout(fields)


def _check_member(place: str, member: MemberFields) -> None:
    for key in ("name", "region", "cluster", "database", "files", "target_group", "balancer", "record"):
        value = getattr(member, key)
        if value is not None and not value.strip():
            raise ConfigError(f"{place}.{key}: is empty")
    if member.capacity.replicas < 1:
        raise ConfigError(f"{place}.capacity.replicas: a serving member needs at least 1, here is {member.capacity.replicas}")
    if not member.workload.deployments:
        raise ConfigError(f"{place}.workload.deployments: names no Deployment")
    for name, count in member.workload.deployments.items():
        if count < 1:
            raise ConfigError(f"{place}.workload.deployments.{name}: needs at least 1 replica, here is {count}")
    if "=" not in member.workload.nodes:
        raise ConfigError(f"{place}.workload.nodes: a label such as type=service, here is {member.workload.nodes!r}")
    if member.workload.zone is not None and member.workload.zone not in member.zones:
        raise ConfigError(f"{place}.workload.zone: {member.workload.zone!r} is not among the member's zones: {_list(member.zones)}")
    if not all(zone.startswith(member.region) for zone in member.zones):
        raise ConfigError(f"{place}.zones: zones of {member.region}, name to id, here are {_list(member.zones)}")
    if member.switch is not None and member.switch.region != member.region:
        expected = f"has to be in the member's own Region {member.region}, here is {member.switch.region}"
        raise ConfigError(f"{place}.switch.region: {expected}: a switch elsewhere is lost with that Region")


def _check_layout(fields: SiteFields) -> None:
    """What follows from how many members there are, and in how many Regions."""
    if len({member.region for member in fields.members}) == 2:
        _check_regions(fields)
        return
    place = "a site in one Region"
    if fields.database is not None:
        raise ConfigError(f"$.database: {place} has no global database; leave the key out")
    for key in ("recovery_point", "file_recovery_point"):
        if getattr(fields.objectives, key) is not None:
            raise ConfigError(f"$.objectives.{key}: {place} loses no acknowledged write; leave the key out")
    for number, member in enumerate(fields.members):
        if member.switch is not None:
            raise ConfigError(f"$.members[{number}].switch: {place} has no switch; leave the key out")
        if len(member.zones) < 2:
            raise ConfigError(
                f"$.members[{number}].zones: {place} needs at least two zones to leave one, here are {len(member.zones)}"
            )
    if len(fields.members) == 1:
        _check_one_member(fields.members[0])
    else:
        _check_one_region(fields.members[0], fields.members[1])


def _check_regions(fields: SiteFields) -> None:
    """Two Regions: nothing is shared but the global database."""
    _check_differ(fields.members, ("name", "record", "files", "balancer"))
    if fields.database is None:
        raise ConfigError("Object missing required field `database`: members in two Regions share a global database")
    if fields.objectives.recovery_point is None:
        raise ConfigError("Object missing required field `recovery_point` - at `$.objectives`: a second Region is always behind")


def _check_one_member(member: MemberFields) -> None:
    """One member: its zones are all there is to leave."""
    if member.record is not None:
        raise ConfigError("$.members[0].record: a site of one member has no weighted records; leave the key out")
    if member.workload.zone is not None:
        raise ConfigError("$.members[0].workload.zone: a site of one member in one zone is lost with that zone; leave the key out")


def _check_one_region(first: MemberFields, second: MemberFields) -> None:
    """Two members in one Region: data is shared, everything else is each one's own."""
    for key in ("database", "files", "zones"):
        if getattr(first, key) != getattr(second, key):
            raise ConfigError(f"$.members[1].{key}: members in one Region share it, so it has to be the first member's")
    _check_differ([first, second], ("name", "record", "cluster", "target_group", "balancer"))
    for number, member in enumerate((first, second)):
        if member.workload.zone is None:
            raise ConfigError(f"$.members[{number}].workload.zone: members in one Region each live in a zone; name it")
    if first.workload.zone == second.workload.zone:
        raise ConfigError(f"$.members[1].workload.zone: {second.workload.zone!r} is the first member's; both would be lost with it")


def _check_differ(members: Sequence[MemberFields], keys: Sequence[str]) -> None:
    for key in keys:
        first, second = (getattr(member, key) for member in members)
        if first is None or second is None:
            raise ConfigError(f"Object missing required field `{key}` - at `$.members[{0 if first is None else 1}]`")
        if first == second:
            raise ConfigError(f"$.members[1].{key}: {second!r} is the first member's; each member needs its own")


def _site(fields: SiteFields) -> Site:
    return Site(
        name=fields.site,
        members=tuple(_member(member) for member in fields.members),
        global_database=None if fields.database is None else fields.database.global_cluster,
        traffic=Traffic(**msgspec.structs.asdict(fields.traffic)),
        probe=ProbeSettings(**msgspec.structs.asdict(fields.probe)),
        objectives=_objectives(fields),
    )


def _objectives(fields: SiteFields) -> Objectives:
    """In one Region both members, or all zones, have the same data at every moment: nothing is behind, nothing is lost."""
    given, apart = fields.objectives, fields.database is not None
    return Objectives(
        recovery_time=given.recovery_time,
        recovery_point=given.recovery_point or timedelta(0),
        file_recovery_point=given.file_recovery_point or (FILES_BEHIND if apart else timedelta(0)),
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _member(fields: MemberFields) -> Member:
    plain = msgspec.structs.asdict(fields)
    plain["capacity"] = Capacity(**msgspec.structs.asdict(fields.capacity))
    plain["workload"] = Workload(**msgspec.structs.asdict(fields.workload))
    plain["switch"] = None if fields.switch is None else Switch(**msgspec.structs.asdict(fields.switch))
    return Member(**plain)
