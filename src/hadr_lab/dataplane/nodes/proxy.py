"""kube-proxy's own nftables table where two clusters have nodes in one zone.

A zone is one network namespace, and kube-proxy calls its table by a fixed name; on AWS each node has a namespace of its own. So
the proxy of a Region's second cluster (and of every further one) speaks to nft through a filter that gives the table another name
on the way in and takes it away on the way out. The clusters' service ranges have to be distinct, as the tables then are.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from hadr_lab.programs import Program

TABLE = "kube-proxy"
_FILTER = """#!/bin/bash
# {why}
set -o pipefail
sed -E 's/\\b(ip6?) {table}\\b/\\1 {own}/g' |
  {nft} "${{@/#{table}/{own}}}" |
  sed -E 's/"{table}"/"{table}.other"/g; s/"{own}"/"{table}"/g'
"""


def environment(nft: Program, slot: int, folder: Path) -> dict[str, str]:
    """The variables with which the proxy of the Region's cluster number `slot` finds nft; `folder` is the cluster's own."""
    search = f"{nft.path.parent}:{os.environ.get('PATH', os.defpath)}"
    if slot:
        search = f"{_filtered(nft.path, slot, folder)}:{search}"
    return {**nft.env, "PATH": search, "GOMAXPROCS": "1"}


def ports(slot: int) -> Mapping[str, str]:
    """Where the proxy of cluster number `slot` tells its metrics and health: each its own, in the zone's namespace."""
    return {"metrics-bind-address": f"127.0.0.1:{10249 + 100 * slot}", "healthz-bind-address": f"127.0.0.1:{10256 + 100 * slot}"}


def _filtered(nft: Path, slot: int, folder: Path) -> Path:
    """A folder with the filter in it, under nft's name."""
    place = folder / "nft"
    place.mkdir(exist_ok=True)
    own = f"{TABLE}-{slot}"
    text = _FILTER.format(why=__doc__.splitlines()[0], table=TABLE, own=own, nft=shlex.quote(str(nft)))
    script = place / "nft"
    script.write_text(text)
    script.chmod(0o755)
    return place
