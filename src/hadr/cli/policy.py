"""The verb that tells what hadr's role needs: an IAM policy, or RBAC for a member's cluster. It reaches no part of the site."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from hadr import config
from hadr.adapters import rbac
from hadr.cli.context import Context
from hadr.cli.options import DEFAULT_SITE, NO, YES, SiteFile
from hadr.core.errors import ConfigError

Check = Annotated[Path | None, typer.Option("--check", metavar="FILE", help="Compare this policy with the one that is needed.")]
Kubernetes = Annotated[
    str, typer.Option("--kubernetes", metavar="MEMBER", help="RBAC manifests for this member's cluster instead.")
]


def policy(context: typer.Context, site: SiteFile = DEFAULT_SITE, check: Check = None, kubernetes: Kubernetes = "") -> int:
    """The least that hadr's role has to be allowed for this site: exactly the calls it makes."""
    here: Context = context.obj
    described = config.load_site(site)
    if kubernetes:
        here.pass_on(yaml.safe_dump_all(rbac.manifests(described.member(kubernetes)), sort_keys=False))
        return YES
    from hadr.adapters.aws import policy as iam  # late: botocore costs half a second

    if check is None:
        here.tell(iam.policy(described))
        return YES
    found = iam.differences(_read(check), described)
    answer = f"{check}: {'is exactly what hadr needs' if not found else f'differs from what hadr needs in {len(found)} points'}"
    here.say(answer, remarks=found)
    return NO if found else YES


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is no policy document in JSON: {error}") from error
