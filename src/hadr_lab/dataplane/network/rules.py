"""The router's rules as text for nft and iptables: marks for the queues, cuts, and byte counters, all by pair of interfaces.

Pure. A packet is marked first, held by its mark's queue, and only then dropped or counted: a cut also loses what was on its way.
NFQUEUE comes through iptables, because kernels without nft's own `queue` expression still have the xtables target.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hadr_lab.dataplane.network.impairment import QUEUES
from hadr_lab.dataplane.network.layout import Layout, Pair

TABLE = "inet lab"
LIST = f"list table {TABLE}"
"""Every counter at one moment."""
PORTS = (80, 3306, 8000, 8080)
"""The service ports whose bytes are counted apart: balancers, databases, the app, the web tier."""
DATABASE_PORT = 3306
Flow = tuple[str, str, int]
"""From where to where, and the port of the service that was asked or that answered."""


def tables(layout: Layout) -> str:
    """The table, once, with nothing cut and nothing delayed."""
    counted = ", ".join(_pair(pair) for pair in sorted(layout.every_pair()))
    flows = ", ".join(f"{_pair(pair)} . {port}" for pair in sorted(layout.every_pair()) for port in PORTS)
    hosts = ", ".join(sorted(space.address for space in layout.spaces.values()))
    return f"""table {TABLE} {{
  map marks {{ type ifname . ifname : mark; }}
  set cuts {{ type ifname . ifname; }}
  set traffic {{ type ifname . ifname; counter; elements = {{ {counted} }}; }}
  set asked {{ type ifname . ifname . inet_service; counter; elements = {{ {flows} }}; }}
  set answered {{ type ifname . ifname . inet_service; counter; elements = {{ {flows} }}; }}
  set replicated {{ type ifname . ifname; counter; elements = {{ {counted} }}; }}
  set hosts {{ type ipv4_addr; elements = {{ {hosts} }}; }}
  chain before {{ type filter hook forward priority -20; meta mark set iifname . oifname map @marks; }}
  chain after {{ type filter hook forward priority 10; iifname . oifname @cuts drop; iifname . oifname @traffic; jump flows; }}
  chain flows {{
    ip saddr @hosts tcp dport {DATABASE_PORT} iifname . oifname @replicated return
    ip daddr @hosts tcp sport {DATABASE_PORT} iifname . oifname @replicated return
    iifname . oifname . tcp dport @asked
    iifname . oifname . tcp sport @answered
  }}
}}
"""


def queue_rules() -> str:
    """For iptables-restore: mark n goes to queue n, or straight on when nobody serves the queue."""
    numbers = range(1, QUEUES + 1)
    rules = [f"-A FORWARD -m mark --mark {number} -j NFQUEUE --queue-num {number} --queue-bypass" for number in numbers]
    return "\n".join(("*filter", ":FORWARD ACCEPT", "-A FORWARD -m mark --mark 0 -j RETURN", *rules, "COMMIT", ""))


def cuts(pairs: Iterable[Pair]) -> str:
    """Exactly `pairs` are cut from now on, in one transaction."""
    return f"flush set {TABLE} cuts\n" + _elements("cuts", [_pair(pair) for pair in sorted(pairs)])


def marks(numbers: Mapping[Pair, int]) -> str:
    """Exactly these pairs go through these queues from now on, in one transaction."""
    return f"flush map {TABLE} marks\n" + _elements("marks", [f"{_pair(pair)} : {numbers[pair]}" for pair in sorted(numbers)])


def counted(listing: str) -> Mapping[Pair, int]:
    """Bytes by pair out of nft's JSON answer to LIST."""
    return {(source, target): count for (source, target), count in _counters(listing, "traffic")}


def counted_replication(listing: str) -> Mapping[Pair, int]:
    """Bytes by pair between a database and one that follows it, out of nft's JSON answer to LIST.

    A server that follows asks from the address of its zone's link, a pod from its own. No flow has these bytes, too.
    """
    return {(source, target): count for (source, target), count in _counters(listing, "replicated")}


def counted_flows(listing: str) -> Mapping[Flow, int]:
    """Bytes by pair and port, of requests and of answers, out of nft's JSON answer to LIST."""
    asked, answered = (
        {(source, target, int(port)): count for (source, target, port), count in _counters(listing, name)}
        for name in ("asked", "answered")
    )
    return {flow: asked[flow] + answered[flow] for flow in asked}


def _counters(listing: str, name: str) -> Iterator[tuple[list[Any], int]]:
    """The parts of each element's key in the set `name`, and its bytes."""
    sets = [entry["set"] for entry in json.loads(listing)["nftables"] if entry.get("set", {}).get("name") == name]
    elements = [element["elem"] for found in sets for element in found.get("elem", [])]
    return ((element["val"]["concat"], element["counter"]["bytes"]) for element in elements)


def _elements(name: str, elements: list[str]) -> str:
    return f"add element {TABLE} {name} {{ {', '.join(elements)} }}\n" if elements else ""


def _pair(pair: Pair) -> str:
    return f'"{pair[0]}" . "{pair[1]}"'
