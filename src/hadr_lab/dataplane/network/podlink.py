"""A pod's link, as the VPC CNI makes it: an address of its own (/32), a link-local gateway with a fixed hardware address, a route.

Works from any process of the lab (the node agents use it); knows nothing of Kubernetes. An address that is detached is silent
again, because the zone's subnet route leads to the void.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address

from hadr_lab.dataplane.network import rtnetlink
from hadr_lab.dataplane.network.netns import leave, make, visit
from hadr_lab.dataplane.network.rtnetlink import LOOPBACK, Kernel
from hadr_lab.errors import LabError

GATEWAY = "169.254.1.1"
_GATEWAY_HARDWARE = "ee:ee:ee:ee:ee:ee"
_ETH0 = "eth0"


async def attach(pod_netns: str, zone_netns: str, address: str) -> None:
    """Make namespace `pod_netns` and connect it to `zone_netns` with `address`. Raises LabError when part of it exists already."""
    try:
        await visit(zone_netns, lambda: _attach(pod_netns, address))
    except OSError as error:
        raise LabError(f"network: {pod_netns} with {address} in {zone_netns}: {error.strerror or error}") from error


async def detach(pod_netns: str, zone_netns: str) -> None:
    """Take the pod off the network at once and drop its namespace, which ends with its last process. Gone already is fine."""
    await visit(zone_netns, lambda: _detach(pod_netns))


def _attach(pod: str, address: str) -> None:
    """Runs in a thread that is in the zone, and ends in the pod's namespace."""
    hardware = _hardware(address)
    with Kernel() as zone:
        descriptor = make(pod)
        try:
            zone.tell(rtnetlink.veth(pod, _GATEWAY_HARDWARE, peer=_ETH0, peer_hardware=hardware, peer_netns=descriptor))
            index = zone.index(pod)
            zone.tell(rtnetlink.up(index), rtnetlink.route(index, to=address), rtnetlink.neighbour(index, address, hardware))
            with Kernel() as inside:
                inside.tell(*_inside(address))
            zone.wait_running(pod)
        except OSError:
            _unlink(zone, pod)
            raise
        finally:
            os.close(descriptor)


def _inside(address: str) -> tuple[rtnetlink.Message, ...]:
    eth0 = rtnetlink.PEER
    return (
        rtnetlink.up(LOOPBACK),
        rtnetlink.up(eth0),
        rtnetlink.add_address(eth0, address),
        rtnetlink.route(eth0, to=GATEWAY),
        rtnetlink.route(eth0, via=GATEWAY),
        rtnetlink.neighbour(eth0, GATEWAY, _GATEWAY_HARDWARE),
    )


def _detach(pod: str) -> None:
    with Kernel() as zone:
        _unlink(zone, pod)


def _unlink(zone: Kernel, pod: str) -> None:
    """The link goes at once; left to the end of the pod's namespace, it would go some time later."""
    if zone.has(pod):
        zone.tell(rtnetlink.delete_link(zone.index(pod)))
    leave(pod)


def _hardware(address: str) -> str:
    """A locally administered hardware address that is different for each address."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *IPv4Address(address).packed))
