"""Control planes, the pure parts: certificates, command lines, add-ons, token reviews, node life cycle."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hadr_lab.dataplane.controlplane import addons, commands
from hadr_lab.dataplane.controlplane.api import ApiError, _checked
from hadr_lab.dataplane.controlplane.commands import Clocks, Layout
from hadr_lab.dataplane.controlplane.kubeconfig import kubeconfig, webhook_config
from hadr_lab.dataplane.controlplane.lifecycle import orphans
from hadr_lab.dataplane.controlplane.pki import Authority, signing_key
from hadr_lab.dataplane.controlplane.webhook import Authenticator


def a_layout(*, slot: int = 0, webhook: bool = True) -> Layout:
    """A layout with only what a test varies."""
    return Layout(
        folder=Path("state"), address="198.18.1.100", service_cidr="172.20.0.0/16", issuer="https://i", slot=slot, webhook=webhook
    )


def test_a_serving_certificate_is_trusted_for_its_names_and_addresses_only() -> None:
    """The certificate carries every host name and address asked for and is signed by the cluster's own authority."""
    authority = Authority.make("peccy-one CA")
    pair = authority.serving("kube-apiserver", hosts=["a.eks.amazonaws.com"], addresses=["198.18.1.100", "172.20.0.1"])
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.eks.amazonaws.com"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["198.18.1.100", "172.20.0.1"]


def test_an_authority_does_not_vouch_for_another_clusters_certificate() -> None:
    """Each cluster has an authority of its own: the same name made twice gives two that do not trust each other."""
    one, other = Authority.make("CA"), Authority.make("CA")
    certificate = x509.load_pem_x509_certificate(one.serving("x", hosts=["x"], addresses=[]).certificate.encode())
    with pytest.raises(InvalidSignature):
        certificate.verify_directly_issued_by(other.certificate)


def test_ca_data_is_what_a_client_loads() -> None:
    """EKS's certificateAuthority.data decodes to a PEM that an SSL context accepts."""
    authority = Authority.make("CA")
    ssl.create_default_context(cadata=base64.b64decode(authority.data).decode())


def test_the_signing_key_is_in_the_form_the_api_server_reads() -> None:
    """Kubernetes reads SEC1 elliptic keys ("EC PRIVATE KEY") for service accounts, not PKCS 8."""
    pem = signing_key()
    assert pem.startswith("-----BEGIN EC PRIVATE KEY-----")
    load_pem_private_key(pem.encode(), None)


def test_clusters_of_one_region_share_no_port() -> None:
    """Two slots give four different etcd URLs."""
    urls = [url for slot in (0, 1) for url in (a_layout(slot=slot).etcd_client, a_layout(slot=slot).etcd_peer)]
    assert len(set(urls)) == 4


def test_node_clocks_reach_both_programs() -> None:
    """Grace and toleration are flags of the controller manager and of the API server's admission."""
    clocks = Clocks(monitor=timedelta(seconds=1), grace=timedelta(seconds=8), toleration=timedelta(seconds=30))
    assert "--node-monitor-grace-period=8s" in commands.controller_manager(a_layout(), clocks)
    assert "--default-unreachable-toleration-seconds=30" in commands.api_server(a_layout(), clocks)


@pytest.mark.parametrize("webhook", [True, False])
def test_token_reviews_are_asked_for_only_with_a_webhook(*, webhook: bool) -> None:
    """Without a webhook the API server must not be pointed at a file that nobody writes."""
    args = commands.api_server(a_layout(webhook=webhook), Clocks())
    assert any("authentication-token-webhook-config-file" in arg for arg in args) is webhook


def test_kubeconfigs_are_complete_and_single() -> None:
    """A kubeconfig names one cluster, one user and the context that joins them."""
    loaded = yaml.safe_load(kubeconfig(server="https://h:443", ca="PEM", token="t", name="peccy-one"))
    assert loaded["clusters"][0]["cluster"]["server"] == "https://h:443"
    assert base64.b64decode(loaded["clusters"][0]["cluster"]["certificate-authority-data"]) == b"PEM"
    assert loaded["current-context"] == loaded["contexts"][0]["name"]
    assert yaml.safe_load(webhook_config("http://w"))["clusters"][0]["cluster"]["server"] == "http://w"


def test_coredns_is_what_eks_installs() -> None:
    """Two replicas that tolerate control nodes, the Region's own registry, and the tenth service address."""
    objects = {manifest["kind"]: manifest for manifest in addons.manifests(region="us-east-2", service_cidr="172.20.0.0/16")}
    deployment = objects["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 2
    assert {"key": "type", "value": "control", "effect": "NoSchedule"} in pod["tolerations"]
    assert pod["containers"][0]["image"].startswith("602401143452.dkr.ecr.us-east-2.amazonaws.com/eks/coredns:")
    assert pod["dnsPolicy"] == "Default"
    assert objects["Service"]["spec"]["clusterIP"] == "172.20.0.10"


def test_coredns_is_placed_as_the_addon_is_configured() -> None:
    """Replicas and what places the pods come from the add-on's configuration; what it does not name stays EKS's."""
    configured = json.dumps({"replicaCount": 3, "nodeSelector": {"type": "control"}, "affinity": {"podAntiAffinity": {}}})
    made = addons.manifests(region="us-east-2", service_cidr="172.20.0.0/16", dns=configured)
    deployment = next(manifest["spec"] for manifest in made if manifest["kind"] == "Deployment")
    pod = deployment["template"]["spec"]
    assert deployment["replicas"] == 3
    assert (pod["nodeSelector"], pod["affinity"]) == ({"type": "control"}, {"podAntiAffinity": {}})
    assert {"key": "type", "value": "control", "effect": "NoSchedule"} in pod["tolerations"]


@pytest.mark.parametrize(("hurried", "kept"), [(False, True), (True, False)])
def test_a_database_that_moves_faster_is_found_faster(hurried: bool, kept: bool) -> None:
    """CoreDNS keeps a name for five seconds at least: at speed 20 that is 100 s of AWS's time, more than Aurora's whole move."""
    made = addons.manifests(region="us-east-2", service_cidr="172.20.0.0/16", hurried=hurried)
    corefile = next(manifest for manifest in made if manifest["kind"] == "ConfigMap")["data"]["Corefile"]
    assert corefile.count("cache 30") == 1
    assert ("disable success rds.amazonaws.com" not in corefile) is kept
    assert corefile.count("{") == corefile.count("}")


def test_every_addon_object_has_a_path() -> None:
    """Each manifest maps to the API path of its kind, namespaced where it says so."""
    paths = [addons.path_of(manifest) for manifest in addons.manifests(region="us-east-1", service_cidr="172.20.0.0/16")]
    assert "/apis/apps/v1/namespaces/kube-system/deployments/coredns" in paths
    assert "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:coredns" in paths


def an_authenticator() -> Authenticator:
    """Knows one token of one identity, which one cluster lets in."""
    arn = "arn:aws:iam::123456789012:user/operator"

    def access(region: str, cluster: str, asked: str) -> tuple[str, tuple[str, ...]] | None:
        return (asked, ("system:masters",)) if (region, cluster, asked) == ("us-east-1", "peccy-one", arn) else None

    return Authenticator(
        region="us-east-1", identify=lambda token, _cluster: arn if token == "k8s-aws-v1.good" else None, access=access
    )


@pytest.mark.parametrize(
    ("cluster", "token", "allowed"),
    [
        ("peccy-one", "k8s-aws-v1.good", True),
        ("peccy-one", "k8s-aws-v1.bad", False),
        ("peccy-one", "", False),
        ("peccy-other", "k8s-aws-v1.good", False),
    ],
)
def test_a_token_review_needs_identity_and_access(cluster: str, token: str, *, allowed: bool) -> None:
    """A valid token of an identity with an access entry gets in; anything less does not."""
    assert an_authenticator().review(cluster, token)["authenticated"] is allowed


async def _review(body: dict[str, Any]) -> tuple[int, Any]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    runner = await an_authenticator().serve(listening)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{port}/clusters/peccy-one", json=body) as answer,
        ):
            return answer.status, await answer.json()
    finally:
        await runner.cleanup()


def test_the_webhook_answers_token_reviews_over_http() -> None:
    """The API server's own request body gets a TokenReview with the mapped user and groups back."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "k8s-aws-v1.good"}}
    status, answer = asyncio.run(_review(body))
    assert status == 200
    assert answer["kind"] == "TokenReview"
    assert "system:masters" in answer["status"]["user"]["groups"]


def a_node(name: str, *, instance: str = "i-1", ready: str = "True") -> dict[str, Any]:
    """A Node with a provider id and a Ready condition."""
    return {
        "metadata": {"name": name},
        "spec": {"providerID": f"aws:///us-east-1a/{instance}"} if instance else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("node", "removed"),
    [
        (a_node("living", instance="i-1", ready="True"), False),
        (a_node("silent", instance="i-1", ready="Unknown"), False),
        (a_node("gone", instance="i-9", ready="Unknown"), True),
        (a_node("going", instance="i-9", ready="True"), False),
        (a_node("foreign", instance="", ready="False"), False),
    ],
)
def test_only_silent_nodes_without_an_instance_are_removed(node: dict[str, Any], *, removed: bool) -> None:
    """The cloud controller removes a Node when it is not Ready and its instance is gone, and no other."""
    assert orphans([node], {"i-1"}) == ((node["metadata"]["name"],) if removed else ())


@pytest.mark.parametrize("body", [b'{"reason":"Conflict","message":"changed"}', b"<html>bad gateway</html>"])
def test_refusals_become_errors_with_their_text(body: bytes) -> None:
    """An answer of 400 or more is an ApiError, whether or not its body is a Status."""
    with pytest.raises(ApiError) as caught:
        _checked(409, body)
    assert caught.value.status == 409
    assert caught.value.message
    assert _checked(200, json.dumps({"a": 1}).encode()) == {"a": 1}
