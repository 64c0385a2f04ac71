"""Translations: found without a build, complete, whole."""

from __future__ import annotations

import string

import pytest
from babel.messages.pofile import read_po

from enlist.locales import FOLDER, LANGUAGES, SOURCE, catalogue, locale_of, translations
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
def test_messages_are_translated_in_full(language: str) -> None:
    """`make messages` adds what is missing here."""
    spoken = translations(language)
    wanted = [message.id for message in texts(FOLDER.parent / "delivery") if message.id]
    assert wanted
    missing = [
        text for text in wanted if isinstance(text, str) and text not in _catalogue(language)
    ]
    assert not missing
    assert spoken.gettext(str(wanted[0])) != wanted[0]


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_their_placeholders(language: str) -> None:
    for text, translated in _catalogue(language).items():
        assert _placeholders(text) == _placeholders(translated), text


def _catalogue(language: str) -> dict[str, str]:
    """Texts with their translations; what is marked fuzzy does not count."""
    with catalogue(language).open("rb") as source:
        found = read_po(source, locale=language)
    return {
        message.id: message.string
        for message in found
        if isinstance(message.id, str)
        and isinstance(message.string, str)
        and message.id
        and message.string
        and not message.fuzzy
    }


def _placeholders(text: str) -> set[str]:
    percent = {part.partition(")")[0] for part in text.split("%(")[1:]}
    return percent | {name for _, name, _, _ in string.Formatter().parse(text) if name}
