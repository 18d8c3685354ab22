"""What `ip -batch` is told to build the network: pure text, one batch a namespace.

Each namespace swallows what it routes to `void`: one end of a veth pair without ARP, whose other end takes no frame that is not
addressed to it. So an address nobody uses is silent, as in a VPC, also for a sender in the same namespace, where a blackhole
route would fail at once with EINVAL.
"""

from __future__ import annotations

from collections.abc import Iterable

from hadr_lab.dataplane.network.layout import ROUTER, UPLINK, VOID, Layout, Space

_VOID_END = "void-end"


def namespaces(layout: Layout) -> str:
    """The namespaces themselves. Interfaces come after the settings that new ones inherit."""
    return _lines(f"netns add {name}" for name in (ROUTER, *layout.spaces))


def links(layout: Layout) -> str:
    """The links to the router and the voids."""
    return _lines(
        line
        for name in layout.spaces
        for line in (
            f"link add name {UPLINK} netns {name} type veth peer name {name} netns {ROUTER}",
            f"link add name {VOID} netns {name} type veth peer name {_VOID_END} netns {name}",
        )
    )


def router(layout: Layout) -> str:
    """The router's ends and its routes. What nobody has is dropped without an answer."""
    lines = ["link set lo up", "route add blackhole default"]
    for space in layout.spaces.values():
        lines += [f"addr add {space.gateway}/30 dev {space.name}", f"link set {space.name} up"]
        if space.block:
            lines.append(f"route add {space.block} via {space.address}")
    return _lines(lines)


def space(space: Space) -> str:
    """One namespace: its link, its default route, its void."""
    lines = [
        "link set lo up",
        f"addr add {space.address}/30 dev {UPLINK}",
        f"link set {UPLINK} up",
        f"route add default via {space.gateway}",
        f"link set {VOID} arp off up",
        f"link set {_VOID_END} arp off up",
    ]
    if space.block:
        lines.append(f"route add {space.block} dev {VOID}")
    return _lines(lines)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
