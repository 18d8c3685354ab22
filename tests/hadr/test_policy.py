"""The least that hadr's role needs: every call is in the table, the table holds nothing else, and the policy says just that."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from hadr.adapters.aws.aurora import Aurora
from hadr.adapters.aws.calls import BY_NAME, CALLS, Caller
from hadr.adapters.aws.efs import Efs
from hadr.adapters.aws.eks import Eks
from hadr.adapters.aws.elb import Elb
from hadr.adapters.aws.policy import differences, outside, policy
from hadr.adapters.aws.route53 import Route53
from hadr.adapters.aws.session import Sessions
from hadr.adapters.aws.switch import S3Switch
from hadr.adapters.aws.zonal_shift import ZonalShifts
from hadr.adapters.memory import VirtualClock, example_site, zonal_site
from hadr.adapters.rbac import manifests
from hadr.cli import run
from hadr.core.site import Site

SITE = example_site()
ONE, TWO = SITE.members
SITE_FILE = Path(__file__).parent / "site.yaml"
RECORD = [
    {"Name": "peccy.hadr.test.", "Type": "A", "SetIdentifier": name, "Weight": 1, "HealthCheckId": "c"} for name in ("one", "two")
]

ANSWERS: dict[str, Any] = {
    "describe_global_clusters": {"GlobalClusters": [{"GlobalClusterIdentifier": "peccy"}]},
    "describe_db_clusters": {"DBClusters": [{"DBClusterIdentifier": "peccy-two", "DBClusterArn": "arn"}]},
    "get_metric_statistics": {"Datapoints": [{"Timestamp": datetime(2026, 1, 5, tzinfo=UTC), "Maximum": 1}]},
    "describe_db_instances": {"DBInstances": []},
    "describe_mount_targets": {"MountTargets": []},
    "describe_network_interfaces": {"NetworkInterfaces": []},
    "list_zonal_shifts": {
        "items": [
            {"zonalShiftId": "s", "awayFrom": "use2-az1", "expiryTime": datetime(2026, 1, 5, tzinfo=UTC), "comment": "hadr r"}
        ]
    },
    "start_zonal_shift": {"zonalShiftId": "s"},
    "describe_target_groups": {"TargetGroups": [{"TargetGroupArn": "arn", "LoadBalancerArns": ["arn:x:loadbalancer/app/a/1"]}]},
    "describe_target_health": {"TargetHealthDescriptions": []},
    "list_resource_record_sets": {"ResourceRecordSets": RECORD},
    "describe_file_systems": {"FileSystems": [{"FileSystemId": "fs-two"}]},
    "get_health_check": {"HealthCheck": {"HealthCheckConfig": {"Type": "HTTP"}}},
    "describe_cluster": {"cluster": {"endpoint": "https://x", "certificateAuthority": {"data": "Q0E="}}},
}


class Recorder:
    """Clients that write down every call and give one plain answer to each."""

    def __init__(self) -> None:
        self.calls: set[tuple[str, str]] = set()

    def client(self, service: str, region: str, *, changes: bool = False) -> Any:
        def answer(operation: str) -> Callable[..., Any]:
            self.calls.add((service, operation))
            return lambda **_: ANSWERS.get(operation, {})

        class Client:
            def __getattr__(self, operation: str) -> Callable[..., Any]:
                return answer(operation)

        return Client()


def everything_asked(site: Site) -> set[tuple[str, str]]:
    """What all AWS adapters together call when every one of their methods is used."""
    recorder, clock = Recorder(), VirtualClock()
    call = Caller(recorder)
    aurora, efs, elb = Aurora(site, call, clock), Efs(call), Elb(call)
    switch, records, shifts = S3Switch(call, clock), Route53(site, call), ZonalShifts(call, elb)
    used: list[Callable[[], object]] = [
        lambda: aurora.observe(TWO),
        lambda: aurora.lag(TWO),
        lambda: aurora.promote(TWO),
        lambda: aurora.switch_over(TWO, away=ONE),
        lambda: aurora.instances(TWO),
        lambda: aurora.move_writer(TWO, instance="peccy-two-1"),
        lambda: efs.mounts(TWO),
        lambda: elb.addresses(TWO),
        lambda: shifts.start(TWO, zone_id="use2-az1", expires=timedelta(hours=1), run="r"),
        lambda: shifts.cancel(TWO, zone_id="use2-az1"),
        lambda: efs.observe(TWO),
        lambda: efs.protection(TWO),
        lambda: efs.allow_overwrite(TWO),
        lambda: efs.replicate(TWO, origin=ONE),
        lambda: efs.break_replication(TWO, source="fs-one", local_only=True),
        lambda: elb.targets(TWO),
        lambda: switch.declared(TWO),
        lambda: switch.declare(TWO, run="r"),
        lambda: switch.withdraw(TWO),
        lambda: switch.try_out(TWO),
        lambda: records.check(TWO),
        records.weights,
        lambda: records.give_all_weight(TWO, run="r"),
        lambda: Eks(call, Sessions()).access(TWO),
    ]
    for one in used:
        one()
    return recorder.calls


def test_every_permitted_call_is_made_by_some_method() -> None:
    """Nothing in the table is unused, and the policy grants exactly the table's actions. STS is only ever presigned."""
    assert everything_asked(SITE) | {("sts", "get_caller_identity")} == set(BY_NAME)
    granted = {action for statement in policy(SITE)["Statement"] for action in statement["Action"]}
    assert granted == {call.action for call in CALLS}


def test_what_is_beyond_the_table_is_named() -> None:
    """The drills hold what the API saw of hadr against this (tests/hadr_lab/test_lab_drill.py)."""
    assert outside(everything_asked(SITE)) == ()
    assert outside([("rds", "delete_db_cluster"), ("rds", "describe_db_clusters")]) == (("rds", "delete_db_cluster"),)


def test_every_change_is_bound_to_the_sites_own_things() -> None:
    """No changing action is allowed on anything else, and records only of the service's own name, never deleted.

    An asterisk stands for the account, for the number of a database instance, and for the id that ELB adds to a balancer's name.
    """
    for statement in policy(SITE)["Statement"]:
        if statement["Sid"].startswith("Change"):
            assert all(arn.startswith("arn:aws:") for arn in statement["Resource"]), statement
            wide = [arn for arn in statement["Resource"] if arn.endswith("*")]
            assert all(":db:peccy-" in arn or ":loadbalancer/app/peccy" in arn for arn in wide), statement
    records = next(one for one in policy(SITE)["Statement"] if one["Sid"] == "ChangeRecords")
    (condition,) = records["Condition"].values()
    assert condition["route53:ChangeResourceRecordSetsNormalizedRecordNames"] == ["peccy.hadr.test"]
    assert condition["route53:ChangeResourceRecordSetsActions"] == ["UPSERT"]


def test_a_site_in_one_region_has_no_global_database() -> None:
    """What is asked of it is its own cluster's; shared things are named once."""
    by_name = {statement["Sid"]: statement["Resource"] for statement in policy(zonal_site(members=2))["Statement"]}
    assert "ChangeDatabases" not in by_name
    assert by_name["ChangeInstances"] == [
        "arn:aws:rds:ap-southeast-1:*:cluster:peccy",
        "arn:aws:rds:ap-southeast-1:*:db:peccy-*",
    ]
    assert len(by_name["ChangeBalancers"]) == 2


def test_a_site_without_switches_needs_no_bucket() -> None:
    """What the site has not is not granted."""
    granted = [action for statement in policy(example_site(switches=False))["Statement"] for action in statement["Action"]]
    assert not any(action.startswith("s3:") for action in granted)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ({"Effect": "Allow", "Action": "rds:*", "Resource": "*"}, "grants rds:* on *, which hadr does not use"),
        ({"Effect": "Deny", "Action": "rds:*", "Resource": "*"}, None),
    ],
)
def test_a_wider_policy_is_told(statement: dict[str, Any], said: str | None) -> None:
    """What is granted beyond need is a difference; a deny is not a grant."""
    given = policy(SITE)
    assert differences(given, SITE) == ()
    found = differences({**given, "Statement": [*given["Statement"], statement]}, SITE)
    assert found == (() if said is None else (said,))


def test_how_a_policy_is_written_is_no_difference() -> None:
    """Terraform writes a list of one value as the value, and may turn orders round."""
    given = policy(SITE)
    for statement in given["Statement"]:
        statement["Action"] = statement["Action"][0] if len(statement["Action"]) == 1 else statement["Action"][::-1]
        for keys in statement.get("Condition", {}).values():
            keys.update({key: value[0] if len(value) == 1 else value[::-1] for key, value in keys.items()})
    assert differences(given, SITE) == ()


def test_a_narrower_policy_is_told() -> None:
    """Each missing action is named with its resource; a lifted condition is a difference too."""
    given = policy(SITE)
    kept = [one for one in given["Statement"] if one["Sid"] != "ChangeObjects"]
    assert [line.split(" on ")[0] for line in differences({"Statement": kept}, SITE)] == ["lacks s3:DeleteObject"] * 4 + [
        "lacks s3:PutObject"
    ] * 4
    free = [{key: value for key, value in one.items() if key != "Condition"} for one in given["Statement"]]
    assert len(differences({"Statement": free}, SITE)) == 2


def hadr(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = run([*arguments, "--site", str(SITE_FILE)], out=Console(file=out, width=110), err=Console(file=err, width=110))
    return code, out.getvalue(), err.getvalue()


def test_the_verb_prints_and_checks(tmp_path: Path) -> None:
    """Printed it is JSON; checked against itself yes, against another no; against no JSON it is usage."""
    code, text, _ = hadr("policy")
    assert code == 0
    given = tmp_path / "policy.json"
    given.write_text(text)
    assert hadr("policy", "--check", str(given))[0] == 0
    document = json.loads(text)
    del document["Statement"][0]
    given.write_text(json.dumps(document))
    code, text, _ = hadr("policy", "--check", str(given))
    assert code == 1
    assert "lacks rds:DescribeGlobalClusters on *" in text
    given.write_text("[")
    assert hadr("policy", "--check", str(given))[0] == 64


def test_rbac_is_bound_to_names_and_namespaces() -> None:
    """Patching is for the scale of the named Deployments, for nodes and node pools; eviction for the workload's namespace alone."""
    made = manifests(TWO)
    rules = [(one["metadata"].get("namespace"), rule) for one in made for rule in one.get("rules", [])]
    patched: dict[str, list[str]] = defaultdict(list)
    for namespace, rule in rules:
        if rule["resources"] in (["nodes"], ["nodepools"]):
            assert (namespace, rule["verbs"]) == (None, ["list", "patch"])
        elif rule["resources"] == ["pods/eviction"]:
            assert (namespace, rule["verbs"]) == ("peccy", ["create"])
        elif set(rule["verbs"]) - {"get", "list"}:
            assert (rule["verbs"], rule["resources"]) == (["patch"], ["deployments/scale"])
            patched[namespace] += rule["resourceNames"]
    assert patched == {"kube-system": ["karpenter"], "peccy": ["peccy-app", "peccy-web"]}
    bound = [one["subjects"][0]["name"] for one in made if one["kind"].endswith("Binding")]
    assert bound == ["hadr"] * 3
    code, text, _ = hadr("policy", "--kubernetes", "two")
    assert code == 0
    assert [one["kind"] for one in yaml.safe_load_all(text)] == [one["kind"] for one in made]
    assert hadr("policy", "--kubernetes", "three")[0] == 64
