"""`python -m hadr_lab.load --out DIR --host NAME …`: run one load; `history.jsonl` and `load.json` appear in DIR.

SIGTERM and SIGINT stop the offering; what is in flight ends within its timeout, and the history is complete all the same.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import uvloop

from hadr_lab.errors import LabError
from hadr_lab.history import HISTORY, EpochClock, HistoryWriter, write_summary
from hadr_lab.load.generator import Generator
from hadr_lab.load.spec import LoadSpec, parse


async def run(spec: LoadSpec) -> None:
    """Run the load to its end and write both files."""
    history = HistoryWriter(spec.out / HISTORY)
    generator = Generator(spec, history, EpochClock())
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, generator.stop)
    gc.freeze()  # a full collection over the imported modules costs 10 ms of scheduling lag
    try:
        summary = await generator.run()
    finally:
        history.close()
    write_summary(spec.out, summary)


def main() -> int:
    """Command line entry; errors of the user's or of the machine's are one line."""
    try:
        uvloop.run(run(parse(sys.argv[1:])))
    except (LabError, OSError) as error:
        sys.stderr.write(f"load: {error}\n")
        return error.exit_code if isinstance(error, LabError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
