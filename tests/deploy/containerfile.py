"""The rules about Containerfiles that matter here, as a pure function: a linter for them is not everywhere. Not a test itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FETCHES = re.compile(r"\b(curl|wget|git clone)\b|https?://")
SECRET = re.compile(r"(?i)(password|secret|token|credential|private_?key)")
SHELL_FORM = re.compile(r"^(?!\[)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction with its continuation lines joined."""

    word: str
    rest: str


def instructions(text: str) -> Iterator[Instruction]:
    """Every instruction in order, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield Instruction(word=word.upper(), rest=rest.strip())


def findings(text: str) -> list[str]:
    """What is wrong with a Containerfile, one line each; nothing when it may be built."""
    found = list(instructions(text))
    stages = _stages(found)
    return [*_bases(found), *_every(found), *(_last(stages[-1]) if stages else ["no FROM"])]


def _stages(found: list[Instruction]) -> list[list[Instruction]]:
    stages: list[list[Instruction]] = []
    for each in found:
        if each.word == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(each)
    return stages


def _bases(found: list[Instruction]) -> Iterator[str]:
    """Every base is an argument, so that a release gives it by digest, and its default names a version."""
    defaults = dict(each.rest.split("=", 1) for each in found if each.word == "ARG" and "=" in each.rest)
    for each in found:
        if each.word != "FROM":
            continue
        name = re.fullmatch(r"\$\{(\w+)\}", each.rest.split()[0])
        image = defaults.get(name[1], "") if name else ""
        if name is None:
            yield f"FROM {each.rest}: give the base as an argument, so that a release can pin it by digest"
        elif not re.search(r":[^:/]*\d[^:/]*$|@sha256:[0-9a-f]{64}$", image):
            yield f"FROM {each.rest}: the default {image or '(none)'} names no version"


def _every(found: list[Instruction]) -> Iterator[str]:
    for each in found:
        if each.word == "ADD":
            yield f"ADD {each.rest}: use COPY, which neither fetches nor unpacks"
        if each.word == "RUN" and FETCHES.search(each.rest):
            yield f"RUN {each.rest}: fetches what nothing pins"
        if (
            each.word == "RUN"
            and "pip install" in each.rest
            and not {"--require-hashes", "--no-cache-dir"} <= set(each.rest.split())
        ):
            yield f"RUN {each.rest}: pip without hashes or with its cache"
        if each.word == "RUN" and re.search(r"\b(apt-get|apk|sudo)\b", each.rest):
            yield f"RUN {each.rest}: packages of the distribution make it larger and are pinned by nothing"
        if each.word in ("ENV", "ARG") and SECRET.search(each.rest.split("=")[0]):
            yield f"{each.word} {each.rest}: stays readable in the image"
        if each.word in ("CMD", "ENTRYPOINT") and SHELL_FORM.search(each.rest):
            yield f"{each.word} {each.rest}: a shell between would not pass signals on"
        if each.word == "COPY" and re.match(r"(--chown=\S+\s+)?\.\s", each.rest):
            yield f"COPY {each.rest}: copies everything that happens to lie there"


def _last(stage: list[Instruction]) -> Iterator[str]:
    """The stage that becomes the image runs as a number that is not root, on a port that needs no privilege."""
    words = [each.word for each in stage]
    users = [each.rest for each in stage if each.word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]):
        yield "USER: must be a number that is not root; a name cannot be checked by runAsNonRoot"
    if words.count("ENTRYPOINT") != 1:
        yield "ENTRYPOINT: exactly one"
    elif users and words.index("USER") > words.index("ENTRYPOINT"):
        yield "USER: before ENTRYPOINT, where a reader looks for it"
    yield from (f"EXPOSE {e.rest}: a port below 1024 needs root" for e in stage if e.word == "EXPOSE" and int(e.rest) < 1024)
