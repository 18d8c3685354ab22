"""The name server's process: `python -m hadr_lab.dataplane.dns --feed FD --speed S [--port 53] NETNS=ADDRESS ...`.

It opens its sockets in each named network namespace, stays in the one it was started in (the edge, where the health checkers
are), and ends when the lab's side of the feed closes. It answers from the last snapshot it was given and asks nobody.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import socket
import sys
from collections.abc import Sequence

from hadr_lab.dataplane.dns.answers import View
from hadr_lab.dataplane.dns.checkers import Checkers, one_of
from hadr_lab.dataplane.dns.messages import Observed, Serving, Update, packed, received
from hadr_lab.dataplane.dns.server import NameServing, bound
from hadr_lab.dataplane.dns.zones import Observation, Snapshot
from hadr_lab.dataplane.network.netns import inside

REPORT_S = 0.1
HERE = "."
"""In place of a namespace's name: the one this process was started in."""


def bound_in(where: str, address: str, port: int) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP sockets on `address` in namespace `where`."""
    return bound(address, port) if where == HERE else inside(where, lambda: bound(address, port))


async def serve(feed: socket.socket, speed: float, port: int, places: Sequence[tuple[str, str]]) -> None:
    """Serve until the feed ends."""
    reader, writer = await asyncio.open_connection(sock=feed)
    rng = random.Random()
    names = NameServing(View(Snapshot(), rng))
    news: dict[tuple[str, str], Observation] = {}
    checkers = Checkers(
        speed=speed,
        resolve=one_of(lambda host: names.view.addresses(host), rng),
        told=lambda seen: news.__setitem__((seen.check_id, seen.checker), seen),
    )
    for where, address in places:
        await names.listen(where, *bound_in(where, address, port))
    writer.write(packed(Serving()))
    reporting = asyncio.create_task(_report(writer, news))
    try:
        while True:
            message = await received(reader)
            if isinstance(message, Update):
                names.view = View(message.snapshot, rng, checkers.verdicts)
                checkers.set(message.snapshot.checks)
    except (EOFError, OSError):
        return
    finally:
        reporting.cancel()
        checkers.close()
        names.close()
        writer.close()


async def _report(writer: asyncio.StreamWriter, news: dict[tuple[str, str], Observation]) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        if news:
            writer.write(packed(Observed(tuple(news.values()))))
            news.clear()


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m hadr_lab.dataplane.dns")
    parser.add_argument("--feed", type=int, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("places", nargs="+", metavar="NETNS=ADDRESS")
    given = parser.parse_args(argv)
    places = [(where, address) for where, _, address in (place.partition("=") for place in given.places)]
    asyncio.run(serve(socket.socket(fileno=given.feed), given.speed, given.port, places))
    return 0


if __name__ == "__main__":
    sys.exit(main())
