"""OpenZiti's fields in Enlist's words, without a server (D66)."""

from __future__ import annotations

from typing import Final

import pytest

from enlist.core.filtering import Condition, Operator, Order
from enlist.web.protocols.openziti.management.fields import (
    NOTHING,
    Always,
    Fields,
    Identifier,
    Text,
    UnfitPart,
    condition,
    orders,
)
from enlist.web.protocols.openziti.management.filters import Comparison, parse

FIELDS: Final[Fields] = {
    "identity": Identifier("device"),
    "externalId": Text("external_id"),
    "type": Always("Default"),
    "isAdmin": Always(False),
}


def the(text: str) -> Comparison:
    (found,) = parse(text).conditions
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('identity != "x"', Condition("device", Operator.UNEQUAL, "x")),
        ('externalId icontains "a"', Condition("external_id", Operator.CONTAINS_ANY_CASE, "a")),
        ("externalId = null", Condition("external_id", Operator.EQUAL, "")),
        ('type = "Default"', None),
        ('type != "Default"', NOTHING),
        ('type contains "def"', NOTHING),
        ('type icontains "def"', None),
        ("type contains null", None),
        ("isAdmin = false", None),
        ("isAdmin != false", NOTHING),
        ("isAdmin = true", NOTHING),
    ],
)
def test_a_comparison_in_the_stores_words(text: str, expected: Condition | None) -> None:
    assert condition(FIELDS, the(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        'device = "x"',
        'identity contains "x"',
        "identity = null",
        "identity = true",
        "externalId = false",
        "type = true",
        "isAdmin = null",
        'isAdmin = "false"',
        "isAdmin contains true",
    ],
)
def test_what_is_not_compared_like_this(text: str) -> None:
    """Not by the store's own words either."""
    with pytest.raises(UnfitPart) as caught:
        condition(FIELDS, the(text))
    assert caught.value.part == "filter"


def test_an_order_in_the_stores_words() -> None:
    """What is the same for everything orders nothing."""
    asked = parse("sort by type, externalId desc, isAdmin, identity").orders
    assert orders(FIELDS, asked) == (Order("external_id", descending=True), Order("device"))
    with pytest.raises(UnfitPart) as caught:
        orders(FIELDS, parse("sort by external_id").orders)
    assert caught.value.part == "sort"
