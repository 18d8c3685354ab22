"""User data: what a machine learns of its cluster, in every form that EC2 hands it over."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from hadr_lab.dataplane.nodes.shapes import MI, shape
from hadr_lab.dataplane.nodes.userdata import NotANode, parse


def a_config(*flags: str, **config: Any) -> str:
    """A NodeConfig with these kubelet flags and settings."""
    spec = {
        "cluster": {
            "name": "peccy-one",
            "apiServerEndpoint": "https://ABC.gr7.us-east-1.eks.amazonaws.com",
            "certificateAuthority": "Q0E=",
            "cidr": "172.20.0.0/16",
        },
        "kubelet": {"flags": list(flags), "config": config},
    }
    return yaml.safe_dump({"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec})


def in_mime(*parts: str) -> str:
    """The parts as EC2 user data in MIME form."""
    body = "".join(f"--//\nContent-Type: application/node.eks.aws\n\n{part}\n" for part in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n{body}--//--\n'


@pytest.mark.parametrize("wrap", [str, in_mime, lambda text: base64.b64encode(in_mime(text).encode()).decode()])
def test_every_form_gives_the_same_node(wrap: Any) -> None:
    """Plain, MIME and base64 user data say the same."""
    joining = parse(wrap(a_config("--node-labels=type=control,a/b=c", "--register-with-taints=type=control:NoSchedule")))
    assert joining.cluster == "peccy-one"
    assert joining.host == "abc.gr7.us-east-1.eks.amazonaws.com"
    assert joining.labels == {"type": "control", "a/b": "c"}
    assert joining.taints == ({"key": "type", "value": "control", "effect": "NoSchedule"},)


def test_karpenters_form_is_understood() -> None:
    """Karpenter quotes its flags, and gives taints and limits in the kubelet's configuration."""
    taints = [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]
    text = a_config(
        '--node-labels="karpenter.sh/nodepool=service,type=service"',
        maxPods=29,
        clusterDNS=["172.20.0.10"],
        registerWithTaints=taints,
    )
    joining = parse(in_mime(text))
    assert joining.labels == {"karpenter.sh/nodepool": "service", "type": "service"}
    assert list(joining.taints) == taints
    assert (joining.max_pods, joining.cluster_dns) == (29, "172.20.0.10")


def test_several_configurations_merge_in_order() -> None:
    """A later NodeConfig wins in settings, and its flags are added to the earlier ones."""
    first, second = a_config("--node-labels=a=1", maxPods=10), a_config("--node-labels=b=2", maxPods=20)
    joining = parse(in_mime(first, second))
    assert joining.labels == {"a": "1", "b": "2"}
    assert joining.max_pods == 20


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no NodeConfig"),
        ("#!/bin/bash\necho hello\n", "no NodeConfig"),
        ("a: [unclosed", "no NodeConfig"),
        ("apiVersion: node.eks.aws/v1alpha1\nspec: {cluster: {name: x}}\n", "apiServerEndpoint"),
    ],
)
def test_user_data_of_no_node_says_why(text: str, why: str) -> None:
    """Instances that are no nodes are told apart with a reason."""
    with pytest.raises(NotANode, match=why):
        parse(text)


@pytest.mark.parametrize(
    ("name", "processors", "memory", "pods"),
    [
        ("m6i.large", 2, 8192, 29),
        ("c6a.xlarge", 4, 8192, 58),
        ("r7i.2xlarge", 8, 65536, 58),
        ("m5.4xlarge", 16, 65536, 234),
        ("t3.medium", 2, 4096, 17),
        ("t3.small", 2, 2048, 11),
        ("m7g.large", 2, 8192, 29),
    ],
)
def test_capacity_is_that_of_the_type(name: str, processors: int, memory: int, pods: int) -> None:
    """Processors, memory and pods as AWS publishes them for the usual families."""
    offer = shape(name)
    assert (offer.processors, offer.memory // MI, offer.max_pods) == (processors, memory, pods)
    assert offer.arm is (name == "m7g.large")


def test_what_is_allocatable_follows_eks() -> None:
    """m6i.large keeps 70 millicores and 255 Mi + 11 Mi a pod (and 100 Mi eviction threshold) for itself."""
    assert shape("m6i.large").allocatable(29) == (1930, (8192 - 255 - 11 * 29 - 100) * MI)


def test_a_name_that_is_no_type_is_refused() -> None:
    """A type that cannot be read is an error, not a guess."""
    with pytest.raises(ValueError, match="large"):
        shape("large")
