"""The filters of OpenZiti's lists, as far as they are understood here (D66).

    name contains "laptop" and isAdmin = false sort by name desc skip 10 limit 5

The whole language has more: `or`, `not`, parentheses, other comparisons. All of that is refused,
never ignored: a filter that finds more than it says would be a trap for whoever deletes what it
finds.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from enlist.core.filtering import Operator, Order

LONGEST: Final = 2_000
MOST_CONDITIONS: Final = 20
_ALL: Final = 10**9
"""What `limit none` asks for."""

_GRAMMAR: Final = r"""
    start: conditions? sort? skip? limit?
    conditions: _condition (_AND _condition)*
    _condition: comparison | everything
    comparison: FIELD OPERATOR _operand
    everything: TRUE
    _operand: text | yes | no | nothing
    text: TEXT
    yes: TRUE
    no: FALSE
    nothing: _NULL
    sort: _SORT _BY order ("," order)*
    order: FIELD (_ASCENDING | DESCENDING)?
    skip: _SKIP NUMBER
    limit: _LIMIT (NUMBER | _NONE)

    _AND.2: /and\b/i
    _ASCENDING.2: /asc\b/i
    DESCENDING.2: /desc\b/i
    _BY.2: /by\b/i
    FALSE.2: /false\b/i
    _LIMIT.2: /limit\b/i
    _NONE.2: /none\b/i
    _NULL.2: /null\b/i
    _SKIP.2: /skip\b/i
    _SORT.2: /sort\b/i
    TRUE.2: /true\b/i
    OPERATOR.2: "=" | "!=" | /i?contains\b/i
    FIELD: /[a-z][a-z0-9_.]*/i
    NUMBER: /[0-9]{1,9}/
    TEXT: /"([^"\\]|\\["\\])*"/

    %ignore /[ \t\r\n]+/
"""


class Unreadable(ValueError):
    """A filter that is not understood; the message says where."""


Operand = str | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a field with a value, in OpenZiti's words."""

    field: str
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter says. `skip` and `limit` are None where it does not speak of them."""

    conditions: tuple[Comparison, ...] = ()
    orders: tuple[Order, ...] = ()
    skip: int | None = None
    limit: int | None = None


def parse(text: str) -> Filter:
    """What a filter says; one without a word wants everything.

    Raises:
        Unreadable: it is not of the part of the language that is understood.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"it has more than {LONGEST} characters")
    try:
        found = _reader().parse(text)
    except UnexpectedInput as problem:
        at: Any = problem.pos_in_stream  # Lark declares it as None, and sets it later
        raise Unreadable(f"it is not understood at character {at + 1}") from None
    assert isinstance(found, Filter)  # noqa: S101 - what `start` makes
    if len(found.conditions) > MOST_CONDITIONS:
        raise Unreadable(f"it has more than {MOST_CONDITIONS} conditions")
    return found


@v_args(inline=True)
class _Values(Transformer[Token, Any]):
    """Values instead of a tree; Lark calls these while it reads, so that nothing recurses."""

    def text(self, token: Token) -> str:
        return re.sub(r"\\(.)", r"\1", token[1:-1])

    def yes(self, _token: Token) -> bool:
        return True

    def no(self, _token: Token) -> bool:
        return False

    def nothing(self) -> None:
        return None

    def comparison(self, field: Token, operator: Token, operand: Operand) -> Comparison:
        return Comparison(str(field), Operator(operator.lower()), operand)

    def everything(self, _token: Token) -> None:
        return None

    def conditions(self, *found: Comparison | None) -> Filter:
        return Filter(conditions=tuple(each for each in found if each is not None))

    def order(self, field: Token, descending: Token | None = None) -> Order:
        return Order(str(field), descending is not None)

    def sort(self, *orders: Order) -> Filter:
        return Filter(orders=orders)

    def skip(self, number: Token) -> Filter:
        return Filter(skip=int(number))

    def limit(self, number: Token | None = None) -> Filter:
        return Filter(limit=_ALL if number is None else int(number))

    def start(self, *parts: Filter) -> Filter:
        return functools.reduce(_both, parts, Filter())


def _both(one: Filter, other: Filter) -> Filter:
    """Two parts of a filter, each of which speaks of something else."""
    return Filter(
        one.conditions or other.conditions,
        one.orders or other.orders,
        other.skip if one.skip is None else one.skip,
        other.limit if one.limit is None else one.limit,
    )


@functools.cache
def _reader() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Values(), maybe_placeholders=False)
