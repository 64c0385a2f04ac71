"""A registration changes its organization before it is used, or is deleted by its number."""

from __future__ import annotations

from functools import partial

import pytest

from enlist.core.lifecycle import DeviceState
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.move import MoveDevice
from enlist.verbs.register import Register
from enlist.verbs.restrictions import AddRestriction
from enlist.verbs.unregister import Unregister
from tests.installation import PASSWORD, SHOWN, Enlist, Ticket, code, done, refusal

LOGIN = ("ada", PASSWORD)


@pytest.fixture
def places(enlist: Enlist) -> Enlist:
    """Two organizations side by side; the one asks for a login beside the token."""
    enlist.organization("berlin", token_type="two_factor")
    enlist.organization("munich")
    return enlist


def test_a_token_goes_along_and_follows_the_new_organization(places: Enlist) -> None:
    """A43: its value and expiry stay; what it needs beside itself is the new organization's."""
    ticket = places.register("ada", organization="main")
    moved = places.do(MoveDevice(ticket.device_id, "berlin"))
    found = places.enrollment(ticket.enrollment_id)
    assert (moved.group_id, moved.version) == ("berlin", 2)
    assert found.organization_id == moved.organization_id
    assert (found.state, found.generation, found.expires_at) == (
        "active",
        1,
        ticket.expires_at,
    )
    assert code(places.redeem(ticket.token)) == "token_invalid"
    assert code(places.redeem(ticket.token, login=LOGIN)) == "done"


def test_the_new_organizations_restrictions_count(places: Enlist) -> None:
    """A43."""
    places.do(AddRestriction("munich", {"name": "phones", "platforms": ["ios"]}))
    ticket = places.register("ada", organization="main")
    places.do(MoveDevice(ticket.device_id, "munich"))
    assert code(places.redeem(ticket.token)) == "device_not_approved"
    places.do(MoveDevice(ticket.device_id, "main"))
    assert code(places.redeem(ticket.token)) == "done"


def test_both_logs_tell_of_it_and_neither_names_the_other_place(places: Enlist) -> None:
    ticket = places.register("ada")
    berlin = places.do(MoveDevice(ticket.device_id, "berlin")).organization_id
    told = places.events("device.moved")
    assert {each.organization_id for each in told} == {berlin, places.root.id}
    assert all(each.data == {"from": places.root.id, "to": berlin} for each in told)


def test_what_has_ended_stays_where_it_was(places: Enlist) -> None:
    ticket = places.register("ada")
    places.revoke(ticket.enrollment_id)
    second = places.issue(ticket.device_id)
    places.do(MoveDevice(ticket.device_id, "berlin"))
    assert places.enrollment(ticket.enrollment_id).group_id == "main"
    assert places.enrollment(second.enrollment_id).group_id == "berlin"


def test_what_cannot_be_moved_is_refused_with_what_to_do(places: Enlist) -> None:
    ticket = places.register("ada")
    assert code(places.perform(MoveDevice(ticket.device_id, "main"))) == "conflict"
    assert code(places.perform(MoveDevice(ticket.device_id, "nowhere"))) == "not_found"
    bob = places.register("bob", organization="berlin")
    away = refusal(places.perform(MoveDevice(bob.device_id, "munich")))
    assert [each.field for each in away.fields] == ["organization"]
    done(places.redeem(ticket.token))
    assert code(places.perform(MoveDevice(ticket.device_id, "berlin"))) == "device_enrolled"
    assert places.device(ticket.device_id).group_id == "main"


def test_an_external_id_that_is_taken_there_is_told_at_the_field(places: Enlist) -> None:
    places.user("ada")
    first, second = (
        places.do(Register(place, "ada", DeviceDetails("box", "linux", external_id="x"), SHOWN))
        for place in ("main", "berlin")
    )
    assert first.device_id != second.device_id
    told = refusal(places.perform(MoveDevice(first.device_id, "berlin")))
    assert [each.field for each in told.fields] == ["organization"]
    assert places.enrollment(first.enrollment_id).group_id == "main"


def test_who_may_not_act_at_both_places_moves_nothing(places: Enlist) -> None:
    ticket = places.register("ada")
    operator = places.staff("operator", "berlin")
    assert code(places.perform(MoveDevice(ticket.device_id, "berlin"), operator)) == "not_found"
    inside = places.register("bob", organization="berlin")
    assert code(places.perform(MoveDevice(inside.device_id, "main"), operator)) == "not_found"


def move(enlist: Enlist, ticket: Ticket) -> str:
    return code(enlist.perform(MoveDevice(ticket.device_id, "munich")))


def redeem(enlist: Enlist, ticket: Ticket, key: int) -> str:
    return code(enlist.redeem(ticket.token, key=key))


def test_of_a_move_and_a_redemption_at_one_moment_one_comes_first(places: Enlist) -> None:
    """The device is enrolled at one of the places with its enrollment, or it is still waiting."""
    tickets = [places.register("ada", name=f"box {n}", organization="main") for n in range(6)]
    for number, ticket in enumerate(tickets):
        moved, redeemed = places.together(
            [partial(move, places, ticket), partial(redeem, places, ticket, number)]
        )
        device, found = places.device(ticket.device_id), places.enrollment(ticket.enrollment_id)
        assert device.group_id == found.group_id == ("munich" if moved == "done" else "main")
        assert moved in ("done", "device_enrolled")
        assert redeemed == "done"
        assert device.state is DeviceState.ENROLLED


# --- by number (A69) ---------------------------------------------------------------------------


def numbered(enlist: Enlist, place: str = "", **numbers: str) -> Ticket:
    if not enlist.rows("app_user", username="ada"):
        enlist.user("ada")
    details = DeviceDetails("box", "linux", **numbers)
    issued = enlist.do(Register(place, "ada", details, SHOWN))
    assert issued.token is not None
    return Ticket(issued.device_id, issued.enrollment_id, issued.token, 1, issued.expires_at)


@pytest.mark.parametrize("by", ["serial", "udid", "asset_number"])
def test_a_registration_is_deleted_by_its_number(enlist: Enlist, by: str) -> None:
    """A69, A37: its token is unknown from then on; in any case of letters."""
    ticket, other = numbered(enlist, **{by: "C02-XK1"}), numbered(enlist, **{by: "C02-XK11"})
    enlist.do(Unregister(by, " c02-xk1 "))
    assert code(enlist.redeem(ticket.token)) == "token_invalid"
    assert code(enlist.redeem(other.token)) == "done"
    assert code(enlist.perform(Unregister(by, "C02-XK1"))) == "not_found"


def test_what_is_enrolled_or_named_twice_is_left(enlist: Enlist) -> None:
    ticket = numbered(enlist, serial="S1")
    done(enlist.redeem(ticket.token))
    assert code(enlist.perform(Unregister("serial", "S1"))) == "device_enrolled"
    again = numbered(enlist, serial="S1")  # the enrolled one beside it does not stand in the way
    assert code(enlist.perform(Unregister("serial", "S1"))) == "done"
    assert code(enlist.redeem(again.token, key=1)) == "token_invalid"
    twice = [numbered(enlist, serial="S2") for _ in range(2)]
    assert code(enlist.perform(Unregister("serial", "S2"))) == "conflict"
    kept = [code(enlist.redeem(each.token, key=n)) for n, each in enumerate(twice, 5)]
    assert kept == ["done", "done"]
    assert enlist.device(ticket.device_id).state is DeviceState.ENROLLED


def test_a_number_is_looked_for_where_one_may_delete_and_no_further(places: Enlist) -> None:
    ticket, other = (numbered(places, place, serial="S1") for place in ("berlin", "munich"))
    operator = places.staff("operator", "berlin")
    assert code(places.perform(Unregister("serial", "S1", "munich"), operator)) == "not_found"
    assert code(places.perform(Unregister("serial", "S1"), operator)) == "done"
    assert code(places.redeem(other.token)) == "done"
    assert code(places.redeem(ticket.token, login=LOGIN, key=1)) == "credentials_invalid"
    assert code(places.perform(Unregister("serial", "S1"), places.staff("reader"))) == "forbidden"
    for wrong in (Unregister("name", "box"), Unregister("serial", " ")):
        assert code(places.perform(wrong)) == "validation_failed"
