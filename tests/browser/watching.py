"""A browser that notes everything that must never happen on a page of ours.

    watched = watch(browser, url)
    watched.page.goto("/console")
    watched.calm()

`calm` fails on a script error, a message in the browser's console, a violation of the content
policy, or a request to any other host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
)

AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"

THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_EVERYTHING = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_AT_ONCE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, ::before, ::after { transition: none !important }");
  document.adoptedStyleSheets.push(sheet);
}"""
"""Else colours are looked at that are on their way from one theme to the other: however short, a
transition begins anew in each element when the one around it has arrived."""
_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`content policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


@dataclass
class Watched:
    """One context with one page, and what was wrong on it so far."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def calm(self) -> None:
        """Fail if anything was noted."""
        assert not self.complaints, self.complaints

    def forget(self, text: str) -> None:
        """Take back what a test provoked, such as the browser's note of a refusal's status."""
        self.complaints = [each for each in self.complaints if text not in each]

    def axe(self, theme: str = "light") -> list[str]:
        """What axe finds serious or critical on the page that is shown.

        Args:
            theme: for `dark` the colours alone are looked at; the same test with `light`, where
                all else is the same, looks at everything.
        """
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "only => axe.run(document, {resultTypes: ['violations'], runOnly: only})",
            COLOURS if theme == "dark" else _EVERYTHING,
        )
        return [
            f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:200]}"
            f" {each['nodes'][0].get('failureSummary', '')}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    def axe_in_both_themes(self) -> list[str]:
        """The same in light and in dark, which a page changes to as it is.

        To load it once more for the other theme took as long as to look at it.
        """
        self.page.evaluate(_AT_ONCE)
        found: list[str] = []
        for theme in THEMES:
            self.page.emulate_media(color_scheme=theme)
            expect(self.page.locator("html")).to_have_attribute("data-bs-theme", theme)
            found += [f"{theme}: {each}" for each in self.axe(theme)]
        return found

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wide


def watch(browser: Browser, url: str, cookie: str = "", **options: Any) -> Watched:
    """A fresh context on this server; `cookie` is a sign-in made elsewhere."""
    context = browser.new_context(base_url=url, **options)
    context.add_init_script(_VIOLATIONS)
    if cookie:
        context.add_cookies([{"name": "enlist", "value": cookie, "url": url}])
    watched = Watched(context, context.new_page())
    home = urlsplit(url).netloc

    def message(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            watched.complaints.append(f"{said.type}: {said.text} ({watched.page.url})")

    def request(sent: Request) -> None:
        where = urlsplit(sent.url)
        if where.scheme not in ("data", "blob") and where.netloc != home:
            watched.complaints.append(f"foreign request: {sent.url}")

    watched.page.on("console", message)
    watched.page.on("request", request)
    watched.page.on("pageerror", lambda error: watched.complaints.append(f"script: {error}"))
    return watched
