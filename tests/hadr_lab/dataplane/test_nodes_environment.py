"""A container's environment: references, service variables, downward API, all by kubelet's rules."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from hadr_lab.dataplane.nodes import quantity
from hadr_lab.dataplane.nodes.environment import (
    MissingReference,
    Sources,
    decoded,
    expand,
    field_of,
    resolve,
    resource_of,
    service_variables,
    wanted,
)

POD: dict[str, Any] = {
    "metadata": {
        "name": "web-1",
        "namespace": "peccy",
        "uid": "u-1",
        "labels": {"topology.kubernetes.io/zone": "us-east-1a", "app": "web"},
    },
    "spec": {
        "nodeName": "ip-10-1-0-4.ec2.internal",
        "serviceAccountName": "web",
        "containers": [{"name": "main", "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "64Mi"}}}],
    },
    "status": {"podIP": "10.1.0.80", "hostIP": "10.1.0.4"},
}
SOURCES = Sources(
    config_maps={"site": {"MEMBER": "one", "REGION": "us-east-1"}},
    secrets={"database": {"password": "s3"}},
    allocatable={"cpu": "1930m", "memory": "7000Mi"},
)


def a_service(service: str, namespace: str = "peccy", **port: Any) -> dict[str, Any]:
    """A service with one port."""
    ports = [{"port": 8000, **port}]
    return {"metadata": {"name": service, "namespace": namespace}, "spec": {"clusterIP": "172.20.9.9", "ports": ports}}


def resolved(*env: dict[str, Any], **container: Any) -> dict[str, str]:
    """The environment of a container with these entries."""
    return resolve(POD, {"name": "main", "env": list(env), **container}, SOURCES, {"BASE": "b"})


def test_values_refer_to_earlier_ones_only() -> None:
    """$(NAME) takes what is known so far, $$ is a dollar, and an unknown name stays as it is."""
    found = resolved({"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(LATER)-$$(A)-$(BASE)"}, {"name": "LATER"})
    assert found["B"] == "1-$(LATER)-$(A)-b"
    assert found["LATER"] == ""


def test_own_entries_override_envfrom_and_base() -> None:
    """Base, then envFrom in order, then env."""
    found = resolved(
        {"name": "MEMBER", "value": "mine"},
        envFrom=[{"configMapRef": {"name": "site"}}, {"prefix": "P_", "secretRef": {"name": "database"}}],
    )
    assert found == {"BASE": "b", "MEMBER": "mine", "REGION": "us-east-1", "P_password": "s3"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"configMapKeyRef": {"name": "site", "key": "MEMBER"}}, "one"),
        ({"secretKeyRef": {"name": "database", "key": "password"}}, "s3"),
        ({"fieldRef": {"fieldPath": "status.podIP"}}, "10.1.0.80"),
        ({"fieldRef": {"fieldPath": "metadata.labels['topology.kubernetes.io/zone']"}}, "us-east-1a"),
        ({"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}, "64"),
        ({"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}, "250"),
        ({"resourceFieldRef": {"resource": "limits.cpu"}}, "2"),
    ],
)
def test_every_source_of_a_value(source: dict[str, Any], value: str) -> None:
    """Config maps, secrets, fields and resources; a limit that is not set is what the node offers, rounded up."""
    assert resolved({"name": "X", "valueFrom": source})["X"] == value


@pytest.mark.parametrize(
    "source",
    [
        {"configMapKeyRef": {"name": "site", "key": "NOPE"}},
        {"configMapKeyRef": {"name": "nope", "key": "X"}},
        {"secretKeyRef": {"name": "nope", "key": "X"}},
        {"fieldRef": {"fieldPath": "status.nope"}},
        {"fileKeyRef": {"path": "x"}},
    ],
)
def test_a_reference_to_nothing_stops_the_container(source: dict[str, Any]) -> None:
    """A missing object, key or field is MissingReference, not an empty value."""
    with pytest.raises(MissingReference):
        resolved({"name": "X", "valueFrom": source})


def test_optional_references_may_be_missing() -> None:
    """An optional key or object that does not exist leaves no variable behind."""
    source = {"configMapKeyRef": {"name": "nope", "key": "X", "optional": True}}
    found = resolved({"name": "X", "valueFrom": source}, envFrom=[{"secretRef": {"name": "nope", "optional": True}}])
    assert found == {"BASE": "b"}


def test_what_has_to_be_fetched_is_named() -> None:
    """All config maps and secrets of env and envFrom, and nothing else."""
    container = {
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s1", "key": "k"}}}, {"name": "B", "value": "x"}],
        "envFrom": [{"configMapRef": {"name": "c1"}}],
    }
    assert wanted(container) == (frozenset({"c1"}), frozenset({"s1"}))


def test_services_of_the_namespace_become_variables() -> None:
    """Host, port and docker-style link variables of the pod's own namespace; the API server always."""
    services = [
        a_service("peccy-app", name="http"),
        a_service("elsewhere", "other"),
        {"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "172.20.0.1", "ports": [{"port": 443}]}},
    ]
    found = service_variables(services, "peccy", links=True)
    assert found["PECCY_APP_SERVICE_HOST"] == "172.20.9.9"
    assert found["PECCY_APP_SERVICE_PORT_HTTP"] == "8000"
    assert found["PECCY_APP_PORT_8000_TCP"] == "tcp://172.20.9.9:8000"
    assert found["KUBERNETES_SERVICE_HOST"] == "172.20.0.1"
    assert not any(name.startswith("ELSEWHERE") for name in found)
    assert "PECCY_APP_SERVICE_HOST" not in service_variables(services, "peccy", links=False)
    assert "KUBERNETES_SERVICE_HOST" in service_variables(services, "peccy", links=False)


def test_headless_services_have_no_variables() -> None:
    """A service without an address cannot be a variable."""
    headless = {"metadata": {"name": "db", "namespace": "peccy"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}
    assert service_variables([headless], "peccy", links=True) == {}


def test_labels_as_a_file_are_quoted_lines() -> None:
    """The downward API's form of a map: sorted, one quoted entry a line."""
    assert field_of(POD, "metadata.labels") == 'app="web"\ntopology.kubernetes.io/zone="us-east-1a"'


def test_a_secret_keeps_bytes_that_are_not_text() -> None:
    """Decoding and encoding again gives the same bytes."""
    raw = b"\xff\x00x"
    text = decoded({"data": {"k": base64.b64encode(raw).decode()}})["k"]
    assert text.encode(errors="surrogateescape") == raw


def test_resources_of_another_container_by_name() -> None:
    """A resource reference may name a container of the same pod."""
    assert resource_of(POD, {"name": "other"}, {"containerName": "main", "resource": "limits.memory"}, {}) == str(64 << 20)


@pytest.mark.parametrize(
    ("text", "value"), [("250m", "0.25"), ("1.5Gi", str(3 << 29)), ("2", "2"), ("1e3", "1000"), ("4k", "4000")]
)
def test_quantities(text: str, value: str) -> None:
    """Decimal and binary suffixes."""
    assert quantity.parse(text) == type(quantity.parse("1"))(value)


def test_a_text_that_is_no_quantity_is_refused() -> None:
    """Anything else is an error."""
    with pytest.raises(ValueError, match="12x"):
        quantity.parse("12x")


def test_expansion_without_references_changes_nothing() -> None:
    """Dollars that are no references stay."""
    assert expand("cost $5 (five) $()", {}) == "cost $5 (five) $()"
