"""What each root says to values that cannot work, word for word. Its variables alone need no provider and no init: 0.2 s a case."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.infra.test_hcl import INFRA, ROOTS, labelled
from tests.infra.test_terraform import missing

pytestmark = [pytest.mark.terraform]

PRINCIPAL = "arn:aws:iam::123456789012:role/admin"
ENOUGH = {"admin_principal_arns": [PRINCIPAL]}
DR, MULTI, SINGLE = "dr-multi-region", "ha-multi-cluster", "ha-single-cluster"
IN = {SINGLE: "ap-northeast-1", MULTI: "ap-southeast-1"}
RANGE = {SINGLE: "10.3.0.0/16", MULTI: "10.4.0.0/16"}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/one"
ONE, TWO = {"region": "us-east-1", "cidr": "10.1.0.0/16"}, {"region": "us-east-2", "cidr": "10.2.0.0/16"}
SERVICES = "overlaps 172.20.0.0/16, the range of Kubernetes services."
PRINCIPAL_NEEDED = "At least one ARN of an IAM role or user is needed, such as arn:aws:iam::<account>:role/<name>."
ZONE_NEEDED = "lower-case labels with dots between them and none at the end, such as ha.example.com."

Case = tuple[str, dict[str, Any], str]


def everywhere(variable: str, value: Any, said: str) -> list[Case]:
    """A value that every root refuses in the same words."""
    return [(root, {variable: value}, said) for root in ROOTS]


def of_two(one: dict[str, Any], two: dict[str, Any], said: str) -> list[Case]:
    """Two members of the DR root, each with what differs from the defaults."""
    return [(DR, {"members": {"one": ONE | one, "two": TWO | two}}, said)]


def in_one_region(variable: str, value: Any, said: str) -> list[Case]:
    """A value that both roots of one Region refuse; REGION and RANGE stand for the root's own."""

    def own(root: str, text: str) -> str:
        return text.replace("REGION", IN[root]).replace("RANGE", RANGE[root])

    return [(root, {variable: json.loads(own(root, json.dumps(value)))}, own(root, said)) for root in (SINGLE, MULTI)]


CASES: list[Case] = [
    *everywhere(
        "name", "Peccy_1", "Peccy_1 is not a name: 2 to 16 lower-case letters, digits and hyphens, beginning with a letter."
    ),
    *everywhere("hosted_zone", "Example.com.", f"Example.com. is not the name of a DNS zone: {ZONE_NEEDED}"),
    *everywhere("hosted_zone", "com", f"com is not the name of a DNS zone: {ZONE_NEEDED}"),
    *everywhere("kubernetes_version", "v1.35", "v1.35 is not a Kubernetes version such as 1.35."),
    *everywhere("admin_principal_arns", [], PRINCIPAL_NEEDED),
    *everywhere("admin_principal_arns", ["root"], PRINCIPAL_NEEDED),
    *everywhere("operator_principal_arns", [PRINCIPAL, "me"], "Not the ARN of an IAM role or user: me."),
    *everywhere(
        "api_access_cidrs",
        ["0.0.0.0/0"],
        "Each has to be an IPv4 range, and the whole internet is not one: name your own addresses.",
    ),
    *everywhere("control_instance_types", [], "At least one instance type such as m6i.large is needed."),
    *everywhere("database", {"engine_version": "8.0"}, "8.0 is not a version of Aurora MySQL 3 such as 8.0.mysql_aurora.3.08.2."),
    *everywhere("database", {"instance_class": "r6g.large"}, "r6g.large is not an instance class such as db.r6g.large."),
    *everywhere("database", {"instances": 16}, "An Aurora cluster has 1 to 15 instances, not 16."),
    *everywhere("database", {"backup_retention_days": 0}, "Aurora keeps backups for 1 to 35 days, not 0."),
    *everywhere("objectives", {"recovery_time": 0}, "An objective is a whole number of seconds above 0."),
    *everywhere("tags", {"aws:cost": "1"}, "Tags that begin with aws: belong to AWS."),
    # one Region
    *in_one_region("region", "Tokyo", "Tokyo is not the name of a Region such as REGION."),
    *in_one_region("cidr", "10.1.0.0", "10.1.0.0 is not an IPv4 range between /16 and /19 such as RANGE."),
    *in_one_region("cidr", "10.1.0.0/20", "10.1.0.0/20 is not an IPv4 range between /16 and /19 such as RANGE."),
    *in_one_region("cidr", "10.300.0.0/16", "10.300.0.0/16 is not an IPv4 range between /16 and /19 such as RANGE."),
    *in_one_region("cidr", "10.1.2.0/16", "10.1.2.0/16 does not begin where its range begins: write 10.1.0.0/16."),
    *in_one_region("cidr", "172.20.64.0/18", f"172.20.64.0/18 {SERVICES}"),
    *in_one_region("zones", ["us-east-1a", "REGIONb", "REGIONc"], "Not a zone of REGION: us-east-1a."),
    *in_one_region("zones", ["REGIONa", "REGIONb"], "Exactly three different zones are needed."),
    *in_one_region("zones", ["REGIONa", "REGIONb", "REGIONb"], "Exactly three different zones are needed."),
    *in_one_region("certificate_arn", CERTIFICATE, f"Not an ACM certificate of REGION: {CERTIFICATE}."),
    # two members in one Region
    (
        MULTI,
        {"members": {"one": {"zone": "ap-southeast-1a"}, "two": {"zone": "ap-southeast-1a"}}},
        "Both members live in ap-southeast-1a. A member must not be lost with the other one's zone.",
    ),
    (
        MULTI,
        {"members": {"one": {"zone": "ap-southeast-1a"}, "two": {"zone": "us-east-1b"}}},
        "Not a zone of ap-southeast-1: us-east-1b.",
    ),
    (
        MULTI,
        {"zones": [f"ap-southeast-1{letter}" for letter in "acd"]},
        "A member lives in a zone that is not among the VPC's: ap-southeast-1b.",
    ),
    (MULTI, {"weights": {"one": -1, "two": 50}}, "A weight is a whole number from 0 to 255."),
    # two Regions
    *of_two({"region": "us-east-2"}, {}, "Both members are in us-east-2. A member must not be lost with the other one's Region."),
    *of_two({"region": "Ohio"}, {}, "Not the name of a Region: Ohio. An example is us-east-1."),
    *of_two({"cidr": "10.1.0.0"}, {}, "Not an IPv4 range between /16 and /19: 10.1.0.0. An example is 10.1.0.0/16."),
    *of_two({"cidr": "10.1.2.0/16"}, {}, "Does not begin where its range begins: 10.1.2.0/16 (write 10.1.0.0/16)."),
    *of_two({"cidr": "172.20.0.0/16"}, {}, f"172.20.0.0/16 {SERVICES}"),
    *of_two(
        {"cidr": "10.2.64.0/18"},
        {},
        "The members' ranges overlap: 10.2.64.0/18 and 10.2.0.0/16. Their VPCs are peered, so they have to be apart.",
    ),
    *of_two(
        {"zones": ["us-east-1a", "us-east-1b", "us-east-2c"]}, {}, "Not a zone of its member's Region: us-east-2c (us-east-1)."
    ),
    *of_two({}, {"zones": ["us-east-2a"]}, "A member has exactly three different zones."),
    *of_two(
        {"certificate_arn": CERTIFICATE},
        {},
        "Either both members have a certificate or neither: clients must find the same service after a failover.",
    ),
    *of_two(
        {"certificate_arn": CERTIFICATE},
        {"certificate_arn": CERTIFICATE},
        f"Not an ACM certificate of its member's Region: {CERTIFICATE} (us-east-2).",
    ),
    (DR, {"weights": {"one": 256, "two": 0}}, "A weight is a whole number from 0 to 255."),
    (
        DR,
        {"database": {"password_version": 0.5}},
        "password_version is a whole number: 0 leaves the password alone, a higher one than before writes a new one.",
    ),
]
FINE: list[tuple[str, dict[str, Any]]] = [
    *((root, {}) for root in ROOTS),
    (DR, {"members": {"one": ONE | {"cidr": "10.1.64.0/18"}, "two": TWO | {"cidr": "10.1.128.0/17"}}}),
    (DR, {"members": {"one": ONE | {"zones": ["us-east-1a", "us-east-1b", "us-east-1d"]}, "two": TWO}}),
    (SINGLE, {"region": "eu-west-1", "hosted_zone": "ha.example.com", "zones": None}),
]


def refusals(root: str, variables: dict[str, Any], folder: Path, *, example: str = "") -> dict[str, int]:
    """What `plan` says against the values, and in which line of the file the rule is that says it; `example` is in HCL."""
    program = shutil.which("terraform")
    if program is None:
        missing("terraform is not on PATH; install 1.11 or newer")
    shutil.copy(INFRA / root / "variables.tf", folder)
    (folder / "values.tfvars.json").write_text(json.dumps(variables if example else ENOUGH | variables))
    (folder / "example.tfvars").write_text(example)
    done = subprocess.run(
        [str(program), "plan", "-input=false", "-json", "-var-file=values.tfvars.json", "-var-file=example.tfvars"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    details = [one["diagnostic"]["detail"] for one in said if one.get("@level") == "error"]
    assert bool(details) == (done.returncode != 0), done.stdout + done.stderr
    found = [
        re.fullmatch(r"(.*)\n\nThis was checked by the validation rule at variables.tf:(\d+),[-\d]+\.", one) for one in details
    ]
    assert all(found), details
    return {match[1]: int(match[2]) for match in found if match}


@pytest.mark.parametrize(("root", "variables", "said"), CASES)
def test_a_value_that_cannot_work_is_refused_in_clear_words(
    tmp_path: Path, root: str, variables: dict[str, Any], said: str
) -> None:
    """The message names the value, and what would be right."""
    assert said in refusals(root, variables, tmp_path)


@pytest.mark.parametrize(("root", "variables"), FINE)
def test_what_can_work_is_not_refused(tmp_path: Path, root: str, variables: dict[str, Any]) -> None:
    """Defaults, neighbouring ranges, named zones, another Region."""
    assert refusals(root, variables, tmp_path) == {}


@pytest.mark.parametrize("root", ROOTS)
def test_every_line_of_the_example_can_work(tmp_path: Path, root: str) -> None:
    """With each commented line taken in, and an account and a name put where it says so."""
    text = (INFRA / root / "terraform.tfvars.example").read_text()
    lines = re.findall(r"^(?:# )?([a-z_]+ *= .*)$", text, flags=re.MULTILINE)
    assert len(lines) > 8
    example = "\n".join({line.split("=")[0].strip(): line for line in lines}.values())
    assert refusals(root, {}, tmp_path, example=example.replace("<account>", "123456789012").replace("<name>", "admin")) == {}


@pytest.mark.parametrize("root", ROOTS)
def test_every_rule_has_a_case(root: str) -> None:
    """No message that was never seen: each rule's text, with anything in its holes, is the text of a case."""
    told = [said for where, _, said in CASES if where == root]
    for name, body in labelled(INFRA / root, "variable"):
        for rule in body.get("validation", []):
            text = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "\0", str(rule["error_message"]).strip('"'))
            pattern = re.escape(text).replace("\\\0", ".+").replace("\0", ".+")
            assert any(re.fullmatch(pattern, said) for said in told), f"{root}: {name}: {rule['error_message']}"
