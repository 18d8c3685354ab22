"""`hadr-lab`: the command line of the lab. It parses, calls, renders and chooses the exit code; it decides nothing.

Exit codes: 0 yes, 1 no, 2 unknown, 64 usage; 130 and 143 when INT or TERM ended it.
"""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, TyperException

from hadr_lab import applied, control, host, launch, prices, session
from hadr_lab import result as results
from hadr_lab.drill import crossings as crossed
from hadr_lab.drill.headroom import GROWN, HELD, comparison, span, way_of
from hadr_lab.drill.outages import OUTAGES
from hadr_lab.errors import LabError, UsageError
from hadr_lab.history import read_history
from hadr_lab.progress import Progress
from hadr_lab.scenario import catalogue, default_for, load
from hadr_lab.terraform import provider
from hadr_lab.toolchain import obtain

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="A local AWS that is broken on purpose."
)

Runs = Annotated[Path, typer.Option("--runs", help="Folder of run folders.")]
Run = Annotated[Path, typer.Option("--run", help="Run folder of the lab.")]
Speed = Annotated[float, typer.Option("--speed", min=1.0, help="Divides every simulated wait; 1 waits as long as AWS does.")]
Architecture = Annotated[str, typer.Argument(help="Which architecture.")]
RUNS = Path("runs")
LATEST = RUNS / "latest"


def run_folder(runs: Path, scenario: str) -> Path:
    """A new folder below `runs`, named by the moment and the scenario; the link `latest` leads to it."""
    name = Path(scenario).stem  # a scenario may be a file of one's own
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    folder = (runs / f"{stamp}-{name}").absolute()
    number = 1
    while folder.exists():
        number += 1
        folder = (runs / f"{stamp}-{name}-{number}").absolute()
    folder.mkdir(parents=True)
    link = runs / f".latest-{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(runs / "latest")
    return folder


def _order_of(ready: launch.Ready, folder: Path, *, scenario: str = "", speed: float, seed: int = 1) -> launch.Order:
    return launch.Order(
        architecture=ready.applied.architecture,
        scenario=scenario,
        speed=speed,
        seed=seed,
        run=str(folder),
        applied=str(ready.applied.folder),
    )


@app.command()
def demo(
    architecture: Architecture = "dr-multi-region",
    scenario_name: Annotated[
        str, typer.Option("--scenario", help="Which scenario; `hadr-lab scenarios` lists them. None: the architecture's own.")
    ] = "",
    speed: Speed = launch.DEFAULT_SPEED,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every random choice the lab makes.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Bring a site up, lose part of it under load, recover it, and say what it cost. Exit 0 only when the books balance."""
    scenario_name = scenario_name or default_for(architecture)
    script = load(scenario_name)
    if script.architecture != architecture:
        raise UsageError(f"scenario {scenario_name} is for {script.architecture}, not {architecture}")
    raise typer.Exit(_drilled(architecture, scenario_name, runs=runs, speed=speed, seed=seed)[0])


def _drilled(architecture: str, scenario: str, *, runs: Path, speed: float, seed: int) -> tuple[int, Path]:
    """One drill in a lab of its own: the exit code, and the folder that it left."""
    ready = launch.prepare(architecture)
    folder = run_folder(runs, scenario)
    return launch.launch(_order_of(ready, folder, scenario=scenario, speed=speed, seed=seed), ready.sockets), folder


@app.command()
def outages(
    architecture: Architecture = "ha-single-cluster",
    scenarios: Annotated[list[str] | None, typer.Argument(help="Scenarios in place of the kinds of harm.")] = None,
    speed: Speed = launch.DEFAULT_SPEED,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every random choice the lab makes.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Do every kind of harm to one zone of one site, one after the other, and print what clients felt of each."""
    for name in scenarios or ():
        if (script := load(name)).architecture != architecture:
            raise UsageError(f"scenario {name} is for {script.architecture}, not {architecture}")
    ready = launch.prepare(architecture)
    folder = run_folder(runs, OUTAGES)
    asked = ":".join([OUTAGES, *(scenarios or ())])
    raise typer.Exit(launch.launch(_order_of(ready, folder, scenario=asked, speed=speed, seed=seed), ready.sockets))


@app.command()
def crossings(
    one: Annotated[Path, typer.Argument(help="Run folder.")], other: Annotated[Path, typer.Argument(help="Another.")]
) -> None:
    """Compare what two drills moved between zones per request, for example of `normal-single` and `normal-multi`."""
    typer.echo(crossed.comparison(results.read(one), results.read(other)), nl=False)


@app.command()
def headroom(
    drills: Annotated[
        list[Path] | None, typer.Argument(help="Run folders of both drills, to compare again; none: do them.")
    ] = None,
    speed: Speed = launch.DEFAULT_SPEED,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every random choice the lab makes.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Lose a member that has head-room on the other one, and one that has not and grows: time, requests and money of both."""
    if drills and len(drills) != 2:
        raise UsageError(f"two run folders, of {HELD} and {GROWN}, or none")
    code = 0
    folders = list(drills or ())
    for name in () if drills else (HELD, GROWN):
        ended, folder = _drilled(load(name).architecture, name, runs=runs, speed=speed, seed=seed)
        code, folders = max(code, ended), [*folders, folder]
    found = [results.read(folder) for folder in folders]
    within = span(found)
    held, grown = (
        way_of(result, read_history(folder).operations, within_s=within, price=prices.node)
        for result, folder in zip(found, folders, strict=True)
    )
    typer.echo(comparison(held, grown, within_s=within), nl=False)
    raise typer.Exit(code)


@app.command()
def up(
    architecture: Architecture = "dr-multi-region",
    speed: Speed = launch.DEFAULT_SPEED,
    runs: Runs = RUNS,
    aws_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the AWS API on 127.0.0.1; 0 takes a free one.")] = 0,
    web_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the service on 127.0.0.1; 0 takes a free one.")] = 0,
) -> None:
    """Bring a site up and keep it up until Ctrl-C, which ends all of it."""
    ready = launch.prepare(architecture, aws_port=aws_port, web_port=web_port)
    folder = run_folder(runs, f"up-{architecture}")
    raise typer.Exit(launch.launch(_order_of(ready, folder, speed=speed), ready.sockets))


@app.command()
def env(run: Run = LATEST) -> None:
    """Print what a shell needs to speak to a running lab: eval "$(hadr-lab env)"."""
    found = session.find(run).environment() | provider.mirrored(run.resolve())
    for name, value in found.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def execute(command: Annotated[list[str], typer.Argument(help="Program and arguments.")], run: Run = LATEST) -> None:
    """Run a program inside a running lab, where an operator outside both Regions would be."""
    found = session.find(run)
    inside = {**os.environ, **found.inside_environment()}
    sys.stdout.flush()
    argv = found.enter(command)
    os.execvpe(argv[0], argv, inside)  # noqa: S606


Kind = Annotated[str, typer.Argument(metavar="FAULT", help="; ".join(f"{kind} {words}" for kind, words in control.WORDS.items()))]
Where = Annotated[str, typer.Argument(help="Region, zone, member or store, as the fault says.")]
How = Annotated[str, typer.Option("--how", help="For harm-zone and lose-writer: the kind of harm.")]


@app.command()
def fault(kind: Kind, where: Where = "", how: How = "", run: Run = LATEST) -> None:
    """Harm a lab that is up: `fault lose-region us-east-1`, `fault harm-zone us-east-1a --how frozen`. It lasts until `heal`."""
    _order(control.Order(fault=control.fault_of(kind, where, how)), run)


@app.command()
def heal(kind: Kind, where: Where = "", how: How = "", run: Run = LATEST) -> None:
    """Take back what `fault` did, by the same words. A Region comes back as it is: nobody makes it active again."""
    _order(control.Order(fault=control.fault_of(kind, where, how), heal=True), run)


def _order(order: control.Order, run: Path) -> None:
    control.ask(session.find(run), order)
    typer.echo(control.told(order))


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="A process's log, or a part of its name; none lists them.")] = "", run: Run = LATEST
) -> None:
    """Print the log of a process or a container of a run, or list the logs there are."""
    kept = {str(path.relative_to(run / "logs").with_suffix("")): path for path in sorted((run / "logs").rglob("*.log"))}
    kept |= {f"pods/{path.stem}": path for path in sorted((run / "pods").glob("*.log"))}
    if not kept:
        raise UsageError(f"no logs in {run / 'logs'}: name a run folder with --run")
    matching = [name] if name in kept else [log for log in kept if name and name in log]
    if len(matching) != 1:
        if name and not matching:
            raise UsageError(f"no log of {run} has {name!r} in its name; `hadr-lab logs` lists them")
        typer.echo("\n".join(matching or kept))
        return
    typer.echo(kept[matching[0]].read_text(errors="replace"), nl=False)


@app.command()
def scenarios() -> None:
    """List the scenarios there are."""
    for script in catalogue():
        typer.echo(f"{script.name:36s} {script.architecture:18s} {script.description}")


@app.command()
def programs() -> None:
    """Build, unpack or find every outside program the lab runs, and say where each is."""
    found = obtain(Progress())
    for name in sorted(found.programs):
        typer.echo(f"{name:30s} {found[name].path}")


@app.command()
def apply(
    architectures: Annotated[list[str] | None, typer.Argument(help="Which architectures; all when left out.")] = None,
) -> None:
    """Apply roots of `infra` to an emulated AWS, unless that was done and is kept; a lab boots from the outcome."""
    named = architectures or list(launch.ARCHITECTURES)
    for architecture in named:
        launch.check(architecture)
    progress = Progress()
    for architecture in named:
        typer.echo(f"{architecture:20s} {applied.obtain(architecture, progress).folder}")


@app.command()
def doctor() -> None:
    """Say whether this machine can run the lab, and what to do where it cannot."""
    rows = host.doctor()
    for row in rows:
        typer.echo(f"{'ok ' if row.ok else 'NO '} {row.name:28s} {row.text}")
    raise typer.Exit(0 if all(row.ok for row in rows) else 1)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; the errors of this product and of typer become one line each."""
    try:
        result: Any = app(args=arguments, standalone_mode=False)
    except LabError as error:
        typer.echo(f"hadr-lab: {error}", err=True)
        return error.exit_code
    except TyperException as error:
        if said := error.format_message():  # nothing is said where the help was shown instead
            typer.echo(f"hadr-lab: {said.rstrip('.')}; `hadr-lab --help` lists what there is", err=True)
        return UsageError.exit_code
    except (Abort, KeyboardInterrupt):
        return 130
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `hadr-lab` command."""
    sys.exit(run())
