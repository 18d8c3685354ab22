"""The Kubernetes programs: ready ones, or a build that is visible, complete or absent. The go here is a small script."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.hadr_lab.toolchain.toolchain_machine import a_program, quiet, said

from hadr_lab.errors import MissingProgram
from hadr_lab.toolchain import kubernetes, ready

BUILDS = """
case "$1" in
  env) echo go1.26.8 ;;
  list) echo "$MODULES" ;;
  build)
    echo "go: downloading k8s.io/api v0.35.4" >&2; echo k8s.io/api/core/v1 >&2
    while [ "$1" != -o ]; do shift; done
    case "$3" in
      tool) names="server controller kube-apiserver kube-controller-manager kube-scheduler kube-proxy coredns helm"
            names="$names aws-load-balancer-controller" ;;
      *) names=kubectl ;;
    esac
    for name in $names; do echo "$name" > "$2$name"; chmod +x "$2$name"; done ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, a kubectl, Go modules with charts in them, and whatever a test puts into its folder."""
    for _, below in kubernetes.CHARTS.values():
        (tmp_path / "modules" / below).mkdir(parents=True, exist_ok=True)
        chart = tmp_path / "modules" / below / "some.yaml"
        chart.write_text("kind: X\n")
        chart.chmod(0o444)
    for variable, value in (("XDG_CACHE_HOME", "cache"), ("MODULES", "modules")):
        monkeypatch.setenv(variable, str(tmp_path / value))
    monkeypatch.delenv(ready.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    a_program(tmp_path / "bin", "kubectl", "echo 'Client Version: v1.35.1'")
    return tmp_path / "bin"


def test_a_build_gives_every_program_its_upstream_name_and_the_charts(machine: Path) -> None:
    """What Go calls `server` and `controller` are etcd and Karpenter; charts are copied so that they can be removed again."""
    a_program(machine, "go", BUILDS)
    progress = quiet()
    found = kubernetes.obtain(progress)
    assert set(found.programs) == {*kubernetes.NAMES, "kubectl"}
    assert found.programs["etcd"].path.read_text() == "server\n"
    assert found.programs["karpenter"].path.read_text() == "controller\n"
    assert found.programs["kubectl"].path == machine / "kubectl"
    for chart in kubernetes.CHARTS:
        assert (found.charts / chart / "some.yaml").stat().st_mode & 0o200
    assert "1 modules downloaded, 1 packages compiled" in said(progress)


def test_what_was_built_is_found_without_go(machine: Path) -> None:
    """The second start needs neither Go nor a word."""
    go = a_program(machine, "go", BUILDS)
    first = kubernetes.obtain(quiet())
    go.unlink()
    progress = quiet()
    assert kubernetes.obtain(progress) == first
    assert said(progress) == ""


def test_a_failed_build_shows_gos_last_lines_and_leaves_nothing(machine: Path) -> None:
    """The next start builds again instead of running a part."""
    a_program(
        machine, "go", 'test "$1" = env && echo go1.26.8 || { for i in 1 2 3 4 5 6; do echo "no space $i" >&2; done; exit 1; }'
    )
    with pytest.raises(MissingProgram, match=r"no space 2\nno space 3\nno space 4\nno space 5\nno space 6$"):
        kubernetes.obtain(quiet())
    assert [path.suffix for path in (machine.parent / "cache" / "hadr-lab").iterdir()] == [".lock"]


def test_an_old_kubectl_is_not_taken_and_one_is_built(machine: Path) -> None:
    """A kubectl more than three versions behind the clusters is replaced by a built one, for the lab only."""
    a_program(machine, "kubectl", "echo 'Client Version: v1.31.9'")
    a_program(machine, "go", BUILDS)
    path = kubernetes.obtain(quiet()).programs["kubectl"].path
    assert path.read_text() == "kubectl\n"
    assert path.is_relative_to(machine.parent / "cache")


def test_an_older_go_fetches_the_right_one_and_says_so(machine: Path) -> None:
    """Go 1.21 and later replace themselves when asked to, so nobody has to install anything."""
    a_program(
        machine, "go", BUILDS.replace("go1.26.8", "go1.22.3").replace("build)", 'build) test "$GOTOOLCHAIN" = auto || exit 1')
    )
    progress = quiet()
    kubernetes.obtain(progress)
    assert "older than Go 1.26.6: it will fetch that one by itself" in said(progress)


def test_a_go_too_old_to_replace_itself_is_refused(machine: Path) -> None:
    """One line says which Go to install, and the variable that saves the build."""
    a_program(machine, "go", BUILDS.replace("go1.26.8", "go1.19"))
    with pytest.raises(MissingProgram, match=r"too old to build with: install Go 1\.26\.6, or set HADR_LAB_PROGRAMS"):
        kubernetes.obtain(quiet())


def test_ready_programs_are_used_as_they_are(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named by HADR_LAB_PROGRAMS takes the place of any build."""
    folder = machine.parent / "ready"
    monkeypatch.setenv(ready.VARIABLE, str(folder))
    for name in kubernetes.NAMES:
        a_program(folder / "bin", name)
    for chart in kubernetes.CHARTS:
        (folder / "charts" / chart).mkdir(parents=True)
    found = kubernetes.obtain(quiet())
    assert found.programs["coredns"].path == folder / "bin" / "coredns"
    assert found.charts == folder / "charts"


@pytest.mark.parametrize("absent", ["bin/etcd", "charts/karpenter/crds"])
def test_an_incomplete_folder_of_ready_programs_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    """What is missing is named; nothing is built behind the user's back."""
    folder = machine.parent / "ready"
    monkeypatch.setenv(ready.VARIABLE, str(folder))
    for name in kubernetes.NAMES:
        if f"bin/{name}" != absent:
            a_program(folder / "bin", name)
    for chart in kubernetes.CHARTS:
        if f"charts/{chart}" != absent:
            (folder / "charts" / chart).mkdir(parents=True)
    with pytest.raises(MissingProgram, match=absent):
        kubernetes.obtain(quiet())


def test_the_modules_of_the_repository_name_every_program() -> None:
    """tools/kubernetes has a tool line for each program, and for each module that charts are copied from."""
    text = (kubernetes.SOURCE / "go.mod").read_text()
    tools = [line.strip().removesuffix("/v3").rpartition("/")[2] for line in text.partition("tool (")[2].partition(")")[0].split()]
    assert sorted(kubernetes.BUILT_AS.get(tool, tool) for tool in tools) == sorted(kubernetes.NAMES)
    assert all(f"\n\t{module} " in text or f"require {module} " in text for module, _ in kubernetes.CHARTS.values())
