"""Every overlay and add-on before a real API server of the version EKS runs: its schemas, its rules, the CRDs' rules, pod security.

Server-side dry runs with strict validation: an unknown field, a wrong type, a rule of a CRD or of the restricted pod security
standard fails here, and not in the cluster that is to take over.
"""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.api_server import ApiServer, an_api_server
from tests.deploy.test_manifests import DEPLOY, OVERLAYS, WORKLOADS, every_overlay, every_workload, one

pytestmark = pytest.mark.lab

DRY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--field-manager=test", "--filename=-")
ADDONS = {
    "karpenter": ("settings.clusterName=peccy-one", "replicas=0"),
    "aws-load-balancer-controller": ("clusterName=peccy-one", "region=us-east-1", "vpcId=vpc-1"),
}


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """One API server for this file, with the CRDs and with the namespace and priority class that the rest refers to."""
    with an_api_server() as running:
        for name in ("karpenter", "aws-load-balancer-controller"):
            for path in sorted((running.charts / name / "crds").glob("*.yaml")):
                if path.name != "kustomization.yaml":
                    running.done("apply", "--server-side", f"--filename={path}")
        running.done("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        basics = [one(OVERLAYS[0], "Namespace", "peccy"), one(OVERLAYS[0], "PriorityClass", "peccy")]
        running.done("apply", "--server-side", "--field-manager=test", "--filename=-", text=yaml.safe_dump_all(basics))
        yield running


def test_the_server_has_the_version_that_the_architectures_ask_for(api: ApiServer) -> None:
    """A schema of another release would prove nothing."""
    version = json.loads(api.done("get", "--raw", "/version"))
    assert f"{version['major']}.{version['minor']}" == "1.35"


@every_overlay
def test_every_object_of_an_overlay_is_taken(api: ApiServer, overlay: str) -> None:
    """Strictly: no unknown or doubled field, no rule broken, no warning such as a deprecated version."""
    text = filled(overlay)
    said = api.kubectl(*DRY, text=text)
    assert (said.returncode, said.stderr) == (0, "")
    assert len(said.stdout.splitlines()) == len([d for d in yaml.safe_load_all(text) if d])


@every_overlay
@every_workload
def test_its_pods_are_admitted_under_the_restricted_standard(api: ApiServer, overlay: str, workload: str) -> None:
    """The namespace enforces it on pods, so a Deployment's dry run alone would not tell."""
    assert api.done("get", "namespace", "peccy", "-o", "jsonpath={.metadata.labels}").count("restricted") == 1
    said = api.kubectl(*DRY, text=yaml.safe_dump(the_pod(overlay, workload)))
    assert (said.returncode, said.stderr) == (0, "")


def test_a_pod_that_asks_for_more_is_refused(api: ApiServer) -> None:
    """The admission of the test above is on."""
    pod = the_pod(OVERLAYS[0], WORKLOADS[0])
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    assert "violates PodSecurity" in api.kubectl(*DRY, text=yaml.safe_dump(pod)).stderr


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("maxSkew: ", "maxSkews: ", "field not declared in schema"),
        ("trafficDistribution: PreferSameZone", "trafficDistribution: SameZone", "Unsupported value"),
        ("consolidationPolicy: WhenEmptyOrUnderutilized", "consolidationPolicy: Always", "Unsupported value"),
        ("targetType: ip", "targetType: pod", "Unsupported value"),
        ("httpTokens: required", "httpTokens: always", "Unsupported value"),
    ],
)
def test_a_mistake_is_refused(api: ApiServer, right: str, wrong: str, said: str) -> None:
    """Strict validation and each CRD's own rules are on."""
    text = filled("ha-single-cluster")
    assert right in text
    refused = api.kubectl(*DRY, text=text.replace(right, wrong))
    assert refused.returncode != 0
    assert said in refused.stderr


@pytest.mark.parametrize("name", ADDONS)
def test_an_add_on_with_our_values_is_taken(api: ApiServer, name: str) -> None:
    """The published chart, rendered with the values beside the overlays."""
    text = api.helm_template(name, Path(DEPLOY / "addons" / name / "values.yaml"), *ADDONS[name])
    said = api.kubectl(*DRY, text=text)
    assert (said.returncode, said.stderr) == (0, "")


def the_pod(overlay: str, workload: str) -> Any:
    """A pod as the Deployment's controller would make it."""
    found = [d for d in yaml.safe_load_all(filled(overlay)) if d["kind"] == "Deployment" and d["metadata"]["name"] == workload]
    template = found[0]["spec"]["template"]
    metadata = {"name": "asked", "namespace": "peccy", "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@functools.cache
def filled(overlay: str) -> str:
    """The overlay with the example's facts in place of its placeholders: the very text that the deploy command applies."""
    architecture, _, member = overlay.partition("/")
    script, site = str(DEPLOY / "member"), str(DEPLOY / "site.example.env")
    command = ["bash", script, architecture, member or "one", "--site", site, "--render"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
