"""Resource record sets: from AWS's shape to ours and back, their order, and what a change batch makes of them. Pure.

A batch is all or nothing. The messages say what Route 53's say; every broken rule of a batch is named, not only the first.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hadr_lab.aws.service import AwsError
from hadr_lab.dataplane.dns.wire import TYPES, encode_value
from hadr_lab.dataplane.dns.zones import Alias, Record

Key = tuple[str, str, str]
"""Name, type and set identifier: what makes a record set one of its kind."""

MOST_CHANGES = 1000
POLICIES = ("Weight", "Failover", "MultiValueAnswer", "Region")
UNSERVED = ("GeoLocation", "GeoProximityLocation", "CidrRoutingConfig", "TrafficPolicyInstanceId")


def plain(name: str) -> str:
    """A name as we keep it: lower case, no final dot, `*` instead of its escape."""
    return name.lower().rstrip(".").replace("\\052", "*")


def written(name: str) -> str:
    """A name as Route 53 writes it."""
    return name.replace("*", "\\052") + "."


def key(record: Record) -> Key:
    """What identifies the record in its zone."""
    return record.name, record.type, record.set_identifier


def order(record: Record) -> tuple[str, str, str]:
    """Where Route 53 lists the record: by name with its labels reversed, type, and set identifier."""
    return (*position(record.name, record.type), record.set_identifier)


def position(name: str, kind: str = "") -> tuple[str, str]:
    """The place of a name and type in that order."""
    return ".".join(reversed(written(plain(name)).rstrip(".").split("."))) + ".", kind


def parsed(shape: Mapping[str, Any]) -> Record:
    """A record from AWS's shape. Raises AwsError InvalidInput, and NotImplementedError for policies the name server lacks."""
    for unserved in UNSERVED:
        if shape.get(unserved):
            raise NotImplementedError(f"records with {unserved}")
    if shape["Type"] not in TYPES:
        raise NotImplementedError(f"records of type {shape['Type']}")
    policies = [policy for policy in POLICIES if shape.get(policy) or (policy == "Weight" and shape.get(policy) == 0)]
    identifier = shape.get("SetIdentifier") or ""
    what = f"[Name={shape['Name']}, Type={shape['Type']}, SetIdentifier={identifier or 'null'}]"
    _require(
        len(policies) <= 1, f"Invalid request: Expected at most one of [{', '.join(POLICIES)}], but found {policies} in {what}"
    )
    _require(bool(identifier) or not policies, f"Invalid request: Missing field 'SetIdentifier' in Change with {what}")
    _require(bool(policies) or not identifier, f"Invalid request: SetIdentifier without a routing policy in Change with {what}")
    weight = shape.get("Weight")
    _require(weight is None or 0 <= int(weight) <= 255, f"Invalid request: Weight must be between 0 and 255 in {what}")
    values = tuple(value["Value"] for value in shape.get("ResourceRecords") or ())
    alias = shape.get("AliasTarget")
    found = [name for name, given in (("AliasTarget", alias), ("TTL, and ResourceRecords", values)) if given]
    _require(
        len(found) == 1 and (bool(alias) or shape.get("TTL") is not None),
        "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords]], "
        f"but found {found or 'none'} in {what}",
    )
    return Record(
        name=plain(shape["Name"]),
        type=shape["Type"],
        ttl=0 if alias else int(shape["TTL"]),
        values=values,
        alias=_alias(alias) if alias else None,
        set_identifier=identifier,
        weight=None if weight is None else int(weight),
        failover=shape.get("Failover") or "",
        multivalue=bool(shape.get("MultiValueAnswer")),
        latency_region=shape.get("Region") or "",
        health_check=shape.get("HealthCheckId") or "",
    )


def _alias(shape: Mapping[str, Any]) -> Alias:
    return Alias(
        zone_id=shape["HostedZoneId"].rpartition("/")[2],
        name=plain(shape["DNSName"]),
        evaluate=bool(shape.get("EvaluateTargetHealth")),
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AwsError("InvalidInput", message)


def shaped(record: Record) -> dict[str, Any]:
    """A record in AWS's shape."""
    shape: dict[str, Any] = {"Name": written(record.name), "Type": record.type}
    optional = {
        "SetIdentifier": record.set_identifier,
        "Failover": record.failover,
        "MultiValueAnswer": record.multivalue,
        "Region": record.latency_region,
        "HealthCheckId": record.health_check,
    }
    shape |= {name: value for name, value in optional.items() if value}
    if record.weight is not None:
        shape["Weight"] = record.weight
    if record.alias is None:
        return shape | {"TTL": record.ttl, "ResourceRecords": [{"Value": value} for value in record.values]}
    target = {
        "HostedZoneId": record.alias.zone_id,
        "DNSName": written(record.alias.name),
        "EvaluateTargetHealth": record.alias.evaluate,
    }
    return shape | {"AliasTarget": target}


def changed(
    zone: str,
    zone_id: str,
    records: Iterable[Record],
    changes: Sequence[tuple[str, Record]],
    *,
    check_exists: Callable[[str], bool],
) -> tuple[Record, ...]:
    """The zone's records after the batch of (action, record). Raises AwsError with every message, having changed nothing."""
    if sum(2 if action == "UPSERT" else 1 for action, _ in changes) > MOST_CHANGES:
        raise AwsError("InvalidChangeBatch", f"[Number of records limit of {MOST_CHANGES} exceeded.]")
    errors: list[str] = []
    after = {key(record): record for record in records}
    seen: set[tuple[str, Key]] = set()
    for action, record in changes:
        if action != "DELETE" and record.health_check and not check_exists(record.health_check):
            raise AwsError("NoSuchHealthCheck", f"No health check exists with the specified ID {record.health_check}", 404)
        if (action, key(record)) in seen:
            errors.append(
                f"The request contains an invalid set of changes for a resource record set '{record.type} {written(record.name)}'"
            )
        seen.add((action, key(record)))
        errors += _applied(action, record, zone, after)
    errors += _broken(zone, zone_id, after)
    if errors:
        raise AwsError("InvalidChangeBatch", f"[{', '.join(errors)}]")
    return tuple(sorted(after.values(), key=order))


def _applied(action: str, record: Record, zone: str, after: dict[Key, Record]) -> list[str]:
    """Do one change to `after`; what is wrong with it, if anything."""
    what = f"[name='{written(record.name)}', type='{record.type}'"
    what += f", set identifier='{record.set_identifier}']" if record.set_identifier else "]"
    if record.name != zone and not record.name.endswith(f".{zone}"):
        return [f"RRSet with DNS name {written(record.name)} is not permitted in zone {written(zone)}"]
    old = after.get(key(record))
    match action:
        case "DELETE" if old is None:
            return [f"Tried to delete resource record set {what} but it was not found"]
        case "DELETE" if old != record:
            return [f"Tried to delete resource record set {what} but the values provided do not match the current values"]
        case "DELETE":
            del after[key(record)]
            return []
        case "CREATE" if old is not None:
            return [f"Tried to create resource record set {what} but it already exists"]
    after[key(record)] = record
    return _bad_values(record)


def _bad_values(record: Record) -> list[str]:
    errors = []
    for value in record.values:
        try:
            encode_value(record.type, value)
        except (ValueError, OSError, struct.error):
            errors.append(f"Invalid Resource Record: '{value}' is not a valid value of an {record.type} record")
    return errors


def _broken(zone: str, zone_id: str, after: Mapping[Key, Record]) -> list[str]:
    """What is wrong with the zone as a whole after the batch."""
    errors = [
        f"A HostedZone must contain exactly one {kind} record set for the zone itself."
        for kind in ("SOA", "NS")
        if (zone, kind, "") not in after
    ]
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    types: dict[str, set[str]] = defaultdict(set)
    for record in after.values():
        groups[record.name, record.type].append(record)
        types[record.name].add(record.type)
    for name, kinds in types.items():
        if "CNAME" in kinds and name == zone:
            errors.append(f"RRSet of type CNAME with DNS name {written(name)} is not permitted at apex in zone {written(zone)}")
        elif "CNAME" in kinds and len(kinds) > 1:
            errors.append(
                f"RRSet of type CNAME with DNS name {written(name)} is not permitted as it conflicts with other records "
                f"with the same DNS name in zone {written(zone)}"
            )
    for group in groups.values():
        errors += _mixed(group)
    for record in after.values():
        errors += _dangling(record, zone, zone_id, groups)
    return errors


def _mixed(group: Sequence[Record]) -> list[str]:
    """A group of one name and type has one policy, and its members differ in what the policy chooses by."""
    first = group[0]
    what = f"RRSet with DNS name {written(first.name)}, type {first.type}"
    if len({policy(record) for record in group}) > 1:
        return [f"{what} cannot be created as other RRSets exist with the same name and type but another routing policy"]
    for chosen_by in ("failover", "latency_region"):
        values = [getattr(record, chosen_by) for record in group if getattr(record, chosen_by)]
        if len(values) != len(set(values)):
            return [
                f"{what} cannot be created as a {chosen_by.partition('_')[0]} RRSet with the same {chosen_by} value already exists"
            ]
    return []


def policy(record: Record) -> str:
    """The routing policy of a record."""
    if record.weight is not None:
        return "weighted"
    if record.failover:
        return "failover"
    if record.latency_region:
        return "latency"
    return "multivalue" if record.multivalue else "simple"


def _dangling(record: Record, zone: str, zone_id: str, groups: Mapping[tuple[str, str], Any]) -> list[str]:
    """An alias into its own zone needs a target of its type there."""
    alias = record.alias
    if alias is None or alias.zone_id != zone_id:
        return []
    what = f"Tried to create an alias that targets {written(alias.name)}, type {record.type} in zone {zone_id}, but"
    if alias.name != zone and not alias.name.endswith(f".{zone}"):
        return [f"{what} the alias target name does not lie within the target zone"]
    return [] if (alias.name, record.type) in groups else [f"{what} that target was not found"]
