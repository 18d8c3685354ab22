"""The deploy command before a real API server: what it shows before, what is there after, and that a second run changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.api_server import ApiServer, an_api_server
from tests.deploy.test_manifests import DEPLOY

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
SECRET = '{"username": "peccy", "password": "of-this-test-only"}'


@pytest.fixture
def api() -> Iterator[ApiServer]:
    """A cluster as EKS gives it, without controllers: it has the Service of its name servers and nothing else."""
    with an_api_server() as running:
        running.done("create", "service", "clusterip", "kube-dns", "--namespace=kube-system", "--tcp=53:53")
        yield running


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A cluster with a member in it."""
    with an_api_server() as running:
        running.done("create", "service", "clusterip", "kube-dns", "--namespace=kube-system", "--tcp=53:53")
        said = member(running, facts(running, tmp_path_factory.mktemp("site")))
        assert said.returncode == 0, said.stderr
        yield running


def member(api: ApiServer, site: Path, *options: str, told: str = SECRET) -> subprocess.CompletedProcess[str]:
    """deploy/member ha-multi-cluster one, with the charts that came with the controllers' sources."""
    path = os.pathsep.join((str(api.helm_program.parent), str(api.kubectl_program.parent), os.environ["PATH"]))
    command = ["bash", str(DEPLOY / "member"), "ha-multi-cluster", "one", "--site", str(site), *options]
    env = {"PATH": path, "HOME": str(site.parent), "KUBECONFIG": str(api.kubeconfig)}
    return subprocess.run(command, env=env, input=told, capture_output=True, text=True, timeout=200, check=False)


def facts(api: ApiServer, folder: Path, **changed: str) -> Path:
    """The example's facts with local charts."""
    charts = {
        "KARPENTER_CHART": "karpenter/chart", "KARPENTER_CRDS": "karpenter/crds",
        "LBC_CHART": "aws-load-balancer-controller/chart", "LBC_CRDS": "aws-load-balancer-controller/crds",
    }  # fmt: skip
    lines = [line for line in (DEPLOY / "site.example.env").read_text().splitlines() if line.partition("=")[0] not in changed]
    more = {name: str(api.charts / place) for name, place in charts.items()} | changed
    site = folder / "site.env"
    site.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in more.items())]) + "\n")
    return site


def test_a_member_is_deployed_shown_before_and_left_alone_after(api: ApiServer, tmp_path: Path) -> None:
    """One command from an empty cluster to all of it; again, it changes nothing; one changed fact is one difference."""
    site = facts(api, tmp_path)
    before = member(api, site, "--diff")
    assert (before.returncode, before.stderr) == (1, "")
    announced = set(before.stdout.splitlines())
    expected = {"+ Deployment peccy-app", "+ NodePool service", "+ TargetGroupBinding peccy-web", "+ Secret peccy-database"}
    assert (
        expected | {"+ CustomResourceDefinition nodepools.karpenter.sh", "+ Deployment karpenter", "~ Service kube-dns"}
        <= announced
    )
    assert api.done("get", "namespaces", "-o", "name").count("peccy") == 0

    first = member(api, site)
    assert first.returncode == 0, first.stderr
    there = api.done("get", "deployments", "--all-namespaces", "-o", "jsonpath={.items[*].metadata.name}").split()
    assert sorted(there) == ["aws-load-balancer-controller", "karpenter", "peccy-app", "peccy-web"]

    same = member(api, site, "--diff")
    assert (same.returncode, same.stdout) == (0, ""), same.stdout + same.stderr
    generations = "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{'\\n'}{end}"
    kinds = "deployments,nodepools,ec2nodeclasses,targetgroupbindings,networkpolicies,poddisruptionbudgets,services"
    was = api.done("get", kinds, "--all-namespaces", "-o", generations)
    assert member(api, site).returncode == 0
    assert api.done("get", kinds, "--all-namespaces", "-o", generations) == was

    changed = member(api, facts(api, tmp_path, IMAGE_TAG="1.0.1"), "--diff")
    assert changed.returncode == 1
    lines = [line for line in changed.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert {line.split("/")[-1] for line in lines if "image:" in line} == {
        "peccy-app:1.0.0", "peccy-app:1.0.1", "peccy-web:1.0.0", "peccy-web:1.0.1",
    }  # fmt: skip
    assert [line for line in lines if "image:" not in line and "generation:" not in line] == []


def test_the_password_is_in_no_output(api: ApiServer, tmp_path: Path) -> None:
    """Neither when it is new nor when it changes."""
    site = facts(api, tmp_path)
    for told in (SECRET, SECRET.replace("of-this", "of-another")):
        for options in ((), ("--diff",)):
            said = member(api, site, *options, told=told)
            assert "test-only" not in said.stdout + said.stderr


def test_a_field_that_a_failover_owns_is_not_overwritten(api: ApiServer, tmp_path: Path) -> None:
    """The command says whose it is and ends with 1; the number stays."""
    site = facts(api, tmp_path)
    assert member(api, site).returncode == 0
    grown = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"peccy-app"},"spec":{"replicas":12}}'
    api.done("apply", "--server-side", "--force-conflicts", "--field-manager=hadr", "--namespace=peccy", "--filename=-", text=grown)
    said = member(api, site)
    assert said.returncode == 1
    assert "a failover owns that field" in said.stderr
    assert api.done("get", "deployment", "peccy-app", "--namespace=peccy", "-o", "jsonpath={.spec.replicas}") == "12"


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("patch nodes", True),
        ("patch nodepools.karpenter.sh", True),
        ("create pods --subresource=eviction --namespace=peccy", True),
        ("patch deployments.apps/peccy-app --subresource=scale --namespace=peccy", True),
        ("patch deployments.apps/karpenter --subresource=scale --namespace=kube-system", True),
        ("list pods --namespace=kube-system", True),
        ("patch deployments.apps/coredns --subresource=scale --namespace=kube-system", False),
        ("patch deployments.apps/peccy-app --namespace=peccy", False),
        ("create pods --subresource=eviction --namespace=kube-system", False),
        ("delete pods --namespace=peccy", False),
        ("get secrets --namespace=peccy", False),
        ("list secrets --all-namespaces", False),
        ("delete nodes", False),
    ],
)
def test_the_operators_group_may_what_hadr_does_and_no_more(deployed: ApiServer, asked: str, allowed: bool) -> None:
    """Asked of the real server as somebody who has nothing but the group that the access entry names."""
    said = deployed.kubectl("auth", "can-i", *asked.split(), "--as=somebody", "--as-group=hadr")
    assert (said.stdout.strip().splitlines()[-1], said.returncode) == (("yes", 0) if allowed else ("no", 1)), said.stderr
