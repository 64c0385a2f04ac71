"""What a message template may say: text with lookup values, `{Name}` or `{Name|fallback}`.

Braces stand for lookup values and for nothing else, so a slip is found when a template is saved
and no reader ever sees one (A61). Filling is a single pass: a value that looks like a lookup, such
as the first name `{EnrollmentToken}`, is text like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LOOKUPS: Final[Mapping[str, str]] = {
    "EnrollmentUrl": "The link that opens the enrollment page with the token filled in.",
    "EnrollmentToken": "The token, for typing.",
    "OneTimeUser": "The user name of one-time credentials, for typing.",
    "OneTimePassword": "Their password, for typing.",
    "GroupId": "The Group ID of the organization that the device belongs to.",
    "QrCode": "The link as a QR code, alone in its paragraph, for another device.",
    "ServerUrl": "The address of this Enlist.",
    "SelfServiceUrl": "The page on which users see to their own account and devices.",
    "TokenExpiresAt": "Until when the token works, in the recipient's time zone.",
    "TokenExpiresIn": "How long the token works from when the message is sent.",
    "FriendlyName": "The name of the device.",
    "Platform": "What the device runs, such as Windows.",
    "DeviceSerialNumber": "The serial number of the device, where it is known.",
    "DeviceUid": "The UDID of the device, where it is known.",
    "OrganizationName": "The name of the organization.",
    "SupportEmail": "Where the organization gives help by e-mail; it may be empty.",
    "SupportPhone": "Where the organization gives help by phone; it may be empty.",
    "SenderName": "Who issued the token; the organization, where no person did.",
    "FirstName": "The recipient's first name.",
    "LastName": "The recipient's last name.",
    "EmailAddress": "The recipient's e-mail address.",
    "EnrollmentUser": "The recipient's user name.",
    "UserPrincipalName": "The recipient's user name where it is an address, as in a directory.",
}
"""Every lookup value and what it stands for; the editor shows the same list."""

SECRET_LOOKUPS: Final = frozenset({"EnrollmentUrl", "EnrollmentToken", "OneTimePassword"})
"""The lookup values that redeem an enrollment and that can be read."""
_REDEEMS: Final = SECRET_LOOKUPS | {"QrCode"}

_OF_CREDENTIALS: Final = frozenset({"OneTimeUser", "OneTimePassword"})

_EMAIL: Final = "email"
_SMS: Final = "sms"
CREDENTIALS: Final = "credentials"


@dataclass(frozen=True, slots=True)
class Purpose:
    """What messages are for that an organization may word itself.

    Attributes:
        channels: how they are sent.
        hands_over: they hold a secret in their text.
    """

    channels: tuple[str, ...]
    hands_over: bool


PURPOSES: Final[Mapping[str, Purpose]] = {
    "registration": Purpose((_EMAIL, _SMS), hands_over=True),
    "reminder": Purpose((_EMAIL, _SMS), hands_over=True),
    "one_time_jwt": Purpose((_EMAIL,), hands_over=False),
    CREDENTIALS: Purpose((_EMAIL, _SMS), hands_over=True),
}
"""Every purpose that may be worded. The others warn of what staff may do, and stay as they are."""


def lookups_for(purpose: str, channel: str) -> dict[str, str]:
    """The lookup values that a template may use, and what they stand for."""
    # A token could be typed as well; but who is given three things to type types the wrong ones.
    missing = {"EnrollmentToken"} if purpose == CREDENTIALS else set(_OF_CREDENTIALS)
    if not PURPOSES[purpose].hands_over:
        missing |= _REDEEMS
    if channel == _SMS:
        missing.add("QrCode")
    return {name: meaning for name, meaning in LOOKUPS.items() if name not in missing}


LONGEST_SUBJECT: Final = 200
LONGEST_BODY: Final = 10_000
LONGEST_SMS: Final = 1000

_LOOKUP = re.compile(r"\{([A-Za-z][A-Za-z0-9]*)(?:\|([^{}\r\n]*))?\}")
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A place for a value; `fallback` stands in for an empty one, None when there is none."""

    name: str
    fallback: str | None = None


Piece = str | Lookup


@lru_cache(64)
def parse(text: str) -> tuple[Piece, ...]:
    """A template as literal text and lookups, in order; what is no lookup stays literal."""
    pieces: list[Piece] = []
    end = 0
    for found in _LOOKUP.finditer(text):
        if found.start() > end:
            pieces.append(text[end : found.start()])
        pieces.append(Lookup(found[1], found[2]))
        end = found.end()
    if end < len(text):
        pieces.append(text[end:])
    return tuple(pieces)


def problems(subject: str, body: str, *, purpose: str, channel: str = _EMAIL) -> tuple[str, ...]:
    """What is wrong with a template, in words for the person who wrote it; () when nothing is.

    Where the message hands over a token, its body must hold the link or what is typed. A subject
    never may: mail servers log subjects, and phones show them on locked screens. An SMS has none.
    """
    known = lookups_for(purpose, channel)
    found = [] if channel == _SMS else _subject_problems(subject, known)
    if channel == _SMS and subject.strip():
        found.append("the subject must be left out: an SMS has none")
    found += _part_problems("body", body, known)
    longest = LONGEST_SMS if channel == _SMS else LONGEST_BODY
    if len(body) > longest:
        found.append(f"the body is longer than {longest} characters")
    typed = typed_for(purpose)
    if PURPOSES[purpose].hands_over and not _names(body) & {"EnrollmentUrl", typed[-1]}:
        found.append(f"the body must hold {{EnrollmentUrl}} or {_braced(typed)}")
    return tuple(found)


def cautions(body: str, *, purpose: str) -> tuple[str, ...]:
    """What a template had better have too; it may be saved without."""
    if not PURPOSES[purpose].hands_over:
        return ()
    names, typed = _names(body), typed_for(purpose)
    lacking, linked = [name for name in typed if name not in names], "EnrollmentUrl" in names
    if lacking and linked:
        return (f"there is no {_braced(lacking)} to type where the link does not work",)
    if lacking or linked:
        return ()
    what = "the credentials" if purpose == CREDENTIALS else "the token"
    return (f"there is no {{EnrollmentUrl}}: everybody has to type {what}",)


def typed_for(purpose: str) -> tuple[str, ...]:
    """What is typed where the link does not work; the last is the secret."""
    return ("OneTimeUser", "OneTimePassword") if purpose == CREDENTIALS else ("EnrollmentToken",)


def _braced(names: Sequence[str]) -> str:
    return " and ".join(f"{{{name}}}" for name in names)


def _subject_problems(subject: str, known: Mapping[str, str]) -> list[str]:
    found = _part_problems("subject", subject, known)
    if len(subject) > LONGEST_SUBJECT:
        found.append(f"the subject is longer than {LONGEST_SUBJECT} characters")
    if "\n" in subject or "\r" in subject:
        found.append("the subject must be one line")
    found += [
        f"the subject must not hold {{{name}}}: subjects are logged and shown on locked screens"
        for name in sorted(_names(subject) & _REDEEMS & known.keys())
    ]
    return found


def _part_problems(part: str, text: str, known: Mapping[str, str]) -> list[str]:
    if not text.strip():
        return [f"the {part} is empty"]
    pieces = parse(text)
    unknown = dict.fromkeys(
        piece.name for piece in pieces if isinstance(piece, Lookup) and piece.name not in known
    )
    found = [
        f"the {part} asks for {{{name}}}, which "
        + ("is not for this kind of message" if name in LOOKUPS else "does not exist")
        for name in unknown
    ]
    if any(unicodedata.category(letter) == "Cc" and letter not in "\n\r\t" for letter in text):
        found.append(f"the {part} holds a control character")
    if any(isinstance(piece, str) and ("{" in piece or "}" in piece) for piece in pieces):
        found.append(
            f"the {part} has a brace that belongs to no lookup value; "
            "write {Name} or {Name|fallback}, and nothing else in braces"
        )
    return found


def _names(text: str) -> set[str]:
    return {piece.name for piece in parse(text) if isinstance(piece, Lookup)}


def unfilled(pieces: tuple[Piece, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Lookups that are empty and have no fallback; with any, nothing may be sent (A61)."""
    names = dict.fromkeys(
        piece.name
        for piece in pieces
        if isinstance(piece, Lookup) and piece.fallback is None and not values.get(piece.name)
    )
    return tuple(names)


def value_of(lookup: Lookup, values: Mapping[str, str]) -> str:
    """What stands in a lookup's place."""
    return values.get(lookup.name) or lookup.fallback or ""


def fill(pieces: tuple[Piece, ...], values: Mapping[str, str]) -> str:
    """The text, every lookup replaced once; `unfilled` must have found nothing."""
    return "".join(piece if isinstance(piece, str) else value_of(piece, values) for piece in pieces)


def one_line(value: str) -> str:
    """A value as one line of text: a name cannot add a header or a paragraph (S76, TP43)."""
    printable = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in value
    )
    return " ".join(printable.split())


def header_line(value: str, longest: int = LONGEST_SUBJECT) -> str:
    """A value for a mail header: one line, no reversed text, not endless.

    Nor anything that looks encoded already (RFC 2047): Python would decode it, and find the line
    breaks in it (CVE-2024-6923).
    """
    line = "".join(letter for letter in one_line(value) if letter not in _BIDI)
    line = line.replace("=?", "= ?")
    return line if len(line) <= longest else line[: longest - 1] + "…"
