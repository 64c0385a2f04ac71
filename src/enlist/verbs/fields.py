"""Reading what people type into single fields: names, addresses, numbers, zones.

Each check takes the field's name and its text and answers the text as it shall be stored, or
what is wrong with it. `Fields` collects all problems of a request, so that a form shows them at
once.
"""

from __future__ import annotations

import functools
import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from typing import Final, TypeVar

from enlist.core.ids import parse_id
from enlist.core.model import Staging
from enlist.core.outcomes import FieldError, Refusal, invalid
from enlist.core.secrets import Secret
from enlist.locales import LANGUAGES
from enlist.verbs.passwords import LONGEST, SHORTEST

Given = TypeVar("Given")
Read = TypeVar("Read")
Otherwise = TypeVar("Otherwise")

MOST_LETTERS: Final = 200
_GROUP_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Unfit(ValueError):
    """A field cannot be what was typed; the message says why."""


class Fields:
    """The problems of one request, field by field."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def read(self, name: str, text: str, check: Callable[[str], str]) -> str:
        """`text` as it shall be stored; "" and an error where it is unfit."""
        return self.take(name, text, check, "")

    def take(
        self, name: str, given: Given, check: Callable[[Given], Read], otherwise: Otherwise
    ) -> Read | Otherwise:
        """The same for what is more than a text."""
        try:
            return check(given)
        except Unfit as problem:
            self.errors.append(FieldError(name, str(problem)))
            return otherwise

    @property
    def refusal(self) -> Refusal | None:
        """`validation_failed` with everything that was found, or None."""
        if not self.errors:
            return None
        return Refusal("validation_failed", fields=tuple(self.errors))


_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the direction of what follows, so that a name reads as another one."""


def readable(text: str) -> bool:
    """No control characters, line breaks, turned writing or broken Unicode.

    They forge log lines and mail headers (S76); PostgreSQL stores no NUL, and no store a lone
    surrogate, so that both would come back as a fault of ours.
    """
    if text.isascii():
        return text.isprintable()
    return all(
        unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") and letter not in _TURNING
        for letter in text
    )


def line(text: str) -> str:
    """One line of text, trimmed, perhaps empty."""
    cleaned = text.strip()
    if len(cleaned) > MOST_LETTERS:
        raise Unfit(f"must be at most {MOST_LETTERS} characters")
    if not readable(cleaned):
        raise Unfit("must not hold control characters or line breaks")
    return cleaned


def stands(text: str) -> bool:
    """Whether `line` would find nothing wrong with a text, and nothing to trim; False in doubt."""
    return not text or (
        len(text) <= MOST_LETTERS and text.isascii() and text.isprintable() and text.strip() == text
    )


def label(text: str) -> str:
    """One line of text that must not be empty."""
    cleaned = line(text)
    if not cleaned:
        raise Unfit("must not be empty")
    return cleaned


def group_id(text: str) -> str:
    """A Group ID: short, typeable, and never mistaken for an id."""
    cleaned = text.strip()
    if _GROUP_ID.fullmatch(cleaned) is None or parse_id(cleaned):
        raise Unfit("must be 1 to 40 letters, digits, hyphens, underscores or dots")
    return cleaned


def username(text: str) -> str:
    """A user name; anything that is no id, because either names a user."""
    cleaned = label(text)
    if parse_id(cleaned):
        raise Unfit("must not look like an id")
    return cleaned


def email(text: str) -> str:
    """An e-mail address that mail servers without extensions accept, or ""."""
    cleaned = text.strip()
    if not cleaned:
        return ""
    # Imported where they are needed: both libraries bring large tables, and a command that lists
    # users is started afresh each time.
    import email_validator

    # A company's own mail server may well live under `.local` or `.internal`; whether anything
    # can be delivered there is for the mail server to say.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            line(cleaned), check_deliverability=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError as problem:
        raise Unfit(f"must be an e-mail address: {problem}") from problem
    return found.ascii_email or found.normalized


def phone(text: str) -> str:
    """A phone number in E.164, or ""."""
    cleaned = text.strip()
    if not cleaned:
        return ""
    import phonenumbers

    try:
        number = phonenumbers.parse(line(cleaned), None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Unfit("must be a phone number with its country code, such as +49 30 123456")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def time_zone(text: str) -> str:
    """An IANA time zone, or "" for the one from above."""
    cleaned = text.strip()
    if cleaned and cleaned not in _zones():
        raise Unfit("must be an IANA time zone, such as Europe/Berlin")
    return cleaned


def language(text: str) -> str:
    """A language that Enlist speaks, or "" for the one from above."""
    cleaned = text.strip().lower()
    if cleaned and cleaned not in LANGUAGES:
        raise Unfit(f"must be one of {', '.join(LANGUAGES)}")
    return cleaned


def staging(text: str) -> Staging:
    """How somebody enrolls devices for others; "" for not at all."""
    try:
        return Staging(text.strip().lower() or Staging.DISABLED)
    except ValueError as problem:
        raise Unfit(f"must be one of {', '.join(Staging)}") from problem


def weak(password: Secret, field: str = "password") -> Refusal | None:
    """What is wrong with a new password. Length is what counts (NIST SP 800-63B)."""
    text = password.reveal()
    letters = len(text)
    if any(unicodedata.category(letter) == "Cs" for letter in text):
        return invalid(field, "must be well-formed Unicode")
    if letters < SHORTEST:
        problem = f"must have at least {SHORTEST} characters"
        return Refusal("password_too_short", fields=(FieldError(field, problem),))
    if letters > LONGEST:
        return invalid(field, f"must have at most {LONGEST} characters")
    return None
