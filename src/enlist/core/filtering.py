"""Which things of a list somebody wants, by fields that the list offers. Plain values.

Who reads a filter knows its language, and what each of its fields is here; who keeps the things
knows how to compare them. Between them go these.
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


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field with a value. What holds an id is only equal to one, or not."""

    field: str
    operator: Operator
    operand: str


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
