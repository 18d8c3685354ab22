"""What a root costs a month: the resources that Terraform says are there, times the prices of prices.json, as its README's table.

    terraform show -json | python ../costs.py            # in the folder of a root that was applied

Only what costs by being there is counted; traffic, storage and requests depend on use. Two things are not Terraform's: the nodes
that Karpenter makes, taken as three m6i.large for each member that serves, and a load balancer's public addresses, one a zone.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOURS = 730
NODES, NODE_TYPE, NODE_DISK_GB = 3, "m6i.large", 20
PRICES = json.loads(Path(__file__).with_name("prices.json").read_text())
NAMES = {
    "cluster": "EKS clusters",
    "control": "control nodes, {kind}",
    "control disk": "their disks, gp3, GB",
    "service": "service nodes where a member serves, {kind}",
    "service disk": "their disks, gp3, GB",
    "database": "Aurora instances, {kind}",
    "nat": "NAT gateways",
    "ipv4": "public IPv4 addresses (NAT, load balancers)",
    "balancer": "load balancers",
    "zone": "hosted zones",
    "check": "health checks, fast interval",
    "calculated": "health checks, calculated",
    "key": "KMS keys",
    "secret": "secrets and their copies",
    "alarm": "alarms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Some of one thing: what it is (a key of NAMES), what its price is looked up by, and whose it is."""

    what: str
    kind: str
    member: str
    number: float = 1


def items(values: Any) -> Iterator[Item]:
    """What costs money among the resources of a state (`values` of `terraform show -json`)."""
    there = list(resources(values["root_module"]))
    disks = {one["values"].get("id"): _disk(one["values"]) for one in there if one["type"] == "aws_launch_template"}
    for one in there:
        member = "two" if re.search(r'[._]two\b|\["two"\]', one["address"]) else "one"
        yield from _of(one["type"], one["values"], member, disks)


def _of(type_: str, values: Any, member: str, disks: dict[str, int]) -> Iterator[Item]:
    def item(what: str, kind: str, number: float = 1) -> Item:
        return Item(what=what, kind=kind, member=member, number=number)

    match type_:
        case "aws_eks_cluster":
            yield item("cluster", "cluster")
        case "aws_eks_node_group":
            nodes = values["scaling_config"][0]["desired_size"]
            yield item("control", values["instance_types"][0], nodes)
            yield item("control disk", "gp3", nodes * disks[values["launch_template"][0]["id"]])
        case "aws_rds_cluster_instance":
            yield item("database", values["instance_class"])
        case "aws_nat_gateway":
            yield item("nat", "nat")
        case "aws_eip":
            yield item("ipv4", "ipv4")
        case "aws_lb":
            yield item("balancer", "balancer")
            yield item("ipv4", "ipv4", len(values["subnets"]))
        case "aws_route53_zone":
            yield item("zone", "zone")
        case "aws_route53_health_check":
            price = "calculated" if values["type"] == "CALCULATED" else "check"
            yield item(price, price)
        case "aws_route53_record" if _serves(values):
            yield item("service", NODE_TYPE, NODES)
            yield item("service disk", "gp3", NODES * NODE_DISK_GB)
        case "aws_kms_key":
            yield item("key", "key")
        case "aws_secretsmanager_secret":
            yield item("secret", "secret", 1 + len(values["replica"]))
        case "aws_rds_cluster" if values["manage_master_user_password"]:
            yield item("secret", "secret")
        case "aws_cloudwatch_metric_alarm":
            yield item("alarm", "alarm")


def _serves(record: Any) -> bool:
    """Whether the record sends clients to its member: always, or by a weight above 0."""
    weights = record["weighted_routing_policy"]
    return not weights or bool(weights[0]["weight"] > 0)


def _disk(template: Any) -> int:
    return sum(device["ebs"][0]["volume_size"] for device in template["block_device_mappings"])


def resources(module: Any) -> Iterator[Any]:
    """What is Terraform's own in a module and in those that it calls; data is not."""
    yield from (one for one in module.get("resources", []) if one["mode"] == "managed")
    for inner in module.get("child_modules", []):
        yield from resources(inner)


def price(kind: str, region: str) -> tuple[float, float, str]:
    """(a month's price, the listed price, its unit). Raises LookupError, by name, for what the list does not have."""
    if region not in PRICES["regions"]:
        raise LookupError(f"prices.json has no Region {region}: add it")
    own = PRICES["regions"][region]
    for unit, hours in (("hourly", HOURS), ("monthly", 1)):
        if kind in PRICES[unit]:
            listed = own.get(kind, PRICES[unit][kind])
            return listed * hours, listed, "an hour" if unit == "hourly" else "a month"
    raise LookupError(f"prices.json has no price of {kind}: add it")


def table(shown: Any) -> str:
    """The README's table for what `terraform show -json` said. Members of different prices have lines of their own."""
    values = shown["values"]
    regions = {name: told["AWS_REGION"] for name, told in values["outputs"]["members"]["value"].items()}
    counted: dict[tuple[str, str, float, str, float], float] = defaultdict(float)
    sums: dict[str, float] = defaultdict(float)
    for item in items(values):
        month, listed, unit = price(item.kind, regions.get(item.member, regions["one"]))
        counted[(item.what, item.kind, listed, unit, month)] += item.number
        sums[item.member] += item.number * month
    ordered = sorted(counted.items(), key=lambda line: list(NAMES).index(line[0][0]))
    lines = ["| resource | price | number | a month |", "|---|---|---|---|"]
    for (what, kind, listed, unit, month), number in ordered:
        lines.append(f"| {NAMES[what].format(kind=kind)} | {listed:g} {unit} | {number:g} | {number * month:,.2f} |")
    lines.append(f"| **sum, without traffic, storage and requests** | | | **{sum(sums.values()):,.0f}** |")
    if "two" in sums:
        lines.append(f"| of it what is member two's alone | | | {sums['two']:,.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.load(sys.stdin)))
