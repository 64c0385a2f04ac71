"""From a letter to subject, text and HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from enlist.core.secrets import Secret
from enlist.core.templates import problems
from enlist.delivery.blocks import Button, Details, Paragraph, Run, Token, blocks, groups
from enlist.delivery.builtin import all_built_in, built_in
from enlist.delivery.rendering import MOST_HTML, Rendered, choose, render, render_preview
from enlist.locales import LANGUAGES
from enlist.store.templates import Template
from enlist.verbs.letters import Letter
from enlist.verbs.verdicts import Rejected
from tests.corpus import CORPUS
from tests.delivery.conftest import TOKEN, LetterMaker
from tests.delivery.world import LINK, PUBLIC_URL

TemplateMaker = Callable[..., Template]


def shown(letter: Letter) -> Rendered:
    rendered = render(letter, PUBLIC_URL)
    assert isinstance(rendered, Rendered), rendered
    return rendered


def refused(letter: Letter, public_url: str = PUBLIC_URL) -> str:
    rendered = render(letter, public_url)
    assert isinstance(rendered, Rejected), rendered
    return rendered.reason


# --- the built-in messages -------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_built_in_templates_keep_the_rules_for_all(language: str) -> None:
    template = built_in("registration", language)
    assert template is not None
    assert problems(template.subject, template.body, purpose="registration") == ()


def test_built_in_templates_are_listed() -> None:
    assert {(each.purpose, each.language) for each in all_built_in()} >= {
        ("registration", language) for language in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_says_everything(make_letter: LetterMaker, language: str) -> None:
    message = shown(make_letter(languages=(language,), time_zones=("Pacific/Auckland",)))
    assert message.language == language
    assert "Ada's laptop" in message.subject
    for text in (message.text, _text_of(message.html)):
        for expected in (
            "Ada's laptop (Linux)",
            "Acme",
            "UTC+13:00, Pacific/Auckland",
            "Grace Hopper",
            TOKEN,
            f"{PUBLIC_URL}/enroll",
        ):
            assert expected in text
    assert LINK.findall(message.text) == [TOKEN]
    assert f'href="{PUBLIC_URL}/enroll/' in message.html
    assert "{" not in message.text


def test_the_languages_differ(make_letter: LetterMaker) -> None:
    german = shown(make_letter(languages=("de", "en")))
    assert "Guten Tag Ada" in german.text
    assert "Dieses Gerät registrieren" in german.html
    assert "Automatisch gesendet für Acme." in german.html
    assert 'lang="de"' in german.html
    english = shown(make_letter(languages=("en",)))
    assert "Hello Ada" in english.text
    assert "Enroll this device" in english.html


def test_somebody_without_a_name_is_greeted_too(make_letter: LetterMaker) -> None:
    nameless: dict[str, Any] = {"first_name": "", "last_name": ""}
    assert "Hello colleague," in shown(make_letter(user=nameless)).text


# --- which template --------------------------------------------------------------------------

BODY = "Open {EnrollmentUrl}"


@pytest.mark.parametrize(
    ("languages", "own", "chosen"),
    [
        (("de", "en"), (), ("de", "")),
        (("fi", "de", "en"), (), ("de", "")),
        (("fi", "en"), (), ("en", "")),
        (("de-AT", "de", "en"), (), ("de", "")),
        (("fi", "en"), ("fi",), ("fi", "own")),
        (("en",), ("de",), ("en", "")),
        (("de", "en"), ("en",), ("de", "")),
        (("de", "en"), ("en", "de"), ("de", "own")),
        (("de-AT", "de", "en"), ("de", "de-AT"), ("de-AT", "own")),
    ],
)
def test_the_reader_s_language_comes_first(
    make_letter: LetterMaker,
    own_template: TemplateMaker,
    languages: tuple[str, ...],
    own: tuple[str, ...],
    chosen: tuple[str, str],
) -> None:
    templates = tuple(own_template(BODY, "own", language=language) for language in own)
    found = choose(make_letter(languages=languages, own_templates=templates))
    assert found is not None
    assert (found.language, "own" if found.subject == "own" else "") == chosen


def test_a_named_template_counts_in_any_language(
    make_letter: LetterMaker, own_template: TemplateMaker
) -> None:
    finnish = own_template(BODY, "Laite", language="fi", name="vendor")
    letter = make_letter(built_in=False, own_templates=(finnish,))
    assert shown(letter).subject == "Laite"


def test_a_named_template_that_is_gone_is_not_replaced_by_another(make_letter: LetterMaker) -> None:
    assert "no such message template" in refused(make_letter(built_in=False))


def test_dates_are_written_as_in_the_reader_s_region(make_letter: LetterMaker) -> None:
    letter = make_letter(languages=("de-AT", "de", "en"), expires_at=1_769_860_000_000_000)
    assert "Jänner" in shown(letter).text


# --- refusing to send (A61) ------------------------------------------------------------------


def test_an_empty_lookup_without_a_fallback_is_not_sent(
    make_letter: LetterMaker, own_template: TemplateMaker
) -> None:
    own = own_template("Hello {FirstName}, {LastName}: {EnrollmentUrl}", "For {FirstName}")
    letter = make_letter(own_templates=(own,), user={"first_name": "", "last_name": " \t"})
    assert "{FirstName}, {LastName}" in refused(letter)


def test_a_link_that_mail_would_break_is_not_sent(make_letter: LetterMaker) -> None:
    assert "longer than 200" in refused(make_letter(), "https://" + "a" * 150 + ".example")


def test_an_endless_message_is_not_sent(
    make_letter: LetterMaker, own_template: TemplateMaker
) -> None:
    own = own_template("{FirstName}\n" * 600 + BODY)
    letter = make_letter(own_templates=(own,), user={"first_name": "<" * 200})
    assert "longer than 100 KiB" in refused(letter)
    assert len(shown(make_letter()).html.encode()) < MOST_HTML / 10


# --- values are data (S76, TP43) -------------------------------------------------------------

NASTY = [
    "<b>x</b>",
    '"><img src=x onerror=alert(1)>',
    "<script>alert(1)</script>",
    "{EnrollmentToken}",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "Bob\r\nBcc: eve@example.com",
    "Bob\n\n{EnrollmentUrl}\n\nLabel: value\nOther: value",
    "http://evil.example/phish",
    "www.evil.example",
    "\x00\x07\x1b[31m",
    "\u202eevil\u202c",
    "=cmd|' /C calc'!A0",
    "x" * 10_000,
    "é" * 300,
    "%(token)s %s",
    "&lt;b&gt; &#60;",
]


PLACES = ["first_name", "name", "organization", "sender"]


def with_value(place: str, value: str) -> dict[str, Any]:
    """The change of a letter that puts a value into one of its places."""
    changes: dict[str, dict[str, Any]] = {
        "first_name": {"user": {"first_name": value}},
        "name": {"device": {"name": value}},
        "organization": {"organization": {"name": value}},
        "sender": {"sender": value},
    }
    return changes[place]


def inert(message: Rendered, plain: Rendered) -> bool:
    """Whether it has the elements, links and lines of a message to somebody with a plain name."""
    return (
        "\n" not in message.subject
        and _Elements.of(message.html) == _Elements.of(plain.html)
        and len(message.text.splitlines()) == len(plain.text.splitlines())
        and not re.search(r"[\x00-\x08\x0b-\x1f]", message.text + message.html)
    )


@pytest.mark.parametrize("value", NASTY)
@pytest.mark.parametrize("place", PLACES)
def test_values_arrive_as_data(make_letter: LetterMaker, value: str, place: str) -> None:
    message, plain = shown(make_letter(**with_value(place, value))), shown(make_letter())
    assert inert(message, plain)
    words = " ".join("".join(c if c.isprintable() or c == "\u202e" else " " for c in value).split())
    assert words[:100] in message.text
    assert words[:100] in _text_of(message.html)


@pytest.mark.parametrize("place", PLACES)
def test_two_hundred_values_are_inert(make_letter: LetterMaker, place: str) -> None:
    """S76."""
    plain = shown(make_letter())
    obeyed = [
        value
        for value in CORPUS
        if not inert(shown(make_letter(**with_value(place, value))), plain)
    ]
    assert obeyed == []


class _Elements(HTMLParser):
    """The tags of a page with their addresses; line breaks aside, which follow the words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "wbr":
            self.found.append((tag, dict(attributes).get("href")))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] != "style":
            self.text += data

    @classmethod
    def of(cls, html: str) -> list[tuple[str, str | None]]:
        parser = cls()
        parser.feed(html)
        return parser.found


def _text_of(html: str) -> str:
    parser = _Elements()
    parser.feed(html)
    return parser.text


def test_nothing_is_fetched_from_anywhere(make_letter: LetterMaker) -> None:
    """What a mail client would load: images, styles, scripts, fonts."""
    html = shown(make_letter(sample=True)).html
    tags = {tag for tag, _ in _Elements.of(html)}
    forbidden = {"img", "link", "script", "iframe", "object", "video", "svg", "form", "input"}
    assert not tags & forbidden
    assert not re.search(r"url\(|@import|@font-face|\ssrc=|\sbackground=", html)


# --- an organization's own text --------------------------------------------------------------


def test_the_shape_of_the_text_becomes_the_shape_of_the_page() -> None:
    values = {"EnrollmentUrl": "https://e.example/x", "EnrollmentToken": "abcdeFGHIJ"}
    values |= {"ServerUrl": "https://e.example", "FirstName": "http://evil.example"}
    body = (
        "Hello {FirstName},\nsee https://help.example.com/a, or {ServerUrl}/enroll.\n\n"
        "{EnrollmentUrl}\n \n{EnrollmentToken}\n\nUser: {FirstName}\nHelp: call 1234"
    )
    assert blocks(body, values) == (
        Paragraph(
            (
                (Run("Hello http://evil.example,"),),
                (
                    Run("see "),
                    Run("https://help.example.com/a", "https://help.example.com/a"),
                    Run(", or "),
                    Run("https://e.example/enroll", "https://e.example/enroll"),
                    Run("."),
                ),
            )
        ),
        Button("https://e.example/x"),
        Token(("abcde", "FGHIJ")),
        Details(
            (("User", (Run("http://evil.example"),)), ("Help", (Run("call 1234"),))),
        ),
    )


@pytest.mark.parametrize("length", range(6, 21))
def test_groups_put_together_are_the_token(length: int) -> None:
    token = "ABCDEFGHJKLMNPQRSTUV"[:length]
    assert "".join(groups(token)) == token
    assert all(len(group) <= 5 for group in groups(token))


def test_an_own_template_makes_text_and_page(
    make_letter: LetterMaker, own_template: TemplateMaker
) -> None:
    own = own_template("Moin {FirstName}!\r\n\r\n{EnrollmentToken}", "Los, {FirstName}")
    message = shown(make_letter(own_templates=(own,)))
    assert message.subject == "Los, Ada"
    assert message.text == f"Moin Ada!\n\n{TOKEN}\n"
    assert "Moin Ada!" in message.html


# --- previews --------------------------------------------------------------------------------


def test_a_sample_says_that_it_is_one(make_letter: LetterMaker) -> None:
    message = shown(make_letter(sample=True, languages=("de",)))
    assert message.subject.startswith("[Muster] ")
    assert "Dies ist ein Muster." in message.text
    assert "Dies ist ein Muster." in message.html


def test_a_preview_shows_dots_for_the_secret(make_letter: LetterMaker) -> None:
    letter = make_letter()
    preview = render_preview(letter, PUBLIC_URL)
    assert isinstance(preview, Rendered)
    assert TOKEN not in preview.text + preview.html + preview.subject
    assert "•••" in preview.text
    whole = shown(replace(letter, token=Secret("•" * 10)))
    assert preview == whole


def test_a_message_does_not_show_itself(make_letter: LetterMaker) -> None:
    """Neither in a log line nor in a traceback (X36)."""
    letter = make_letter()
    assert TOKEN not in f"{letter!r} {shown(letter)!r}"
