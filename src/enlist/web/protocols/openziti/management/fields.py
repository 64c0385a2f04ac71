"""OpenZiti's fields in filters and orders, and what each is here (D66).

A field is an id or a text that is kept, under a name of Enlist's; or it is OpenZiti's alone, and
the same for whatever there is. What compares such a field is true of everything, or of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enlist.core.filtering import Condition, Operator, Order
from enlist.web.protocols.openziti.management.filters import Comparison

NOTHING: Final = Condition("id", Operator.EQUAL, "")
"""What nothing meets: whatever there is has an id."""


class UnfitPart(ValueError):
    """A part of the query is not as it should be; the message says how it should be."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(problem)
        self.part = part


@dataclass(frozen=True, slots=True)
class Identifier:
    """An id; `name` is what the store calls it."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text; `name` is what the store calls it."""

    name: str


@dataclass(frozen=True, slots=True)
class Always:
    """A text or a flag that is the same for whatever there is."""

    value: str | bool


Fields = Mapping[str, Identifier | Text | Always]


def condition(fields: Fields, asked: Comparison) -> Condition | None:
    """A comparison in the store's words; None for what is true of everything.

    Raises:
        UnfitPart: there is no such field, or it is not compared like this.
    """
    field = fields.get(asked.field)
    if field is None:
        raise UnfitPart("filter", f"knows the fields {', '.join(fields)}")
    _refuse_what_does_not_fit(field, asked)
    if isinstance(field, Always):
        return None if _true(field.value, asked) else NOTHING
    return Condition(field.name, asked.operator, str(asked.operand or ""))


def orders(fields: Fields, asked: tuple[Order, ...]) -> tuple[Order, ...]:
    """An order in the store's words. What is the same for everything orders nothing.

    Raises:
        UnfitPart: there is no such field.
    """
    if not all(each.field in fields for each in asked):
        raise UnfitPart("sort", f"must be one of {', '.join(fields)}")
    known = [(fields[each.field], each.descending) for each in asked]
    return tuple(Order(each.name, down) for each, down in known if not isinstance(each, Always))


def _refuse_what_does_not_fit(field: Identifier | Text | Always, asked: Comparison) -> None:
    equality = asked.operator in (Operator.EQUAL, Operator.UNEQUAL)
    match field:
        case Identifier():
            fits = equality and isinstance(asked.operand, str)
        case Always(value=bool()):
            fits = equality and isinstance(asked.operand, bool)
        case _:
            fits = not isinstance(asked.operand, bool)
    if not fits:
        raise UnfitPart("filter", f"cannot compare {asked.field} like this")


def _true(value: str | bool, asked: Comparison) -> bool:
    operand = asked.operand if asked.operand is not None else ""
    match asked.operator:
        case Operator.EQUAL:
            return value == operand
        case Operator.UNEQUAL:
            return value != operand
        case Operator.CONTAINS:
            return str(operand) in str(value)
        case Operator.CONTAINS_ANY_CASE:
            return str(operand).lower() in str(value).lower()
