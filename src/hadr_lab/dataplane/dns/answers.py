"""From a question to an answer: zones, wildcards, aliases, CNAMEs and AWS's own host names, over one snapshot.

Nothing is ever forwarded: a name that is neither in a hosted zone nor published by AWS does not exist. The same code answers the
name server's clients, the health checkers' look-ups and TestDNSAnswer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from random import Random

from hadr_lab.dataplane.dns.choose import choose
from hadr_lab.dataplane.dns.status import Verdicts, healthy
from hadr_lab.dataplane.dns.zones import Alias, Check, Record, Snapshot, Zone

CHAIN = 8
"""The longest chain of CNAMEs and aliases that is followed."""

TTLS: tuple[tuple[str, int], ...] = ((".elb.amazonaws.com", 60), (".eks.amazonaws.com", 60), (".rds.amazonaws.com", 5))
"""TTLs of the names AWS publishes, by ending: load balancers and EKS endpoints 60 s, Aurora endpoints 5 s."""

OTHER_TTL = 5
NEGATIVE_TTL = 900
"""SOA minimum of a Route 53 hosted zone."""


class Rcode(IntEnum):
    """Response codes that are used."""

    NOERROR = 0
    FORMERR = 1
    NXDOMAIN = 3
    NOTIMP = 4


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource record of an answer; `value` in the presentation form that Route 53 takes."""

    name: str
    type: str
    ttl: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said to a question; `authority` holds the SOA of a negative answer."""

    rcode: Rcode
    resources: tuple[Resource, ...] = ()
    authority: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A zone with its records by name and type, and every name that exists because one below it does."""

    zone: Zone
    records: Mapping[str, Mapping[str, tuple[Record, ...]]]
    inner: frozenset[str]


@dataclass(slots=True)
class View:
    """One snapshot, indexed, and the checkers' current verdicts (replaced as they come)."""

    snapshot: Snapshot
    rng: Random
    verdicts: Verdicts = field(default_factory=dict)
    _zones: dict[str, list[_Indexed]] = field(init=False)
    _by_id: dict[str, _Indexed] = field(init=False)
    _checks: dict[str, Check] = field(init=False)

    def __post_init__(self) -> None:
        self._zones = defaultdict(list)
        self._by_id = {}
        for zone in sorted(self.snapshot.zones, key=lambda zone: zone.private_regions is None):
            indexed = _index(zone)
            self._zones[zone.name].append(indexed)
            self._by_id[zone.zone_id] = indexed
        self._checks = {check.check_id: check for check in self.snapshot.checks}

    def answer(self, name: str, kind: str, origin: str = "") -> Answer:
        """The answer to a question of type `kind` for `name` (lower case, no final dot), asked from Region `origin`."""
        resources: list[Resource] = []
        for _ in range(CHAIN):
            found = self._zone(name, origin)
            if found is None:
                return self._published(name, kind, resources)
            group = _group(found, name)
            if group is None:
                return Answer(rcode=Rcode.NXDOMAIN, resources=tuple(resources), authority=_soa(found))
            if kind in group:
                more = self._expanded(name, group[kind], origin)
                return Answer(rcode=Rcode.NOERROR, resources=(*resources, *more), authority=() if more else _soa(found))
            if "CNAME" not in group:
                return Answer(rcode=Rcode.NOERROR, resources=tuple(resources), authority=_soa(found))
            link = self._expanded(name, group["CNAME"], origin)
            if not link:
                return Answer(rcode=Rcode.NOERROR, resources=tuple(resources), authority=_soa(found))
            resources.append(link[0])
            name = link[0].value.rstrip(".").lower()
        return Answer(rcode=Rcode.NOERROR, resources=tuple(resources))

    def addresses(self, name: str, origin: str = "") -> tuple[str, ...]:
        """The IPv4 addresses of a host name, or none."""
        return tuple(r.value for r in self.answer(name.lower().rstrip("."), "A", origin).resources if r.type == "A")

    def well(self, record: Record, depth: int = 0) -> bool:
        """Whether routing treats `record` as healthy: its health check, and its alias target's health where that is evaluated."""
        if record.health_check and not healthy(record.health_check, self._checks, self.verdicts):
            return False
        if record.alias is None or not record.alias.evaluate:
            return True
        return self._target_well(record.alias, record.type, depth)

    def _target_well(self, alias: Alias, kind: str, depth: int) -> bool:
        target = _target(alias)
        zone = self._by_id.get(alias.zone_id)
        if zone is None:
            return self.snapshot.balancers.get(target, target in self.snapshot.names)
        group = (_group(zone, target) or {}).get(kind, ())
        return depth < CHAIN and any(self.well(record, depth + 1) for record in group)

    def _expanded(self, name: str, records: Sequence[Record], origin: str, depth: int = 0) -> tuple[Resource, ...]:
        """The chosen records as resources of `name`, aliases resolved."""
        resources: list[Resource] = []
        for record in choose(records, self.well, self.rng, origin):
            if record.alias is not None:
                resources += self._aliased(name, record.alias, record.type, origin, depth)
            else:
                resources += (Resource(name, record.type, record.ttl, value) for value in record.values)
        return tuple(resources)

    def _aliased(self, name: str, alias: Alias, kind: str, origin: str, depth: int) -> tuple[Resource, ...]:
        target = _target(alias)
        zone = self._by_id.get(alias.zone_id)
        if zone is not None:
            group = (_group(zone, target) or {}).get(kind, ())
            return self._expanded(name, group, origin, depth + 1) if depth < CHAIN else ()
        addresses = self._addresses(target) if kind == "A" else ()
        return tuple(Resource(name, "A", _ttl(target), address) for address in addresses or ())

    def _published(self, name: str, kind: str, resources: list[Resource]) -> Answer:
        addresses = self._addresses(name)
        if addresses is None:
            return Answer(rcode=Rcode.NXDOMAIN, resources=tuple(resources), authority=_outside())
        if kind != "A":
            return Answer(rcode=Rcode.NOERROR, resources=tuple(resources), authority=_outside())
        return Answer(
            rcode=Rcode.NOERROR,
            resources=(*resources, *(Resource(name, "A", _ttl(name), address) for address in addresses)),
        )

    def _addresses(self, name: str) -> tuple[str, ...] | None:
        """Addresses of a name AWS publishes, in random order. Below a published `s3.<region>` name every bucket has its host."""
        names = self.snapshot.names
        found = names.get(name)
        rest = name
        while found is None and "." in rest:
            rest = rest.partition(".")[2]
            found = names.get(rest) if rest.startswith("s3.") else None
        return None if found is None else tuple(self.rng.sample(found, len(found)))

    def _zone(self, name: str, origin: str) -> _Indexed | None:
        """The zone that answers for `name`: the longest match; a private zone hides a public one of the same name."""
        rest = name
        while True:
            for indexed in self._zones.get(rest, ()):
                if indexed.zone.private_regions is None or origin in indexed.zone.private_regions:
                    return indexed
            if "." not in rest:
                return None
            rest = rest.partition(".")[2]


def _index(zone: Zone) -> _Indexed:
    grouped: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    inner: set[str] = set()
    for record in zone.records:
        grouped[record.name][record.type].append(record)
        parent = record.name
        while parent != zone.name and "." in parent:
            parent = parent.partition(".")[2]
            inner.add(parent)
    records = {name: {kind: tuple(group) for kind, group in kinds.items()} for name, kinds in grouped.items()}
    return _Indexed(zone, records, frozenset(inner))


def _group(indexed: _Indexed, name: str) -> Mapping[str, tuple[Record, ...]] | None:
    """The records at `name` by type: its own, or those of the closest wildcard; None when the name does not exist."""
    own = indexed.records.get(name)
    if own is not None:
        return own
    if name in indexed.inner:
        return {}
    rest = name
    while rest != indexed.zone.name and "." in rest:
        rest = rest.partition(".")[2]
        if (wild := indexed.records.get(f"*.{rest}")) is not None:
            return wild
        if rest in indexed.records or rest in indexed.inner:
            return None
    return None


def _target(alias: Alias) -> str:
    """The name an alias stands for; `dualstack.` only chooses between address families."""
    return alias.name.removeprefix("dualstack.")


def _ttl(name: str) -> int:
    return next((ttl for ending, ttl in TTLS if name.endswith(ending)), OTHER_TTL)


def _soa(indexed: _Indexed) -> tuple[Resource, ...]:
    soas = indexed.records.get(indexed.zone.name, {}).get("SOA", ())
    return tuple(Resource(indexed.zone.name, "SOA", min(soa.ttl, NEGATIVE_TTL), soa.values[0]) for soa in soas)


def _outside() -> tuple[Resource, ...]:
    """The SOA for names outside every zone: negative answers may be kept for a moment only."""
    return (Resource("", "SOA", OTHER_TTL, f"ns.amazonaws.com. hostmaster.amazonaws.com. 1 7200 900 1209600 {OTHER_TTL}"),)
