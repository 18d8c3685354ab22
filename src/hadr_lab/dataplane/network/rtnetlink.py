"""The part of rtnetlink that changes while a lab runs: addresses, pod links, their routes and neighbours, without starting `ip`.

Starting a program costs 10 to 40 ms on a busy machine, and a failover attaches dozens of pods; a message costs microseconds. A
`Kernel` speaks for the namespace of the thread that makes it, wherever it is used afterwards. Message formats only, no policy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import TracebackType
from typing import Self

# linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h
_NEWLINK, _DELLINK, _GETLINK, _NEWADDR, _DELADDR, _NEWROUTE, _NEWNEIGH = 16, 17, 18, 20, 21, 24, 28
_REQUEST, _ACK, _REPLACE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
_ERROR = 2
_HEADER, _ATTRIBUTE, _LINK = struct.Struct("=IHHII"), struct.Struct("=HH"), struct.Struct("=BxHiII")
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_QDISC, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 6, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_NDA_DST, _NDA_LLADDR = 1, 2
_TABLE_MAIN, _PROTO_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 254, 3, 0, 253, 1
_NUD_PERMANENT = 0x80
_UP = 1
_SIOCGIFINDEX = 0x8933
_RUNNING_WITHIN_S = 5.0

LOOPBACK = 1
PEER = 2

Message = tuple[int, int, bytes]


def _attribute(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def _hardware(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


def _address(address: str) -> bytes:
    return IPv4Address(address).packed


def veth(name: str, hardware: str, *, peer: str, peer_hardware: str, peer_netns: int) -> Message:
    """A veth pair: `name` here, and `peer` with interface number PEER in the namespace of descriptor `peer_netns`."""
    other = (
        _LINK.pack(socket.AF_UNSPEC, 0, PEER, 0, 0)
        + _attribute(_IFLA_IFNAME, peer.encode() + b"\0")
        + _attribute(_IFLA_ADDRESS, _hardware(peer_hardware))
        + _attribute(_IFLA_NET_NS_FD, struct.pack("=i", peer_netns))
    )
    kind = _attribute(_INFO_KIND, b"veth") + _attribute(_INFO_DATA, _attribute(_VETH_PEER, other))
    body = (
        _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        + _attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + _attribute(_IFLA_ADDRESS, _hardware(hardware))
        + _attribute(_IFLA_LINKINFO, kind)
    )
    return _NEWLINK, _CREATE | _EXCLUSIVE, body


def up(index: int) -> Message:
    """Bring an interface up."""
    return _NEWLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, _UP, _UP)


def delete_link(index: int) -> Message:
    """Remove an interface, and its peer with it."""
    return _DELLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)


def add_address(index: int, address: str) -> Message:
    """Give an interface a /32; again changes nothing."""
    return _NEWADDR, _CREATE | _REPLACE, _host_address(index, address)


def delete_address(index: int, address: str) -> Message:
    """Take it away."""
    return _DELADDR, 0, _host_address(index, address)


def _host_address(index: int, address: str) -> bytes:
    head = struct.pack("=BBBBI", socket.AF_INET, 32, 0, _SCOPE_UNIVERSE, index)
    return head + _attribute(_IFA_LOCAL, _address(address)) + _attribute(_IFA_ADDRESS, _address(address))


def route(index: int, *, to: str = "", via: str = "") -> Message:
    """A route through an interface: to one address (or everything), directly or via a gateway."""
    scope = _SCOPE_UNIVERSE if via else _SCOPE_LINK
    length = 32 if to else 0
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, length, 0, 0, _TABLE_MAIN, _PROTO_BOOT, scope, _UNICAST, 0)
    body += _attribute(_RTA_DST, _address(to)) if to else b""
    body += _attribute(_RTA_GATEWAY, _address(via)) if via else b""
    return _NEWROUTE, _CREATE | _EXCLUSIVE, body + _attribute(_RTA_OIF, struct.pack("=i", index))


def neighbour(index: int, address: str, hardware: str) -> Message:
    """A permanent neighbour, so that nobody has to ask for it."""
    head = struct.pack("=BBHiHBB", socket.AF_INET, 0, 0, index, _NUD_PERMANENT, 0, 0)
    body = head + _attribute(_NDA_DST, _address(address)) + _attribute(_NDA_LLADDR, _hardware(hardware))
    return _NEWNEIGH, _CREATE | _REPLACE, body


@dataclass(slots=True)
class Kernel:
    """A conversation with the kernel about one network namespace."""

    held: socket.socket = field(
        default_factory=lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.held.close()

    def tell(self, *messages: Message) -> None:
        """Carry out `messages` in order, up to the first that is refused. Raises OSError for that one."""
        for number, (kind, flags, body) in enumerate(messages, start=1):
            self.held.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | _ACK | flags, number, 0) + body)
            answer = self.held.recv(4096)
            code = struct.unpack_from("=i", answer, _HEADER.size)[0] if answer[4:6] == struct.pack("=H", _ERROR) else -errno.EPROTO
            if code:
                raise OSError(-code, f"{os.strerror(-code)} (message {number} of kind {kind})")

    def index(self, name: str) -> int:
        """The number of interface `name`. Raises OSError when there is none."""
        return int(
            struct.unpack_from("i", fcntl.ioctl(self.held.fileno(), _SIOCGIFINDEX, struct.pack("16s24x", name.encode())), 16)[0]
        )

    def has(self, name: str) -> bool:
        """Whether there is an interface `name`."""
        try:
            self.index(name)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise
        return True

    def wait_running(self, name: str) -> None:
        """Return when interface `name` really sends. Raises OSError when it does not within 5 s.

        The end of a veth pair that was brought up first drops packets (its queueing discipline is still `noop`) until a kernel
        worker has noticed the other end, and a lost first packet costs TCP a whole second. Its flags say `running` before that.
        """
        index = self.index(name)
        deadline = time.monotonic() + _RUNNING_WITHIN_S
        while self._discipline(index) == b"noop":
            if time.monotonic() > deadline:
                raise OSError(errno.ETIMEDOUT, f"{name} does not come up")
            time.sleep(0.001)
        self.tell(up(index))  # changes nothing, but waits for a worker that is still at it

    def _discipline(self, index: int) -> bytes:
        """The name of the queueing discipline of an interface."""
        body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
        self.held.send(_HEADER.pack(_HEADER.size + len(body), _GETLINK, _REQUEST, 0, 0) + body)
        answer = self.held.recv(1 << 16)
        at = _HEADER.size + _LINK.size
        while at + _ATTRIBUTE.size <= len(answer):
            length, kind = _ATTRIBUTE.unpack_from(answer, at)
            if kind == _IFLA_QDISC:
                return answer[at + _ATTRIBUTE.size : at + length - 1]
            at += (length + 3) & ~3 or len(answer)
        raise OSError(errno.EPROTO, f"interface {index} has no queueing discipline")


def wait_running(*names: str) -> None:
    """Return when the interfaces of this thread's namespace really send."""
    with Kernel() as kernel:
        for name in names:
            kernel.wait_running(name)


def tell(*messages: Message) -> None:
    """Carry out `messages` in the namespace of this thread."""
    with Kernel() as kernel:
        kernel.tell(*messages)
