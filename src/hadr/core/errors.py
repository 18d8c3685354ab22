"""hadr's error tree. Adapters translate every library error into one of these; a message says what, where and what to do next.

HadrError
├── ConfigError      site.yaml or the command line is wrong                          exit 64
├── UnsafePlan       a guard refuses: carries the refusals by name                   exit 1
├── StepFailed       a step ended without its proof                                  exit 1
├── NoSuchRun        the run asked for is not in the runs folder                     exit 64
├── BrokenJournal    a journal line does not follow from the one before              exit 1
└── CallError        a call to the outside did not do what was asked
    ├── Denied         not allowed: definite, trying again is useless
    ├── Gone           what was named is not there: definite
    ├── Rejected       refused in its present state: definite, may be asked again later
    ├── Throttled      too many calls: definite, may be asked again later
    ├── Unreachable    no connection could be made, nothing was sent: definite
    └── Indefinite     sent, and nobody knows whether it took effect: observe before asking again
"""

from __future__ import annotations


class HadrError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line returns for it."""

    exit_code = 1


class ConfigError(HadrError):
    """What the user wrote is wrong; nothing was done."""

    exit_code = 64


class UnsafePlan(HadrError):
    """Guards refuse the plan. `refusals` holds (guard's name, what was seen) for each."""

    def __init__(self, refusals: tuple[tuple[str, str], ...]) -> None:
        self.refusals = refusals
        lines = "; ".join(f"{name}: {what}" for name, what in refusals)
        flags = " ".join(f"--allow {name}" for name in dict.fromkeys(name for name, _ in refusals))
        super().__init__(f"refused: {lines}. To go on all the same: {flags}")


class StepFailed(HadrError):
    """A step ended without its proof."""


class NoSuchRun(HadrError):
    """The run that was named does not exist."""

    exit_code = 64


class BrokenJournal(HadrError):
    """A journal was altered: a line does not carry the hash of the line before it."""


class CallError(HadrError):
    """A call to the outside failed. The subclass says whether it may have taken effect."""


class Denied(CallError):
    """Not allowed; asking again changes nothing."""


class Gone(CallError):
    """The thing that was named does not exist."""


class Rejected(CallError):
    """Refused because of the present state or the arguments; nothing changed."""


class Throttled(CallError):
    """Refused because of the rate; nothing changed."""


class Unreachable(CallError):
    """No connection could be made; nothing was sent."""


class Indefinite(CallError):
    """The request may have been carried out; only an observation can tell."""
