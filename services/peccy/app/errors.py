"""What can go wrong, as the service says it.

Adapters turn every error of a driver or of the operating system into one of these; nothing else may leave them. The API turns
`Unavailable` into 503 with the reason and the others into 4xx, so a broken dependency is never a 500.

PeccyError
├── ConfigError    an environment variable is wrong; nothing was started      exit 64
├── Unavailable    the database or the file store cannot do this now          503
│   └── Away       nothing answers there, as while the database moves         503, after some patience
│       └── ReadOnly   it answers, and takes no writes                        503, after some patience
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


class Away(Unavailable):
    """Nothing answered, or the connection broke: what is seen while the database moves, so asking again may help.

    `perhaps`: the statement may have been carried out all the same.
    """

    def __init__(self, part: str, why: str, *, perhaps: bool = False) -> None:
        """Keep what is known of the statement."""
        super().__init__(part, why)
        self.perhaps = perhaps


class ReadOnly(Away):
    """It answers and takes no writes: no writer (yet, or any more). Nothing was changed."""


class Conflict(PeccyError):
    """The idempotency key was used before with other content."""


class Duplicate(PeccyError):
    """The row would have broken a unique key."""


class NoTable(PeccyError):
    """The table is not there (yet)."""
