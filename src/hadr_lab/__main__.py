"""The `hadr-lab` command from its first instant: until everything is imported, an interrupt ends it as the kernel would.

Python turns SIGINT into an exception that is lost when it is raised in a callback of the import system; the command would go on.
"""

from __future__ import annotations

import signal


def main() -> None:
    """Import the command line and hand over to it."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # else the shell told us to ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hadr_lab.cli import main as command

    signal.signal(signal.SIGINT, handler)
    command()


if __name__ == "__main__":
    main()
