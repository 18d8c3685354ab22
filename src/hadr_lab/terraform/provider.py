"""Where Terraform finds the AWS provider, and the environment it runs in: nobody's credentials, profiles or settings.

Offline, HADR_TF_PLUGINS names a folder that holds `registry.terraform.io/hashicorp/aws`; else the places where Terraform and
packagers put such mirrors are looked at; without any Terraform asks its registry, as always.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REGISTRY = "registry.terraform.io"
VARIABLE = "HADR_TF_PLUGINS"
_OWN = ("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR")


def mirrors() -> Iterator[Path]:
    """Folders that may hold providers, in order of preference; only a variable of our own names one for sure."""
    if named := os.environ.get(VARIABLE):
        yield Path(named)
    yield Path.home() / ".terraform.d" / "plugins"
    data = [os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")]
    data += (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    yield from (Path(folder) / "terraform" / "plugins" for folder in data)
    yield from sorted(path.parent for path in Path("/opt").glob(f"*/{REGISTRY}"))


def cli_configuration(folder: Path, mirror: Path) -> Path:
    """A CLI configuration in `folder` that takes the AWS provider from a mirror, and everything else from where it comes from."""
    file = folder / "terraform.rc"
    aws = f'["{REGISTRY}/hashicorp/aws"]'
    sources = f'filesystem_mirror {{\n path = "{mirror}"\n include = {aws}\n }}\n direct {{\n exclude = {aws}\n }}'
    file.write_text(f"provider_installation {{\n {sources}\n}}\n")
    return file


def mirrored(folder: Path) -> dict[str, str]:
    """The variable that leads Terraform to a mirror on this machine, by a file in `folder`; nothing where there is none."""
    found = next((path for path in mirrors() if (path / REGISTRY / "hashicorp" / "aws").is_dir()), None)
    return {} if found is None else {"TF_CLI_CONFIG_FILE": str(cli_configuration(folder, found))}


def environment(folder: Path) -> dict[str, str]:
    """What Terraform may see of the caller's environment, without any AWS; `folder` takes a CLI configuration if one is needed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
    if configured := mirrored(folder):
        kept |= configured
    elif not Path(kept.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        del kept["TF_CLI_CONFIG_FILE"]
    nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nobody | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def against(url: str, folder: Path, variables: Mapping[str, Any]) -> dict[str, str]:
    """The environment in which Terraform takes `url` for AWS, with the root's `variables`."""
    aws = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "terraform", "AWS_SECRET_ACCESS_KEY": "secret"}
    return environment(folder) | aws | {f"TF_VAR_{name}": json.dumps(value) for name, value in variables.items()}
