"""Bodies in JSON: a value, and a field of it that must be a text."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from enlist.core.outcomes import FieldError, Refusal
from enlist.web.protocols.openziti.envelopes import refused, refused_as
from enlist.web.reading import read_json


def value_of(body: bytes) -> Any | Refusal:
    """The JSON of a body; an empty one says nothing at all.

    Refusals: `malformed`, `validation_failed` for text that cannot be stored.
    """
    return read_json(body) if body.strip() else {}


def text_of(value: Any, name: str) -> str | Response:
    """A field of a JSON object, or what to answer where it is none."""
    if isinstance(value, Refusal):
        return refused(value)
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else unfit(name, "must be a text")


def unfit(name: str, problem: str) -> Response:
    """The answer to a field that is not right."""
    message = f"The field {name} is not right: it {problem}."
    return refused_as("COULD_NOT_VALIDATE", message, FieldError(name, problem))
