"""Which program an image stands for. There are no image layers in the lab: an image is a row of this table.

A row is chosen by the end of the repository's path (tag and digest do not matter), so that the charts' own image names work. An
image without a row cannot be pulled, as on AWS when a repository does not exist.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from hadr_lab.programs import Program, Programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to run an image: `argv` is its entry point; or `call` (module:function), which is forked from the zygote instead.

    `names` are the base names by which a pod's `command` may call the entry point. `keep` are folders that the program needs.
    """

    argv: tuple[str, ...]
    call: str = ""
    names: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()

    def command_line(self, command: Sequence[str], args: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """(argv, call) for a container's command and args, by Kubernetes' rules: a command replaces the entry point."""
        if not command:
            return (*self.argv, *args), self.call
        if PurePosixPath(command[0]).name in self.names:
            return (*self.argv, *command[1:], *args), self.call
        return (*command, *args), ""


Images = Mapping[str, Recipe]
_ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/")


def repository(image: str) -> str:
    """The image's name without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def registry_region(image: str) -> str:
    """The Region whose ECR an image comes from, or an empty string for any other registry."""
    match = _ECR.match(image)
    return match["region"] if match else ""


def find(images: Images, image: str) -> Recipe | None:
    """The recipe whose key is the end of the image's repository; the longest key wins."""
    path = "/" + repository(image)
    keys = [key for key in images if path.endswith("/" + key)]
    return images[max(keys, key=len)] if keys else None


def program_recipe(program: Program, *names: str) -> Recipe:
    """A recipe that runs one program of the toolchain."""
    return Recipe(argv=(str(program.path),), names=(program.path.name, *names), env=program.env, keep=_folders(program))


def standard(programs: Programs, peccy: Path) -> dict[str, Recipe]:
    """The images of the architectures. `peccy` is the folder services/peccy."""
    nginx = programs["nginx"]
    search = f"{nginx.path.parent}:{os.environ.get('PATH', os.defpath)}"
    return {
        "karpenter/controller": program_recipe(programs["karpenter"], "controller"),
        "eks/aws-load-balancer-controller": program_recipe(programs["aws-load-balancer-controller"], "controller"),
        "eks/coredns": program_recipe(programs["coredns"]),
        "peccy-app": Recipe(argv=("peccy-app",), call="app.main:main", keep=(str(peccy), sys.prefix, sys.base_prefix)),
        "peccy-web": Recipe(
            argv=("sh", str(peccy / "web" / "start")),
            names=("start",),
            env={**nginx.env, "PATH": search},
            keep=(*_folders(nginx), str(peccy)),
        ),
    }


def _folders(program: Program) -> tuple[str, ...]:
    """Folders a program needs: its own and those its variables name."""
    named = (part for value in program.env.values() for part in value.split(":") if part.startswith("/"))
    return tuple(dict.fromkeys((str(program.path.parent), *named)))


def dump(images: Images) -> str:
    """The table as JSON, for the agent's process."""
    return json.dumps({key: asdict(recipe) for key, recipe in images.items()})


def load(text: str) -> dict[str, Recipe]:
    """The table back from JSON."""
    rows = json.loads(text)
    return {
        key: Recipe(argv=tuple(row["argv"]), call=row["call"], names=tuple(row["names"]), env=row["env"], keep=tuple(row["keep"]))
        for key, row in rows.items()
    }
