"""A site that is up, looked at through real clients: kubectl, boto3, the databases' own sockets, a resolver. Not a test itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pymysql
from botocore.config import Config
from tests.hadr_lab.demo_process import LAB, Lab, environment, hadr_lab
from tests.hadr_lab.last_words import completed

REGIONS = {"one": "us-east-1", "two": "us-east-2"}
RESOLVE = "import socket; print(*socket.gethostbyname_ex('peccy.hadr.test')[2])"
QUICK = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A lab started by `hadr-lab up`, and what `hadr-lab env` said of it."""

    lab: Lab
    env: dict[str, str]

    def client(self, service: str, member: str) -> Any:
        """A boto3 client of the host, with what `hadr-lab env` gives."""
        return boto3.client(
            service,
            region_name=REGIONS[member],
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            config=QUICK,
        )

    def kubectl(self, member: str, *arguments: str) -> list[dict[str, Any]]:
        """The items that `kubectl get` of the host lists in a member's cluster."""
        command = ["kubectl", f"--context=peccy-{member}", "--request-timeout=10s", "get", *arguments, "--output=json"]
        done = completed(command, env={**os.environ, **self.env}, timeout=30)
        assert done.returncode == 0, done.stderr
        items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return items

    def inside(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """`hadr-lab exec -- command`."""
        return completed([*LAB, "exec", "--run", self.lab.run, "--", *command], env=environment(), timeout=timeout)

    def addresses(self) -> set[str]:
        """What the service's name leads to for a client at the edge; asked of the lab's resolver."""
        return set(self.inside(sys.executable, "-c", RESOLVE).stdout.split())

    def read_only(self, member: str) -> bool:
        """What the member's database itself says, over its admin socket."""
        pid = json.loads((self.lab.run / "lab.json").read_bytes())["pid"]
        inside = Path("/proc", str(pid), "root")
        socket = inside / f"run/lab/databases/{REGIONS[member]}/peccy-{member}/admin.sock"
        connection = pymysql.connect(unix_socket=str(socket), user="root", connect_timeout=5)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@read_only")
            row = cursor.fetchone()
        assert row is not None
        return bool(row[0])

    def ask(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Another shell's `hadr-lab VERB WORDS`."""
        return hadr_lab(verb, *words, "--run", self.lab.run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What real clients see at one moment, in Region two and above both."""

    nodes: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    pods: list[dict[str, Any]]
    node_maker: dict[str, Any]
    instances: list[dict[str, Any]]
    targets: list[str]
    roles: dict[str, bool]
    read_only: bool
    replications: list[dict[str, Any]]
    addresses: set[str]


def look(site: Site) -> Look:
    """Look once."""
    elb, two = site.client("elbv2", "two"), "two"
    group = elb.describe_target_groups(Names=["peccy-two"])["TargetGroups"][0]["TargetGroupArn"]
    reservations = site.client("ec2", two).describe_instances()["Reservations"]
    world = site.client("rds", two).describe_global_clusters(GlobalClusterIdentifier="peccy")["GlobalClusters"][0]
    return Look(
        nodes=site.kubectl(two, "nodes"),
        claims=site.kubectl(two, "nodeclaims"),
        pods=site.kubectl(two, "pods", "--namespace=peccy"),
        node_maker=next(
            d for d in site.kubectl(two, "deployments", "--namespace=kube-system") if d["metadata"]["name"] == "karpenter"
        ),
        instances=[i for r in reservations for i in r["Instances"] if i["State"]["Name"] == "running"],
        targets=[t["TargetHealth"]["State"] for t in elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]],
        roles={m["DBClusterArn"].rsplit(":", 1)[1]: m["IsWriter"] for m in world["GlobalClusterMembers"]},
        read_only=site.read_only(two),
        replications=replications(site),
        addresses=site.addresses(),
    )


def replications(site: Site) -> list[dict[str, Any]]:
    """The replications of two's file system; none when EFS says that there is none."""
    efs = site.client("efs", "two")
    system = efs.describe_file_systems()["FileSystems"][0]["FileSystemId"]
    try:
        found: list[dict[str, Any]] = efs.describe_replication_configurations(FileSystemId=system)["Replications"]
    except efs.exceptions.ReplicationNotFound:
        return []
    return found


def exported(text: str) -> dict[str, str]:
    """The variables of `hadr-lab env`, as a shell understands them."""
    done = subprocess.run(
        ["sh", "-c", f"{text}\nenv -0"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)


def until(what: Callable[[], bool], within: float) -> bool:
    """Whether it becomes true within so many seconds."""
    end = time.monotonic() + within
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def site_of(lab: Lab) -> Site:
    """The site of a lab that serves."""
    told = hadr_lab("env", "--run", lab.run)
    assert told.returncode == 0, told.stderr
    return Site(lab=lab, env=exported(told.stdout))
