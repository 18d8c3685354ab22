"""Arithmetic with MariaDB's global transaction ids (domain-server-sequence). Pure.

Data is written in domain 0. Heartbeats are written in a domain of their own for each server, named after its server id: a heartbeat
that was written after the link broke must not make the old writer look as if it held lost data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

DATA_DOMAIN = 0


class Gtid(NamedTuple):
    """One global transaction id."""

    domain: int
    server: int
    sequence: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `domain-server-sequence`."""
        domain, server, sequence = text.strip().split("-")
        return cls(int(domain), int(server), int(sequence))

    def __str__(self) -> str:
        """The form MariaDB writes."""
        return f"{self.domain}-{self.server}-{self.sequence}"


def parse(text: str) -> tuple[Gtid, ...]:
    """Read a position or a binlog state: ids separated by commas; empty text is an empty position."""
    return tuple(Gtid.parse(part) for part in text.split(",") if part.strip())


def written(gtids: Iterable[Gtid]) -> str:
    """The text MariaDB reads."""
    return ",".join(map(str, gtids))


def errant(*, own_state: str, writer_state: str) -> tuple[str, ...]:
    """The data transactions that a server has and its writer never had, oldest first, from both servers' binlog states.

    A state has the newest sequence of each server in each domain. After a promotion the old writer is alone in writing what the
    new one lacks, so what it lacks is everything after the newest one that it has of the same server.
    """
    known: Mapping[int, int] = {g.server: g.sequence for g in parse(writer_state) if g.domain == DATA_DOMAIN}
    return tuple(
        str(Gtid(DATA_DOMAIN, own.server, sequence))
        for own in parse(own_state)
        if own.domain == DATA_DOMAIN
        for sequence in range(max(known.get(own.server, 0), _before(own, own_state)) + 1, own.sequence + 1)
    )


def _before(own: Gtid, state: str) -> int:
    """The newest sequence that another server wrote before `own`'s: in one domain, sequences never go back."""
    return max((g.sequence for g in parse(state) if g.domain == own.domain and g.sequence < own.sequence), default=0)


def rejoin(*, own: str, server: int, writer: str) -> str:
    """The position from which a server without errant transactions follows `writer`.

    That is its own position, but in its own heartbeat domain what the writer has of it: the rest is lost and nobody's loss.
    """
    kept = [g for g in parse(own) if g.domain != server]
    return written([*kept, *(g for g in parse(writer) if g.domain == server)])
