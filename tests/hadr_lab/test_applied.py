"""An applied root is known by what it comes from: whatever changes there makes another one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.settings import from_env
from hadr_lab.applied import ARCHITECTURES, INFRA, key
from hadr_lab.errors import StartFailed
from hadr_lab.lab import ROOT
from hadr_lab.site import PATIENCE_S, MadeSite

FACTS = {"TARGET_GROUP_ARN": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/peccy-one/0123"}
MEMBER = {
    "name": "one",
    "region": "us-east-1",
    "cluster": "peccy-one",
    "database": "peccy-one",
    "files": "fs-1",
    "balancer": "peccy-one-1.us-east-1.elb.amazonaws.com",
}
SITE = {"site": "peccy", "members": [MEMBER], "traffic": {"host": "peccy.hadr.test", "hosted_zone": "Z1"}}
OUTPUTS = {"site": SITE, "members": {"one": FACTS}, "operator_role": "arn:aws:iam::123456789012:role/peccy-hadr"}


@pytest.fixture
def infra(tmp_path: Path) -> Path:
    """A copy of the code."""
    return Path(shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")))


def test_there_are_three() -> None:
    """Every root of infra is an architecture that boots."""
    assert ARCHITECTURES == ("dr-multi-region", "ha-multi-cluster", "ha-single-cluster")
    assert len({key(name) for name in ARCHITECTURES}) == 3


@pytest.mark.parametrize("changed", ["dr-multi-region/main.tf", "modules/network/main.tf"])
def test_a_change_in_the_code_is_another_outcome(infra: Path, changed: str) -> None:
    """In the root, and in a module that it may use."""
    before = key("dr-multi-region", infra)
    assert before == key("dr-multi-region")
    (infra / changed).write_text((infra / changed).read_text() + "\n# another thought\n")
    assert key("dr-multi-region", infra) != before


def test_what_terraform_leaves_behind_is_no_change(infra: Path) -> None:
    """Providers and READMEs are not what is applied."""
    before = key("dr-multi-region", infra)
    (infra / "dr-multi-region" / ".terraform").mkdir()
    (infra / "dr-multi-region" / ".terraform" / "copy.tf").write_text("# not ours\n")
    (infra / "dr-multi-region" / "README.md").write_text("another text\n")
    assert key("dr-multi-region", infra) == before


def test_a_site_is_what_its_outputs_say() -> None:
    """Names, and the database's ARN in the account of the rest; replicated only with a global database; the role of hadr."""
    made = MadeSite.of("ha-single-cluster", OUTPUTS)
    assert made.operator_role == "arn:aws:iam::123456789012:role/peccy-hadr"
    assert made.members["one"].database_arn == "arn:aws:rds:us-east-1:123456789012:cluster:peccy-one"
    assert (made.host, made.hosted_zone, made.replicated) == ("peccy.hadr.test", "Z1", False)
    shared = MadeSite.of("dr", OUTPUTS | {"site": SITE | {"database": {"global_cluster": "peccy"}}})
    assert shared.replicated


@pytest.mark.parametrize(
    ("facts", "speed", "seconds"),
    [({}, 20, "2.750"), ({}, 1, "45.500"), ({"DATABASE_PATIENCE": "30"}, 20, "2.000"), ({"DATABASE_PATIENCE": "0"}, 20, "0.000")],
)
def test_the_app_waits_as_long_as_the_move_that_it_waits_for(facts: dict[str, str], speed: float, seconds: str) -> None:
    """AWS's 30 s are 1.5 s at speed 20 and a server's start is what it is; the patience must not outlast the clients'."""
    made = MadeSite.of("ha", OUTPUTS | {"members": {"one": FACTS | facts}})
    assert made.paced(speed).members["one"].facts == {**FACTS, "DATABASE_PATIENCE": seconds}


def test_the_lab_divides_the_patience_that_is_deployed() -> None:
    """The script's own figure, the app's and the lab's are one."""
    assert f"DATABASE_PATIENCE:-{PATIENCE_S:g}}}" in (ROOT / "deploy" / "member").read_text()
    assert from_env({}).patience == PATIENCE_S


def test_a_site_can_be_sized_and_site_yaml_says_the_same() -> None:
    """What `deploy/member` is told and what hadr reads are one number; the rest stays."""
    member = MEMBER | {"workload": {"namespace": "peccy", "deployments": {"peccy-app": 6, "peccy-web": 3}}}
    made = MadeSite.of("ha", OUTPUTS | {"site": SITE | {"members": [member]}})
    sized = made.sized({"peccy-app": 3, "peccy-web": 2})
    assert sized.members["one"].facts == {**FACTS, "APP_REPLICAS": "3", "WEB_REPLICAS": "2"}
    assert sized.document["members"][0]["workload"] == {"namespace": "peccy", "deployments": {"peccy-app": 3, "peccy-web": 2}}
    assert made.document["members"][0]["workload"]["deployments"]["peccy-app"] == 6


def test_a_root_without_its_outputs_is_named() -> None:
    """Which root, and which output."""
    with pytest.raises(StartFailed, match=r"infra/mine: its outputs have no 'site'"):
        MadeSite.of("mine", {})
