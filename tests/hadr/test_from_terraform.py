"""site.yaml from what a Terraform root put out: what is taken, what is refused, and where it is written."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hadr.cli import run
from hadr.config import load_site, parse_site, site_text

EXAMPLE = Path(__file__).parent / "site.yaml"


def a_site() -> Any:
    """The example as Terraform would hold it: plain values, null for what is not there."""
    document = yaml.safe_load(EXAMPLE.read_text())
    document["members"][0]["switch"] = None
    return document


def outputs(site: Any) -> str:
    """What `terraform output -json` prints."""
    return json.dumps({"operator_role": {"sensitive": False, "value": "arn"}, "site": {"sensitive": False, "value": site}})


def hadr(*arguments: str) -> tuple[int, str, str]:
    """One command line: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    code = run(arguments, out=Console(file=out, width=110), err=Console(file=err, width=110))
    return code, out.getvalue(), err.getvalue()


def test_the_output_becomes_the_same_site(tmp_path: Path) -> None:
    """Every value arrives; what is null is left out; the text is a site.yaml."""
    (tmp_path / "out.json").write_text(outputs(a_site()))
    code, text, _ = hadr("config", "from-terraform", str(tmp_path / "out.json"))
    assert code == 0
    assert parse_site(text) == load_site(EXAMPLE)
    assert "null" not in text


def test_it_is_written_in_one_piece(tmp_path: Path) -> None:
    """-o replaces the file and leaves nothing beside it; a folder that is not there is told."""
    (tmp_path / "out.json").write_text(outputs(a_site()))
    (tmp_path / "site.yaml").write_text("old")
    code, text, said = hadr("config", "from-terraform", str(tmp_path / "out.json"), "-o", str(tmp_path / "site.yaml"))
    assert (code, text) == (0, "")
    assert load_site(tmp_path / "site.yaml") == load_site(EXAMPLE)
    assert "Next: hadr status --site" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "site.yaml"]
    code, _, said = hadr("config", "from-terraform", str(tmp_path / "out.json"), "-o", str(tmp_path / "no" / "site.yaml"))
    assert code == 64
    assert "cannot be written" in said


def test_stdin_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    """`terraform output -json | hadr config from-terraform -`."""
    monkeypatch.setattr("sys.stdin", io.StringIO(outputs(a_site())))
    code, text, _ = hadr("config", "from-terraform", "-")
    assert code == 0
    assert parse_site(text) == load_site(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "not JSON"),
        ("{}", "no outputs; apply the root first"),
        ("[]", "no output 'site' that holds the site; there is: list"),
        ('{"site": "x", "b": {}}', "no output 'site' that holds the site; there is: b, site"),
        (outputs({"site": "peccy"}), "output 'site': Object missing required field `members`"),
        (outputs(a_site() | {"regoin": 1}), "unknown field `regoin`"),
        (outputs(a_site() | {"members": []}), "a site has one or two members, here are 0"),
    ],
)
def test_what_is_no_site_is_one_line_and_64(tmp_path: Path, text: str, said: str) -> None:
    """The line names the source and the place in it."""
    source = tmp_path / "out.json"
    source.write_text(text)
    code, out, err = hadr("config", "from-terraform", str(source))
    assert (code, out) == (64, "")
    assert said in " ".join(err.split())
    assert "out.json" in err


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Neither folder nor file."""
    code, _, err = hadr("config", "from-terraform", str(tmp_path / "nowhere"))
    assert code == 64
    assert "no such folder or file" in err


def a_terraform(folder: Path, script: str) -> str:
    """A PATH on which `terraform` is this script."""
    program = folder / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def test_a_folder_is_asked_with_its_own_terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root is named with -chdir; what it prints is used."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out.json").write_text(outputs(a_site()))
    script = '[ "$2 $3" = "output -json" ] || exit 9; cat "${1#-chdir=}/out.json"'
    monkeypatch.setenv("PATH", a_terraform(tmp_path, script))
    code, text, err = hadr("config", "from-terraform", str(tmp_path / "root"))
    assert (code, err) == (0, "")
    assert parse_site(text) == load_site(EXAMPLE)


def test_a_terraform_that_fails_or_is_absent_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words are quoted; without it, the line says how to go on."""
    monkeypatch.setenv("PATH", a_terraform(tmp_path, "echo 'Backend initialization required' >&2; exit 1"))
    code, _, err = hadr("config", "from-terraform", str(tmp_path))
    assert code == 64
    assert "Backend initialization required" in err
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    code, _, err = hadr("config", "from-terraform", str(tmp_path))
    assert code == 64
    assert "terraform is not on PATH" in err


@pytest.mark.terraform
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not on PATH")
def test_the_real_terraform_prints_what_is_read(tmp_path: Path) -> None:
    """A root without providers, really applied: its objects and nulls arrive as plain values."""
    (tmp_path / "site.json").write_text(json.dumps(a_site()))
    (tmp_path / "main.tf").write_text('output "site" {\n  value = jsondecode(file("site.json"))\n}\n')
    for command in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *command, "-input=false"], cwd=tmp_path, check=True, capture_output=True)
    code, text, err = hadr("config", "from-terraform", str(tmp_path))
    assert code == 0, err
    assert parse_site(text) == load_site(EXAMPLE)


def test_a_site_text_is_stable() -> None:
    """Made again from its own content it is the same text."""
    text = site_text(a_site())
    assert site_text(yaml.safe_load(text)) == text
