"""Translations: found without a build, complete, whole."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from enlist.core.refusals import CATALOGUE
from enlist.locales import FOLDER, LANGUAGES, SOURCE, catalogue, locale_of, translations, use_own
from scripts.messages import texts

TRANSLATED = [language for language in LANGUAGES if language != SOURCE]


@pytest.mark.parametrize("tag", ["de", "de-AT", "de_CH", "DE"])
def test_a_region_has_the_texts_of_its_language(tag: str) -> None:
    assert translations(tag).gettext("Enroll this device") == "Dieses Gerät registrieren"


@pytest.mark.parametrize("tag", ["en", "en-GB", "fi", "", "x-klingon", "../../etc"])
def test_english_stands_in(tag: str) -> None:
    assert translations(tag).gettext("Enroll this device") == "Enroll this device"
    assert str(locale_of(tag))


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_that_people_read_is_translated(language: str) -> None:
    """The console is in English alone; all else is whole. `make messages` adds what is missing."""
    translated = {message.id for message in _messages(language) if all(_forms(message.string))}
    wanted = {message.id for message in texts() if message.id}
    assert len(wanted) > 200
    assert not wanted - translated, "run `make messages` and translate these"
    assert not translated - wanted, "run `make messages`: nothing says these any more"


def test_texts_come_from_every_place_that_people_read() -> None:
    places = {place for message in texts() for place, _ in message.locations}
    folders = {re.sub(r"/[^/]*$", "", place) for place in places}
    assert {
        "core",
        "delivery",
        "delivery/messages",
        "web/templates",
        "web/templates/demo",
        "web/templates/enroll",
        "web/templates/portal",
    } <= folders
    assert not any("console" in folder for folder in folders)


def test_only_messages_of_ours_are_looked_up() -> None:
    """What a template looks up is taken for markup; typed text must never be."""
    plain = r"""["']|[\w.\[\]()," =]*\.(label|meaning|title|remedy)$|meaning(, most=most)?$"""
    ours = re.compile(rf"{plain}|act\.words\.|does$")  # of `bulk_words`, all constants
    asked = {
        f"{path.name}: {found[1]}"
        for path in (FOLDER.parent / "web" / "templates").rglob("*.html")
        for found in re.finditer(r"\b_\(((?:[^()]|\([^()]*\))*)\)", path.read_text("utf-8"))
        if not ours.match(found[1])
    }
    assert not asked


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_refusal_is_said_in_every_language(language: str) -> None:
    spoken = translations(language)
    alike = [
        code
        for code, meaning in CATALOGUE.items()
        if meaning.title == spoken.gettext(meaning.title)
        or meaning.remedy == spoken.gettext(meaning.remedy)
    ]
    assert not alike


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_a_guess(language: str) -> None:
    """What an earlier run marked fuzzy is not shown, and is nobody's work."""
    assert not [message.id for message in _messages(language) if message.fuzzy]


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_their_placeholders(language: str) -> None:
    """A placeholder that is missing hides a name; one that is new breaks the page."""
    for message in _messages(language):
        for text, translated in zip(_forms(message.id), _forms(message.string), strict=True):
            assert _placeholders(text) == _placeholders(translated), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_brings_markup(language: str) -> None:
    """Templates take translations as HTML, as they do the texts of the source."""
    for message in _messages(language):
        for text in _forms(message.string):
            assert not re.search(r"[<>&]", text), text
            assert not re.search(r"%(?!\()", text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_names_itself(language: str) -> None:
    own = locale_of(language).get_display_name() or ""
    assert own.casefold() == LANGUAGES[language].casefold()


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_lies_in_the_package(language: str) -> None:
    assert catalogue(language).is_relative_to(FOLDER)
    assert catalogue(language).is_file()


def _messages(language: str) -> Iterator[Message]:
    with catalogue(language).open("rb") as source:
        yield from (message for message in read_po(source, locale=language) if message.id)


def _forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """A text in the one or two forms that it has."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def _placeholders(text: str) -> set[str]:
    percent = {part.partition(")")[0] for part in text.split("%(")[1:]}
    return percent | {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_an_operator_s_own_texts_go_before_ours(tmp_path: Path) -> None:
    """Those that would break a page, or bring markup into it, are left out and told."""
    (tmp_path / "de.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Enroll this device"\nmsgstr "Dieses Gerät anmelden"\n\n'
        'msgid "Sign out"\nmsgstr "<script>alert(1)</script>"\n\n'
        'msgid "Go on to %(host)s"\nmsgstr "Weiter"\n',
        encoding="utf-8",
    )
    (tmp_path / "en.po").write_text('msgid "Sign out"\nmsgstr "Leave"\n', encoding="utf-8")
    try:
        wrong = use_own(tmp_path)
        german, english = translations("de"), translations("en")
        assert german.gettext("Enroll this device") == "Dieses Gerät anmelden"
        assert german.gettext("Sign out") == "Abmelden"
        assert german.gettext("Go on to %(host)s") == "Weiter zu %(host)s"
        assert german.gettext("My account") == "Mein Konto"
        assert english.gettext("Sign out") == "Leave"
        assert english.gettext("My account") == "My account"
        assert [("Sign out" in each, "Go on to" in each) for each in wrong] == [
            (True, False),
            (False, True),
        ]
        (tmp_path / "de.po").write_bytes(b"\xff\xfe no catalogue")
        assert len(use_own(tmp_path)) == 1
        assert translations("de").gettext("Sign out") == "Abmelden"
    finally:
        use_own(tmp_path / "none")
