"""What the enrollment page asks beside the verbs, on each store."""

from __future__ import annotations

from typing import Any, cast

import pytest

from enlist.core.outcomes import Refusal
from enlist.core.secrets import Secret
from enlist.store.tx import Reader
from enlist.verbs.landing import AsksForSignIn, LookAround, Surroundings, WhichGroupId
from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.users import ChangeUser
from tests.installation import Enlist


def asks(enlist: Enlist, handle: str) -> bool | Refusal:
    return enlist.driver.view(AsksForSignIn(handle), enlist.stranger())


def is_group_id(enlist: Enlist, text: str) -> bool:
    return enlist.driver.view(WhichGroupId(Secret(text), "ada"), enlist.stranger()) != ""


def around(enlist: Enlist, view: LookAround) -> Surroundings:
    found = enlist.driver.view(view, enlist.stranger())
    assert isinstance(found, Surroundings)
    return found


def test_handle_tells_the_token_type_in_force_and_nothing_else(enlist: Enlist) -> None:
    enlist.organization("north")
    ticket = enlist.register("ada", organization="north")
    assert asks(enlist, ticket.enrollment_id) is False
    enlist.set(token_type="two_factor")
    assert asks(enlist, ticket.enrollment_id) is True
    enlist.revoke(ticket.enrollment_id)
    assert asks(enlist, ticket.enrollment_id) is True
    enlist.set("north", token_type="single_factor")
    assert asks(enlist, ticket.enrollment_id) is False


@pytest.mark.parametrize("handle", ["", "x", "0" * 36, "01900000-0000-7000-8000-000000000000"])
def test_unknown_handle_is_as_one_that_asks_for_the_token_alone(
    enlist: Enlist, handle: str
) -> None:
    enlist.set(token_type="two_factor")
    assert asks(enlist, handle) is False


def test_unknown_handle_asks_the_store_as_much_as_a_known_one(enlist: Enlist) -> None:
    """Whether a handle was issued shows neither in the answer nor in its time (X13)."""
    ticket = enlist.register("ada")

    def questions(handle: str) -> list[str]:
        asked: list[str] = []

        class Noting:
            def __init__(self, tx: Reader) -> None:
                self._tx = tx

            def __getattr__(self, name: str) -> Any:
                return getattr(self._tx, name)

            def one(self, query: Any, /, **values: object) -> Any:
                asked.append(query.name)
                return self._tx.one(query, **values)

            def all(self, query: Any, /, **values: object) -> Any:
                asked.append(query.name)
                return self._tx.all(query, **values)

        view = AsksForSignIn(handle)
        enlist.store.read(lambda tx: view.read(cast("Reader", Noting(tx)), enlist.stranger()))
        return asked

    known = questions(ticket.enrollment_id)
    assert len(known) == 2
    assert questions("01900000-0000-7000-8000-000000000000") == known


@pytest.mark.parametrize(
    ("text", "known"), [("north", True), (" NORTH ", True), ("nort", False), ("", False)]
)
def test_group_id_is_recognised_as_people_type_it(enlist: Enlist, text: str, known: bool) -> None:
    enlist.organization("north")
    assert is_group_id(enlist, text) is known


def test_zone_is_the_persons_else_the_nearest_organizations(enlist: Enlist) -> None:
    enlist.do(ChangeOrganization(enlist.root.id, time_zone="Europe/Berlin"))
    north = enlist.organization("north")
    ada = enlist.user("ada", organization="north")
    view = LookAround(north.id, username="ada")
    assert around(enlist, view) == Surroundings("North", "ada", "Europe/Berlin")
    enlist.do(ChangeOrganization(north.id, time_zone="Asia/Tokyo"))
    assert around(enlist, view).zone == "Asia/Tokyo"
    enlist.do(ChangeUser("ada", {"time_zone": "America/Lima", "first_name": "Ada"}))
    assert around(enlist, LookAround(north.id, ada.id)) == Surroundings(
        "North", "Ada", "America/Lima"
    )


def test_nothing_known_is_nothing_shown(enlist: Enlist) -> None:
    assert around(enlist, LookAround(None)) == Surroundings("", "", "UTC")
    assert around(enlist, LookAround("0" * 32, username="nobody")) == Surroundings()
