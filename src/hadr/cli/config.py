"""The verbs about site.yaml itself. They reach no part of the site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hadr import config
from hadr.adapters import terraform
from hadr.cli.context import Context
from hadr.core.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Make or check site.yaml.")

Source = Annotated[
    str, typer.Argument(metavar="DIR|FILE", help="A Terraform root, or what `terraform output -json` wrote; - is stdin.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write there instead of to stdout.")]


@app.command("from-terraform")
def from_terraform(context: typer.Context, source: Source, output: Output = None) -> int:
    """site.yaml from the output `site` of a Terraform root, checked like every site.yaml."""
    here: Context = context.obj
    document = terraform.site_output(terraform.read_outputs(source, sys.stdin), source)
    try:
        text = config.site_text(document)
    except ConfigError as error:
        raise ConfigError(f"{source}: output {terraform.OUTPUT!r}: {error}") from error
    if output is None:
        here.pass_on(text)
    else:
        config.write_site(output, text)
        here.narrate(f"wrote {output}. Next: hadr status --site {output}")
    return 0
