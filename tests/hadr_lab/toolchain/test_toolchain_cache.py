"""Things made once: whole or not at all, by whoever comes first."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.hadr_lab.toolchain.toolchain_machine import quiet, said

from hadr_lab.errors import LabError, MissingProgram
from hadr_lab.toolchain import cache


def test_a_thing_is_made_once_and_found_afterwards(tmp_path: Path) -> None:
    """The second caller gets what the first one made, without making it."""
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "thing").write_text("x")

    for _ in range(2):
        assert (cache.made_once(tmp_path / "a" / "b", make, quiet()) / "thing").read_text() == "x"
    assert len(made) == 1


def test_a_thing_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    """A build that fails half way leaves no folder that the next one could take for complete."""

    def half(folder: Path) -> None:
        (folder / "half").write_text("x")
        assert not (tmp_path / "thing").exists()
        raise MissingProgram("half way")

    with pytest.raises(MissingProgram, match="half way"):
        cache.made_once(tmp_path / "thing", half, quiet())
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]


def test_the_rests_of_a_killed_build_are_cleared_away(tmp_path: Path) -> None:
    """What a killed process left behind goes when the next one builds; it is never used."""
    (tmp_path / ".thing.killed").mkdir()
    (tmp_path / ".thing.killed" / "half").write_text("x")
    made = cache.made_once(tmp_path / "thing", lambda folder: None, quiet())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thing", "thing.lock"]
    assert list(made.iterdir()) == []


def test_two_that_start_at_once_share_one_build(tmp_path: Path) -> None:
    """While one builds the other waits, and then uses what was built."""
    building, go_on = threading.Event(), threading.Event()
    made: list[str] = []

    def slow(_folder: Path) -> None:
        made.append(threading.current_thread().name)
        building.set()
        assert go_on.wait(10)

    threads = [threading.Thread(target=cache.made_once, args=(tmp_path / "thing", slow, quiet())) for _ in range(2)]
    threads[0].start()
    assert building.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    assert threads[1].is_alive()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    """A home that is read-only is one clear line with the way out."""
    tmp_path.chmod(0o500)
    with pytest.raises(LabError, match="set XDG_CACHE_HOME"):
        cache.made_once(tmp_path / "deep" / "thing", lambda folder: None, quiet())


def test_the_cache_is_where_the_desktop_convention_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME wins over ~/.cache; an empty one does not count."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache.folder() == tmp_path / "elsewhere" / "hadr-lab"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache.folder() == tmp_path / ".cache" / "hadr-lab"
    assert said(quiet()) == ""
