"""Values in what programs send and are sent: moments, ids, texts, secrets, each read in one way."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from enlist.core.clock import from_datetime, rfc3339
from enlist.core.ids import parse_id
from enlist.core.secrets import Secret

LINE_PATTERN: Final = "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]*$"
"""One line: no control characters or separators, and nothing that turns the writing round."""

EXAMPLE_ID: Final = "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6"
EXAMPLE_MOMENT: Final = "2026-03-01T09:30:00.000000Z"

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _moment(value: object) -> int:
    if not isinstance(value, str) or _RFC3339.fullmatch(value) is None:
        raise PydanticCustomError(
            "moment", "must be an RFC 3339 time with its zone, such as 2026-03-01T09:30:00Z"
        )
    try:
        return from_datetime(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError):
        raise PydanticCustomError("moment", "is not a time that exists") from None


def _id(value: object) -> str:
    found = parse_id(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("id", "must be an id: a UUID of 36 characters")
    return found


def _secret(value: object) -> Secret:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be a text")
    return Secret(value)


_TIME: Final = {"type": "string", "format": "date-time", "examples": [EXAMPLE_MOMENT]}

Moment = Annotated[
    int,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema(_TIME, mode="serialization"),
]
"""A moment in an answer: RFC 3339, in UTC, to the microsecond (X07)."""

MomentGiven = Annotated[int, BeforeValidator(_moment), WithJsonSchema(_TIME, mode="validation")]
"""A moment in a request: RFC 3339 with its zone. A time without one is nobody's time."""

IdGiven = Annotated[
    str,
    BeforeValidator(_id),
    WithJsonSchema({"type": "string", "format": "uuid", "examples": [EXAMPLE_ID]}),
]
"""The id of something in a request."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=LINE_PATTERN)
]
"""One line of text in a request."""

Text = Annotated[str, Field(max_length=32_768)]
"""Several lines of text in a request."""

SecretGiven = Annotated[
    Secret,
    PlainValidator(_secret),
    WithJsonSchema({"type": "string", "format": "password", "writeOnly": True}),
]
"""A secret in a request; it never shows up in a log or a traceback."""
