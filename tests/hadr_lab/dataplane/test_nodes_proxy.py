"""Two kube-proxies in one zone: the second one's table bears another name in nft, and its own name in what it reads back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hadr_lab.dataplane.nodes.proxy import environment, ports
from hadr_lab.programs import Program


@pytest.fixture
def nft(tmp_path: Path) -> Program:
    """A stand-in that keeps what it was told and answers as nft lists tables."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "nft"
    program.write_text(
        "#!/bin/sh\n"
        'echo "$@" >>"$TOLD"; cat >>"$TOLD"\n'
        """echo '{"nftables": [{"table": {"name": "kube-proxy"}}, {"table": {"name": "kube-proxy-1"}}]}'\n"""
        "exit ${CODE:-0}\n"
    )
    program.chmod(0o755)
    return Program(path=program, env={"LD_LIBRARY_PATH": "somewhere"})


def run(variables: dict[str, str], told: Path, *words: str, said: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """nft as kube-proxy finds it."""
    own = {**os.environ, **variables, "TOLD": str(told), "CODE": str(code)}
    return subprocess.run(["nft", *words], env=own, input=said, capture_output=True, text=True, timeout=20, check=False)


def test_the_first_cluster_speaks_to_nft_itself(nft: Program, tmp_path: Path) -> None:
    """Nothing stands between where there is nothing to tell apart."""
    found = environment(nft, 0, tmp_path)
    assert found["PATH"].split(":")[0] == str(nft.path.parent)
    assert found["LD_LIBRARY_PATH"] == "somewhere"


def test_the_second_has_a_table_of_its_own(nft: Program, tmp_path: Path) -> None:
    """Both in scripts and in arguments; it sees its own as kube-proxy's, and not the other's."""
    told = tmp_path / "told"
    script = 'add table ip kube-proxy { comment "rules for kube-proxy" ; }\nadd chain ip6 kube-proxy services\n'
    done = run(environment(nft, 1, tmp_path), told, "-f", "-", said=script)
    assert done.returncode == 0, done.stderr
    heard = told.read_text()
    assert "add table ip kube-proxy-1 {" in heard
    assert "add chain ip6 kube-proxy-1 services" in heard
    assert '"name": "kube-proxy.other"' in done.stdout
    assert '"name": "kube-proxy"' in done.stdout
    run(environment(nft, 1, tmp_path), told, "-j", "list", "map", "ip", "kube-proxy", "services")
    assert "-j list map ip kube-proxy-1 services" in told.read_text()


def test_a_refusal_of_nft_is_heard(nft: Program, tmp_path: Path) -> None:
    """kube-proxy tries again only when it hears that nft failed."""
    assert run(environment(nft, 1, tmp_path), tmp_path / "told", "-f", "-", code=3).returncode == 3


def test_no_two_share_a_port() -> None:
    """They listen in one namespace."""
    every = [address for slot in range(3) for address in ports(slot).values()]
    assert len(every) == len(set(every)) == 6
