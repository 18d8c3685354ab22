"""Chromium for the browser tests: the machine's, or Debian's package unpacked into the cache without root. Not a test itself.

As with the lab's own programs nothing is installed: the package, what it needs and one font lie side by side in the cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from hadr_lab.errors import LabError
from hadr_lab.progress import Progress
from hadr_lab.toolchain import cache, debian, ready
from hadr_lab.toolchain.apt import Apt

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = (("chromium",), ("fonts-dejavu-core",))
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{prefix}/usr/share/fonts</dir><cachedir>{prefix}/fontcache</cachedir>
<match target="pattern"><edit name="family" mode="append_last"><string>DejaVu Sans</string></edit></match></fontconfig>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    """The program and the variables it needs beside the usual ones."""

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)


def obtain() -> Chromium:
    """The machine's Chromium, else the unpacked one, unpacked now (about 125 MB, once). Raises MissingProgram."""
    for name in NAMES:
        if (found := ready.find(name)) is not None:
            return Chromium(path=found)
    release = platform.freedesktop_os_release()
    what = (PACKAGES, release.get("ID"), release.get("VERSION_ID"), platform.machine())
    prefix = cache.folder() / f"chromium-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}"
    cache.made_once(prefix, _unpack, Progress())
    fonts = prefix / "fonts.conf"
    if not fonts.exists():
        fonts.write_text(FONTS.format(prefix=prefix))
    folders = (debian.environment(prefix)["LD_LIBRARY_PATH"], *_private_libraries(prefix))
    env = {"LD_LIBRARY_PATH": os.pathsep.join(folders), "FONTCONFIG_FILE": str(fonts)}
    return Chromium(path=prefix / "usr/lib/chromium/chromium", env=env)


def _private_libraries(prefix: Path) -> list[str]:
    """Folders below the library folders that hold libraries of their own, as PulseAudio's does."""
    return sorted({str(path.parent) for path in prefix.glob("usr/lib/*-linux-gnu*/*/lib*.so*")})


def _unpack(prefix: Path) -> None:
    with Apt.temporary() as apt:
        apt.update()
        for package in apt.download(apt.closure(apt.known(PACKAGES))):
            subprocess.run(["dpkg-deb", "--extract", package, prefix], check=True, capture_output=True)


@contextmanager
def a_browser(*, resolve: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """A headless browser; `resolve` gives host names the address and port they stand for.

    Where none can be had the test is skipped with the reason, and fails when CI=true.
    """
    rules = ", ".join(f"MAP {name} {place}" for name, place in (resolve or {}).items())
    with sync_playwright() as playwright:
        browser = _launched(playwright, [f"--host-resolver-rules={rules}"] if rules else [])
        try:
            yield browser
        finally:
            browser.close()


def _launched(playwright: Playwright, args: list[str]) -> Browser:
    try:
        chromium = obtain()
    except (LabError, OSError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Chromium, so NO PAGE WAS LOOKED AT: {error}")
    return playwright.chromium.launch(executable_path=chromium.path, env={**os.environ, **chromium.env}, args=args)
