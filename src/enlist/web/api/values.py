"""Values as they stand in requests and answers: moments, ids, texts, secrets, pages.

What goes in and what comes out look alike: an organization is its Group ID, a user is his user
name, and each has its id beside it, so that an answer can be sent back as a request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
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
from enlist.store import listing

T = TypeVar("T")

LINE_PATTERN: Final = "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]*$"
"""One line: no control characters or separators, and nothing that turns the writing round."""

EXAMPLE_ID: Final = "01983f5e-8a0b-7c3d-9e4f-a1b2c3d4e5f6"
EXAMPLE_MOMENT: Final = "2026-03-01T09:30:00.000000Z"

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class Body(BaseModel):
    """A request's body. A field that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Shown(BaseModel):
    """Something as an answer shows it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


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


class Page(Shown, Generic[T]):
    """Some things of a list, and where the next ones begin."""

    items: list[T]
    next_cursor: str | None = None
    """Give it as `cursor` for the next page; null on the last one."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The schema's name: `DevicePage`."""
        return f"{params[0].__name__}Page"

    @classmethod
    def of(cls, found: listing.Page[Any], make: Callable[[Any], T]) -> Page[T]:
        """A page of the store, each thing as it is shown."""
        return cls(items=[make(each) for each in found.items], next_cursor=found.next_cursor)


class Paging(Body):
    """What every list understands."""

    search: Line = ""
    """Text that must occur, in any case of letters."""
    sort: Annotated[str, Field(max_length=40, pattern="^-?[a-z_]*$")] = ""
    """Name of an order; a leading `-` turns it round."""
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """How many things a page holds at most."""
    cursor: Annotated[str, Field(max_length=1000, pattern="^[A-Za-z0-9_-]*$")] = ""
    """`next_cursor` of the page before."""
    organization: Line = ""
    """Id or Group ID of the organization at and below which to look; your own if left out."""


def filters(query: Paging) -> dict[str, Any]:
    """A list's query, as its view takes it."""
    paging = {name: getattr(query, name) for name in Paging.model_fields}
    named = query.model_dump(mode="json", exclude=set(paging), exclude_none=True)
    return {**paging, "filters": {name: str(value) for name, value in named.items()}}


def changes(body: BaseModel) -> dict[str, Any]:
    """The fields that a request really named, so that a change touches nothing else."""
    return {name: getattr(body, name) for name in body.model_fields_set}
