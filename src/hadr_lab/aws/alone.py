"""The emulated API by itself: one front that answers for every Region, and nothing behind it.

For Terraform, boto3 and whoever wants to try a call. There are no namespaces, no WAN and no lost Regions here: what depends on them
is for the whole lab to show.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from hadr_lab.aws.changes import Changes
from hadr_lab.aws.front import EDGE, Call, Front
from hadr_lab.aws.nothing import Nothing
from hadr_lab.aws.route53 import Route53State
from hadr_lab.aws.route53_service import route53_service
from hadr_lab.aws.scope import Incoming, Scope
from hadr_lab.aws.service import Wire
from hadr_lab.aws.services import all_services
from hadr_lab.aws.state import State
from hadr_lab.waits import Waits

AT_ONCE = 1e6
"""The speed at which no simulated wait is felt."""


class EveryRegion(Front):
    """A front that answers itself what others relay to the Region it belongs to."""

    async def _relayed(self, _front: str, region: str, target: Scope, request: Incoming) -> Wire | None:
        return await self._answered(region, target, request)


class Alone:
    """One AWS account with no data plane. Moto keeps its state per process, so a process has one of these."""

    def __init__(self, on_call: Callable[[Call], None] = lambda _call: None) -> None:
        changes = Changes()
        self.state = State(changes, speed=AT_ONCE)
        self.route53 = Route53State(changes=changes, waits=Waits(speed=AT_ONCE))
        services = {**all_services(self.state), "route53": route53_service(self.route53)}
        self.front = EveryRegion(services, changes, on_call=on_call)

    async def serve(self, listening: socket.socket) -> None:
        """Answer on `listening` until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.state.keep())
                group.create_task(Nothing(self.state).run())
                group.create_task(self.front.serve(EDGE, [listening]))
        finally:
            self.front.close()
