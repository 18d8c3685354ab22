"""What a replication ships: trees, differences, whole files, one connection after another."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadr_lab.dataplane.files import sender
from hadr_lab.dataplane.files.receiver import apply, serve
from hadr_lab.dataplane.files.tree import RACY_NS, Entry, difference, now_ns, scan, settled
from hadr_lab.dataplane.files.wire import Broken, receive, send

NAMES = st.sampled_from(["a", "b", "a/x", "a/y", "b/x"])
ENTRIES = st.builds(Entry, st.just("f"), st.just(0o644), st.integers(0, 2), st.integers(0, 2), st.integers(1, 2))
FOLDER = Entry("d", 0o755)


def a_tree(files: dict[str, Entry]) -> dict[str, Entry]:
    """A tree that could exist: what has something below it is a folder."""
    parents = {name.split("/")[0] for name in files if "/" in name}
    return {**{name: entry for name, entry in files.items() if name not in parents}, **dict.fromkeys(parents, FOLDER)}


def applied(there: dict[str, Entry], here: dict[str, Entry]) -> dict[str, Entry]:
    """What the other side has after it did what the difference says."""
    change = difference(here, there)
    left = {p: e for p, e in there.items() if not any(p == gone or p.startswith(gone + "/") for gone in change.remove)}
    for path in change.put:
        parent = path.rpartition("/")[0]
        assert not parent or left[parent].kind == "d", "a folder comes before what is in it"
        left[path] = here[path]
    return left


@given(st.dictionaries(NAMES, ENTRIES), st.dictionaries(NAMES, ENTRIES))
def test_applying_a_difference_gives_the_same_tree(here: dict[str, Entry], there: dict[str, Entry]) -> None:
    """From any tree to any other, files becoming folders and back included; after that nothing is left to do."""
    wanted = a_tree(here)
    result = applied(a_tree(there), wanted)
    assert result == wanted
    assert difference(wanted, result) == ((), ())


def test_a_replaced_file_is_seen_although_size_and_time_are_the_same() -> None:
    """A rename over a file gives another inode."""
    assert difference({"a": Entry("f", 0o644, 3, 9, 2)}, {"a": Entry("f", 0o644, 3, 9, 1)}).put == ("a",)


def test_the_other_sides_inventory_has_no_inodes() -> None:
    """After a new connection only what differs in content is shipped again."""
    assert difference({"a": Entry("f", 0o644, 3, 9, 2)}, {"a": Entry("f", 0o644, 3, 9)}) == ((), ())


def test_a_file_of_this_very_moment_is_shipped_again() -> None:
    """Two writes under one time stamp cannot be told apart, so a young file is not taken for settled."""
    entries = {"old": Entry("f", 0o644, 1, 1000, 1), "young": Entry("f", 0o644, 1, 1000 + RACY_NS, 2), "folder": FOLDER}
    assert set(settled(entries, looked_at=1000 + RACY_NS + 1)) == {"old", "folder"}


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "."])
def test_no_path_leads_out_of_the_file_system(tmp_path: Path, path: str) -> None:
    """A message can only name what is below the destination."""
    with pytest.raises(Broken):
        apply({"put": path, "entry": Entry("f", 0o644)}, b"", tmp_path / "to", tmp_path / "aside")


def linked(tmp_path: Path) -> tuple[Path, Path, socket.socket, threading.Thread]:
    """Two folders, the sender's end of a connection, and the receiver's thread at the other end."""
    source, destination = tmp_path / "from", tmp_path / "to"
    for folder in (source, destination):
        folder.mkdir(exist_ok=True)
    ours, theirs = socket.socketpair()
    reports = os.open(tmp_path / "reports", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def received() -> None:
        with theirs, pytest.raises(Broken):
            serve(theirs, destination, tmp_path / "aside", reports)
        os.close(reports)

    thread = threading.Thread(target=received)
    thread.start()
    return source, destination, ours, thread


def test_a_round_makes_the_destination_the_same_and_reports_its_beginning(tmp_path: Path) -> None:
    """Files, folders, links, modes, emptiness and removals arrive; the report is the time before the look."""
    source, destination = tmp_path / "from", tmp_path / "to"
    (source / "pictures/deep").mkdir(parents=True)
    (source / "pictures/a.png").write_bytes(b"x" * 100_000)
    (source / "empty").touch(mode=0o600)
    (source / "link").symlink_to("pictures/a.png")
    (destination / "stale").mkdir(parents=True)
    (destination / "stale/file").write_text("old")
    _, _, connection, thread = linked(tmp_path)
    with connection:
        inventory, _ = receive(connection)
        there = {path: Entry(*values) for path, values in inventory["entries"].items()}
        before = now_ns()
        sender.one_round(connection, source, there)
    thread.join()
    assert {p: e.seen_there for p, e in scan(source).items()} == {p: e.seen_there for p, e in scan(destination).items()}
    assert (destination / "pictures/a.png").read_bytes() == b"x" * 100_000
    assert before <= int((tmp_path / "reports").read_text()) <= now_ns()


def test_a_connection_that_ends_in_a_file_leaves_nothing_of_it(tmp_path: Path) -> None:
    """Half a file never appears, and the next connection starts from what is really there."""
    _, destination, connection, thread = linked(tmp_path)
    with connection:
        receive(connection)
        half, whole = socket.socketpair()
        with half, whole:
            send(whole, {"put": "a", "entry": Entry("f", 0o644, 4, 0)}, b"data")
            connection.sendall(half.recv(1000)[:-2])
    thread.join()
    assert list(destination.iterdir()) == []


def test_a_message_survives_the_wire() -> None:
    """Header and body come out as they went in, whatever is in the body."""
    one, two = socket.socketpair()
    with one, two:
        send(one, {"put": "ä\n"}, b"\x00" * 10)
        assert receive(two) == ({"put": "ä\n"}, b"\x00" * 10)
        one.close()
        with pytest.raises(Broken):
            receive(two)
