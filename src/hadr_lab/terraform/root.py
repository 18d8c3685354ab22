"""One root of `infra` in a folder of its own, and Terraform's verbs on it. It never changes the HCL nor edits the state."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hadr_lab.errors import LabError, MissingProgram
from hadr_lab.terraform.provider import VARIABLE, against

CHANGES = 2
"""The exit code of `plan -detailed-exitcode` when there is something to change."""
AT_MOST_S = 1500
_TOTAL = re.compile(r"Plan: (\d+) to add")
_DONE = re.compile(r": (?:Creation|Destruction|Modifications) complete after")

Heard = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class Root:
    """A root. `heard` is told how far a long verb has come; `seconds` says how long each took."""

    folder: Path
    environment: Mapping[str, str]
    heard: Heard = lambda _line: None
    seconds: dict[str, float] = field(default_factory=dict)
    _told: str = ""

    def initialise(self) -> None:
        """`terraform init`. Raises MissingProgram when Terraform or its provider cannot be had."""
        done = self._run("init")
        if done.returncode:
            raise MissingProgram(
                f"terraform init in {self.folder.name} failed; {VARIABLE} may name a folder with the AWS provider: {_end(done)}"
            )

    def apply(self) -> None:
        """`terraform apply`. Raises LabError with Terraform's last words, as all of these do."""
        self._must("apply", "-auto-approve", "-parallelism=20")

    def plan(self) -> str:
        """What `terraform plan` would change; nothing when it finds no difference."""
        done = self._run("plan", "-detailed-exitcode", "-parallelism=20")
        if done.returncode not in (0, CHANGES):
            raise LabError(_end(done))
        changes = done.stdout.partition("Terraform will perform the following actions:")[2] or done.stdout
        return changes if done.returncode == CHANGES else ""

    def destroy(self) -> list[str]:
        """`terraform destroy`; the addresses that are left in the state."""
        self._must("destroy", "-auto-approve", "-parallelism=20")
        return self.resources()

    def resources(self) -> list[str]:
        """The addresses in the state."""
        return self._must("state", "list").splitlines()

    def outputs_text(self) -> str:
        """`terraform output -json`, as it is."""
        return self._must("output", "-json")

    def outputs(self) -> dict[str, Any]:
        """`terraform output`, values only."""
        return {name: told["value"] for name, told in json.loads(self.outputs_text()).items()}

    def shown(self) -> Any:
        """`terraform show -json`: the whole state, every attribute."""
        return json.loads(self._must("show", "-json"))

    def _must(self, *words: str) -> str:
        done = self._run(*words)
        if done.returncode:
            raise LabError(_end(done))
        return done.stdout

    def _run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        program = shutil.which("terraform", path=self.environment.get("PATH"))
        if program is None:
            raise MissingProgram("terraform is not on PATH; install 1.11 or newer")
        quiet = [] if verb in ("state", "output", "show") else ["-input=false", "-no-color"]
        started = time.monotonic()
        done = self._heard_out([program, verb, *quiet, *words], started + AT_MOST_S)
        self.seconds[f"{len(self.seconds)} {verb}"] = round(time.monotonic() - started, 1)
        return done

    def _heard_out(self, argv: list[str], until: float) -> subprocess.CompletedProcess[str]:
        """Run to the end, telling of each resource that is done. What it says goes to files, so that no pipe can fill up."""
        with tempfile.TemporaryDirectory() as told:
            out, err = Path(told) / "out", Path(told) / "err"
            with out.open("wb") as to, err.open("wb") as wrong:
                child = subprocess.Popen(
                    argv, cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=to, stderr=wrong
                )
            try:
                while child.poll() is None:
                    if time.monotonic() > until:
                        raise LabError(f"terraform {argv[1]} did not end within {AT_MOST_S} s: {out.read_text()[-2000:]}")
                    self._tell(argv[1], out.read_text())
                    time.sleep(1)
            finally:
                _end_child(child)
            return subprocess.CompletedProcess(argv, child.returncode, out.read_text(), err.read_text())

    def _tell(self, verb: str, said: str) -> None:
        if verb in ("apply", "destroy"):
            total = _TOTAL.search(said)
            of = f" of {total[1]}" if total else ""
            told = f"terraform {verb} {self.folder.name}: {len(_DONE.findall(said))}{of} resources"
            if told != self._told:
                self._told = told
                self.heard(told)


def copied(infra: Path, name: str, folder: Path, url: str, variables: Mapping[str, Any], heard: Heard = lambda _line: None) -> Root:
    """A copy in `folder` of the root `name` and of the modules, initialised, that knows `url` as AWS. Raises MissingProgram."""
    leave = shutil.ignore_patterns(".terraform*", "*.tfstate*", "terraform.tfvars")
    shutil.copytree(infra, folder / "infra", ignore=leave)
    root = Root(folder=folder / "infra" / name, environment=against(url, folder, variables), heard=heard)
    root.initialise()
    return root


def _end_child(child: subprocess.Popen[bytes]) -> None:
    """Ask it to end, which lets Terraform end its providers and keep its state; then make it."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _end(done: subprocess.CompletedProcess[str]) -> str:
    return f"terraform {done.args[1]} ended with {done.returncode}: {(done.stderr or done.stdout)[-4000:]}"
