"""The parent's end of the delaying process: start it in the router, tell it what each queue does, notice its death."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hadr_lab.dataplane.network import delay
from hadr_lab.dataplane.network.impairment import QUEUES, Impairment
from hadr_lab.dataplane.network.layout import ROUTER
from hadr_lab.dataplane.processes import Place, Process, Processes
from hadr_lab.errors import StartFailed

_ANSWER_WITHIN = timedelta(seconds=10)


@dataclass(slots=True, kw_only=True)
class Wan:
    """A running delaying process."""

    process: Process
    control: socket.socket

    async def set(self, queues: Mapping[int, Impairment]) -> None:
        """Make `queues` delay and lose as told, from the next packet on. Raises StartFailed when the process has died."""
        order = {number: [each.delay.total_seconds(), each.loss] for number, each in queues.items()}
        try:
            await asyncio.get_running_loop().sock_sendall(self.control, json.dumps(order).encode())
        except OSError as error:
            raise StartFailed(f"network: the delaying process takes no orders ({error}); see {self.process.log}") from error
        await self.expect(b"ok")

    async def expect(self, answer: bytes) -> None:
        """Wait for `answer`. Raises StartFailed with the end of its log when something else comes, or nothing."""
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_ANSWER_WITHIN.total_seconds()):
                got = await loop.sock_recv(self.control, 64)
        except (TimeoutError, OSError) as error:
            raise StartFailed(f"network: no answer from the delaying process; see {self.process.log}") from error
        if got != answer:
            raise StartFailed(f"network: the delaying process ended; see {self.process.log}\n{self.process.last_words()}")


async def start(processes: Processes) -> Wan:
    """Start the delaying process in the router's namespace; every queue passes packets on at first."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with theirs:
        process = await processes.start(
            "network-delay",
            Path(sys.executable),
            "-I",  # the script needs nothing but the standard library, and starts in a third of the time
            delay.__file__,
            str(theirs.fileno()),
            str(QUEUES),
            netns=ROUTER,
            place=Place(),
            pass_fds=(theirs.fileno(),),
        )
    wan = Wan(process=process, control=ours)
    await wan.expect(b"ready")
    return wan
