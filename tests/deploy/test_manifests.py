"""What every rendered overlay must have, whatever else changes in it: the promises an outage is survived by."""

from __future__ import annotations

import difflib
import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import PATIENCE_LIMIT
from hadr import config
from hadr.adapters import rbac
from hadr_lab import boot
from hadr_lab.aws.services import images

DEPLOY = Path(__file__).parents[2] / "deploy"
INFRA = DEPLOY.parent / "infra"
OVERLAYS = ("dr-multi-region/one", "dr-multi-region/two", "ha-single-cluster", "ha-multi-cluster/one", "ha-multi-cluster/two")
ONE_ZONE = ("ha-multi-cluster/one", "ha-multi-cluster/two")
WORKLOADS = ("peccy-app", "peccy-web")

Document = dict[str, Any]


@functools.cache
def rendered(overlay: str) -> str:
    """The overlay as kubectl renders it."""
    if shutil.which("kubectl") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("kubectl is not on PATH, and CI must not skip the manifests")
        pytest.skip("kubectl is not on PATH: NO MANIFEST WAS CHECKED")
    done = subprocess.run(["kubectl", "kustomize", str(DEPLOY / overlay)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def documents(overlay: str) -> list[Document]:
    """Every object of the overlay."""
    return [document for document in yaml.safe_load_all(rendered(overlay)) if document]


def one(overlay: str, kind: str, name: str) -> Document:
    """The only object of that kind and name."""
    found = [d for d in documents(overlay) if d["kind"] == kind and d["metadata"]["name"] == name]
    assert len(found) == 1, f"{overlay}: {len(found)} of {kind}/{name}"
    return found[0]


def pod_of(overlay: str, name: str) -> Document:
    """The pod template's spec of a Deployment."""
    spec: Document = one(overlay, "Deployment", name)["spec"]["template"]["spec"]
    return spec


every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
every_workload = pytest.mark.parametrize("workload", WORKLOADS)


@every_overlay
def test_no_object_appears_twice(overlay: str) -> None:
    """Two of one name would overwrite each other in an order nobody chose."""
    names = [(d["apiVersion"], d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents(overlay)]
    assert len(names) == len(set(names))


@every_overlay
@every_workload
def test_a_disruption_takes_at_most_one_pod(overlay: str, workload: str) -> None:
    """Drains and consolidation go one pod at a time, and a pod that is broken anyway does not stop them."""
    budget = one(overlay, "PodDisruptionBudget", workload)["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["selector"] == one(overlay, "Deployment", workload)["spec"]["selector"]


@every_overlay
@every_workload
def test_pods_are_spread_over_hosts_and_where_there_are_zones_over_zones(overlay: str, workload: str) -> None:
    """A lost host or zone takes no more than its share; a demand on zones would keep a lost zone's pods pending."""
    constraints = pod_of(overlay, workload)["topologySpreadConstraints"]
    keys = {constraint["topologyKey"] for constraint in constraints}
    zone = set() if overlay in ONE_ZONE else {"topology.kubernetes.io/zone"}
    assert keys == zone | {"kubernetes.io/hostname"}
    labels = one(overlay, "Deployment", workload)["spec"]["selector"]
    for constraint in constraints:
        assert constraint["labelSelector"] == labels
        assert constraint["nodeTaintsPolicy"] == "Honor"
        on_hosts = constraint["topologyKey"] == "kubernetes.io/hostname"
        assert constraint["whenUnsatisfiable"] == ("DoNotSchedule" if on_hosts else "ScheduleAnyway")
        assert constraint.get("minDomains") == (3 if on_hosts else None), "a number of zones would hold pods back when one is lost"


def pools_of(overlay: str) -> dict[str, dict[str, list[str]]]:
    """The node pools by name, each with what it requires of a node."""
    pools = [d for d in documents(overlay) if d["kind"] == "NodePool"]
    return {
        pool["metadata"]["name"]: {
            one["key"].rpartition("/")[2]: one["values"] for one in pool["spec"]["template"]["spec"]["requirements"]
        }
        for pool in pools
    }


@every_overlay
def test_a_member_of_one_zone_gets_its_nodes_there_only(overlay: str) -> None:
    """The zone is chosen in one place, the node pools; and the two members have not the same."""
    zones = [required.get("zone", []) for required in pools_of(overlay).values()]
    assert [len(values) for values in zones] == ([1, 1] if overlay in ONE_ZONE else [0, 0])
    assert pools_of(ONE_ZONE[0])["service"]["zone"] != pools_of(ONE_ZONE[1])["service"]["zone"]


@every_overlay
def test_spot_is_for_when_on_demand_is_used_up(overlay: str) -> None:
    """Karpenter tries the heavier pool first; both make nodes that the workload and hadr know by the same label."""
    pools = {name: one(overlay, "NodePool", name)["spec"] for name in ("service", "service-spare")}
    assert pools["service"]["weight"] > pools["service-spare"]["weight"]
    assert {name: required["capacity-type"] for name, required in pools_of(overlay).items()} == {
        "service": ["on-demand"], "service-spare": ["spot"],
    }  # fmt: skip
    assert pools["service"]["template"]["metadata"] == pools["service-spare"]["template"]["metadata"]


@every_overlay
@every_workload
def test_every_container_asks_for_what_it_needs_and_has_a_memory_limit(overlay: str, workload: str) -> None:
    """Karpenter sizes nodes by requests; a leak must end its own pod and no other."""
    for container in pod_of(overlay, workload)["containers"]:
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        assert "cpu" not in container["resources"]["limits"]


@every_overlay
def test_files_are_fenced_where_each_region_has_its_own(overlay: str) -> None:
    """A Region that was failed over from has a read-only database and a file system that would take writes."""
    told = one(overlay, "ConfigMap", "peccy-site")["data"]
    assert ("PECCY_FILES_FENCE" in told) is overlay.startswith("dr-multi-region/")


@every_overlay
@every_workload
def test_readiness_is_not_liveness(overlay: str, workload: str) -> None:
    """What a pod lacks must stop its traffic, not restart its process."""
    for container in pod_of(overlay, workload)["containers"]:
        paths = {kind: container[kind]["httpGet"]["path"] for kind in ("livenessProbe", "readinessProbe", "startupProbe")}
        assert paths == {"livenessProbe": "/livez", "readinessProbe": "/readyz/local", "startupProbe": "/livez"}
        readiness = container["readinessProbe"]
        assert readiness["timeoutSeconds"] > 1.5, "the app's own limit is shorter, so the reason is always told"


@every_overlay
@every_workload
def test_a_pod_that_goes_stays_until_nobody_sends_to_it(overlay: str, workload: str) -> None:
    """preStop waits for kube-proxy and the load balancer; the grace period covers it, the longest wait and the drain."""
    pod = pod_of(overlay, workload)
    for container in pod["containers"]:
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause >= 5
        assert pod["terminationGracePeriodSeconds"] >= pause + PATIENCE_LIMIT + 15
    assert one(overlay, "Deployment", workload)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@every_overlay
@every_workload
def test_pods_run_with_as_little_as_they_need(overlay: str, workload: str) -> None:
    """The restricted pod security standard, a read-only root and no token for the API server."""
    pod = pod_of(overlay, workload)
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


@every_overlay
@every_workload
def test_the_workload_runs_on_service_nodes_and_leaves_silent_ones_soon(overlay: str, workload: str) -> None:
    """Control nodes stay free for what recovers the site."""
    pod = pod_of(overlay, workload)
    assert pod["nodeSelector"] == {"type": "service"}
    assert pod["priorityClassName"] == one(overlay, "PriorityClass", "peccy")["metadata"]["name"]
    waits = {t["key"]: t["tolerationSeconds"] for t in pod["tolerations"]}
    assert waits == {"node.kubernetes.io/unreachable": 30, "node.kubernetes.io/not-ready": 30}


@every_overlay
@every_workload
def test_services_find_their_pods_in_the_same_zone_first(overlay: str, workload: str) -> None:
    """Every service selects its pods, names a port they have, and keeps calls in the zone."""
    service = one(overlay, "Service", workload)["spec"]
    template = one(overlay, "Deployment", workload)["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["ports"]} <= ports
    assert service["trafficDistribution"] == "PreferSameZone"


@every_overlay
def test_the_binding_needs_nothing_filled_in_by_a_webhook(overlay: str) -> None:
    """A binding without these could be made only while the controller's webhook runs."""
    spec = one(overlay, "TargetGroupBinding", "peccy-web")["spec"]
    assert {"targetGroupARN", "targetGroupProtocol", "targetType", "ipAddressType", "vpcID"} <= set(spec)
    assert spec["serviceRef"]["port"] in {port["port"] for port in one(overlay, "Service", "peccy-web")["spec"]["ports"]}


@every_overlay
def test_new_nodes_need_no_iam_and_no_single_kind_of_instance(overlay: str) -> None:
    """A role would need IAM's control plane, which is in us-east-1; one kind of instance is what a zone runs out of."""
    node_class = one(overlay, "EC2NodeClass", "service")["spec"]
    assert node_class["instanceProfile"]
    assert "role" not in node_class
    assert all(term["alias"].startswith("al2023@") for term in node_class["amiSelectorTerms"])
    for name, required in pools_of(overlay).items():
        assert len(required["instance-category"]) >= 2
        assert len(required["instance-size"]) >= 2
        pool = one(overlay, "NodePool", name)["spec"]
        assert pool["limits"]["cpu"]
        assert pool["disruption"]["budgets"]
        assert pool["template"]["metadata"]["labels"] == {"type": "service"}


@every_overlay
def test_no_image_floats_and_no_secret_is_written_down(overlay: str) -> None:
    """Images are named by a tag or digest that the site gives; secrets arrive on another way."""
    for workload in WORKLOADS:
        for container in pod_of(overlay, workload)["containers"]:
            assert re.fullmatch(rf"\$\{{IMAGE_REGISTRY\}}/{workload}:\$\{{IMAGE_TAG\}}", container["image"])
    assert not [d for d in documents(overlay) if d["kind"] == "Secret"]
    assert not re.search(r"(?i)password\s*:\s*\S", rendered(overlay))


@every_overlay
def test_every_placeholder_is_one_that_the_deploy_command_fills_in(overlay: str) -> None:
    """A forgotten one would reach the cluster as text."""
    script = (DEPLOY / "member").read_text()
    known = re.search(r"SUBSTITUTED=\(([^)]*)\)", script)
    assert known is not None
    assert set(re.findall(r"\$\{(\w+)\}", rendered(overlay))) == set(known[1].split())


@every_overlay
def test_hadr_may_do_exactly_what_it_does(overlay: str) -> None:
    """The rights that are deployed are those that `hadr policy --kubernetes` prints for this member, and no other's are."""
    root, _, name = overlay.partition("/")
    site = config.load_site(INFRA / root / "tests" / "site.yaml")
    deployed = [document for document in documents(overlay) if document["apiVersion"] == rbac.API]

    def place(document: Document) -> tuple[str, str]:
        return document["kind"], document["metadata"].get("namespace", "")

    assert sorted(deployed, key=place) == sorted(rbac.manifests(site.member(name or "one")), key=place)


def test_the_group_of_hadr_is_the_one_that_terraform_names() -> None:
    """EKS puts hadr's role into it; bound to another, the rights would be nobody's."""
    (entry,) = re.findall(r"kubernetes_groups\s*=\s*\[([^]]*)\]", (INFRA / "modules" / "cluster" / "access.tf").read_text())
    assert {subject["name"] for document in documents("ha-single-cluster") for subject in document.get("subjects", [])} == {
        json.loads(entry)
    }


def test_the_lab_has_the_node_image_it_asks_for() -> None:
    """Members name a release of the image, never the latest; the emulated EC2 has one."""
    assert f"v{images.RELEASE}" == boot.AMI_VERSION


@pytest.mark.parametrize("architecture", ["dr-multi-region", "ha-multi-cluster"])
def test_two_members_differ_only_in_their_name_region_and_zone(architecture: str) -> None:
    """Anything else that differs would be found out during a failover."""
    first, second = (rendered(f"{architecture}/{member}").splitlines() for member in ("one", "two"))
    changed = [line[1:].strip() for line in difflib.ndiff(first, second) if line[:1] in "+-"]
    allowed = re.compile(r"PECCY_MEMBER: (one|two)|PECCY_REGION: [a-z]+-[a-z]+-\d|- [a-z]+-[a-z]+-\d[a-c]")
    assert changed
    assert [line for line in changed if not allowed.fullmatch(line)] == []
