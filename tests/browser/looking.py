"""What a person does on peccy's page and what they must find there, for every test that opens it. Not a test itself.

`Visit` is a page at a width and what the browser complained of; its verbs are a person's, and wait for the effect.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, expect

PHONE, DESKTOP = 390, 1280
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

PHOTO = """([side, kind]) => {
  const canvas = Object.assign(document.createElement("canvas"), {width: side, height: side});
  const pen = canvas.getContext("2d");
  const noise = pen.createImageData(side, side);
  for (let at = 0; at < noise.data.length; at += 1) noise.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
  pen.putImageData(noise, 0, 0);
  return canvas.toDataURL(kind).split(",")[1];
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One open page, and what went wrong in it so far."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def fact(self, name: str) -> str:
        """Who answers, as the page shows it: member, zone, region, hostname, web, version or took."""
        place = self.page.locator(f'[data-fact="{name}"]')
        expect(place).not_to_have_text("–")
        return place.inner_text()

    def add(self, name: str) -> None:
        """Type a hobby, press Enter, see it at the top of the list."""
        self.page.get_by_label("New hobby").fill(name)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#hobbies li").first).to_contain_text(name, timeout=15000)
        expect(self.page.locator("#hobby-said")).to_have_text(f"Added {name}.")

    def delete(self, name: str) -> None:
        """Press its button and see it go."""
        self.page.get_by_role("button", name=f"Delete {name}", exact=True).click()
        expect(self.page.get_by_text(name, exact=True)).to_have_count(0)
        expect(self.page.locator("#hobby-said")).to_have_text(f"Deleted {name}.", timeout=15000)

    def choose(self, name: str, data: bytes, kind: str = "image/png") -> None:
        """Choose a file."""
        self.page.set_input_files("#file", files={"name": name, "mimeType": kind, "buffer": data})

    def upload(self, name: str, data: bytes, kind: str = "image/png") -> None:
        """Choose a file, see the preview, use it, be told that it is the picture."""
        self.choose(name, data, kind)
        expect(self.page.get_by_text("Preview, not stored yet")).to_be_visible()
        expect(self.page.locator("#picture")).to_have_attribute("alt", "Preview of the picture you chose")
        self.page.get_by_role("button", name="Use this picture").click()
        expect(self.page.locator("#picture-said")).to_have_text("This is the picture now.", timeout=15000)
        expect(self.page.get_by_text("Preview, not stored yet")).to_be_hidden()

    def photo(self, side: int, kind: str) -> bytes:
        """A square picture of noise, drawn and packed by the browser."""
        return base64.b64decode(self.page.evaluate(PHOTO, [side, kind]))

    def violations(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA and good practice, one line each."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [f"{each['id']}: {each['help']}: {node['html'][:120]}" for each in found for node in each["nodes"]]

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        wider: int = self.page.evaluate(WIDER)
        return wider


@contextmanager
def visiting(
    browser: Browser, url: str, *, width: int, scheme: Literal["light", "dark"] = "light", still: bool = False
) -> Iterator[Visit]:
    """The page at that width, a phone with touch or a desktop; `still` asks for reduced motion."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        has_touch=width < 500,
        color_scheme=scheme,
        reduced_motion="reduce" if still else "no-preference",
    )
    try:
        visit = Visit(page=context.new_page())
        _listen(visit.page, visit.complaints)
        visit.page.goto(url)
        yield visit
    finally:
        context.close()


def _listen(page: Page, complaints: list[str]) -> None:
    """Errors and warnings in the console, uncaught errors and dialogs are complaints."""

    def console(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            complaints.append(said.text)

    def dialog(shown: Dialog) -> None:
        complaints.append(shown.message)
        shown.dismiss()

    page.on("console", console)
    page.on("dialog", dialog)
    page.on("pageerror", lambda error: complaints.append(str(error)))
