"""Optional prompts: what an organization asks and tells people while they enroll (A58).

Seven, each on or off like any other setting. Three ask: whose the device is, its asset number, an
e-mail address. Three tell: a welcome, a word before the device is changed, a word to people at
Android devices. The seventh lets no Windows device in without a certificate, which is what it
proves itself with by mutual TLS.

What an administrator has written down about a device is not asked again, and a person's own device
has no asset number. Programs that come with a one-time JWT are asked nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Question(StrEnum):
    """What a person can be asked about the device that he enrolls."""

    OWNERSHIP = "ownership"
    ASSET_NUMBER = "asset_number"
    EMAIL = "email"


class Message(StrEnum):
    """What a person can be told while he enrolls."""

    WELCOME = "welcome"
    INSTALLATION = "installation"
    TRANSITION = "transition"


ASKING: Final = {question: f"prompt_{question.value}" for question in Question}
"""The setting that asks a question."""

TELLING: Final = {message: f"{message.value}_message" for message in Message}
"""The setting that shows a message; what it says stands with the organization's look."""

WINDOWS_MUTUAL_TLS: Final = "windows_mutual_tls"

_OWN: Final = "employee_owned"
"""The ownership of a device that is its user's."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person said, or what is on record; "" for what is not known."""

    ownership: str = ""
    asset_number: str = ""
    email: str = ""

    def packed(self) -> str:
        """As an attempt carries it; "" where nothing was said."""
        said = {question: getattr(self, question) for question in Question}
        kept = {question.value: text for question, text in said.items() if text}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else ""

    @classmethod
    def unpacked(cls, text: str) -> Answers:
        """What `packed` made."""
        return cls(**json.loads(text)) if text else cls()


def open_questions(asked: Sequence[Question], known: Answers) -> tuple[Question, ...]:
    """What has yet to be answered: nothing twice, and no asset number of a person's own device."""
    own = known.ownership == _OWN
    return tuple(
        each
        for each in asked
        if not getattr(known, each) and not (own and each is Question.ASSET_NUMBER)
    )
