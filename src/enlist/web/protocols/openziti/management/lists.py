"""Lists of the management API: a filter and a page in the query, and the envelope of what it found.

What the query says of order and page counts before what the filter says of it (D65, D66).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from enlist.core.filtering import Condition, Operator, Order, Selection
from enlist.core.outcomes import Refusal, invalid
from enlist.store.slices import Slice
from enlist.verbs.driver import View
from enlist.verbs.fields import readable
from enlist.web.protocols.openziti.management import fields
from enlist.web.protocols.openziti.management.desk import Desk
from enlist.web.protocols.openziti.management.fields import Fields, UnfitPart
from enlist.web.protocols.openziti.management.filters import Filter, Unreadable, parse

T = TypeVar("T")

USUAL: Final = 10
MOST: Final = 500
FURTHEST: Final = 100_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def selection(query: QueryParams, known: Fields, *fixed: Condition) -> Selection | Refusal:
    """What a list's query asks for, in the store's words.

    Args:
        known: what a filter may name.
        fixed: what the address itself asks for.

    Refusals: `validation_failed` for the field that is not understood.
    """
    try:
        wanted = _filter("filter", query.get("filter", ""))
        conditions = [fields.condition(known, each) for each in wanted.conditions]
        orders = fields.orders(known, _orders(query.get("sort", "")) or wanted.orders)
        limit = _number(query, "limit", wanted.limit)
        offset = _number(query, "offset", wanted.skip)
    except UnfitPart as problem:
        return invalid(problem.part, str(problem))
    if offset > FURTHEST:
        return invalid("offset", f"must be at most {FURTHEST}")
    told = (each for each in conditions if each is not None)
    return Selection((*fixed, *told), orders, min(limit or USUAL, MOST), offset)


def belonging_to(identity_id: str) -> Condition:
    """That something is an identity's."""
    return Condition("device", Operator.EQUAL, identity_id)


async def answer_list(
    desk: Desk,
    listing: Callable[[Selection], View[Slice[T]]],
    known: Fields,
    shown: Callable[[T], dict[str, Any]],
    *fixed: Condition,
) -> Response | Refusal:
    """What is found of a list, in its envelope.

    Args:
        known: what a filter may name.
        fixed: as for `selection`.
    """
    wanted = selection(desk.request.query_params, known, *fixed)
    if isinstance(wanted, Refusal):
        return wanted
    found = await desk.see(listing(wanted))
    if isinstance(found, Refusal):
        return found
    paging = {"limit": wanted.limit, "offset": wanted.offset, "totalCount": found.total}
    meta = {"filterableFields": [*known], "pagination": paging}
    data = [shown(each) for each in found.items]
    return JSONResponse({"data": data, "meta": meta}, media_type="application/json")


def _filter(name: str, text: str) -> Filter:
    if not readable(text):
        raise UnfitPart(name, "must not hold control characters")
    try:
        return parse(text)
    except Unreadable as problem:
        raise UnfitPart(name, f"cannot be read: {problem}") from None


def _orders(text: str) -> tuple[Order, ...]:
    found = _filter("sort", f"sort by {text}") if text else Filter()
    if found != Filter(orders=found.orders):
        raise UnfitPart("sort", "must be names of fields, each perhaps with asc or desc behind it")
    return found.orders


def _number(query: QueryParams, name: str, otherwise: int | None) -> int:
    text = query.get(name)
    if text is None:
        return otherwise or 0
    if _NUMBER.fullmatch(text) is None:
        raise UnfitPart(name, "must be a whole number, 0 or more")
    return int(text)
