"""The way back of a drill whose act moved the roles: asked for until nothing speaks against it, then gone.

An operator does the same: the other side comes back at its own pace, and `hadr plan` says when it is well enough. It never lifts a
guard, and never goes back while the tool refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from hadr_lab.drill.actors import Acted, ByHadr
from hadr_lab.drill.answers import why_not
from hadr_lab.drill.ports import Lab
from hadr_lab.scenario import Act, Verb

PLAN_LIMIT = timedelta(seconds=30)
ASK_EVERY_S = 1.0


@dataclass(slots=True, kw_only=True)
class Back:
    """The way back so far. Moments are seconds since the epoch; None: not reached. `refused` is the last refusal while it was."""

    asked: float
    began: float | None = None
    ended: float | None = None
    acted: Acted = field(default_factory=Acted)
    refused: str = ""


def verb_back(act: Act) -> str:
    """What turns the roles back: after a failover the lost side has to be made to follow first, which failback does."""
    return "failback" if act.verb is Verb.FAILOVER else "switchover"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingBack:
    """Goes back to the member `home`. `now` is the drill's clock, `pause` waits and heals meanwhile."""

    lab: Lab
    act: Act
    home: str
    by: ByHadr
    now: Callable[[], float]
    pause: Callable[[float], Awaitable[None]]

    async def until_allowed(self, back: Back, within: timedelta) -> bool:
        """Whether nothing speaks against it any more, asked again and again for so long."""
        deadline = self.now() + within.total_seconds()
        while True:
            answer = await self.lab.hadr("plan", verb_back(self.act), "--to", self.home, "--json", timeout=PLAN_LIMIT)
            if answer.code == 0:
                return True
            back.refused = why_not(answer)
            if self.now() >= deadline:
                return False
            await self.pause(ASK_EVERY_S)

    async def go(self, back: Back, limit: timedelta) -> None:
        """Turn the roles back, once."""
        back.began = self.now()
        back.acted = await self.by.go_back(verb_back(self.act), self.home, limit)
        back.ended = self.now()
