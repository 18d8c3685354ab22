"""One site that stays up, seen by real clients: before a loss, after a failover by hand, after the lost Region is back.

The story is told once (`story`); the tests judge what was seen, each for itself.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from tests.hadr_lab.demo_process import assert_gone, hadr_lab, started
from tests.hadr_lab.demo_site import Look, Site, look, site_of, until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

LOSE = ("lose-region", "us-east-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was seen and said, in order."""

    site: Site
    before: Look
    answered_before: str
    events: list[str]
    status_before: subprocess.CompletedProcess[str]
    region_api_after_loss: str
    status_lost: subprocess.CompletedProcess[str]
    failover: subprocess.CompletedProcess[str]
    after: Look
    status_after: subprocess.CompletedProcess[str]
    healed_addresses: list[set[str]]
    healed_answers: list[str]
    revived: bool


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Up, look, lose us-east-1 from another shell, fail over by hand, look, bring us-east-1 back, look again."""
    with started(tmp_path_factory.mktemp("site"), "up") as lab:
        lab.until("Ctrl-C here ends everything")
        spaces = lab.spaces()
        yield told(site_of(lab))
        assert lab.end(signal.SIGINT) == 130
        assert_gone(spaces)


def told(site: Site) -> Story:
    """Live through it."""
    before, status_before = look(site), site.inside("hadr", "status", "--json")
    events = [f"{e['reason']} {e['message']}" for e in site.kubectl("two", "events", "--namespace=peccy")]
    answered = who(site)
    done = site.ask("fault", *LOSE)
    assert (done.returncode, done.stdout) == (0, "lose-region us-east-1: done\n"), done.stderr
    refused = silent(site)
    status_lost = site.inside("hadr", "status", "--json")
    failover = site.inside("hadr", "failover", "--to", "two", "--yes", "--json", "--runs", str(site.lab.run / "hadr"), timeout=150)
    after, status_after = look(site), site.inside("hadr", "status", "--json")
    healed = site.ask("heal", *LOSE)
    assert (healed.returncode, healed.stdout) == (0, "lose-region us-east-1: healed\n"), healed.stderr
    revived = until(lambda: not silent(site), within=20)
    seen: list[set[str]] = []
    answers: list[str] = []
    for _ in range(5):
        seen.append(site.addresses())
        answers += [who(site) for _ in range(4)]
        time.sleep(1)
    return Story(
        site=site,
        before=before,
        answered_before=answered,
        events=events,
        status_before=status_before,
        region_api_after_loss=refused,
        status_lost=status_lost,
        failover=failover,
        after=after,
        status_after=status_after,
        healed_addresses=seen,
        healed_answers=answers,
        revived=revived,
    )


def silent(site: Site) -> str:
    """Why us-east-1's API gives no answer; empty when it does."""
    try:
        site.client("ec2", "one").describe_vpcs()
    except HTTPClientError as error:
        return type(error).__name__
    return ""


def who(site: Site) -> str:
    """The member that answers a browser of the host."""
    status, text = site.lab.browse("/debugs/member")
    return str(json.loads(text)["member"]) if status == 200 else f"status {status}"


def phases(seen: Look) -> set[str]:
    """Of the workload's pods."""
    return {pod["status"]["phase"] for pod in seen.pods}


def test_the_stand_by_has_its_control_nodes_and_nothing_else(story: Story) -> None:
    """A Ready node in each zone, labelled and tainted `control`; each is a running instance; no NodeClaim."""
    nodes = story.before.nodes
    assert len(nodes) == len(story.before.instances) == 3
    assert all(node["metadata"]["labels"]["type"] == "control" for node in nodes)
    assert all({"key": "type", "value": "control", "effect": "NoSchedule"} in node["spec"]["taints"] for node in nodes)
    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert len(zones) == 3
    assert {i["Placement"]["AvailabilityZone"] for i in story.before.instances} == zones
    assert story.before.claims == []


def test_the_stand_bys_workload_is_wanted_and_waits(story: Story) -> None:
    """The node maker is at 0 replicas, so peccy's pods are Pending, and the scheduler says why."""
    assert story.before.node_maker["spec"]["replicas"] == 0
    assert len(story.before.pods) >= 5
    assert phases(story.before) == {"Pending"}
    assert any(event.startswith("FailedScheduling") for event in story.events)
    assert "healthy" not in story.before.targets


def test_aws_clients_of_the_host_see_the_replicated_data(story: Story) -> None:
    """One is the writer, two a reader in RDS and in its database; EFS replicates into two; the name leads to one."""
    assert story.before.roles == {"cluster:peccy-one": True, "cluster:peccy-two": False} or story.before.roles == {
        "peccy-one": True,
        "peccy-two": False,
    }
    assert story.before.read_only
    assert [r["Destinations"][0]["Region"] for r in story.before.replications] == ["us-east-2"]
    assert story.before.addresses
    assert all(address.startswith("10.1.") for address in story.before.addresses)
    status = json.loads(story.status_before.stdout)
    assert story.status_before.returncode == 0, status


def test_a_browser_of_the_host_is_led_to_the_active_member(story: Story) -> None:
    """Through the port that `hadr-lab env` names, as a client at the edge."""
    assert story.answered_before == "one"


def test_route_53_shows_weights_and_the_switch(story: Story) -> None:
    """The records weigh 100 and 0, as made; each has a health check. Asked after the Region of Route 53's API is back."""
    route53 = story.site.client("route53", "one")
    zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    weights = {r["SetIdentifier"]: r["Weight"] for r in records if "Weight" in r}
    assert weights == {"one": 100, "two": 0}
    assert all(r.get("HealthCheckId") for r in records if "Weight" in r)


def test_an_operation_that_is_not_there_has_one_clear_error(story: Story) -> None:
    """EmulatorUnsupported, naming the operation, and no made-up answer."""
    with pytest.raises(ClientError) as refused:
        story.site.client("rds", "two").describe_integrations()
    assert refused.value.response["Error"]["Code"] == "EmulatorUnsupported"
    assert "DescribeIntegrations" in refused.value.response["Error"]["Message"]


def test_a_lost_region_takes_its_api_with_it(story: Story) -> None:
    """No answer to an AWS client, and hadr says that the site does not serve."""
    assert story.region_api_after_loss in ("ReadTimeoutError", "ConnectTimeoutError")
    assert story.status_lost.returncode in (1, 2)


def test_a_failover_by_hand_ends_well(story: Story) -> None:
    """`hadr failover` inside the lab exits 0, and so does `hadr status` afterwards."""
    assert story.failover.returncode == 0, story.failover.stdout + story.failover.stderr
    assert json.loads(story.failover.stdout)["answer"] == "done"
    assert story.status_after.returncode == 0, story.status_after.stdout


def test_after_the_failover_two_has_nodes_of_its_own_making(story: Story) -> None:
    """Each NodeClaim is a Ready node and a running instance beside the control nodes; every pod runs; every target is healthy."""
    seen = story.after
    service = [node for node in seen.nodes if node["metadata"]["labels"].get("type") == "service"]
    assert service
    assert {claim["status"]["nodeName"] for claim in seen.claims} == {node["metadata"]["name"] for node in service}
    claimed = {claim["status"]["providerID"].rsplit("/", 1)[1] for claim in seen.claims}
    assert claimed < {instance["InstanceId"] for instance in seen.instances}
    assert len(seen.instances) == 3 + len(service)
    assert all(c["status"] == "True" for node in seen.nodes for c in node["status"]["conditions"] if c["type"] == "Ready")
    assert phases(seen) == {"Running"}
    assert seen.node_maker["status"]["readyReplicas"] == 2
    assert seen.targets
    assert set(seen.targets) == {"healthy"}


def test_after_the_failover_the_roles_are_swapped_everywhere(story: Story) -> None:
    """In DescribeGlobalClusters and in the database; no replication ends in two; the name leads to two."""
    seen = story.after
    assert {name.rsplit(":", 1)[-1]: writer for name, writer in seen.roles.items()}["peccy-two"] is True
    assert not seen.read_only
    assert seen.replications == []
    assert seen.addresses
    assert all(address.startswith("10.2.") for address in seen.addresses)


def test_a_revived_region_gets_no_traffic(story: Story) -> None:
    """Its API answers again, its record still weighs 100, and yet every resolver answer and every browser is led to two."""
    assert story.revived
    assert all(address.startswith("10.2.") for seen in story.healed_addresses for address in seen)
    assert all(story.healed_addresses)
    assert set(story.healed_answers) == {"two"}


def test_a_fault_that_nobody_knows_is_a_usage_error(story: Story) -> None:
    """One line that says which there are; an unknown Region is refused by the lab itself."""
    for words, says in ((("flood",), "there are lose-region"), (("lose-region", "eu-west-1"), "is not part of this lab")):
        asked = story.site.ask("fault", *words)
        assert asked.returncode == 64
        assert asked.stderr.startswith("hadr-lab: ")
        assert says in asked.stderr
        assert asked.stderr.count("\n") == 1


def test_the_logs_of_a_running_lab_can_be_read(story: Story) -> None:
    """By a part of the name, while it runs."""
    run = story.site.lab.run
    assert {"lab", "nodes-us-east-2", "kube-scheduler-peccy-two"} <= set(hadr_lab("logs", "--run", run).stdout.split())
    assert "ready for connections" in hadr_lab("logs", "database-us-east-2-peccy-two", "--run", run).stdout


def test_another_lab_beside_it_serves_and_dies_alone(story: Story, tmp_path: Path) -> None:
    """Both serve at once, with nothing in common; one is killed and all of it is gone, and the other one goes on."""
    first = story.site.lab
    with started(tmp_path, "up") as second:
        second.until("Ctrl-C here ends everything", within=300)
        assert [lab.browse("/readyz")[0] for lab in (first, second)] == [200, 200]
        spaces = second.spaces()
        assert not first.spaces() & spaces
        assert second.end(signal.SIGKILL) == -signal.SIGKILL
        assert_gone(spaces)
        assert [lab.browse("/readyz")[0] for lab in (first, second)] == [200, 0]
