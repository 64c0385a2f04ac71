"""Requests and answers of the REST API, and the pages of its lists.

What goes in and what comes out look alike: an organization is its Group ID, a user is his user
name, and each has its id beside it, so that an answer can be sent back as a request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from enlist.store import listing
from enlist.web.values import Line

T = TypeVar("T")


class Body(BaseModel):
    """A request's body. A field that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Shown(BaseModel):
    """Something as an answer shows it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Page(Shown, Generic[T]):
    """Some things of a list, and where the next ones begin."""

    # For the page of each kind of things, pydantic would look for docstrings in every frame below
    # it and find none: a fifth of all that the API takes to be imported.
    model_config = ConfigDict(use_attribute_docstrings=False)

    items: list[T]
    next_cursor: Annotated[
        str | None,
        Field(description="Give it as `cursor` for the next page; null on the last one."),
    ] = None

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
    """Text that must occur, in any case of letters. Devices, enrollments, users and messages are
    found by what begins with it; where nothing does, by what contains it."""
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
