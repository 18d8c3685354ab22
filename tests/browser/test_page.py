"""peccy's page in a real Chromium, before the real nginx and app on SQLite: what it shows, says and how one gets around in it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.chromium import a_browser
from tests.browser.looking import DESKTOP, PHONE, visiting
from tests.browser.peccy_here import ME, Peccy, a_peccy

pytestmark = pytest.mark.browser
every_width = pytest.mark.parametrize("width", [PHONE, DESKTOP])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for this file; each test has a context of its own."""
    with a_browser() as running:
        yield running


@pytest.fixture
def peccy(tmp_path: Path) -> Iterator[Peccy]:
    """An empty service."""
    with a_peccy(tmp_path) as running:
        yield running


def stored(peccy: Peccy, path: str) -> Any:
    """What the service itself says."""
    connection = http.client.HTTPConnection(urlsplit(peccy.url).netloc, timeout=10)
    try:
        connection.request("GET", f"/{path}")
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.headers["content-type"] == "application/json" else body
    finally:
        connection.close()


@every_width
def test_everything_a_person_comes_for_works(browser: Browser, peccy: Peccy, width: int) -> None:
    """Who answers, a hobby added and deleted, a picture previewed and stored; the browser has nothing to complain of."""
    with visiting(browser, peccy.url, width=width) as visit:
        assert {name: visit.fact(name) for name in ("member", "zone", "region", "hostname", "version")} == {
            "member": ME.member, "zone": ME.zone, "region": ME.region, "hostname": ME.hostname, "version": ME.version,
        }  # fmt: skip
        expect(visit.page.locator("h1")).to_have_text("peccy")
        expect(visit.page.locator("#state")).to_have_text("Reads and writes work")
        expect(visit.page.get_by_text("No hobbies yet.")).to_be_visible()
        visit.add("Playing go")
        visit.add("x" * 255)
        visit.delete("x" * 255)
        picture = visit.photo(64, "image/png")
        visit.upload("mine.png", picture)
        assert [hobby["name"] for hobby in stored(peccy, "hobbies")] == ["Playing go"]
        assert stored(peccy, "infos/picture") == picture
        assert visit.overflow() <= 0
        assert visit.complaints == []


@every_width
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state(browser: Browser, peccy: Peccy, width: int, scheme: Literal["light", "dark"]) -> None:
    """Contrast, names, roles, target sizes: served, with a preview, read-only with a change that waits, and away."""
    with visiting(browser, peccy.url, width=width, scheme=scheme, still=True) as visit:
        state = visit.page.locator("#state")
        visit.add("Playing go")
        found = {"served": visit.violations()}
        visit.choose("mine.png", visit.photo(64, "image/png"))
        expect(visit.page.get_by_text("Preview, not stored yet")).to_be_visible()
        found["preview"] = visit.violations()
        peccy.database.read_only = True
        visit.page.get_by_label("New hobby").fill("Kites")
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#hobby-said")).to_contain_text("Not stored yet")
        expect(state).to_have_attribute("data-state", "warn")
        found["read-only"] = visit.violations()
        peccy.database.away = True
        expect(state).to_have_attribute("data-state", "bad")
        found["away"] = visit.violations()
        assert found == {name: [] for name in found}


def test_a_read_only_database_is_said_in_words_and_the_change_is_made_when_it_can_be(browser: Browser, peccy: Peccy) -> None:
    """The very moment of a failover: nothing is lost, nothing is doubled, and the words are not an API's."""
    with visiting(browser, peccy.url, width=DESKTOP) as visit:
        visit.add("Playing go")
        peccy.database.read_only = True
        expect(visit.page.locator("#state")).to_have_text("Reads work, changes must wait: the database is read-only")
        visit.page.get_by_label("New hobby").fill("Kites")
        visit.page.get_by_role("button", name="Add").click()
        said = visit.page.locator("#hobby-said")
        expect(said).to_have_text("Not stored yet: the database is read-only. Trying again …")
        visit.page.get_by_role("button", name="Add").click(force=True)  # impatience must not add it twice
        peccy.database.read_only = False
        expect(said).to_have_text("Added Kites.", timeout=15000)
        expect(visit.page.locator("#state")).to_have_text("Reads and writes work")
        expect(visit.page.locator("#events p")).to_have_count(3)
        assert [hobby["name"] for hobby in stored(peccy, "hobbies")] == ["Kites", "Playing go"]


def test_a_deletion_waits_as_well(browser: Browser, peccy: Peccy) -> None:
    """Deleting is safe to repeat too."""
    with visiting(browser, peccy.url, width=PHONE) as visit:
        visit.add("Playing go")
        peccy.database.read_only = True
        visit.page.get_by_role("button", name="Delete Playing go").click()
        expect(visit.page.locator("#hobby-said")).to_contain_text("Not stored yet: the database is read-only")
        peccy.database.read_only = False
        expect(visit.page.locator("#hobby-said")).to_have_text("Deleted Playing go.", timeout=15000)
        assert stored(peccy, "hobbies") == []


def test_a_service_that_is_away_is_said_and_seen_and_so_is_its_return(browser: Browser, peccy: Peccy) -> None:
    """A database that is gone, then no answer at all, then everything back: the page needs no reload."""
    with visiting(browser, peccy.url, width=DESKTOP) as visit:
        state = visit.page.locator("#state")
        visit.fact("member")
        peccy.database.away = True
        expect(state).to_have_text("Out of order: the database does not answer")
        visit.page.context.set_offline(True)
        expect(state).to_have_text("Out of order: the service does not answer")
        expect(visit.page.locator('[data-fact="zone"]')).to_have_text("–")
        expect(visit.page.locator("#shares")).to_contain_text("no answer")
        visit.page.context.set_offline(False)
        peccy.database.away = False
        expect(state).to_have_text("Reads and writes work")
        expect(visit.page.get_by_text("No hobbies yet.")).to_be_visible()


def test_the_page_can_be_used_without_a_mouse(browser: Browser, peccy: Peccy) -> None:
    """Tab reaches everything in the order it is read, focus is visible, and after a deletion it stays in the list."""
    with visiting(browser, peccy.url, width=DESKTOP) as visit:
        visit.add("first")
        visit.add("second")
        visit.page.reload()
        expect(visit.page.locator("#hobbies li")).to_have_count(2)
        reached = []
        for _ in range(6):
            visit.page.keyboard.press("Tab")
            focused = visit.page.evaluate("""() => {
                const at = document.activeElement;
                const shown = at.matches('.unseen') ? document.getElementById('choose') : at;
                return [at.ariaLabel || at.id || at.textContent, getComputedStyle(shown).outlineStyle];
            }""")
            reached.append(tuple(focused))
        names = ("Skip to the content", "file", "hobby", "Add", "Delete second", "Delete first")
        assert reached == [(name, "solid") for name in names]
        visit.page.keyboard.press("Shift+Tab")
        visit.page.keyboard.press("Enter")
        expect(visit.page.get_by_role("button", name="Delete first")).to_be_focused()
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#hobbies-title")).to_be_focused()


def test_names_are_text_whatever_is_in_them(browser: Browser, peccy: Peccy) -> None:
    """Markup in a name is shown, not run."""
    with visiting(browser, peccy.url, width=PHONE) as visit:
        for name in ("<img src=x onerror=alert(1)>", '" autofocus onfocus=alert(2)', "바둑 🎣"):
            visit.add(name)
        visit.delete("<img src=x onerror=alert(1)>")
        assert visit.complaints == []


@pytest.mark.parametrize(("side", "kind"), [(600, "image/jpeg"), (900, "image/png")])
def test_a_photo_of_any_kind_and_size_becomes_a_png_that_fits(browser: Browser, peccy: Peccy, side: int, kind: str) -> None:
    """Phones take JPEGs, and noise does not compress: the page makes of both what the service takes."""
    with visiting(browser, peccy.url, width=PHONE) as visit:
        data = visit.photo(side, kind)
        assert kind == "image/jpeg" or len(data) > 2 * 1024 * 1024
        visit.upload("photo", data, kind)
        assert stored(peccy, "infos/picture").startswith(b"\x89PNG")
        assert visit.complaints == []


def test_a_file_that_is_no_picture_is_refused_in_words(browser: Browser, peccy: Peccy) -> None:
    """Nothing is sent, and the page says why."""
    with visiting(browser, peccy.url, width=PHONE) as visit:
        visit.choose("notes.txt", b"not a picture", "text/plain")
        expect(visit.page.locator("#picture-said")).to_have_text("notes.txt is no picture that this browser can read.")
        expect(visit.page.get_by_role("button", name="Use this picture")).to_be_hidden()


def test_nothing_moves_for_those_who_asked_for_that(browser: Browser, peccy: Peccy) -> None:
    """Reduced motion: no animation and no transition anywhere."""
    moving = """() => [...document.querySelectorAll('*')].filter((each) => {
        const style = getComputedStyle(each);
        return style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0;
    }).length"""
    with visiting(browser, peccy.url, width=DESKTOP) as visit:
        visit.fact("member")
        assert visit.page.evaluate(moving) > 0
    with visiting(browser, peccy.url, width=DESKTOP, still=True) as visit:
        visit.fact("member")
        assert visit.page.evaluate(moving) == 0


@pytest.mark.parametrize("width", [320, 768])
def test_no_width_scrolls_sideways(browser: Browser, peccy: Peccy, width: int) -> None:
    """The narrowest phone and the width at which the layout changes, with the longest word there can be."""
    with visiting(browser, peccy.url, width=width) as visit:
        visit.add("W" * 255)
        visit.fact("hostname")
        assert visit.overflow() <= 0
