"""The reference system's own procedure, by the programs its text names: kubectl for Karpenter, the Route 53 API for the weights.

It asks and believes the answers, as the written procedure does; nothing is promoted and nothing is proven.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hadr_lab.boot import Said, command, operator_environment
from hadr_lab.errors import ScenarioFailed
from hadr_lab.programs import Programs
from hadr_lab.site import MadeSite

PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """`drill.ports.Reference`. `run` holds a kubeconfig for each member, by name."""

    run: Path
    programs: Programs
    site: MadeSite

    async def scale_node_maker(self, member: str, replicas: int) -> None:
        """`kubectl scale deployment karpenter`. Raises ScenarioFailed with kubectl's own words."""
        await self._kubectl(member, "--namespace=kube-system", "scale", "deployment/karpenter", f"--replicas={replicas}")

    async def workload(self, member: str) -> tuple[bool, str]:
        """Whether every pod of the workload runs."""
        said = await self._kubectl(member, "--namespace=peccy", "get", "pods", "--output=json")
        phases = [pod["status"].get("phase", "?") for pod in json.loads(said.out)["items"]]
        running = phases.count("Running")
        return bool(phases) and running == len(phases), f"{running}/{len(phases)} pods run"

    async def set_weights(self, weights: Mapping[str, int]) -> None:
        """Change the weights. Raises ScenarioFailed when Route 53's control plane refuses or does not answer."""
        argv = [f"{name}={weight}" for name, weight in weights.items()]
        program = (sys.executable, "-m", "hadr_lab.weights", self.site.hosted_zone, self.site.host, *argv)
        said = await command(*program, env=operator_environment(), log=self._log, timeout=PATIENCE)
        _insist(said, "Route 53 did not change the weights")

    async def _kubectl(self, member: str, *arguments: str) -> Said:
        config = f"--kubeconfig={self.run / f'kubeconfig-{member}'}"
        program = (str(self.programs["kubectl"].path), config, "--request-timeout=10s", *arguments)
        said = await command(*program, env=operator_environment(), log=self._log, timeout=PATIENCE)
        _insist(said, f"kubectl {arguments[1]} in {member}")
        return said

    @property
    def _log(self) -> Path:
        return self.run / "logs" / "as-published.log"


def _insist(said: Said, what: str) -> None:
    if said.code != 0:
        how = f"no answer within {PATIENCE.total_seconds():.0f} s" if said.code is None else f"exit {said.code}"
        words = said.err.strip()[-300:]
        raise ScenarioFailed(f"{what}: {how}" + (f": {words}" if words else ""))
