"""Who holds which role where: as a list, page by page, on both stores."""

from __future__ import annotations

import pytest

from enlist.core.outcomes import Refusal
from enlist.core.permissions import Role
from enlist.store.listing import Page
from enlist.verbs.staff import GrantRole
from enlist.verbs.views import ListRoles
from tests.verbs.world import ADMINISTRATOR, World


def holdings(world: World, **asked: object) -> list[tuple[str, str, str]]:
    """All that the list holds, walked two at a time: user, role, where."""
    found: list[tuple[str, str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = world.see(ListRoles(limit=2, cursor=cursor or "", **asked))  # type: ignore[arg-type]
        assert isinstance(page, Page)
        found += [(each.username, each.role.role, each.role.group_id) for each in page.items]
        cursor = page.next_cursor
    return found


@pytest.mark.parametrize(
    "sort", ["user", "-user", "role", "-role", "organization", "-organization"]
)
def test_every_order_shows_each_holding_once(either: World, sort: str) -> None:
    for number in range(3):
        caller = either.staff(Role.READER, "acme", f"user{number}@example.com")
        either.do(GrantRole(caller.id or "", "labs", Role.OPERATOR.value))
        either.do(GrantRole(caller.id or "", "beta", Role.READER.value))
    found = holdings(either, organization="main", sort=sort)
    assert len(found) == len(set(found)) == 10
    key = {"user": 0, "role": 1, "organization": 2}[sort.lstrip("-")]
    column = [each[key] for each in found]
    assert column == sorted(column, reverse=sort.startswith("-"))


def test_only_what_is_held_there_and_below(world: World) -> None:
    world.staff(Role.OPERATOR, "labs", "lab@example.com")
    world.staff(Role.READER, "beta", "bea@example.com")
    assert holdings(world, organization="acme") == [("lab@example.com", "operator", "labs")]
    assert (ADMINISTRATOR, "administrator", "main") in holdings(world, organization="main")
    assert holdings(world, filters={"role": "reader"}) == [("bea@example.com", "reader", "beta")]
    assert holdings(world, search="LAB@") == [("lab@example.com", "operator", "labs")]


def test_it_takes_the_right_to_see_staff(world: World) -> None:
    helpdesk = world.staff(Role.HELPDESK, "main")
    refused = world.look(ListRoles("main"), helpdesk)
    assert isinstance(refused, Refusal)
    assert refused.code == "forbidden"
    outside = world.look(ListRoles("beta"), world.staff(Role.ADMINISTRATOR, "acme"))
    assert isinstance(outside, Refusal)
    assert outside.code == "not_found"
