"""Where an apply's time goes: the chain of resources that waited for each other, from what Terraform says while it works."""

from __future__ import annotations

from tests.infra.times import Made, bare, chain


def made(address: str, began: float, there: float, *needs: str) -> Made:
    """A resource that was begun and there at these seconds."""
    return Made(address=address, began=began, there=there, needs=frozenset(needs))


def test_the_chain_goes_back_by_what_was_there_last() -> None:
    """Of a resource's dependencies the slowest is the one that was waited for; what nobody waited for is not in it."""
    network, key = made("module.one.aws_vpc.this", 5, 15), made("module.one.aws_kms_key.this", 5, 6)
    subnets = [made(f'module.one.aws_subnet.data["{zone}"]', 15, there) for zone, there in (("a", 17), ("b", 16))]
    cluster = made(
        "aws_rds_cluster.this", 17, 47, "module.one.aws_subnet.data", "module.one.aws_vpc.this", "module.one.aws_kms_key.this"
    )
    alone = made("aws_sns_topic.this", 5, 40)
    subnets = [made(one.address, one.began, one.there, "module.one.aws_vpc.this") for one in subnets]
    assert chain([alone, cluster, *subnets, key, network]) == [network, subnets[0], cluster]


def test_dependencies_are_told_without_keys() -> None:
    """An address of many is the same as the one that others name."""
    assert bare('module.balancer["one"].aws_lb.this') == "module.balancer.aws_lb.this"
    assert bare("aws_rds_cluster_instance.this[1]") == "aws_rds_cluster_instance.this"
