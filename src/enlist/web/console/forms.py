"""Forms: what somebody typed, and what is wrong with it, so that nothing typed is ever lost.

A form is shown empty, or again with a refusal: `validation_failed` and the refusals that belong
to one field stand at their fields, every other one above the form.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from starlette.datastructures import UploadFile
from starlette.requests import Request

from enlist.core.clock import from_datetime, to_datetime
from enlist.core.outcomes import Refusal
from enlist.core.refusals import CATALOGUE

_LONGEST: Final = 20_000
_PICKER: Final = "%Y-%m-%dT%H:%M"

FIELD_OF: Final = {
    "username_taken": "username",
    "email_taken": "email",
    "group_id_taken": "group_id",
    "domain_taken": "domains",
    "password_too_short": "password",
}
"""Refusals that are about one field, and which."""

UNSHOWABLE: Final = ("unauthenticated", "proof_too_old", "not_found")
"""Refusals that no form can show."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form's values and errors, by the names of its fields.

    Attributes:
        values: what was typed, or what stands there now.
        errors: what is wrong with a field, in words.
        refusal: what is wrong with the whole; shown above the form.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def lines(self, name: str) -> list[str]:
        """What stands in a field of one thing per line, without the empty lines."""
        return [line for each in self.value(name).splitlines() if (line := each.strip())]

    def error(self, name: str) -> str:
        """What is wrong with a field; "" for nothing."""
        return self.errors.get(name, "")

    @property
    def version(self) -> int | None:
        """The version that was edited; None where the form names none."""
        text = self.value("version")
        return int(text) if text.isdecimal() else None

    def refused(self, refusal: Refusal, fields: Mapping[str, str] | None = None) -> Form:
        """The same form with a refusal.

        Args:
            fields: the form's name of a field by the verb's name of it, where they differ.
        """
        names = fields or {}
        errors = {names.get(e.field, e.field): e.message for e in refusal.fields}
        if refusal.code in FIELD_OF and not errors:
            meaning = CATALOGUE[refusal.code]
            errors = {FIELD_OF[refusal.code]: f"{meaning.title}. {meaning.remedy}"}
        return Form(self.values, errors, refusal)


async def readable(request: Request) -> bool:
    """Whether a form holds only what can be typed: no store takes NUL, no line a control (S76)."""
    sent = await request.form()
    return all(
        letter in "\r\n\t" or unicodedata.category(letter) not in ("Cc", "Cs")
        for _, value in sent.multi_items()
        if isinstance(value, str)
        for letter in value
    )


async def read_form(request: Request) -> Form:
    """What was sent, field by field; files and overlong texts are left out."""
    sent = await request.form()
    values = {
        name: value.strip()
        for name, value in sent.items()
        if not isinstance(value, UploadFile) and len(value) <= _LONGEST
    }
    return Form(values)


async def read_choices(request: Request, name: str) -> list[str]:
    """All values of a field that may be ticked several times, each once, in order."""
    sent = await request.form()
    return list(dict.fromkeys(str(value) for value in sent.getlist(name)))


def to_picker(moment: int, zone: str) -> str:
    """A moment as a date-and-time picker takes it, in a time zone, to the minute."""
    return to_datetime(moment).astimezone(ZoneInfo(zone)).strftime(_PICKER)


def from_picker(text: str, zone: str) -> int | None:
    """The moment that a picker's text means in a time zone; None for what is no date."""
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is None:
            local = local.replace(tzinfo=ZoneInfo(zone))
        return from_datetime(local)
    except (ValueError, OverflowError):
        return None
