"""From an empty AWS to a site that serves: the architecture through the API, both members deployed, clients answered.

Every act here is one that a person would do on AWS, with the same programs; this module only runs them and waits for their effect.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hadr_lab.dataplane.processes import NETNS
from hadr_lab.errors import StartFailed
from hadr_lab.lab import ROOT
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress

EDGE_FRONT = "http://198.18.0.10"
SITE_UP = timedelta(seconds=180)
IMAGE_TAG = "1.0.0"
HOME = "/run/lab/home"
"""In the lab's own memory: kubectl keeps a cache below HOME, and as root it would make that folder wherever it is told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended and what it printed."""

    code: int | None
    out: str
    err: str


def operator_environment() -> dict[str, str]:
    """The environment of a program that an operator runs inside the lab: the AWS API of the edge, made-up credentials."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": HOME,
        "AWS_ENDPOINT_URL": EDGE_FRONT,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(ROOT / "src"),
    }


async def command(*argv: str, env: dict[str, str], log: Path, told: bytes = b"", timeout: timedelta) -> Said:
    """Run a program at the edge to its end; its stderr also goes to `log`. `code` None: it was ended after `timeout`."""
    child = await asyncio.create_subprocess_exec(
        "nsenter",
        f"--net={NETNS / 'edge'}",
        "--",
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        start_new_session=True,
    )
    talking = asyncio.ensure_future(child.communicate(told))
    done, _ = await asyncio.wait({talking}, timeout=timeout.total_seconds())
    code = child.returncode if done else None
    if not done:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with what it started: that holds its pipes, whose end is waited for
    out, err = await talking
    with log.open("ab") as file:
        file.write(err)
    return Said(code=code, out=out.decode(errors="replace"), err=err.decode(errors="replace"))


async def make_architecture(run: Path) -> dict[str, Any]:
    """Create dr-multi-region through the API and return its outputs. Raises StartFailed with the program's own words."""
    said = await command(
        sys.executable,
        "-m",
        "hadr_lab.architecture",
        env=operator_environment(),
        log=run / "logs" / "architecture.log",
        timeout=timedelta(seconds=120),
    )
    if said.code != 0:
        raise StartFailed(f"the architecture was not created (exit {said.code}): {said.err.strip()[-600:]}")
    outputs: dict[str, Any] = json.loads(said.out)
    return outputs


async def deploy_member(run: Path, programs: Programs, outputs: Mapping[str, Any], member: str, secret: str) -> None:
    """Run `deploy/member` for one member, as on AWS, with `kubeconfig-MEMBER` of the run folder. Raises StartFailed."""
    facts = run / f"{member}.env"
    facts.write_text("".join(f"{name}={value}\n" for name, value in member_facts(programs, outputs, member).items()))
    helm, kubectl = programs["helm"].path, programs["kubectl"].path
    env = operator_environment()
    env |= {"KUBECONFIG": str(run / f"kubeconfig-{member}"), "PATH": f"{helm.parent}:{kubectl.parent}:{env['PATH']}"}
    said = await command(
        str(ROOT / "deploy" / "member"),
        "dr-multi-region",
        member,
        "--site",
        str(facts),
        env=env,
        log=run / "logs" / f"deploy-{member}.log",
        told=secret.encode(),
        timeout=timedelta(seconds=120),
    )
    if said.code != 0:
        raise StartFailed(f"{member} was not deployed (exit {said.code}): {said.err.strip()[-600:]}")


def member_facts(programs: Programs, outputs: Mapping[str, Any], member: str) -> dict[str, str]:
    """The site file of `deploy/member`; the charts are those that came with the controllers' sources."""
    made = outputs["members"][member]
    return {
        "CLUSTER_NAME": made["cluster"],
        "AWS_REGION": made["region"],
        "VPC_ID": made["vpc"],
        "TARGET_GROUP_ARN": made["target_group"],
        "FILE_SYSTEM_ID": made["file_system"],
        "DATABASE_HOST": made["database_host"],
        "IMAGE_REGISTRY": f"{outputs['account']}.dkr.ecr.{made['region']}.amazonaws.com",
        "IMAGE_TAG": IMAGE_TAG,
        "NODE_INSTANCE_PROFILE": f"{made['cluster']}-node",
        "KARPENTER_QUEUE": made["cluster"],
        "KARPENTER_CHART": str(programs.charts / "karpenter" / "chart"),
        "KARPENTER_CRDS": str(programs.charts / "karpenter" / "crds"),
        "LBC_CHART": str(programs.charts / "aws-load-balancer-controller" / "chart"),
        "LBC_CRDS": str(programs.charts / "aws-load-balancer-controller" / "crds"),
    }


async def read_secret(run: Path, outputs: Mapping[str, Any]) -> str:
    """The database secret as RDS keeps it in Secrets Manager."""
    one = outputs["members"]["one"]
    script = (
        "import boto3,sys;"
        "sys.stdout.write(boto3.client('secretsmanager',region_name=sys.argv[1]).get_secret_value(SecretId=sys.argv[2])['SecretString'])"
    )
    said = await command(
        sys.executable,
        "-c",
        script,
        one["region"],
        one["database_secret"],
        env=operator_environment(),
        log=run / "logs" / "architecture.log",
        timeout=timedelta(seconds=30),
    )
    if said.code != 0:
        raise StartFailed(f"the database secret was not readable: {said.err.strip()[-400:]}")
    return said.out


async def until_serving(host: str, run: Path, progress: Progress) -> None:
    """Until a client at the edge gets a good answer from `http://host/readyz`. Raises StartFailed with the last answer seen."""
    script = (
        "import sys,urllib.request as u,urllib.error as e\n"
        "try: print(u.urlopen(sys.argv[1],timeout=2).status)\n"
        "except e.HTTPError as x: print(x.code, x.read(200).decode('utf-8','replace')); sys.exit(1)\n"
        "except OSError as x: print(x); sys.exit(1)\n"
    )
    end = asyncio.get_running_loop().time() + SITE_UP.total_seconds()
    last = "nothing"
    while asyncio.get_running_loop().time() < end:
        said = await command(
            sys.executable,
            "-c",
            script,
            f"http://{host}/readyz",
            env=operator_environment(),
            log=run / "logs" / "boot.log",
            timeout=timedelta(seconds=10),
        )
        if said.code == 0:
            return
        last = said.out.strip() or said.err.strip()[-200:]
        progress.tick(f"waiting for http://{host}/readyz: {last}")
        await asyncio.sleep(0.5)
    raise StartFailed(
        f"http://{host}/readyz did not answer well within {SITE_UP.total_seconds():.0f} s; last: {last}; logs in {run / 'logs'}"
    )


def site_file(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """site.yaml of the architecture, for `hadr`."""
    members = [
        {
            "name": name,
            "region": made["region"],
            "cluster": made["cluster"],
            "capacity": {"namespace": "kube-system", "deployment": "karpenter", "replicas": 2},
            "workload": {"namespace": "peccy", "deployments": {"peccy-web": 2, "peccy-app": 3}, "nodes": "type=service"},
            "database": made["database"],
            "files": made["file_system"],
            "target_group": made["cluster"],
            "balancer": made["balancer_dns"],
            "record": name,
            **_switch(outputs, name),
        }
        for name, made in outputs["members"].items()
    ]
    return {
        "site": outputs["site"],
        "members": members,
        "database": {"global_cluster": outputs["site"]},
        "traffic": {"host": outputs["host"], "hosted_zone": outputs["zone_id"]},
        "objectives": {"recovery_time": "PT15M", "recovery_point": "PT1M", "file_recovery_point": "PT15M"},
    }


def _switch(outputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    if not outputs["declared"].endswith(f"/{name}"):
        return {}
    made = outputs["members"][name]
    return {"switch": {"bucket": made["switch_bucket"], "region": made["region"], "key": outputs["declared"]}}
