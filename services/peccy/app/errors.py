"""What can go wrong, as the service says it.

Adapters turn every error of a driver or of the operating system into one of these; nothing else may leave them. The API turns
`Unavailable` into 503 with the reason and the others into 4xx, so a broken dependency is never a 500.

PeccyError
├── ConfigError    an environment variable is wrong; nothing was started      exit 64
├── Unavailable    the database or the file store cannot do this now          503
├── Conflict       an idempotency key was used before for something else      409
├── Duplicate      a unique key exists already (between adapter and table)
└── NoTable        the schema was not made yet (between adapter and table)
"""


class PeccyError(Exception):
    """Base of every error the service raises on purpose."""


class ConfigError(PeccyError):
    """An environment variable has a value that the service cannot work with."""


class Unavailable(PeccyError):
    """`part` (database or files) cannot do what was asked; `why` says what was seen."""

    def __init__(self, part: str, why: str) -> None:
        """Keep both halves; the text of the error is what a client reads."""
        super().__init__(f"{part}: {why}")
        self.part = part
        self.why = why


class Conflict(PeccyError):
    """The idempotency key was used before with other content."""


class Duplicate(PeccyError):
    """The row would have broken a unique key."""


class NoTable(PeccyError):
    """The table is not there (yet)."""
