"""A mailed link on its way: what mail systems do to text, and to the links in it (X62)."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from html.parser import HTMLParser
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from enlist.delivery.channels import Outgoing
from enlist.delivery.channels.mime import address, compose
from enlist.delivery.rendering import Rendered, render
from enlist.locales import LANGUAGES
from tests.delivery.conftest import TOKEN, LetterMaker
from tests.delivery.world import ENROLLMENT, PUBLIC_URL

LINK = f"{PUBLIC_URL}/enroll/{ENROLLMENT}#t={TOKEN}"
REWRITER = "https://safelinks.example.net/?url="
AS_FILTERS_SEE_THEM = re.compile(r"https?://[^\s<>\"']+")
AS_READERS_SEE_THEM = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")


class Links(HTMLParser):
    """The addresses that a page's links lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if tag == "a" and name == "href"]


@pytest.fixture(params=LANGUAGES)
def message(request: pytest.FixtureRequest, make_letter: LetterMaker) -> Rendered:
    """The built-in message, in each language."""
    rendered = render(make_letter(languages=(request.param,)), PUBLIC_URL)
    assert isinstance(rendered, Rendered)
    return rendered


def received(message: Rendered, text: str, html: str) -> tuple[str, str]:
    """Text and page as a mail client has them, once they were sent as they stand."""
    outgoing = Outgoing(
        message_id="<one@enlist.example.test>",
        at=0,
        recipient="ada@example.test",
        recipient_name="Ada",
        subject=message.subject,
        text=text,
        html=html,
        language=message.language,
    )
    sent = compose(outgoing, address("enlist@example.test"), address("ada@example.test"))
    got = message_from_bytes(sent.as_bytes(), policy=policy.default)
    plain, page = got.get_body(("plain",)), got.get_body(("html",))
    assert plain is not None
    assert page is not None
    return plain.get_content(), page.get_content()


def flowed(text: str) -> str:
    """RFC 3676, as a gateway flows long lines: broken after spaces, spaces stuffed in front."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for word in re.findall(r"\S*\s|\S+", paragraph):
            if len(line) + len(word) > 66 and line:
                lines.append(line)
                line = ""
            line += word
        lines.append(line)
    return "\n".join(f" {each}" if each.startswith((" ", ">", "From ")) else each for each in lines)


def rewritten(text: str) -> str:
    """Every link led through a filter that looks at it when it is clicked."""
    return AS_FILTERS_SEE_THEM.sub(lambda found: REWRITER + quote(found[0], safe=""), text)


def clicked(link: str) -> str:
    """Where a click ends: the filter sends the browser on to what stood in the message."""
    assert link.startswith(REWRITER), link
    return parse_qs(urlsplit(link).query)["url"][0]


def test_the_link_comes_back_from_the_wire(message: Rendered) -> None:
    """X62: quoted-printable breaks lines at 76 and writes `=` anew, and the link has one."""
    text, page = received(message, message.text, message.html)
    assert AS_READERS_SEE_THEM.findall(text).count(LINK) == 1
    assert LINK in Links(page).found


def test_the_link_survives_flowing(message: Rendered) -> None:
    """X62: it stands whole on a line of its own, with no space in it to break at."""
    text, _ = received(message, flowed(message.text), message.html)
    assert AS_READERS_SEE_THEM.findall(text).count(LINK) == 1
    assert [line.strip() for line in text.splitlines()].count(LINK) == 1


def test_the_link_survives_a_filter_that_rewrites_links(message: Rendered) -> None:
    """X62: the secret behind the `#` goes along; what stands around a link does not stick to it."""
    html = re.sub(r'(?<=href=")[^"]*', lambda found: rewritten(found[0]), message.html)
    text, page = received(message, rewritten(message.text), html)
    assert [clicked(link) for link in AS_READERS_SEE_THEM.findall(text)].count(LINK) == 1
    assert LINK in map(clicked, Links(page).found)
