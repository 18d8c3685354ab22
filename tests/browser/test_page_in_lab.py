"""peccy's page in a real Chromium on a running site of the lab: its DNS, balancer, nginx, app, MariaDB and file system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.chromium import a_browser
from tests.browser.looking import DESKTOP, PHONE, visiting
from tests.hadr_lab.demo_process import assert_gone, started
from tests.hadr_lab.demo_site import Site, site_of

pytestmark = [pytest.mark.browser, pytest.mark.lab, pytest.mark.timeout(600)]
every_width = pytest.mark.parametrize("width", [PHONE, DESKTOP])
ZONES = {"us-east-1a", "us-east-1b", "us-east-1c"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A site that serves, and a browser for which its name leads into the lab."""

    site: Site
    browser: Browser
    url: str

    def stored(self, path: str) -> Any:
        """What the service says to another client."""
        status, text = self.site.lab.browse(path)
        assert status == 200
        return json.loads(text)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """dr-multi-region, up; the browser knows its name only, which the lab's DNS resolves anew for each connection."""
    with started(tmp_path_factory.mktemp("site"), "up", "dr-multi-region") as lab:
        lab.until("Ctrl-C here ends everything")
        spaces = lab.spaces()
        session = json.loads((lab.run / "lab.json").read_bytes())
        with a_browser(resolve={session["host"]: urlsplit(session["web_endpoint"]).netloc}) as browser:
            yield Open(site=site_of(lab), browser=browser, url=f"http://{session['host']}/")
        lab.child.terminate()
        assert lab.wait(20) == 143
        assert_gone(spaces)


@every_width
def test_the_page_of_a_running_site_does_everything(opened: Open, width: int) -> None:
    """It shows the member and zone that answer, keeps hobbies and a picture, and neither the browser nor axe finds a fault."""
    with visiting(opened.browser, opened.url, width=width) as visit:
        assert visit.fact("member") == "one"
        assert visit.fact("region") == "us-east-1"
        assert visit.fact("zone") in ZONES
        assert visit.fact("hostname").startswith("peccy-app-")
        assert visit.fact("web").startswith("peccy-web-")
        expect(visit.page.locator("#state")).to_have_text("Reads and writes work", timeout=15000)
        visit.add(f"Kept at {width}")
        visit.add(f"Gone at {width}")
        visit.delete(f"Gone at {width}")
        picture = visit.photo(64, "image/png")
        visit.upload("mine.png", picture)
        names = [hobby["name"] for hobby in opened.stored("/hobbies")]
        assert f"Kept at {width}" in names
        assert f"Gone at {width}" not in names
        shown = visit.page.evaluate("async () => [...new Uint8Array(await (await fetch('infos/picture')).arrayBuffer())]")
        assert bytes(shown) == picture
        assert visit.violations() == []
        assert visit.overflow() <= 0
        assert visit.complaints == []


def test_the_page_follows_the_zones_that_answer(opened: Open) -> None:
    """Left open, it shows what a sample of requests would: each zone that answered, with its share of the last two minutes."""
    with visiting(opened.browser, opened.url, width=DESKTOP) as visit:
        shares = visit.page.locator("#shares li")
        expect(visit.page.locator("#trail i:not(.blank)")).to_have_count(5, timeout=20000)
        told = [text.split(", member one")[0] for text in shares.all_inner_texts()]
        assert told
        assert set(told) <= ZONES
        assert visit.complaints == []
