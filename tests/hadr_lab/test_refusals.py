"""What `hadr-lab` refuses: one clear line on stderr, the right exit code, and neither a run folder nor a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.hadr_lab.demo_process import LAB, environment, hadr_lab
from tests.hadr_lab.last_words import completed

from hadr_lab.outer import listen

FORBIDDEN = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'


def refused(done: subprocess.CompletedProcess[str], code: int, says: str) -> None:
    """One line, with the program's name in front and no traceback behind."""
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert done.stderr.startswith("hadr-lab: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("demo", "--scenario", "flood"), "no scenario 'flood'; there are: as-published, balancer-node-lost"),
        (("demo", "ha-single-cluster", "--scenario", "region-loss"), "scenario region-loss is for dr-multi-region"),
        (("up", "three-clouds"), "no architecture 'three-clouds'; there are: dr-multi-region"),
        (("demo", "--speed", "0"), "greater than or equal to 1"),
        (("up", "--web-port", "80000"), "less than or equal to 65535"),
        (("up", "--nonsense"), "No such option"),
        (("fly",), "No such command"),
        (("env", "--run", "nowhere"), "no lab runs in nowhere: start one with `hadr-lab up`"),
        (("exec", "--run", "nowhere", "--", "true"), "no lab runs in nowhere"),
        (("logs", "--run", "nowhere"), "name a run folder with --run"),
        (("fault", "lose-region"), "which Region?"),
        (("crossings", "nowhere", "nowhere"), "no result.json in nowhere"),
        (("heal", "lose-region", "us-east-1", "--run", "nowhere"), "no lab runs in nowhere"),
    ],
)
def test_what_is_mistyped_is_a_usage_error(words: tuple[str, ...], says: str) -> None:
    """64, and what there is instead."""
    refused(hadr_lab(*words), 64, says)


def test_a_broken_scenario_names_the_file_and_the_place(tmp_path: Path) -> None:
    """A typing mistake in a file of one's own."""
    (tmp_path / "mine.yaml").write_text("description: x\narchitecture: dr-multi-region\nfaults: [\n")
    refused(hadr_lab("demo", "--scenario", tmp_path / "mine.yaml"), 64, "mine.yaml:4:1: ")


def test_a_broken_site_file_is_hadrs_one_line(tmp_path: Path) -> None:
    """`hadr` names the file and the place in it, and exits as for a usage error."""
    (tmp_path / "site.yaml").write_text("site: peccy\nmembers: [one]\n")
    command = [LAB[0], "-c", "from hadr.cli import main; main()", "status", "--site", str(tmp_path / "site.yaml")]
    done = completed(command, env=environment(), timeout=60)
    assert done.returncode == 64
    assert done.stderr.startswith("hadr: ")
    assert "site.yaml" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.lab
def test_a_port_in_use_is_named_and_nothing_is_made(tmp_path: Path) -> None:
    """The port, and what to do; no run folder appears and none becomes the latest."""
    with listen() as held:
        port = held.getsockname()[1]
        done = hadr_lab("up", "--aws-port", str(port), "--runs", tmp_path / "runs")
    refused(done, 64, f"port {port} on 127.0.0.1 is in use; name another one, or 0 for any")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.lab
def test_a_missing_program_is_named_with_its_place(tmp_path: Path) -> None:
    """A folder of ready programs that lacks them says which is missing, and nothing is built in its stead."""
    (tmp_path / "ready").mkdir()
    done = hadr_lab("up", "--runs", tmp_path / "runs", env=environment(HADR_LAB_PROGRAMS=str(tmp_path / "ready")))
    refused(done, 1, "HADR_LAB_PROGRAMS must name a complete set")
    assert not (tmp_path / "runs").exists()


@pytest.mark.lab
def test_a_machine_without_user_namespaces_says_how_to_allow_them(tmp_path: Path) -> None:
    """In a namespace whose own limit is zero, which is what a forbidding machine looks like."""
    command = ["unshare", "-Ur", "sh", "-c", FORBIDDEN, "sh", *LAB, "up", "--runs", str(tmp_path / "runs")]
    done = completed(command, env=environment(), timeout=60)
    refused(done, 1, "allow them: sysctl user.max_user_namespaces=15000")
    assert not (tmp_path / "runs").exists()


@pytest.mark.lab
def test_a_refused_unshare_is_quoted(tmp_path: Path) -> None:
    """As a container's filter refuses it: the kernel's word and what to start the container with."""
    shim = tmp_path / "shim" / "unshare"
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    shim.chmod(0o755)
    assert shutil.which("unshare")
    done = hadr_lab("up", "--runs", tmp_path / "runs", env=environment(PATH=f"{shim.parent}:{os.environ['PATH']}"))
    refused(done, 1, "Operation not permitted; in a container, start it with --security-opt seccomp=unconfined")
