"""`python -m hadr_lab.architecture`: make dr-multi-region and print its outputs as one JSON object."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hadr_lab.architecture import data, member, traffic
from hadr_lab.architecture.clients import Clients, clients

SITE = "peccy"
ZONE = "hadr.test"
HOST = "peccy.hadr.test"
MEMBERS = {"one": ("us-east-1", "10.1.0.0/16", 100), "two": ("us-east-2", "10.2.0.0/16", 0)}
DECLARED = "active/two"


def make_member(name: str, region: str, cidr: str, account: str, operator: str) -> dict[str, Any]:
    """Everything of one member that needs nothing of the other. Returns its outputs."""
    cluster = f"{SITE}-{name}"
    at = clients(region)
    network = member.make_network(at, cluster, cidr)
    roles = member.make_roles(at, cluster)
    member.make_cluster(at, cluster, roles, network)
    balancer = member.make_balancer(at, cluster, network)
    bucket = f"{SITE}-switch-{account}-{region}"
    member.make_switch(at, bucket, DECLARED)
    member.make_queue(at, cluster)
    made = {
        "name": name,
        "region": region,
        "cidr": cidr,
        "cluster": cluster,
        "vpc": network.vpc,
        "network": network,
        "balancer": balancer,
        "switch_bucket": bucket,
        "file_system": data.make_files(at, cluster, network),
        "check": traffic.endpoint_check(at, name, balancer.dns_name),
    }
    member.make_nodes(at, cluster, roles, network, operator)
    return made


def make_data(one: dict[str, Any], two: dict[str, Any]) -> None:
    """The global database (writer in `one`) and file replication one -> two; adds endpoints and the secret to the outputs."""
    at: dict[str, Clients] = {m["name"]: clients(m["region"]) for m in (one, two)}
    data.make_global_database(at["one"], SITE)
    for made, writer in ((one, True), (two, False)):
        database = data.make_database(at[made["name"]], made["cluster"], made["network"], SITE, writer=writer)
        made["database"] = database["DBClusterIdentifier"]
        made["database_arn"] = database["DBClusterArn"]
        made["database_host"] = database["Endpoint"]
        if writer:
            made["database_secret"] = database["MasterUserSecret"]["SecretArn"]
        data.wait_databases(at[made["name"]], made["cluster"], at_most=60)
    data.replicate_files(at["one"], one["file_system"], at["two"], two["file_system"])


def make_traffic(one: dict[str, Any], two: dict[str, Any]) -> str:
    """Zone, checks and the two weighted records; returns the zone id."""
    at = clients(one["region"])
    zone = traffic.make_zone(at, ZONE)
    host = f"{two['switch_bucket']}.s3.{two['region']}.amazonaws.com"
    serves = traffic.switched_check(at, "one", one["check"], host, DECLARED)
    records = {
        "one": (MEMBERS["one"][2], one["balancer"], serves),
        "two": (MEMBERS["two"][2], two["balancer"], two["check"]),
    }
    traffic.make_records(at, zone, HOST, records)
    return zone


def main() -> int:
    """Make the architecture; outputs on stdout, progress on stderr."""
    identity = clients(MEMBERS["one"][0])("sts").get_caller_identity()
    account, operator = identity["Account"], identity["Arn"]
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            name: pool.submit(make_member, name, region, cidr, account, operator) for name, (region, cidr, _) in MEMBERS.items()
        }
        made = {name: job.result() for name, job in jobs.items()}
    zone = make_traffic(made["one"], made["two"])
    make_data(made["one"], made["two"])
    for outputs in made.values():
        balancer = outputs.pop("balancer")
        outputs.pop("network")
        outputs |= {"target_group": balancer.target_group, "balancer_dns": balancer.dns_name}
    json.dump({"site": SITE, "account": account, "zone_id": zone, "host": HOST, "declared": DECLARED, "members": made}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
