"""Roles are state, not code: turned round and back by hadr on one site that stays up, each time as every client sees them.

The story is told once (`story`): as booted, after a planned switchover to two, after the one back, after us-east-1 was lost and two
took over, after it came back and hadr failed back to one. Whenever both Regions answer, Terraform finds nothing to change.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.hadr_lab.demo_process import assert_gone, started
from tests.hadr_lab.demo_site import Site, site_of, until

from hadr_lab.applied import INFRA, VARIABLES
from hadr_lab.terraform import Root, copied

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

NETWORKS = {"one": "10.1.", "two": "10.2."}
OTHER = {"one": "two", "two": "one"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One moment, through kubectl, boto3, the databases' own sockets, a resolver, a browser, Terraform and hadr."""

    said: subprocess.CompletedProcess[str] | None
    writer: str
    read_only: dict[str, bool]
    copied_to: list[str]
    running: dict[str, int]
    wanted: dict[str, int]
    declared: bool
    weights: dict[str, int]
    addresses: set[str]
    answered: str
    status: subprocess.CompletedProcess[str]
    changes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The stages between which hadr moved the roles; the failover, and what Terraform would change once us-east-1 was back."""

    stages: dict[str, Stage]
    failover: subprocess.CompletedProcess[str]
    changes_after_failover: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Up, there and back, lost and back; then down without a trace."""
    folder = tmp_path_factory.mktemp("roles")
    with started(folder, "up") as lab:
        lab.until("Ctrl-C here ends everything")
        spaces, site = lab.spaces(), site_of(lab)
        yield told(site, root_of(site, folder))
        assert lab.end(signal.SIGINT) == 130
        assert_gone(spaces)


def told(site: Site, root: Root) -> Story:
    """Live through it."""
    stages = {"booted": seen(site, root, None)}
    stages["switched over"] = seen(site, root, turned(site, "switchover", "two"))
    stages["switched back"] = seen(site, root, turned(site, "switchover", "one"))
    lost = site.ask("fault", "lose-region", "us-east-1")
    assert lost.returncode == 0, lost.stderr
    failover = turned(site, "failover", "two")
    healed = site.ask("heal", "lose-region", "us-east-1")
    assert healed.returncode == 0, healed.stderr
    with ThreadPoolExecutor(1) as beside:
        changes = beside.submit(root.plan)
        allowed = until(lambda: site.inside("hadr", "plan", "failback", "--to", "one", "--json").returncode == 0, within=120)
        assert allowed, site.inside("hadr", "plan", "failback", "--to", "one").stdout
    stages["failed back"] = seen(site, root, turned(site, "failback", "one"))
    return Story(stages=stages, failover=failover, changes_after_failover=changes.result())


def turned(site: Site, verb: str, to: str) -> subprocess.CompletedProcess[str]:
    """`hadr VERB --to TO`."""
    return site.inside("hadr", verb, "--to", to, "--yes", "--json", "--runs", str(site.lab.run / "hadr"), timeout=180)


def root_of(site: Site, folder: Path) -> Root:
    """A copy of the architecture's root with the state that the lab was booted from."""
    root = copied(INFRA, "dr-multi-region", folder, site.env["AWS_ENDPOINT_URL"], VARIABLES)
    shutil.copy(site.lab.run / "terraform.tfstate", root.folder / "terraform.tfstate")
    return root


def seen(site: Site, root: Root, said: subprocess.CompletedProcess[str] | None) -> Stage:
    """Look once, Terraform beside the others; `said` is what led here."""
    with ThreadPoolExecutor(1) as beside:
        planned = beside.submit(root.plan)
        return looked(site, root, planned, said)


def looked(site: Site, root: Root, planned: Future[str], said: subprocess.CompletedProcess[str] | None) -> Stage:
    """What all of them see."""
    world = site.client("rds", "one").describe_global_clusters(GlobalClusterIdentifier="peccy")["GlobalClusters"][0]
    writers = [m["DBClusterArn"].rsplit("peccy-", 1)[1] for m in world["GlobalClusterMembers"] if m["IsWriter"]]
    assert len(writers) == 1
    switch = root.outputs()["site"]["members"][1]["switch"]
    pods = {name: site.kubectl(name, "pods", "--namespace=peccy") for name in NETWORKS}
    deployments = {name: site.kubectl(name, "deployments", "--namespace=peccy") for name in NETWORKS}
    status, answer = site.lab.browse("/debugs/member")
    return Stage(
        said=said,
        writer=writers[0],
        read_only={name: site.read_only(name) for name in NETWORKS},
        copied_to=[name for name in NETWORKS if copies_into(site, name)],
        running={name: sum(ready(pod) for pod in each) for name, each in pods.items()},
        wanted={name: sum(one["spec"]["replicas"] for one in each) for name, each in deployments.items()},
        declared="Contents" in site.client("s3", "two").list_objects_v2(Bucket=switch["bucket"], Prefix=switch["key"]),
        weights=weights(site),
        addresses=site.addresses(),
        answered=str(json.loads(answer)["member"]) if status == 200 else f"status {status}",
        status=site.inside("hadr", "status", "--json"),
        changes=planned.result(),
    )


def copies_into(site: Site, member: str) -> bool:
    """Whether EFS replicates into the member's Region, in its own Region's words."""
    efs = site.client("efs", member)
    (system,) = efs.describe_file_systems()["FileSystems"]
    found = efs.describe_replication_configurations()["Replications"]
    into = {d["FileSystemId"] for each in found for d in each["Destinations"] if d["Status"] == "ENABLED"}
    return system["FileSystemId"] in into


def weights(site: Site) -> dict[str, int]:
    """What Route 53 holds."""
    route53 = site.client("route53", "one")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {r["SetIdentifier"]: r["Weight"] for r in records if "Weight" in r}


def ready(pod: dict[str, Any]) -> bool:
    """Whether the pod counts as ready."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions") or ())


STAGES = pytest.mark.parametrize(
    ("stage", "active"), [("booted", "one"), ("switched over", "two"), ("switched back", "one"), ("failed back", "one")]
)


@STAGES
def test_every_role_is_where_it_should_be(story: Story, stage: str, active: str) -> None:
    """The active member writes, to both stores; the other one follows; clients and resolvers are led to it, and hadr says so."""
    found, other = story.stages[stage], OTHER[active]
    assert found.said is None or found.said.returncode == 0, found.said.stdout + found.said.stderr
    assert found.writer == active
    assert found.read_only == {active: False, other: True}
    assert found.copied_to == [other]
    assert found.addresses
    assert all(address.startswith(NETWORKS[active]) for address in found.addresses)
    assert found.answered == active
    assert found.status.returncode == 0, found.status.stdout


@STAGES
def test_terraform_finds_nothing_to_change(story: Story, stage: str, active: str) -> None:
    """`plan -detailed-exitcode` is 0 whoever is active: no role is written down in the root."""
    assert story.stages[stage].writer == active
    assert story.stages[stage].changes == ""


@STAGES
def test_only_the_active_members_workload_runs(story: Story, stage: str, active: str) -> None:
    """The old side's Deployments are at 0 after a planned change: what does not run writes nothing, into no store."""
    found = story.stages[stage]
    assert found.running[active] == found.wanted[active] > 0
    assert found.running[OTHER[active]] == 0
    assert (found.wanted[OTHER[active]] == 0) is (stage != "booted")


def test_traffic_leaves_the_control_planes_region_without_it(story: Story) -> None:
    """Towards two the switch moves clients and the weights stay; on the way back it is withdrawn."""
    assert {stage: found.declared for stage, found in story.stages.items()} == {
        "booted": False,
        "switched over": True,
        "switched back": False,
        "failed back": False,
    }
    assert {tuple(sorted(found.weights.items())) for found in story.stages.values()} == {(("one", 100), ("two", 0))}


def test_a_failover_lies_between(story: Story) -> None:
    """What was failed back from was a real loss: hadr moved everything to two without us-east-1. Terraform need not follow."""
    assert story.failover.returncode == 0, story.failover.stdout + story.failover.stderr
    assert json.loads(story.failover.stdout)["answer"] == "done"
    assert story.changes_after_failover == ""
