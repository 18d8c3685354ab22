"""Subnets become routes: each is routed to the namespace of its zone. Nothing else is decided here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from hadr_lab.aws.views import AwsState, Subnet


class Routes(Protocol):
    """What subnets need of the network."""

    async def add_subnet(self, subnet: Subnet) -> None:
        """Route it to its zone; again changes nothing."""

    async def drop_subnet(self, subnet_id: str) -> None:
        """Forget one that was deleted."""


@dataclass(slots=True, kw_only=True)
class Subnets:
    """The realizer of subnets."""

    state: AwsState
    network: Routes
    routed: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """For ever: make the routes match the views."""
        while True:
            await self.step()
            await self.state.changed(timedelta(seconds=1))

    async def step(self) -> None:
        """Look once."""
        wanted = {subnet.subnet_id: subnet for region in self.state.regions() for subnet in self.state.subnets(region)}
        for subnet_id in self.routed - wanted.keys():
            await self.network.drop_subnet(subnet_id)
        for subnet in wanted.values():
            await self.network.add_subnet(subnet)
        self.routed = set(wanted)
