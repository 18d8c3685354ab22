"""What the documents tell people to type exists: make's targets, both tools' verbs and options, files and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from hadr.cli.verbs import app as hadr
from hadr_lab.cli import app as hadr_lab

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = (".", "docs", "infra", "deploy", "services")
PAGES = sorted(
    {
        page
        for folder in FOLDERS
        for page in (REPOSITORY / folder).glob("*.md" if folder == "." else "**/*.md")
        if ".terraform" not in page.parts
    }
)
TOOLS = {"hadr": typer.main.get_group(hadr), "hadr-lab": typer.main.get_group(hadr_lab)}
WORD = re.compile(r"[a-z-]+")
TYPED = re.compile(r"(?:^|[;|({])\s*(?:\.venv/bin/)?(hadr-lab|hadr|make)(?![\w-])((?: +[^\s|;)}]+)*)")
PLACES = re.compile(r"^(?:src|tests|infra|deploy|docs|services|requirements)/[\w./*-]+$")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def typed(text: str) -> Iterator[str]:
    """What is set as code: the lines of blocks, and the spans in prose."""
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        yield from part.splitlines() if number % 2 else re.findall(r"`([^`\n]+)`", part)


def wrong(line: str, targets: frozenset[str]) -> list[str]:
    """The words of a line that no program of ours would take."""
    found: list[str] = []
    for name, said in TYPED.findall(re.split(r"\s#", line)[0]):
        said, _, within = said.partition(" -- ")  # what follows is a command of its own
        words = [word.rstrip(".,:") for word in said.split()]
        if name == "make":
            found += [f"make {word}" for word in words if WORD.fullmatch(word) and word not in targets]
        elif words and re.match(r"[a-z-]", words[0]):
            found += _unknown(TOOLS[name], name, words)
        found += wrong(within, targets)
    return found


def _unknown(command: TyperCommand | TyperGroup, name: str, words: list[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("-"):
            known = chain.from_iterable((*one.opts, *one.secondary_opts) for one in command.params)
            if word.partition("=")[0] not in {"--help", *known}:
                yield f"{name} {word}"
        elif isinstance(command, TyperGroup) and WORD.fullmatch(word):
            if word not in command.commands:
                yield f"{name} {word}"
                return
            found = command.commands[word]
            assert isinstance(found, TyperCommand | TyperGroup)
            command, name = found, f"{name} {word}"


@pytest.fixture(scope="module")
def targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_names_what_there_is(page: Path, targets: frozenset[str]) -> None:
    """Commands can be typed, and paths and links lead somewhere."""
    text = page.read_text()
    code = list(typed(text))
    assert [word for line in code for word in wrong(line, targets)] == []
    paths = [path for path in code if PLACES.match(path)]
    assert [path for path in paths if not any((*REPOSITORY.glob(path), *page.parent.glob(path)))] == []
    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("make demo ARCH=ha-single-cluster", []),
        ("make demos", ["make demos"]),
        ("hadr failover --to two", []),
        ("hadr failover --onto two", ["hadr failover --onto"]),
        ("hadr plan fail-over --to two", ["hadr plan fail-over"]),
        ("hadr policy --site site.yaml --kubernetes two | kubectl apply --server-side -f -", []),
        ('eval "$(.venv/bin/hadr-lab environment)"', ["hadr-lab environment"]),
        (".venv/bin/hadr-lab exec -- .venv/bin/hadr state", ["hadr state"]),
        ("hadr VERB [--site FILE]", []),
    ],
)
def test_a_line_that_cannot_be_typed_is_found(line: str, words: list[str], targets: frozenset[str]) -> None:
    """Each kind of mistake, beside lines that are right."""
    assert wrong(line, targets) == words
