"""The client's eye against real sockets on 127.0.0.1: answers, silence, and the write that removes itself."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.hadr.answering import Answering, served

from hadr.adapters.memory import example_site
from hadr.adapters.probe import ClientProbe
from hadr.core.errors import CallError, Gone, Indefinite, Rejected, Unreachable
from hadr.core.site import ProbeSettings, Site, Traffic
from hadr.core.view import Answer

LATE_S = 0.1


class Service(Answering):
    """A tiny service of hobbies. `mode` breaks it in one way."""

    mode = ""
    rows: dict[str, str]
    hosts: list[str]

    def do_GET(self) -> None:
        self.hosts.append(self.headers["Host"])
        if self.path == "/readyz":
            if self.mode == "late":
                time.sleep(LATE_S)
            if self.mode == "read-only":
                self.send(503, {"reason": "database is read-only"})
            else:
                self.send(200, {"status": "ok"})
            return
        row = self.path.rsplit("/", 1)[-1]
        shown = "someone else's" if self.mode == "forgetful" else self.rows.get(row, "")
        self.send(200 if row in self.rows else 404, {"id": row, "name": shown})

    def do_POST(self) -> None:
        body = self.body()
        if self.mode == "read-only":
            self.send(503, {"reason": "database is read-only"})
            return
        if self.mode == "broken":
            self.send(500, {"detail": "oops"})
            return
        if self.mode == "cut":
            self.close_connection = True
            return
        self.rows["7"] = body["name"]
        self.send(201, {"id": 7, "name": body["name"], "key": self.headers["Idempotency-Key"]})

    def do_DELETE(self) -> None:
        self.rows.pop(self.path.rsplit("/", 1)[-1], None)
        self.send(200, {})


@contextmanager
def serving(mode: str = "") -> Iterator[tuple[ClientProbe, type[Service]]]:
    handler = type("Handler", (Service,), {"mode": mode, "rows": {}, "hosts": []})
    with served(handler) as port:
        yield ClientProbe(a_site(port)), handler


def a_site(port: int) -> Site:
    traffic = Traffic(host="127.0.0.1", hosted_zone="Z1")
    return replace(example_site(), traffic=traffic, probe=ProbeSettings(port=port))


def test_readiness_is_asked_with_the_services_own_name() -> None:
    """A balancer is asked at its own address, but for the service."""
    with serving() as (probe, handler):
        assert probe.ready("localhost") == Answer(status=200)
        assert handler.hosts == ["127.0.0.1"]


def test_a_good_answer_says_what_it_took() -> None:
    """From before its name is resolved to the end of its body, however it is delayed in between."""
    with serving("late") as (probe, _):
        began = time.monotonic()
        answer = probe.ready("localhost")
        assert answer.took is not None
        assert timedelta(seconds=LATE_S) <= answer.took <= timedelta(seconds=time.monotonic() - began)


def test_a_refusal_is_an_answer_with_its_reason() -> None:
    """503 and the words that came with it."""
    with serving("read-only") as (probe, _):
        assert probe.ready("127.0.0.1") == Answer(status=503, detail="database is read-only")


def test_nobody_listening_is_no_answer() -> None:
    """For a client a refused connection is an answer: there is no service."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = ClientProbe(a_site(unused.getsockname()[1])).ready("127.0.0.1")
    assert (answer.status, answer.took) == (None, None)
    assert "no connection (127.0.0.1: " in answer.detail


def test_a_name_without_address_is_gone_and_not_served() -> None:
    """Resolving it raises; asking it is no answer."""
    probe = ClientProbe(a_site(1))
    with pytest.raises(Gone, match=r"nothing\.invalid does not resolve"):
        probe.resolve("nothing.invalid")
    assert probe.ready("nothing.invalid").status is None
    assert probe.resolve("127.0.0.1") == frozenset({"127.0.0.1"})


def test_a_write_is_read_back_and_removed() -> None:
    """Nothing is left of the proof."""
    with serving() as (probe, handler):
        assert probe.write_through(key="hadr-1") == "wrote hadr-1 through 127.0.0.1, read it back and removed it"
        assert handler.rows == {}


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("read-only", Rejected, "POST /hobbies of 127.0.0.1 answered 503 database is read-only"),
        ("broken", Indefinite, "answered 500"),
        ("cut", Indefinite, "POST /hobbies of 127.0.0.1: "),
        ("forgetful", Rejected, "GET /hobbies/7 of 127.0.0.1 does not show what was written"),
    ],
)
def test_a_write_that_is_not_proven_is_told(mode: str, kind: type[CallError], said: str) -> None:
    """A definite refusal, or nobody knows; never a success."""
    with serving(mode) as (probe, _), pytest.raises(kind, match=said):
        probe.write_through(key="hadr-1")


def test_a_write_to_nobody_was_not_sent() -> None:
    """No connection: definite."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            ClientProbe(a_site(unused.getsockname()[1])).write_through(key="hadr-1")
