"""How the HTML of a message looks in a browser: narrow and wide, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from enlist.core.secrets import Secret
from enlist.delivery.rendering import Rendered, render
from tests.delivery.conftest import TOKEN, LetterMaker
from tests.delivery.world import PUBLIC_URL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CONTRAST = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parse(c).slice(0, 3).map(v => {
    v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (parse(c).length < 4 || parse(c)[3] > 0) return c; } return 'rgb(255, 255, 255)'; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = 21;
  while (walker.nextNode()) {
    if (!walker.currentNode.data.trim()) continue;
    const e = walker.currentNode.parentElement;
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
}"""


def _open(browser: Browser, html: str, width: int, scheme: str) -> tuple[Page, list[str]]:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(html)
    return page, requests


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 600])
@pytest.mark.parametrize("language", ["en", "de"])
def test_it_fits_and_can_be_read(
    browser: Browser, make_letter: LetterMaker, width: int, scheme: str, language: str
) -> None:
    letter = make_letter(
        languages=(language,),
        time_zones=("America/Argentina/ComodRivadavia",),
        token=Secret("W" * 20),
        device={"name": "unbreakable" * 10},
        organization={"name": "Rindfleischetikettierungsüberwachungsaufgabenübertragung"},
        sample=True,
    )
    rendered = render(letter, PUBLIC_URL)
    assert isinstance(rendered, Rendered)
    page, requests = _open(browser, rendered.html, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    assert requests == []
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(22, 25, 29)" if scheme == "dark" else "rgb(241, 243, 246)")
    button = page.get_by_role("link", name="Enroll this device").or_(
        page.get_by_role("link", name="Dieses Gerät registrieren")
    )
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    page.context.close()


def test_the_token_is_copied_without_its_gaps(browser: Browser, make_letter: LetterMaker) -> None:
    rendered = render(make_letter(), PUBLIC_URL)
    assert isinstance(rendered, Rendered)
    page, _ = _open(browser, rendered.html, 600, "light")
    copied = page.evaluate(
        "() => { const s = getSelection(); s.selectAllChildren(document.querySelector('.box'));"
        " return s.toString(); }"
    )
    assert copied == TOKEN
    page.context.close()
