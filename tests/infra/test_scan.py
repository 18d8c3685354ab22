"""The scanner of Terraform code finds nothing in any root or module, and every exception says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.infra.scanner import Scan, scan
from tests.infra.test_hcl import FOLDERS, INFRA, parsed

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

CANARY = """
resource "aws_db_instance" "canary" {
  engine              = "mysql"
  instance_class      = "db.t3.micro"
  publicly_accessible = true
  storage_encrypted   = false
}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """One scan of everything, and of a canary that must not pass: a public database without encryption."""
    copy = tmp_path_factory.mktemp("scan") / "infra"
    shutil.copytree(INFRA, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
    (copy / "canary").mkdir()
    (copy / "canary" / "main.tf").write_text(CANARY)
    return scan(copy)


def test_the_scanner_would_find_something(found: Scan) -> None:
    """The canary fails, for being public and for being in the clear."""
    said = {one.check for one in found.failed if one.file == "canary/main.tf"}
    assert {"CKV_AWS_16", "CKV_AWS_17"} <= said


def test_the_scanner_finds_nothing(found: Scan) -> None:
    """No check fails in a root or a module, and every file could be read."""
    assert [one for one in found.failed if one.file != "canary/main.tf"] == []
    assert found.unreadable == ()
    print(f"passed {len(found.passed)}, skipped with a reason {len(found.skipped)}")


def test_every_folder_with_resources_was_scanned(found: Scan) -> None:
    """No root and no module was passed over."""
    seen = {Path(one.file).parent for one in (*found.passed, *found.skipped)}
    assert {folder.relative_to(INFRA) for folder in FOLDERS if any(parsed(folder, "resource"))} <= seen


def test_every_exception_has_its_reason(found: Scan) -> None:
    """A skipped check is followed by why."""
    assert found.skipped
    assert {(one.file, one.check) for one in found.skipped if len(one.reason.split()) < 2} == set()
