"""Route 53's state: hosted zones, health checks, changes on their way, and what the checkers saw.

Reads of the API see a change at once; the name servers see it after the propagation wait. Nothing here speaks HTTP or DNS. Every
method is quick and may be called from any thread.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hadr_lab.aws import route53_checks, route53_records
from hadr_lab.aws.changes import Changes
from hadr_lab.aws.route53_records import plain, written
from hadr_lab.aws.service import AwsError
from hadr_lab.dataplane.dns.answers import View
from hadr_lab.dataplane.dns.checkers import verdicts_of
from hadr_lab.dataplane.dns.status import healthy
from hadr_lab.dataplane.dns.zones import Check, Observation, Record, Snapshot, Zone
from hadr_lab.waits import Wait, Waits

NAME_SERVERS = ("ns-{0}.awsdns-00.com", "ns-{1}.awsdns-01.net", "ns-{2}.awsdns-02.org", "ns-{3}.awsdns-03.co.uk")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A submitted change: `due` is when the name servers have it, on the state's clock."""

    change_id: str
    submitted: datetime
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedZone:
    """A hosted zone as the API has it. `vpcs` are (Region, VPC id); a zone with any is private."""

    zone_id: str
    name: str
    reference: str
    comment: str
    vpcs: tuple[tuple[str, str], ...]
    name_servers: tuple[str, ...]
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """A health check as the API has it; `config` is in AWS's shape with every default."""

    check_id: str
    reference: str
    config: Mapping[str, Any]
    asked: Mapping[str, Any]
    version: int


@dataclass(slots=True)
class Route53State:
    """Zones and checks of one lab. `changes` hears of every check whose status, as DNS uses it, turns."""

    waits: Waits
    changes: Changes = field(default_factory=Changes)
    clock: Callable[[], float] = time.monotonic
    zones: dict[str, HostedZone] = field(default_factory=dict)
    checks: dict[str, HealthCheck] = field(default_factory=dict)
    submitted: dict[str, Change] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _seen: dict[str, dict[str, Observation]] = field(default_factory=dict)
    _propagated: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    _pending: list[tuple[float, str, tuple[Record, ...]]] = field(default_factory=list)
    _forgotten: set[str] = field(default_factory=set)
    _answering: Snapshot = field(default_factory=Snapshot)
    _random: random.Random = field(default_factory=random.Random)

    # -- hosted zones

    def create_zone(self, name: str, reference: str, comment: str, vpcs: tuple[tuple[str, str], ...]) -> tuple[HostedZone, Change]:
        """A new zone with its SOA and NS records. Raises HostedZoneAlreadyExists for a reference that was used."""
        with self.lock:
            if any(zone.reference == reference for zone in self.zones.values()):
                raise AwsError(
                    "HostedZoneAlreadyExists", f"A hosted zone has already been created with the reference {reference}", 409
                )
            servers = () if vpcs else tuple(form.format(*self._random.sample(range(2048), 4)) for form in NAME_SERVERS)
            zone = HostedZone(
                zone_id="Z" + self._id(20),
                name=plain(name),
                reference=reference,
                comment=comment,
                vpcs=vpcs,
                name_servers=servers,
                records=_apex(plain(name), servers),
            )
            self.zones[zone.zone_id] = zone
            return zone, self._submit(zone)

    def zone(self, zone_id: str) -> HostedZone:
        """The zone with that id (with or without its path). Raises NoSuchHostedZone."""
        found = self.zones.get(zone_id.rpartition("/")[2])
        if found is None:
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {zone_id.rpartition('/')[2]}", 404)
        return found

    def delete_zone(self, zone_id: str) -> Change:
        """Remove an empty zone. Raises HostedZoneNotEmpty while it has records other than its own SOA and NS."""
        with self.lock:
            zone = self.zone(zone_id)
            if any(record.name != zone.name or record.type not in ("SOA", "NS") for record in zone.records):
                raise AwsError(
                    "HostedZoneNotEmpty",
                    "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
                )
            del self.zones[zone.zone_id]
            self._propagated.pop(zone.zone_id, None)
            self.tags.pop(("hostedzone", zone.zone_id), None)
            return self._change()

    def set_comment(self, zone_id: str, comment: str) -> HostedZone:
        """Replace the zone's comment."""
        with self.lock:
            zone = replace(self.zone(zone_id), comment=comment)
            self.zones[zone.zone_id] = zone
            return zone

    def set_vpcs(self, zone_id: str, vpcs: tuple[tuple[str, str], ...]) -> Change:
        """Replace the VPCs of a private zone. Raises for a public one, and for taking away the last."""
        with self.lock:
            zone = self.zone(zone_id)
            if not zone.vpcs:
                raise AwsError("PublicZoneVPCAssociation", "You cannot associate a VPC with a public hosted zone.")
            if not vpcs:
                raise AwsError(
                    "LastVPCAssociation", "The VPC cannot be disassociated: it is the last one of the private hosted zone."
                )
            self.zones[zone.zone_id] = replace(zone, vpcs=vpcs)
            return self._change()

    def change_records(self, zone_id: str, changes: Sequence[tuple[str, Record]]) -> Change:
        """Apply a batch, whole or not at all. Raises InvalidChangeBatch, NoSuchHealthCheck."""
        with self.lock:
            zone = self.zone(zone_id)
            records = route53_records.changed(
                zone.name, zone.zone_id, zone.records, changes, check_exists=lambda check: check in self.checks
            )
            zone = replace(zone, records=records)
            self.zones[zone.zone_id] = zone
            return self._submit(zone)

    def change(self, change_id: str) -> tuple[Change, bool]:
        """A change and whether every name server has it. Raises NoSuchChange."""
        found = self.submitted.get(change_id.rpartition("/")[2])
        if found is None:
            raise AwsError("NoSuchChange", f"Could not find resource with ID: {change_id.rpartition('/')[2]}", 404)
        return found, self.clock() >= found.due

    def _submit(self, zone: HostedZone) -> Change:
        change = self._change()
        self._pending.append((change.due, zone.zone_id, zone.records))
        return change

    def _change(self) -> Change:
        self.waits.count(Wait.DNS_PROPAGATION)
        due = self.clock() + self.waits.scaled(Wait.DNS_PROPAGATION).total_seconds()
        change = Change(change_id="C" + self._id(20), submitted=datetime.now(UTC), due=due)
        self.submitted[change.change_id] = change
        return change

    # -- health checks

    def create_check(self, reference: str, config: Mapping[str, Any]) -> HealthCheck:
        """A new check, or the one made with the same reference and settings. Raises HealthCheckAlreadyExists, InvalidInput."""
        with self.lock:
            same = next((check for check in self.checks.values() if check.reference == reference), None)
            if same is not None and same.asked == config:
                return same
            if same is not None or reference in self._forgotten:
                raise AwsError(
                    "HealthCheckAlreadyExists", f"A health check with the caller reference {reference} already exists.", 409
                )
            check = HealthCheck(
                check_id=self._uuid(),
                reference=reference,
                config=route53_checks.completed(config, exists=self.checks.__contains__),
                asked=dict(config),
                version=1,
            )
            self.checks[check.check_id] = check
            return check

    def check(self, check_id: str) -> HealthCheck:
        """The check with that id. Raises NoSuchHealthCheck."""
        found = self.checks.get(check_id)
        if found is None:
            raise AwsError("NoSuchHealthCheck", f"No health check exists with the specified ID {check_id}", 404)
        return found

    def update_check(self, check_id: str, given: Mapping[str, Any]) -> HealthCheck:
        """Change what is given. Raises HealthCheckVersionMismatch when the caller saw another version."""
        with self.lock:
            check = self.check(check_id)
            version = given.get("HealthCheckVersion")
            if version is not None and int(version) != check.version:
                raise AwsError("HealthCheckVersionMismatch", f"The health check's version is {check.version}, not {version}.", 409)
            config = route53_checks.updated(check.config, given, exists=self.checks.__contains__)
            check = replace(check, config=config, version=check.version + 1)
            self.checks[check_id] = check
            return check

    def delete_check(self, check_id: str) -> None:
        """Remove a check; its reference cannot be used again."""
        with self.lock:
            self._forgotten.add(self.check(check_id).reference)
            del self.checks[check_id]
            self._seen.pop(check_id, None)
            self.tags.pop(("healthcheck", check_id), None)

    def observations(self, check_id: str) -> tuple[Observation, ...]:
        """What each checker last saw of an endpoint."""
        with self.lock:
            return tuple(self._seen.get(check_id, {}).values())

    def healthy(self, check_id: str) -> bool:
        """The check's status as DNS uses it."""
        with self.lock:
            return self._statuses().get(check_id, True)

    # -- the name server's side

    def observed(self, observations: Iterable[Observation]) -> None:
        """Take what the checkers saw; what belongs to a check that is gone is dropped."""
        with self.lock:
            before = self._statuses()
            for seen in observations:
                if seen.check_id in self.checks:
                    self._seen.setdefault(seen.check_id, {})[seen.checker] = seen
                    self.waits.count(Wait.HEALTH_CHECK_INTERVAL)
            turned = {check for check, well in self._statuses().items() if before[check] != well}
        if turned:
            self.changes.notify()

    def published(self) -> tuple[tuple[Zone, ...], tuple[Check, ...]]:
        """Zones with the records that have propagated, and the health checks."""
        with self.lock:
            self._propagate()
            zones = ((zone, self._propagated.get(zone_id)) for zone_id, zone in self.zones.items())
            return tuple(_served(zone, records) for zone, records in zones if records is not None), self._as_checks()

    def republish(self) -> None:
        """Every name server has every zone as it is: what was restored has long propagated."""
        with self.lock:
            self._pending.clear()
            self._propagated = {zone_id: zone.records for zone_id, zone in self.zones.items()}

    def answering(self, snapshot: Snapshot) -> None:
        """Remember what the name servers answer from: names and balancers are theirs, and TestDNSAnswer needs them."""
        self._answering = snapshot

    def view(self, zone: HostedZone) -> View:
        """The name servers' own engine over the current snapshot and statuses; of zones of equal name, it has only `zone`."""
        with self.lock:
            served, checks = self.published()
            zones = tuple(other for other in served if other.name != zone.name or other.zone_id == zone.zone_id)
            return View(replace(self._answering, zones=zones, checks=checks), self._random, self._verdicts())

    def _propagate(self) -> None:
        now = self.clock()
        due = [pending for pending in self._pending if pending[0] <= now]
        self._pending = [pending for pending in self._pending if pending[0] > now]
        for _, zone_id, records in due:
            if zone_id in self.zones:
                self._propagated[zone_id] = records

    def _as_checks(self) -> tuple[Check, ...]:
        return tuple(route53_checks.as_check(check.check_id, check.config) for check in self.checks.values())

    def _statuses(self) -> dict[str, bool]:
        checks = {check.check_id: check for check in self._as_checks()}
        verdicts = self._verdicts()
        return {check_id: healthy(check_id, checks, verdicts) for check_id in checks}

    def _verdicts(self) -> Mapping[str, list[bool | None]]:
        return verdicts_of(seen for by_checker in self._seen.values() for seen in by_checker.values())

    def _id(self, length: int) -> str:
        return "".join(self._random.choices(LETTERS, k=length))

    def _uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _apex(name: str, servers: Sequence[str]) -> tuple[Record, ...]:
    named = servers or ("ns-0.awsdns-00.com", "ns-512.awsdns-00.net", "ns-1024.awsdns-00.org", "ns-1536.awsdns-00.co.uk")
    soa = f"{written(named[0])} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    return (
        Record(name=name, type="NS", ttl=172800, values=tuple(map(written, named))),
        Record(name=name, type="SOA", ttl=900, values=(soa,)),
    )


def _served(zone: HostedZone, records: tuple[Record, ...]) -> Zone:
    regions = tuple(region for region, _ in zone.vpcs) if zone.vpcs else None
    return Zone(zone_id=zone.zone_id, name=zone.name, records=records, private_regions=regions)
