"""The emulated AWS as a process: what is told when it cannot start or save, and that it ends with whoever needed it."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.emulated import an_emulator

from hadr_lab.emulator import emulator
from hadr_lab.errors import LabError, StartFailed


def test_one_that_cannot_start_is_quoted(tmp_path: Path) -> None:
    """There is no state to start with."""
    with pytest.raises(StartFailed, match=r"did not start: (.|\n)*nowhere"), an_emulator(tmp_path, load=tmp_path / "nowhere"):
        raise AssertionError("it gave an address")


def test_one_that_cannot_save_is_quoted_after_the_block(tmp_path: Path) -> None:
    """The folder to save in is not there."""
    nowhere = tmp_path / "nowhere" / "aws.state"
    with pytest.raises(LabError, match=r"did not end well \(exit 1\): (.|\n)*nowhere"), an_emulator(tmp_path, save=nowhere) as aws:
        assert aws.client("s3").list_buckets()["Buckets"] == []


def test_it_ends_with_a_block_that_fails(tmp_path: Path) -> None:
    """Somebody listens in the block, and nobody after it; the block's own error is what is raised."""
    with suppress(ZeroDivisionError), emulator(log=tmp_path / "aws.log") as url:
        _connect(url)
        raise ZeroDivisionError
    with pytest.raises(ConnectionRefusedError):
        _connect(url)


def _connect(url: str) -> None:
    parts = urlsplit(url)
    socket.create_connection((parts.hostname, parts.port), timeout=5).close()
