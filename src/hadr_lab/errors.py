"""The lab's error tree. Every message says what, where, and what to do next.

LabError
├── UsageError        the command line or a file the user wrote is wrong            exit 64
├── MissingProgram    an outside program is not there and could not be made         exit 1
├── HostRefused       the machine forbids something the lab needs (user namespaces) exit 1
├── StartFailed       a lab process did not come up within its time                 exit 1
└── ScenarioFailed    a drill could not be carried out to its end                   exit 1
"""


class LabError(Exception):
    """Base of every error the lab raises on purpose; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UsageError(LabError):
    """What the user typed or wrote is wrong; nothing was started."""

    exit_code = 64


class MissingProgram(LabError):
    """An outside program is absent and could not be built or unpacked."""


class HostRefused(LabError):
    """The machine forbids something the lab cannot do without."""


class StartFailed(LabError):
    """A lab process ended early or did not answer within its time."""


class ScenarioFailed(LabError):
    """A drill could not be carried out to its end."""
