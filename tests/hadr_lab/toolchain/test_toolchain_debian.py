"""Programs of the distribution: the machine's own when they will do, else unpacked from packages."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.hadr_lab.toolchain.toolchain_machine import a_program, quiet

from hadr_lab.errors import MissingProgram
from hadr_lab.toolchain import database, debian, ready
from hadr_lab.toolchain.apt import Apt

DATABASE, HAPROXY, IPTABLES = (wanted for wanted in debian.WANTED if wanted.name in ("mariadbd", "haproxy", "iptables"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has the programs of one folder first."""
    monkeypatch.delenv(ready.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


@pytest.mark.parametrize(
    ("printed", "taken"),
    [
        ("HAProxy version 2.4.0-1 2021/05/14", True),
        ("HAProxy version 2.3.9", False),
        ("HAProxy version 10.0.1", True),
        ("?", False),
    ],
)
def test_a_program_of_the_machine_is_taken_when_it_is_new_enough(machine: Path, printed: str, taken: bool) -> None:
    """Versions compare as numbers; a program that does not say its version is not trusted."""
    path = a_program(machine, "haproxy", f"echo '{printed}'")
    found = debian.on_machine(HAPROXY)
    assert [program.path for program in found.values()] == ([path] if taken else [])


def test_iptables_that_does_not_speak_nftables_is_not_taken(machine: Path) -> None:
    """The legacy back end needs kernel modules that an unprivileged user cannot load."""
    a_program(machine, "iptables-restore")
    a_program(machine, "iptables", "echo 'iptables v1.8.9 (legacy)'")
    assert debian.on_machine(IPTABLES) == {}
    a_program(machine, "iptables", "echo 'iptables v1.8.9 (nf_tables)'")
    assert set(debian.on_machine(IPTABLES)) == {"iptables", "iptables-restore"}


def test_a_server_without_its_tools_is_not_taken(machine: Path) -> None:
    """A MariaDB that cannot make a data directory, or be dumped, is no use to the lab."""
    a_program(machine, "mariadbd", "echo 'mariadbd  Ver 10.11.6-MariaDB'")
    assert debian.on_machine(DATABASE) == {}
    for name in DATABASE.siblings:
        a_program(machine, name)
    assert set(debian.on_machine(DATABASE)) == {"mariadbd", *DATABASE.siblings}


def test_the_folder_of_ready_programs_comes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a folder of programs gets those."""
    a_program(machine, "haproxy")
    ours = a_program(machine.parent / "ready" / "bin", "haproxy")
    monkeypatch.setenv(ready.VARIABLE, str(machine.parent / "ready"))
    assert ready.find("haproxy") == ours


def test_a_prefix_gives_its_programs_the_libraries_they_need(tmp_path: Path) -> None:
    """Both library folders of a release are searched, and iptables finds its extensions."""
    for folder in ("usr/lib/x86_64-linux-gnu/xtables", "lib/x86_64-linux-gnu", "usr/lib/mysql"):
        (tmp_path / folder).mkdir(parents=True)
    assert debian.environment(tmp_path) == {
        "LD_LIBRARY_PATH": f"{tmp_path}/lib/x86_64-linux-gnu:{tmp_path}/usr/lib/x86_64-linux-gnu",
        "XTABLES_LIBDIR": f"{tmp_path}/usr/lib/x86_64-linux-gnu/xtables",
    }


def test_a_prefix_without_the_program_says_what_to_do(tmp_path: Path) -> None:
    """A prefix somebody damaged is named, with what should be in it."""
    with pytest.raises(MissingProgram, match=r"haproxy: not in .* remove that folder"):
        debian.in_prefix(HAPROXY, tmp_path)


def test_without_apt_one_line_names_versions_and_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of another kind the user learns what to install, or where to put it; nothing is made."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MissingProgram, match=r"haproxy 2\.4 or newer.*apt-get.*HADR_LAB_PROGRAMS") as refused:
        debian.unpacked(["haproxy"], quiet())
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "cache").exists()


def test_a_package_no_source_has_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first name the sources have is taken, of several that releases use; none is an error that names them."""
    a_program(tmp_path, "apt-cache", "printf 'mariadb-server-core-10.6\\nnginx\\n'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with Apt.temporary() as apt:
        assert apt.known([("mariadb-server-core", "mariadb-server-core-10.6"), ("nginx",)]) == ("mariadb-server-core-10.6", "nginx")
        with pytest.raises(MissingProgram, match="no package haproxy or haproxy2 in"):
            apt.known([("haproxy", "haproxy2")])


def test_the_closure_is_what_apt_would_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Package names come out of apt's plan, whose file names have escaped versions; what is asked for is always among them."""
    plan = (
        "'http://host/pool/l/libaio1_0.3_amd64.deb' libaio1_0.3_amd64.deb 13 MD5Sum:0\n'http://host/x.deb' nft_1%3a1.0_all.deb 7 "
    )
    a_program(tmp_path, "apt-get", f"cat <<'X'\nReading...\n{plan}\nX")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with Apt.temporary() as apt:
        assert apt.closure(("nginx",)) == ("libaio1", "nft", "nginx")


def test_a_failed_download_quotes_apts_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is one line, and it says what apt said."""
    a_program(tmp_path, "apt-get", "echo 'W: whatever' >&2; echo 'E: Failed to fetch' >&2; exit 100")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with Apt.temporary() as apt, pytest.raises(MissingProgram, match="cannot download nginx: E: Failed to fetch; is the network"):
        apt.download(("nginx",))


@pytest.mark.lab
def test_every_program_of_the_distribution_runs_on_this_machine() -> None:
    """Found or unpacked, each program starts with the environment it came with, and the template has system tables."""
    system = debian.obtain(quiet())
    for wanted in debian.WANTED:
        program = system.programs[wanted.name]
        done = subprocess.run([program.path, wanted.option], env=dict(program.env), capture_output=True, text=True, check=True)
        assert wanted.says in done.stdout + done.stderr
    template = database.template(system.programs, system.share, quiet())
    assert (template / "ibdata1").is_file()
    assert (template / "mysql" / "global_priv.frm").is_file()
    assert not (template / "test").exists()
