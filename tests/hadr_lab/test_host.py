"""What the machine must allow: refusals explain themselves, and what is allowed is tried and not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadr_lab import host
from hadr_lab.errors import HostRefused


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
        ("kernel/unprivileged_userns_clone", "1", "in a container"),
    ],
)
def test_refused_namespaces_are_explained_by_the_setting_that_forbids_them(setting: str, value: str, advice: str) -> None:
    """Each known way of forbidding has its own remedy; when none forbids, a container's filter is the likely cause."""
    settings = {"user/max_user_namespaces": "63000", "kernel/apparmor_restrict_unprivileged_userns": "0", setting: value}
    assert advice in host.remedy(settings)


@pytest.mark.parametrize(("free", "ok"), [(2.9, False), (3.0, True), (24.0, True)])
def test_memory_is_enough_from_what_two_regions_take(free: float, ok: bool) -> None:
    """Too little says how much a lab takes."""
    row = host.memory(int(free * host.GIB))
    assert row.ok is ok
    assert ("takes 3 GiB" in row.text) is not ok


def test_a_missing_tool_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks iproute2 or util-linux learns both the program and the package, before anything is started."""
    for name in ("ip", "mount"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.tools().text == "unshare, nsenter, setpriv not on PATH; install util-linux"
    with pytest.raises(HostRefused, match=r"^tools: unshare, nsenter, setpriv not on PATH") as refused:
        host.check()
    assert refused.value.exit_code == 1


def test_refused_namespaces_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's own word and the remedy, in one line, whatever else the command printed."""
    for name in host.NEEDED:
        (tmp_path / name).write_text("#!/bin/sh\necho noise >&2\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(HostRefused, match=r"^user namespaces: unshare failed: Operation not permitted; ") as refused:
        host.check()
    assert "\n" not in str(refused.value)
    assert [row.name for row in host.doctor() if not row.ok] == ["user namespaces"]


def test_space_is_looked_for_where_the_cache_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder that does not exist yet is judged by its nearest parent, and by what has still to be built."""
    monkeypatch.setenv("HADR_LAB_PROGRAMS", str(tmp_path))
    row = host.space(tmp_path / "not" / "yet")
    assert str(tmp_path) in row.text
    assert row.ok


@pytest.mark.lab
def test_this_machine_passes_every_check() -> None:
    """Where the lab's tests run the doctor has nothing to say, and it has tried the router's rules."""
    host.check()
    rows = host.doctor()
    assert [row for row in rows if not row.ok] == []
    assert {"kernel", "tools", "user namespaces", "memory", "disk"} < {row.name for row in rows}
