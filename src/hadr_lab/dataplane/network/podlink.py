"""A pod's link, as the VPC CNI makes it: an address of its own (/32), a link-local gateway with a fixed hardware address, a route.

Works from any process of the lab (the node agents use it); knows nothing of Kubernetes. An address that is detached is silent
again, because the zone's subnet route leads to the void.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

from hadr_lab.errors import LabError

GATEWAY = "169.254.1.1"
_GATEWAY_HARDWARE = "ee:ee:ee:ee:ee:ee"


async def attach(pod_netns: str, zone_netns: str, address: str) -> None:
    """Make namespace `pod_netns` and connect it to `zone_netns` with `address`. Raises LabError when part of it exists already."""
    hardware = _hardware(address)
    await ip_batch(
        f"netns add {pod_netns}\n"
        f"link add name eth0 netns {pod_netns} address {hardware} type veth"
        f" peer name {pod_netns} netns {zone_netns} address {_GATEWAY_HARDWARE}\n"
    )
    await asyncio.gather(
        ip_batch(
            f"link set {pod_netns} up\n"
            f"route add {address}/32 dev {pod_netns} scope link\n"
            f"neigh add {address} lladdr {hardware} dev {pod_netns} nud permanent\n",
            netns=zone_netns,
        ),
        ip_batch(
            "link set lo up\nlink set eth0 up\n"
            f"addr add {address}/32 dev eth0\n"
            f"route add {GATEWAY} dev eth0 scope link\n"
            f"route add default via {GATEWAY} dev eth0\n"
            f"neigh add {GATEWAY} lladdr {_GATEWAY_HARDWARE} dev eth0 nud permanent\n",
            netns=pod_netns,
        ),
    )


async def detach(pod_netns: str, zone_netns: str) -> None:
    """Take the pod off the network at once and drop its namespace, which ends with its last process. Gone already is fine."""
    await ip_batch(f"link del {pod_netns}\n", netns=zone_netns, strict=False)
    await ip_batch(f"netns del {pod_netns}\n", strict=False)


async def ip_batch(batch: str, *, netns: str = "", strict: bool = True) -> None:
    """Carry out `batch` with one `ip`, in `netns` if named. Raises LabError with ip's words, or goes on if not `strict`."""
    where = ("-n", netns) if netns else ()
    force = () if strict else ("-force",)
    child = await asyncio.create_subprocess_exec(
        "ip",
        *where,
        *force,
        "-batch",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate(batch.encode())
    if child.returncode and strict:
        raise LabError(f"network: ip in {netns or 'the lab'}: {said.decode(errors='replace').strip()}")


def _hardware(address: str) -> str:
    """A locally administered hardware address that is different for each address."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *IPv4Address(address).packed))
