"""What a person at a terminal is asked about his device, where his organization wants to know.

The server says what is asked, and the agent asks in the language of the terminal. Where nobody is
there to answer, the refusal tells which options do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final

OWNERSHIPS: Final = ("employee_owned", "corporate_dedicated", "corporate_shared")
QUESTIONS: Final = ("ownership", "asset_number", "email")
"""What this agent can ask, and in which order."""

_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "begin": "Your organization asks about this device. Nothing is used up until you answer.",
        "ownership": "Whose is it?",
        "employee_owned": "mine",
        "corporate_dedicated": "my organization's",
        "corporate_shared": "my organization's, shared",
        "number": "Type 1, 2 or 3: ",
        "asset_number": "Asset number, as on the sticker: ",
        "email": "Your e-mail address: ",
    },
    "de": {
        "begin": "Ihre Organisation fragt etwas zu diesem Gerät. Noch wird nichts verbraucht.",
        "ownership": "Wem gehört es?",
        "employee_owned": "mir",
        "corporate_dedicated": "meiner Organisation",
        "corporate_shared": "meiner Organisation, gemeinsam genutzt",
        "number": "Tippen Sie 1, 2 oder 3: ",
        "asset_number": "Inventarnummer, wie auf dem Aufkleber: ",
        "email": "Ihre E-Mail-Adresse: ",
    },
}


def terminal_language(environ: Mapping[str, str] | None = None) -> str:
    """The language of the terminal, as far as the agent speaks it, else English."""
    known = os.environ if environ is None else environ
    named = next((known[each] for each in ("LC_ALL", "LC_MESSAGES", "LANG") if known.get(each)), "")
    return "de" if named.lower().startswith("de") else "en"


def ask(
    questions: Sequence[str],
    read: Callable[[str], str],
    tell: Callable[[str], None],
    language: str,
) -> dict[str, str]:
    """Ask until each question has an answer; a person's own device has no asset number.

    Args:
        read: shows a text and answers what was typed after it.
    """
    words = _TEXTS[language]
    answers: dict[str, str] = {}
    tell(words["begin"])
    for question in (each for each in QUESTIONS if each in questions):
        if question == "ownership":
            answers[question] = _choose(words, read, tell)
        elif question != "asset_number" or answers.get("ownership") != OWNERSHIPS[0]:
            answers[question] = _typed(read, words[question])
    return answers


def _choose(
    words: Mapping[str, str], read: Callable[[str], str], tell: Callable[[str], None]
) -> str:
    tell(words["ownership"])
    for number, each in enumerate(OWNERSHIPS, 1):
        tell(f"  {number}  {words[each]}")
    while (typed := read(words["number"]).strip()) not in ("1", "2", "3"):
        pass
    return OWNERSHIPS[int(typed) - 1]


def _typed(read: Callable[[str], str], shown: str) -> str:
    while not (typed := read(shown).strip()):
        pass
    return typed
