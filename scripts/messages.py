"""Bring the translations up to date with the texts in the source: `make messages`.

New texts are added without a translation, changed ones are marked fuzzy, and what is gone goes.
The console is left out: it is in English alone (`docs/decisions.md`). Whoever wants to translate
it takes its two lines out of `METHODS` and its language out of `web/console/layout.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from enlist.core.refusals import CATALOGUE
from enlist.locales import FOLDER, LANGUAGES, SOURCE, catalogue

PACKAGE = FOLDER.parent
METHODS = [
    ("web/console/**", "ignore"),
    ("web/templates/console/**", "ignore"),
    ("**.py", "python"),
    ("**.html", "jinja2"),
]
OPTIONS = {
    "**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"},
}


def texts(folder: Path = PACKAGE) -> Catalog:
    """Every text below a folder of the package that is wrapped for translation."""
    found = Catalog(project="Enlist", fuzzy=False)
    for filename, _line, message, comments, context in extract_from_dir(
        folder, METHODS, OPTIONS, comment_tags=["Translators:"]
    ):
        place = (folder.relative_to(PACKAGE) / filename).as_posix()
        found.add(message, None, [(place, 0)], auto_comments=comments, context=context)
    if folder == PACKAGE:
        # Pages show the catalogue of refusals; `core/` knows no languages and cannot wrap it.
        for meaning in CATALOGUE.values():
            found.add(meaning.title, None, [("core/refusals.py", 0)])
            found.add(meaning.remedy, None, [("core/refusals.py", 0)])
    return found


def update(language: str) -> int:
    """Write a language's catalogue anew; answers how many texts have no translation."""
    path = catalogue(language)
    with path.open("rb") as source:
        known = read_po(source, locale=language)
    current = texts()
    # Else every run would change the file.
    current.creation_date = known.creation_date
    known.update(current, update_header_comment=False)
    known.obsolete.clear()
    with path.open("wb") as target:
        # No line numbers: they would change with every edit of the source.
        write_po(target, known, include_lineno=False, sort_output=True, width=96)
    return sum(1 for message in known if message.id and (message.fuzzy or not message.string))


def main() -> int:
    """Update every catalogue and say what is missing."""
    missing = {language: update(language) for language in LANGUAGES if language != SOURCE}
    for language, count in missing.items():
        print(f"{catalogue(language)}: {count} texts to translate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
