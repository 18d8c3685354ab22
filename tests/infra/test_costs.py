"""The monthly cost of a root is counted from its state: resources times listed prices."""

from __future__ import annotations

from typing import Any

import pytest

from infra import costs


def shown(*resources: tuple[str, dict[str, Any]], region: str = "us-east-1") -> Any:
    """What `terraform show -json` says of some resources, all of one module."""
    told = [
        {"mode": "managed", "type": address.split(".")[-2], "address": address, "values": values} for address, values in resources
    ]
    outputs = {"members": {"value": {"one": {"AWS_REGION": region}, "two": {"AWS_REGION": "us-east-2"}}}}
    return {"values": {"outputs": outputs, "root_module": {"child_modules": [{"resources": told}]}}}


TEMPLATE = ("module.one.aws_launch_template.control", {"id": "lt-1", "block_device_mappings": [{"ebs": [{"volume_size": 30}]}]})
NODES = {"scaling_config": [{"desired_size": 2}], "instance_types": ["m6i.large"], "launch_template": [{"id": "lt-1"}]}


def test_each_thing_is_counted_and_priced() -> None:
    """Two nodes and their disks for a month of 730 hours, in dollars."""
    said = costs.table(shown(TEMPLATE, ("module.one.aws_eks_node_group.control", NODES))).splitlines()
    assert said[2] == "| control nodes, m6i.large | 0.096 an hour | 2 | 140.16 |"
    assert said[3] == "| their disks, gp3, GB | 0.08 a month | 60 | 4.80 |"
    assert said[-1] == "| **sum, without traffic, storage and requests** | | | **145** |"


def test_a_region_has_its_own_prices() -> None:
    """What a Region lists for itself goes before the general price."""
    said = costs.table(shown(("aws_nat_gateway.this", {}), region="ap-northeast-1"))
    assert "| NAT gateways | 0.062 an hour | 1 | 45.26 |" in said


def test_service_nodes_are_those_of_members_that_serve() -> None:
    """A record of weight 0 sends nobody; one without weights sends everybody."""
    weighted = ({"weighted_routing_policy": [{"weight": weight}]} for weight in (100, 0))
    records = [(f'aws_route53_record.this["{name}"]', values) for name, values in zip(("one", "two"), weighted, strict=True)]
    assert "| service nodes where a member serves, m6i.large | 0.096 an hour | 3 | 210.24 |" in costs.table(shown(*records))
    assert "| 3 | 210.24 |" in costs.table(shown(("aws_route53_record.this", {"weighted_routing_policy": []})))


def test_what_belongs_to_member_two_is_summed_by_itself() -> None:
    """By the address: a module of its name, or its key."""
    said = costs.table(shown(("module.two.aws_eks_cluster.this", {}), ("module.one.aws_eks_cluster.this", {})))
    assert "| EKS clusters | 0.1 an hour | 2 | 146.00 |" in said
    assert said.endswith("| of it what is member two's alone | | | 73 |")


def test_what_has_no_price_is_named() -> None:
    """Neither a guess nor a zero."""
    with pytest.raises(LookupError, match=r"no price of db\.x9\.large"):
        costs.table(shown(("aws_rds_cluster_instance.this", {"instance_class": "db.x9.large"})))
    with pytest.raises(LookupError, match="no Region eu-west-9"):
        costs.table(shown(("aws_eks_cluster.this", {}), region="eu-west-9"))
