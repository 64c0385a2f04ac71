"""The languages that Enlist speaks: gettext catalogues, read as they were written.

English is the language of the source; every other one is a folder with an `enlist.po`. Catalogues
are read from the `.po` text at their first use, so an editable install needs no build step and a
translator sees his change after a restart. `make messages` brings the catalogues up to date.
"""

from __future__ import annotations

import functools
import gettext
import io
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

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


@functools.cache
def _read(spoken: str) -> gettext.NullTranslations:
    if spoken == SOURCE:
        return gettext.NullTranslations()
    with catalogue(spoken).open("rb") as source:
        found = read_po(source, locale=spoken, abort_invalid=True)
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
