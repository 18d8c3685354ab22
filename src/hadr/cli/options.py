"""The options that several verbs have, and the exit codes that all have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hadr.core.guards import Guard

YES, NO, UNKNOWN = 0, 1, 2

SiteFile = Annotated[Path, typer.Option("--site", envvar="HADR_SITE", help="The site's description.")]
RunsFolder = Annotated[Path, typer.Option("--runs", envvar="HADR_RUNS", help="The folder of runs.")]
To = Annotated[str, typer.Option("--to", metavar="MEMBER", help="The member that is to serve.")]
Onto = Annotated[
    str, typer.Option("--to", metavar="MEMBER", help="The member that stands by; the one without the writer when left out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Plain JSON on stdout.")]
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask for the site's name first.")]
Allow = Annotated[list[Guard] | None, typer.Option("--allow", help="Lift the guard of this name; may be given again.")]

DEFAULT_SITE, DEFAULT_RUNS = Path("site.yaml"), Path("runs")
