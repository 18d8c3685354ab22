"""Every fault of a scenario carried out on the parts of a running lab, and taken back. One place says which part a fault acts on.

It remembers what a fault struck, so that the heal meets the same: a writer's zone is another one after the fault.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from hadr_lab.dataplane.residents import send
from hadr_lab.errors import UsageError
from hadr_lab.eye import Eye
from hadr_lab.faults.throttle import Throttle
from hadr_lab.faults.zone import SILENCE, Zones, region_of
from hadr_lab.lab import Lab
from hadr_lab.scenario import (
    WRITER,
    Fault,
    HarmZone,
    LoseBalancerNode,
    LoseMountTarget,
    LoseRegion,
    LoseWriter,
    OverloadMember,
    ReadOnlyDatabase,
    RefuseCapacity,
    StallReplication,
    WriterHarm,
    ZoneHarm,
)
from hadr_lab.site import MadeMember


@dataclass(slots=True, kw_only=True)
class Faults:
    """The faults of one lab."""

    lab: Lab
    members: Mapping[str, MadeMember]
    eye: Eye
    zones: Zones = field(init=False)
    _zone_of: dict[HarmZone, str] = field(default_factory=dict)
    _frozen: dict[LoseWriter, int] = field(default_factory=dict)
    _throttles: dict[OverloadMember, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Nothing is harmed yet."""
        self.zones = Zones(network=self.lab.network, nodes=self.lab.nodes)

    async def inject(self, fault: Fault) -> None:
        """Do the harm; returns when it is done. Raises UsageError for a member or a place that is not there."""
        match fault:
            case LoseRegion(region=region):
                await self._lose_region(region)
            case StallReplication():
                await self._stall(fault, on=True)
            case HarmZone():
                self._zone_of[fault] = self.zone_of(fault)
                self._give_instances(fault, self._zone_of[fault], False)
                await self.zones.harm(fault, self._zone_of[fault])
            case LoseWriter():
                self._lose_writer(fault)
            case ReadOnlyDatabase(member=member):
                await self.lab.databases.hold_read_only(self._member(member).database_arn, True)
            case LoseBalancerNode(zone=zone):
                self.lab.balancers.take_down(self._known(zone))
            case LoseMountTarget(zone=zone):
                self.lab.nodes.lose_files(self._known(zone))
            case RefuseCapacity(zone=zone, instance_type=kind):
                self.lab.state.capacity.refuse(region_of(self._known(zone)), zone, kind)
            case OverloadMember(member=member, share=share):
                self._member(member)
                throttle = Throttle(share=share, namespaces=lambda: self.eye.namespaces(member))
                self._throttles[fault] = asyncio.get_running_loop().create_task(throttle.run())

    async def heal(self, fault: Fault) -> None:
        """Take the harm back; what was lost with it is for the realizers to start again. A fault that was not done is fine."""
        match fault:
            case LoseRegion(region=region):
                await self.lab.network.restore(region)
            case StallReplication():
                await self._stall(fault, on=False)
            case HarmZone():
                zone = self._zone_of.pop(fault) if fault in self._zone_of else self.zone_of(fault)
                self._give_instances(fault, zone, True)
                await self.zones.heal(fault, zone)
            case LoseWriter():
                send([pid] if (pid := self._frozen.pop(fault, 0)) else [], signal.SIGCONT)
            case ReadOnlyDatabase(member=member):
                await self.lab.databases.hold_read_only(self._member(member).database_arn, False)
            case LoseBalancerNode(zone=zone):
                self.lab.balancers.bring_up(zone)
            case LoseMountTarget(zone=zone):
                self.lab.nodes.restore_files(zone)
            case RefuseCapacity(zone=zone, instance_type=kind):
                self.lab.state.capacity.allow(region_of(zone), zone, kind)
            case OverloadMember():
                if (throttle := self._throttles.pop(fault, None)) is not None:
                    throttle.cancel()
                    await asyncio.gather(throttle, return_exceptions=True)

    def zone_of(self, fault: HarmZone) -> str:
        """The zone that is meant: the one that is named, or the one in which the first member's writer is now."""
        if fault.zone != WRITER:
            return self._known(fault.zone)
        first = next(iter(self.members.values()))
        return self.lab.databases.zone_of(first.database_arn)

    def _give_instances(self, fault: HarmZone, zone: str, on: bool) -> None:
        """EC2 has nothing to give in a zone without power: a machine there would never boot, and Karpenter wait for it."""
        if fault.how is not ZoneHarm.LOST:
            return
        capacity = self.lab.state.capacity
        if on:
            capacity.allow(region_of(zone), zone)
        else:
            capacity.refuse(region_of(zone), zone)

    async def _lose_region(self, region: str) -> None:
        await self.lab.network.lose(region)
        await asyncio.sleep(SILENCE.total_seconds())
        for process in self.lab.processes.within(region=region):
            process.kill()

    async def _stall(self, fault: StallReplication, *, on: bool) -> None:
        if fault.database:
            for arn in {made.database_arn for made in self.members.values()}:
                await self.lab.databases.stall(arn, on)
        if fault.files:
            await self.lab.files.stall(self._member("one").file_system, on)

    def _lose_writer(self, fault: LoseWriter) -> None:
        number = signal.SIGSTOP if fault.how is WriterHarm.FROZEN else signal.SIGKILL
        pid = self.lab.databases.signal(self._member(fault.member).database_arn, number)
        if fault.how is WriterHarm.FROZEN:
            self._frozen[fault] = pid

    def _member(self, name: str) -> MadeMember:
        try:
            return self.members[name]
        except KeyError:
            raise UsageError(f"no member {name}; there are {', '.join(self.members)}") from None

    def _known(self, zone: str) -> str:
        space = self.lab.network.layout.spaces.get(zone)
        if space is None or space.region in ("", zone):
            zones = [each.name for each in self.lab.network.layout.spaces.values() if each.region not in ("", each.name)]
            raise UsageError(f"{zone} is no zone of this lab; there are {', '.join(zones)}")
        return zone
