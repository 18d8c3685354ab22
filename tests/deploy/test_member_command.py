"""The deploy command's own words: wrong arguments and wrong facts are one line and status 64, before any cluster is asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

COMMAND = Path(__file__).parents[2] / "deploy" / "member"
FACTS = (COMMAND.parent / "site.example.env").read_text()
WRITER = "peccy-one.cluster-abcdefghijkl.us-east-1.rds.amazonaws.com"


def deploy(*args: str | Path, stand_ins: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command; `stand_ins` is a folder of programs that come first on PATH."""
    path = os.pathsep.join([*([str(stand_ins)] if stand_ins else []), os.environ["PATH"]])
    env = {"PATH": path, "HOME": "/nonexistent", "KUBECONFIG": "/nonexistent"}
    return subprocess.run(
        ["bash", COMMAND, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Programs that exist and fail when used: nothing here may get as far as using them."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("helm", "kubectl"):
        (folder / name).write_text("#!/bin/sh\necho used >&2\nexit 99\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "expected ARCHITECTURE and MEMBER"),
        (("dr-multi-region",), "expected ARCHITECTURE and MEMBER"),
        (("dr-multi-region", "two", "three"), "expected ARCHITECTURE and MEMBER"),
        (("dr-multi-region", "three"), "no member 'three'"),
        (("ha-single-cluster", "two"), "no member 'two'"),
        (("../deploy/dr-multi-region", "two"), "no member 'two'"),
        (("dr-multi-region", "two", "--force"), "unknown option --force"),
        (("dr-multi-region", "two", "--site"), "--site needs a file"),
        (("dr-multi-region", "two"), "--site (missing): no such file"),
        (("dr-multi-region", "two", "--site", "/nonexistent"), "--site /nonexistent: no such file"),
    ],
)
def test_wrong_arguments_are_one_line(args: tuple[str, ...], said: str, programs: Path) -> None:
    """The line says what is wrong; the status is that of a usage error."""
    done = deploy(*args, stand_ins=programs)
    assert (done.returncode, done.stdout) == (64, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ("", "CLUSTER_NAME is missing"),
        (FACTS.replace("VPC_ID=", "VPC_IDS="), "unknown fact in 'VPC_IDS="),
        (FACTS + "DATABASE_PASSWORD=x\n", "unknown fact"),
        (FACTS + "IMAGE_TAG=\n", "IMAGE_TAG is missing"),
        (FACTS + "IMAGE_TAG=$(touch x)\n", "IMAGE_TAG has characters"),
        (FACTS + "DATABASE_HOST=a: b\n", "DATABASE_HOST has characters"),
        (FACTS + "DATABASE_HOST\n", "unknown fact"),
        (FACTS.replace("AMI_VERSION=v20260415", "AMI_VERSION=latest"), "AMI_VERSION is a release"),
        (FACTS + "APP_REPLICAS=0\n", "replicas are numbers"),
        (FACTS + "WEB_REPLICAS=three\n", "replicas are numbers"),
        (FACTS + "DATABASE_PATIENCE=soon\n", "DATABASE_PATIENCE is a number of seconds from 0 to 50"),
        (FACTS + "DATABASE_PATIENCE=50.001\n", "DATABASE_PATIENCE is a number of seconds from 0 to 50"),
    ],
)
def test_wrong_facts_are_one_line(facts: str, said: str, programs: Path, tmp_path: Path) -> None:
    """A value that could break out of YAML or of a command never reaches either."""
    site = tmp_path / "site.env"
    site.write_text(facts)
    done = deploy("dr-multi-region", "two", "--site", site, stand_ins=programs)
    assert (done.returncode, done.stdout) == (64, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_help_is_help() -> None:
    """--help needs no cluster and no programs."""
    done = deploy("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: deploy/member")


def test_a_cluster_that_does_not_answer_is_a_failure(tmp_path: Path, programs: Path) -> None:
    """A failing program fails the command; nothing says that it worked, and nothing is left behind."""
    site = tmp_path / "site.env"
    site.write_text(FACTS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": "/nonexistent", "TMPDIR": str(scratch)}
    done = subprocess.run(
        ["bash", COMMAND, "dr-multi-region", "two", "--site", site],
        env=env, input='{"username": "a", "password": "b"}', capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode not in (0, 64)
    assert "installed" not in done.stdout
    assert list(scratch.iterdir()) == []


def test_the_script_is_sound() -> None:
    """bash can parse it; shellcheck agrees where it is at hand."""
    assert subprocess.run(["bash", "-n", COMMAND], check=False, timeout=30).returncode == 0
    if (shellcheck := shutil.which("shellcheck")) is not None:
        found = subprocess.run([shellcheck, "--severity=warning", COMMAND], capture_output=True, text=True, timeout=60, check=False)
        assert found.stdout == ""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: NOTHING WAS RENDERED")
def test_rendering_asks_no_cluster_and_leaves_no_placeholder(tmp_path: Path) -> None:
    """What is printed is what would be applied: every fact filled in, and the secret only by the name of its object."""
    site = tmp_path / "site.env"
    site.write_text(FACTS + "APP_REPLICAS=4\n")
    done = deploy("ha-multi-cluster", "two", "--site", site, "--render")
    assert (done.returncode, done.stderr) == (0, "")
    assert "${" not in done.stdout
    assert "peccy-one.cluster-abcdefghijkl" in done.stdout
    assert re.findall(r"replicas: (\d+)", done.stdout) == ["4", "3"]
    assert "kind: Secret\n" not in done.stdout


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: NOTHING WAS RENDERED")
@pytest.mark.parametrize(
    ("fact", "seen"),
    [
        ("", "peccy-one.cluster-abcdefghijkl.us-east-1.rds.amazonaws.com"),
        ("DATABASE_READ_HOST=\n", "peccy-one.cluster-abcdefghijkl.us-east-1.rds.amazonaws.com"),
        (
            "DATABASE_READ_HOST=peccy-1.abcdefghijkl.us-east-1.rds.amazonaws.com\n",
            "peccy-1.abcdefghijkl.us-east-1.rds.amazonaws.com",
        ),
    ],
)
def test_reads_go_to_the_instance_that_is_named_or_to_the_writer(fact: str, seen: str, tmp_path: Path) -> None:
    """The app gets both names, and the writer's twice where no instance is in its zone."""
    site = tmp_path / "site.env"
    site.write_text(FACTS + fact)
    done = deploy("ha-multi-cluster", "two", "--site", site, "--render")
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = [document["data"] for document in yaml.safe_load_all(done.stdout) if document["kind"] == "ConfigMap"]
    assert told["PECCY_DATABASE_READ_HOST"] == seen
    assert told["PECCY_DATABASE_HOST"] == WRITER


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: NOTHING WAS RENDERED")
@pytest.mark.parametrize(("fact", "seconds"), [("", "45s"), ("DATABASE_PATIENCE=2.25\n", "2.25s"), ("DATABASE_PATIENCE=0\n", "0s")])
def test_app_and_web_are_told_the_same_patience(fact: str, seconds: str, tmp_path: Path) -> None:
    """The app waits so long, and nginx must not give up before it answers."""
    site = tmp_path / "site.env"
    site.write_text(FACTS + fact)
    done = deploy("ha-single-cluster", "one", "--site", site, "--render")
    assert (done.returncode, done.stderr) == (0, "")
    documents = list(yaml.safe_load_all(done.stdout))
    (told,) = [document for document in documents if document["kind"] == "ConfigMap"]
    assert told["data"]["PECCY_DATABASE_PATIENCE"] == seconds
    (web,) = [one for one in documents if one["kind"] == "Deployment" and one["metadata"]["name"] == "peccy-web"]
    (patience,) = [
        one for one in web["spec"]["template"]["spec"]["containers"][0]["env"] if one["name"] == "PECCY_DATABASE_PATIENCE"
    ]
    assert patience["valueFrom"]["configMapKeyRef"] == {"name": told["metadata"]["name"], "key": "PECCY_DATABASE_PATIENCE"}
