"""`python -m hadr_lab.aws`: the emulated AWS API on 127.0.0.1, without a data plane, until it is ended.

The first line of stdout is the URL to give as AWS_ENDPOINT_URL, written when it answers; everything else goes to stderr. Any access
key will do. It listens on no other address. With --save, what calls have made is kept in that file when it ends; with --load
it starts from such a file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
from pathlib import Path

from hadr_lab.aws.alone import Alone
from hadr_lab.aws.saved import restore, saved


def main() -> None:
    """Serve until INT or TERM."""
    parser = argparse.ArgumentParser(prog="python -m hadr_lab.aws", description="The lab's AWS API without a data plane.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; without it a free one")
    parser.add_argument("--save", type=Path, help="write all state into this file at the end")
    parser.add_argument("--load", type=Path, help="start with the state of this file, which --save wrote")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_serve(asked.port, asked.load, asked.save))


async def _serve(port: int, load: Path | None, save: Path | None) -> None:
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    aws = Alone()
    if load:
        restore(load.read_bytes(), aws.state, aws.route53)
    serving = asyncio.create_task(aws.serve(listening))
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, serving.cancel)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    try:
        await serving
    finally:
        if save:
            save.write_bytes(saved(aws.state, aws.route53))


if __name__ == "__main__":
    main()
