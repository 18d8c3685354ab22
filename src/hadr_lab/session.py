"""The file through which another shell finds a running lab: where it is, what listens, how to enter it.

It lies in the run folder as `lab.json`, is written when the site serves and says nothing secret: the lab's credentials are made up
for one run and work nowhere else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hadr_lab.applied import VARIABLES
from hadr_lab.errors import UsageError

FILE = "lab.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A running lab as other processes see it. `pid` is the host's number of the lab's first process.

    `kubeconfig_inside` leads to the clusters' own addresses; `tools` are the folders of kubectl, helm, hadr and hadr-lab.
    """

    pid: int
    architecture: str
    speed: float
    aws_endpoint: str
    web_endpoint: str
    host: str
    site_file: str
    kubeconfig: str
    kubeconfig_inside: str = ""
    tools: tuple[str, ...] = ()
    region: str = "us-east-1"
    resolver: str = "198.18.0.53"

    def write(self, run: Path) -> None:
        """Write it into `run` in one step."""
        temporary = run / (FILE + ".new")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        temporary.replace(run / FILE)

    def environment(self) -> dict[str, str]:
        """What a shell of the host needs so that kubectl, boto3 and awscli speak to this lab and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.aws_endpoint,
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_DEFAULT_REGION": self.region,
            "KUBECONFIG": self.kubeconfig,
            "HADR_SITE": self.site_file,
            "HADR_LAB_WEB": self.web_endpoint,
            **{f"TF_VAR_{name}": json.dumps(value) for name, value in VARIABLES.items()},
            "PATH": os.pathsep.join((*self.tools, os.environ.get("PATH", os.defpath))),
        }

    def inside_environment(self) -> dict[str, str]:
        """What a program inside the lab needs instead: the edge's own address of the AWS API, and the clusters' own."""
        return {**self.environment(), "AWS_ENDPOINT_URL": "http://198.18.0.10", "KUBECONFIG": self.kubeconfig_inside}

    def enter(self, command: list[str]) -> list[str]:
        """The command line that runs `command` inside the lab, where an operator outside both Regions would be."""
        inside = ["nsenter", "--net=/run/netns/edge", "--", *command]
        credentials = ["--preserve-credentials"] if os.getuid() else []
        return ["nsenter", *credentials, f"--target={self.pid}", "--user", "--mount", "--net", "--pid", "--wd=.", "--", *inside]


def find(run: Path) -> Session:
    """The lab that runs in folder `run`. Raises UsageError with what to type when there is none."""
    path = run / FILE
    try:
        session = msgspec.json.decode(path.read_bytes(), type=Session)
    except FileNotFoundError:
        raise UsageError(f"no lab runs in {run}: start one with `hadr-lab up`, or name its folder with --run") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no lab session ({error}); the lab that wrote it is of another version") from None
    if not Path(f"/proc/{session.pid}").exists():
        raise UsageError(f"the lab of {run} has ended; start one with `hadr-lab up {session.architecture}`")
    return session
