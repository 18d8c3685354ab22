"""What is known of a drill so far: moments, faults, deeds. Filled as it goes, so that an interruption loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hadr_lab.checker import Content, Loss
from hadr_lab.drill.actors import Acted
from hadr_lab.drill.back import Back
from hadr_lab.drill.crossings import Counts
from hadr_lab.drill.sight import Sight
from hadr_lab.scenario import PREPARATIONS, Fault, HarmZone, LoseRegion, Scenario


@dataclass(slots=True, kw_only=True)
class Injected:
    """A fault with the moments between which it was injected, and that of its heal. `zones` are those it struck."""

    fault: Fault
    began: float
    done: float
    healed: float | None = None
    zones: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Evidence:
    """All moments are seconds since the epoch; None: not reached."""

    scenario: Scenario
    seed: int
    speed: float
    started: float
    injected: list[Injected] = field(default_factory=list)
    detected: float | None = None
    acted: Acted = field(default_factory=Acted)
    act_began: float | None = None
    act_ended: float | None = None
    back: Back | None = None
    load_ended: float | None = None
    content: Content | None = None
    before: Sight | None = None
    sights: list[Sight] = field(default_factory=list)
    idle: tuple[Counts, Counts] | None = None
    counts: list[Counts] = field(default_factory=list)
    weights_after: Mapping[str, int] = field(default_factory=dict)
    status: str = "running"
    reasons: list[str] = field(default_factory=list)

    @property
    def loss(self) -> Injected | None:
        """The fault that clients feel first, once it was begun."""
        return next((done for done in self.injected if not isinstance(done.fault, PREPARATIONS)), None)

    @property
    def onset(self) -> float | None:
        """The moment the drill's clock starts at: of that fault, or of the act where nothing is harmed."""
        if self.scenario.loss is None:
            return self.act_began
        return self.loss.began if self.loss else None

    @property
    def survivor(self) -> str:
        """The member whose data is judged at the end: where roles were moved to, else the one that serves."""
        home = self.back is not None and self.back.acted.exit_code == 0
        return self.scenario.serving if home else self.scenario.act.target or self.scenario.serving

    @property
    def harmed(self) -> frozenset[str]:
        """The zones that were harmed, or are left on purpose."""
        struck = {zone for done in self.injected if isinstance(done.fault, HarmZone) for zone in done.zones}
        return frozenset(struck | ({self.scenario.act.zone} - {""}))

    def explanation(self, networks: tuple[str, ...], *, on_the_way_s: float) -> Loss | None:
        """The harm for the checker: these networks were cut off, and answers already on the way were heard a little later.

        Only the loss of a Region may lose writes; the storage of a Region's database and files outlives any of its zones.
        """
        loss = self.loss
        if loss is None or not isinstance(loss.fault, LoseRegion):
            return None
        return Loss(cut=loss.began, networks=networks, grace_s=loss.done - loss.began + on_the_way_s)
