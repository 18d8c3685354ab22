"""From an applied architecture to a site that serves: every member deployed, the stand-by protected, clients answered.

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

from hadr_lab.dataplane.processes import NETNS
from hadr_lab.errors import StartFailed
from hadr_lab.lab import ROOT
from hadr_lab.programs import Programs
from hadr_lab.progress import Progress
from hadr_lab.site import MadeMember, MadeSite

EDGE_FRONT = "http://198.18.0.10"
SITE_UP = timedelta(seconds=180)
IMAGE_TAG = "1.0.0"
AMI_VERSION = "v20260415"
"""The release of the node image that the emulated EC2 has (aws/services/images.py; a test compares them)."""
HADR = (sys.executable, "-c", "from hadr.cli import main; main()")
HOME = "/run/lab/home"
"""In the lab's own memory: kubectl keeps a cache below HOME, and as root it would make that folder wherever it is told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command ended and what it printed."""

    code: int | None
    out: str
    err: str


def operator_environment(region: str = "us-east-1") -> dict[str, str]:
    """The environment of a program that an operator runs inside the lab: the AWS API of the edge, made-up credentials."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": HOME,
        "AWS_ENDPOINT_URL": EDGE_FRONT,
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(ROOT / "src"),
    }


async def command(*argv: str, env: Mapping[str, str], log: Path, told: bytes = b"", timeout: timedelta) -> Said:
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


async def deploy_member(run: Path, programs: Programs, site: MadeSite, member: MadeMember, secret: str) -> None:
    """Run `deploy/member` for one member, as on AWS, with `kubeconfig-MEMBER` of the run folder. Raises StartFailed."""
    facts = run / f"{member.name}.env"
    facts.write_text("".join(f"{name}={value}\n" for name, value in member_facts(programs, member).items()))
    helm, kubectl = programs["helm"].path, programs["kubectl"].path
    env = operator_environment(member.region)
    env |= {"KUBECONFIG": str(run / f"kubeconfig-{member.name}"), "PATH": f"{helm.parent}:{kubectl.parent}:{env['PATH']}"}
    said = await command(
        str(ROOT / "deploy" / "member"),
        site.architecture,
        member.name,
        "--site",
        str(facts),
        env=env,
        log=run / "logs" / f"deploy-{member.name}.log",
        told=secret.encode(),
        timeout=timedelta(seconds=120),
    )
    if said.code != 0:
        raise StartFailed(f"{member.name} was not deployed (exit {said.code}): {said.err.strip()[-600:]}")


def member_facts(programs: Programs, member: MadeMember) -> dict[str, str]:
    """The site file of `deploy/member`: Terraform's output, the release, and the charts that came with the controllers' sources."""
    return {
        **{name: str(value) for name, value in member.facts.items() if value is not None},
        "IMAGE_TAG": IMAGE_TAG,
        "AMI_VERSION": AMI_VERSION,
        "KARPENTER_CHART": str(programs.charts / "karpenter" / "chart"),
        "KARPENTER_CRDS": str(programs.charts / "karpenter" / "crds"),
        "LBC_CHART": str(programs.charts / "aws-load-balancer-controller" / "chart"),
        "LBC_CRDS": str(programs.charts / "aws-load-balancer-controller" / "crds"),
    }


async def read_secret(run: Path, member: MadeMember) -> str:
    """The member's database secret as Secrets Manager keeps it."""
    script = (
        "import boto3,sys;"
        "sys.stdout.write(boto3.client('secretsmanager',region_name=sys.argv[1]).get_secret_value(SecretId=sys.argv[2])['SecretString'])"
    )
    said = await command(
        sys.executable,
        "-c",
        script,
        member.region,
        member.facts["DATABASE_SECRET_ARN"],
        env=operator_environment(member.region),
        log=run / "logs" / "boot.log",
        timeout=timedelta(seconds=30),
    )
    if said.code != 0:
        raise StartFailed(f"the database secret of {member.name} was not readable: {said.err.strip()[-400:]}")
    return said.out


async def take_role(run: Path, role: str, region: str) -> dict[str, str]:
    """The environment of a program that works with `role` and may do nothing else, as STS hands it out. Raises StartFailed."""
    script = (
        "import boto3,json,sys;"
        "taken=boto3.client('sts',region_name=sys.argv[1]).assume_role(RoleArn=sys.argv[2],RoleSessionName='operator');"
        "json.dump(taken['Credentials'],sys.stdout,default=str)"
    )
    env = operator_environment(region)
    log = run / "logs" / "boot.log"
    said = await command(sys.executable, "-c", script, region, role, env=env, log=log, timeout=timedelta(seconds=30))
    if said.code != 0:
        raise StartFailed(f"{role} could not be taken: {said.err.strip()[-400:]}")
    taken = json.loads(said.out)
    return env | {
        "AWS_ACCESS_KEY_ID": taken["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": taken["SecretAccessKey"],
        "AWS_SESSION_TOKEN": taken["SessionToken"],
    }


async def protect(run: Path, site: Path, env: Mapping[str, str]) -> None:
    """`hadr protect`: what Terraform must not own because it turns round with the roles. Raises StartFailed with its words."""
    said = await command(
        *HADR,
        "protect",
        "--yes",
        "--json",
        "--site",
        str(site),
        "--runs",
        str(run / "protect"),
        env=env,
        log=run / "logs" / "protect.log",
        timeout=SITE_UP,
    )
    if said.code != 0:
        raise StartFailed(f"hadr protect ended with {said.code}: {(said.err or said.out).strip()[-600:]}; see {run / 'protect'}")


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
