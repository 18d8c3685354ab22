"""`python -m hadr_lab.dataplane.nodes SETTINGS.json`: the node agent of one Region."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from hadr_lab.dataplane.nodes.agent import Agent, AgentSettings
from hadr_lab.dataplane.nodes.aws import Front
from hadr_lab.dataplane.nodes.host import Settings
from hadr_lab.dataplane.nodes.images import load
from hadr_lab.dataplane.nodes.launcher import ZygoteEnded


def read(path: Path) -> AgentSettings:
    """The settings that the realizer wrote."""
    body = json.loads(path.read_text())
    return AgentSettings(
        control=Path(body["control"]),
        efs=Path(body["efs"]),
        front=Front(**body["front"]),
        pod=Settings(resolver=body["resolver"], pod_env=body["pod_env"], folder=Path(body["folder"]), logs=Path(body["pod_logs"])),
        images=load(body["images"]),
        image_pull=body["image_pull"],
        registries=body["registries"],
        modules=tuple(body["modules"]),
        paths=tuple(body["paths"]),
    )


def main() -> int:
    """Run until the parent goes away."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(Agent(read(Path(sys.argv[1]))).run())
    except (ZygoteEnded, ConnectionError) as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
