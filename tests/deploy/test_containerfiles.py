"""The images: small, without root, with a read-only root file system, and from nothing that floats. Built where an engine is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.deploy.containerfile import findings, instructions
from tests.deploy.test_manifests import OVERLAYS, pod_of

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "services" / "peccy"
every_tier = pytest.mark.parametrize("tier", ["app", "web"])


def text_of(tier: str) -> str:
    """Its Containerfile."""
    return (SERVICE / f"Containerfile.{tier}").read_text()


@every_tier
def test_a_containerfile_breaks_no_rule(tier: str) -> None:
    """Bases by argument, no fetching, hashes for packages, no secret, no root."""
    assert findings(text_of(tier)) == []


GOOD = 'ARG BASE=nginx:1.28\nFROM ${BASE}\nUSER 10001\nEXPOSE 8080\nENTRYPOINT ["nginx"]\n'


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("nginx:1.28", "nginx:latest", "names no version"),
        ("nginx:1.28", "nginx", "names no version"),
        ("FROM ${BASE}", "FROM nginx:1.28", "as an argument"),
        ("USER 10001", "USER 0", "not root"),
        ("USER 10001", "USER nginx", "not root"),
        ("USER 10001\n", "", "not root"),
        ("EXPOSE 8080", "EXPOSE 80", "below 1024"),
        ('ENTRYPOINT ["nginx"]', "ENTRYPOINT nginx", "signals"),
        ('ENTRYPOINT ["nginx"]', "", "exactly one"),
        ("USER", "ADD x.tar /\nUSER", "COPY"),
        ("USER", "COPY . /srv\nUSER", "happens to lie there"),
        ("USER", "RUN curl -o x example.test\nUSER", "nothing pins"),
        ("USER", "RUN pip install \\\n  fastapi\nUSER", "hashes"),
        ("USER", "RUN apt-get install -y gcc\nUSER", "distribution"),
        ("USER", "ENV DB_PASSWORD=x\nUSER", "readable"),
    ],
)
def test_each_rule_finds_what_it_is_for(right: str, wrong: str, said: str) -> None:
    """A rule that cannot fail would be worth nothing."""
    assert findings(GOOD) == []
    assert [line for line in findings(GOOD.replace(right, wrong)) if said in line]


@every_tier
def test_what_is_copied_is_there_and_is_all_that_is_sent(tier: str) -> None:
    """The ignore file lets through exactly what the Containerfiles copy."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for each in instructions(text_of(tier)):
        if each.word == "COPY" and not each.rest.startswith("--from="):
            source = each.rest.split()[0]
            assert (ROOT / source).exists()
            assert source in sent


@every_tier
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_image_and_manifest_agree_on_user_and_port(tier: str, overlay: str) -> None:
    """Who differs is refused by the kubelet, or not reached."""
    said = {each.word: each.rest for each in instructions(text_of(tier))}
    pod = pod_of(overlay, f"peccy-{tier}")
    context = pod["securityContext"]
    assert said["USER"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert int(said["EXPOSE"]) == pod["containers"][0]["ports"][0]["containerPort"]


@every_tier
def test_the_file_says_how_it_is_built_and_pinned(tier: str) -> None:
    """The digest of a base is not written here, where it could not be looked up: a release gives it."""
    head = text_of(tier).partition("ARG ")[0]
    assert f"--file services/peccy/Containerfile.{tier}" in head
    assert "@sha256:" in head
    assert "by digest" in head


def test_every_package_of_the_app_is_pinned_by_hash() -> None:
    """--require-hashes would refuse it in the build; this finds it before."""
    packages = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / "peccy.txt").read_text().strip())
    assert packages
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
