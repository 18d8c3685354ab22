"""The process that holds packets back: one NFQUEUE a kind of impairment, each packet released after its delay or dropped by chance.

It stands in for netem, which many kernels lack. It sees only packet numbers, never contents, decides nothing about who is delayed,
and holds every packet of a queue for the same time, so packets stay in order. It ends when its control socket closes. Should it
die, the rules let packets pass without delay (`--queue-bypass`); the network's `watch` then reports it.
"""

from __future__ import annotations

import json
import random
import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

# linux/netfilter/nfnetlink.h and nfnetlink_queue.h
_NETLINK_NETFILTER = 12
_SUBSYSTEM = 3
_PACKET, _VERDICT, _CONFIG, _VERDICT_BATCH = 0, 1, 2, 3
_PACKET_HEADER, _VERDICT_HEADER = 1, 2
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_CMD_BIND = 1
_COPY_META = 1
_FAIL_OPEN, _GSO = 1, 4
_DROP, _ACCEPT = 0, 1
_SOL_NETLINK, _NO_ENOBUFS = 270, 5
_REQUEST, _ACK = 1, 4
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")

LONGEST_QUEUE = 32768
_AT_ONCE = 256
_SHORTEST_SLEEP = 0.0001


def _attribute(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def message(kind: int, queue: int, *attributes: bytes, flags: int = _REQUEST) -> bytes:
    """One nfnetlink_queue message to the kernel."""
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, queue) + b"".join(attributes)
    return _HEADER.pack(_HEADER.size + len(body), (_SUBSYSTEM << 8) | kind, flags, 0, 0) + body


def packet_numbers(received: bytes) -> Iterator[int]:
    """The numbers of the packets announced in one read from the kernel."""
    at = 0
    while at + _HEADER.size <= len(received):
        length, kind, *_ = _HEADER.unpack_from(received, at)
        if kind == (_SUBSYSTEM << 8) | _PACKET:
            yield from _number_in(received, at + _HEADER.size + 4, at + length)
        at += (length + 3) & ~3


def _number_in(received: bytes, at: int, end: int) -> Iterator[int]:
    while at + _ATTRIBUTE.size <= end:
        length, kind = _ATTRIBUTE.unpack_from(received, at)
        if kind & 0x7FFF == _PACKET_HEADER:
            yield struct.unpack_from("!I", received, at + _ATTRIBUTE.size)[0]
            return
        at += (length + 3) & ~3


@dataclass(slots=True)
class Queue:
    """One kernel queue. `held` are (moment of release, packet number), oldest first."""

    number: int
    kernel: socket.socket
    delay: float = 0.0
    loss: float = 0.0
    held: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, now: float, chance: random.Random) -> None:
        """Take in what the kernel has for us; a packet that is to be lost is dropped at once."""
        for _ in range(_AT_ONCE):
            try:
                received = self.kernel.recv(65536)
            except BlockingIOError:
                return
            for packet in packet_numbers(received):
                if self.loss and chance.random() < self.loss:
                    self._verdict(_VERDICT, _DROP, packet)
                else:
                    self.held.append((now + self.delay, packet))

    def release(self, now: float) -> float | None:
        """Let go every packet whose time has come, with one message; the seconds until the next, if there is one."""
        last = None
        while self.held and self.held[0][0] <= now:
            last = self.held.popleft()[1]
        if last is not None:
            self._verdict(_VERDICT_BATCH, _ACCEPT, last)
        return self.held[0][0] - now if self.held else None

    def _verdict(self, kind: int, verdict: int, packet: int) -> None:
        self.kernel.send(message(kind, self.number, _attribute(_VERDICT_HEADER, struct.pack("!II", verdict, packet))))


def open_queue(number: int) -> Queue:
    """Bind kernel queue `number` of this network namespace. Raises OSError when somebody else has it or we may not."""
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    kernel.bind((0, 0))
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    kernel.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
    switches = struct.pack("!I", _FAIL_OPEN | _GSO)
    for attributes in (
        _attribute(_CFG_CMD, struct.pack("!BBH", _CMD_BIND, 0, socket.AF_INET)),
        _attribute(_CFG_PARAMS, struct.pack("!IB", 0, _COPY_META)),
        _attribute(_CFG_MAXLEN, struct.pack("!I", LONGEST_QUEUE)),
        _attribute(_CFG_FLAGS, switches) + _attribute(_CFG_MASK, switches),
    ):
        kernel.send(message(_CONFIG, number, attributes, flags=_REQUEST | _ACK))
        _acknowledged(kernel.recv(4096), number)
    kernel.setblocking(False)
    return Queue(number=number, kernel=kernel)


def _acknowledged(answer: bytes, number: int) -> None:
    _, kind, *_ = _HEADER.unpack_from(answer)
    code = struct.unpack_from("=i", answer, _HEADER.size)[0] if kind == _ERROR else 0
    if code:
        raise OSError(-code, f"the kernel refused packet queue {number}")


def serve(control: socket.socket, queues: dict[int, Queue], chance: random.Random) -> None:
    """Delay until `control` closes. A message on it is JSON, queue number to [seconds, loss]; each is answered with `ok`."""
    sleep: float | None = None
    by_descriptor = {queue.kernel.fileno(): queue for queue in queues.values()}
    watched = [control.fileno(), *by_descriptor]
    while True:
        # select and not epoll: its timeout is not rounded to milliseconds
        ready, _, _ = select.select(watched, [], [], sleep)
        now = time.monotonic()
        for descriptor in ready:
            if descriptor in by_descriptor:
                by_descriptor[descriptor].take(now, chance)
            elif not _obey(control, queues):
                return
        pending = [left for queue in queues.values() if (left := queue.release(now)) is not None]
        sleep = max(min(pending), _SHORTEST_SLEEP) if pending else None


def _obey(control: socket.socket, queues: dict[int, Queue]) -> bool:
    order = control.recv(65536)
    if not order:
        return False
    for number, (delay, loss) in json.loads(order).items():
        queues[int(number)].delay, queues[int(number)].loss = float(delay), float(loss)
    control.send(b"ok")
    return True


def main(arguments: list[str]) -> None:
    """Arguments CONTROL_FD QUEUES: serve queues 1 to QUEUES of this network namespace."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(arguments[0]))
    queues = {number: open_queue(number) for number in range(1, int(arguments[1]) + 1)}
    control.send(b"ready")
    serve(control, queues, random.Random())


if __name__ == "__main__":
    main(sys.argv[1:])
