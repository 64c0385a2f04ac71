"""The languages that Enlist speaks: gettext catalogues, read as they were written.

English is the language of the source; every other one is a folder with an `enlist.po`. Catalogues
are read from the `.po` text at their first use, so an editable install needs no build step and a
translator sees his change after a restart. `make messages` brings the catalogues up to date.

An operator may say single texts in his own words: a file such as `de.po` in a folder of his goes
before ours, text by text. Pages take translations as HTML, so a text of his that brings markup, or
has other placeholders than the one it stands for, is left out.
"""

from __future__ import annotations

import functools
import gettext
import io
import re
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

SOURCE: Final = "en"
LANGUAGES: Final = {SOURCE: "English", "de": "Deutsch"}
"""What the texts of Enlist itself exist in, each with its own name for itself."""

FOLDER: Final = Path(__file__).parent


def catalogue(language: str) -> Path:
    """Where the translations into a language are kept."""
    return FOLDER / language / "LC_MESSAGES" / "enlist.po"


def translations(language: str) -> gettext.NullTranslations:
    """The texts in a language, given as a BCP 47 tag; in English where they do not exist in it."""
    spoken = base(language)
    return _read(spoken if spoken in LANGUAGES else SOURCE)


def use_own(folder: Path) -> list[str]:
    """Let an operator's texts go before ours, from now on; to be called before any is read.

    Returns:
        What is wrong with his files, a line each; those texts stay ours.
    """
    wrong: list[str] = []
    files = {each: folder / f"{each}.po" for each in LANGUAGES}
    there = {language: file for language, file in files.items() if file.is_file()}
    if _OWN or there:
        _OWN.clear()
        _read.cache_clear()
    for language, file in there.items():
        _OWN[language], told = _own_texts(file, language)
        wrong += told
    return wrong


_OWN: Final[dict[str, Catalog]] = {}
_PLACEHOLDER: Final = re.compile(r"%\(\w+\)[a-z]|\{\w*\}")


def _own_texts(file: Path, language: str) -> tuple[Catalog, list[str]]:
    """The texts of an operator's file that can be used, and why the others cannot."""
    kept, wrong = Catalog(locale=language), []
    try:
        found = read_po(io.BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
    except (PoFileError, OSError, ValueError) as error:
        return kept, [f"{file}: {error}"]
    for message in found:
        forms = zip(_forms(message.id), _forms(message.string), strict=False)
        if not message.id or message.fuzzy or not all(_forms(message.string)):
            continue
        if all(_fits(text, said) for text, said in forms):
            kept[message.id] = message
        else:
            wrong.append(f"{file}: other placeholders, or markup, in the text for {message.id!r}")
    return kept, wrong


def _forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def _fits(text: str, said: str) -> bool:
    """Whether a page may say this instead: nothing but text, with the same values in it."""
    if re.search(r"[<>&]|%(?!\()", said):
        return False
    return sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(said))


@functools.cache
def _read(spoken: str) -> gettext.NullTranslations:
    if spoken == SOURCE and spoken not in _OWN:
        return gettext.NullTranslations()
    if spoken == SOURCE:
        return _compiled(_OWN[spoken])
    with catalogue(spoken).open("rb") as source:
        found = read_po(source, locale=spoken, abort_invalid=True)
    for message in _OWN.get(spoken, ()):
        if message.id:
            found.delete(message.id)  # or Babel keeps what stands there
            found[message.id] = message
    return _compiled(found)


def _compiled(found: Catalog) -> gettext.NullTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark a text for translation where it is only kept; whoever shows it translates it."""
    return text


def base(language: str) -> str:
    """The language of a tag without its region: `de` of `de-AT`."""
    return language.replace("_", "-").partition("-")[0].lower()


def locale_of(language: str) -> Locale:
    """How a language writes dates and numbers; as English does where nobody knows it."""
    try:
        return Locale.parse(language.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return Locale.parse(SOURCE)
