"""Which things of a list somebody wants, in a filter of his own words. Plain values.

Who reads a filter knows its language; who keeps the things knows the fields. Between them go these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a field is compared; `contains` minds the case of letters, `icontains` does not."""

    EQUAL = "="
    UNEQUAL = "!="
    CONTAINS = "contains"
    CONTAINS_ANY_CASE = "icontains"


Operand = str | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field with a value."""

    field: str
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Order:
    """A field to sort by."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted of a list.

    Attributes:
        conditions: all of them must hold.
        orders: the first decides, then the next.
        limit: how many at most, after leaving out the first `offset`.
    """

    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    limit: int = 10
    offset: int = 0
