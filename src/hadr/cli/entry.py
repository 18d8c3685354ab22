"""From the process to a verb and back: exit codes 0 yes, 1 no, 2 unknown, 64 usage, and one line for everything that goes wrong."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from typer.exceptions import Abort, TyperException

from hadr import bootstrap
from hadr.cli.context import Context
from hadr.cli.verbs import app
from hadr.core.errors import HadrError
from hadr.core.site import Site
from hadr.ports import Ports, Runs

USAGE = 64
WIDTH_WITHOUT_TERMINAL = 120


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(
    arguments: Sequence[str],
    *,
    wire: Callable[[Site], Ports] = bootstrap.aws_ports,
    runs_at: Callable[[Path], Runs] = bootstrap.folder_runs,
    out: Console | None = None,
    err: Console | None = None,
) -> int:
    """Carry out one command line; returns its exit code. The ports and consoles are replaced by tests."""
    context = Context(
        wire=wire,
        runs_at=runs_at,
        out=out or _console(sys.stdout.isatty()),
        err=err or _console(sys.stderr.isatty(), stderr=True),
    )
    logging.getLogger("hadr").addHandler(logging.NullHandler())  # else Python prints warnings of its own accord
    try:
        code = app(list(arguments), prog_name="hadr", standalone_mode=False, obj=context)
    except TyperException as error:
        return _usage(context, error)
    except HadrError as error:
        context.complain(str(error))
        return error.exit_code
    except (Abort, KeyboardInterrupt):
        context.complain("interrupted; what was asked for goes on by itself. `hadr status` shows where it is")
        return 1
    except BrokenPipeError:
        return 1
    except Exception as error:  # the outermost function: one line, and the details in the log
        logging.getLogger("hadr").debug("unforeseen", exc_info=True)
        context.complain(f"a mistake in hadr: {type(error).__name__}: {error}. HADR_LOG=debug shows where")
        return 1
    return code if isinstance(code, int) else 0


def _console(terminal: bool, *, stderr: bool = False) -> Console:
    width = None if terminal else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False, markup=False)


def _usage(context: Context, error: TyperException) -> int:
    message = error.format_message()
    if message:
        context.complain(f"{message} `hadr --help` lists what there is")
    return USAGE
