"""The overview, search, support codes, and what everybody sees of himself."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.clock import DAY, HOUR
from enlist.core.outcomes import Refusal
from enlist.core.permissions import Role
from enlist.core.secrets import Secret, support_code
from enlist.store.redemptions import DeviceReport
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.sign_in import StartSignIn
from enlist.verbs.users import AddUser
from enlist.verbs.views_details import ShowEvent
from enlist.verbs.views_overview import (
    UNREAD,
    FindSupportCode,
    Hits,
    MySignIns,
    Overview,
    SearchEverything,
)
from tests.verbs.world import ADMINISTRATOR, PASSWORD, STRANGER, World, request


def test_the_overview_says_what_needs_attention(either: World) -> None:
    user = either.add_user("acme")
    used, forgotten = either.register(user), either.register(user)
    either.enroll(used)
    assert used.token is not None
    again = Redeem(Presented(token=used.token), DeviceReport(platform="linux"), request())
    assert either.refused(again, STRANGER).code == "token_used"
    either.clock.forward(25 * HOUR)
    fresh = either.register(user)
    seen = either.see(Overview())
    assert seen.organization == either.organizations["main"]
    assert seen.devices == {"enrolled": 1, "registered": 2}
    assert seen.enrollments == {"used": 1, "expired": 1, "active": 1}
    assert [enrollment.id for enrollment in seen.expired] == [forgotten.enrollment_id]
    assert [event.kind for event in seen.interceptions] == ["enrollment.refused"]
    assert seen.newest[0].enrollment_id == fresh.enrollment_id
    beta = either.see(Overview("beta"))
    assert (beta.devices, beta.enrollments, beta.expired, beta.interceptions) == ({}, {}, (), ())
    either.clock.forward(8 * DAY)
    assert either.see(Overview()).interceptions == ()


def test_search_finds_by_part_of_a_name_and_by_id(world: World) -> None:
    user = world.add_user("acme", "ada@example.com")
    issued = world.register(user)
    assert world.see(SearchEverything("ADA@")).users == (user,)
    assert world.see(SearchEverything("acm")).organizations == (world.organizations["acme"],)
    assert world.see(SearchEverything(issued.enrollment_id)).enrollments[0].id in (
        issued.enrollment_id
    )
    assert world.see(SearchEverything("  ")) == Hits()
    for text in (issued.device_id, issued.enrollment_id, user.id, "ada@", "acme"):
        found = world.see(SearchEverything(text), world.staff(Role.ADMINISTRATOR, "beta"))
        assert found == Hits()


def test_search_shows_five_of_each(world: World) -> None:
    for number in range(7):
        world.add_user("acme", f"many{number}@example.com")
    assert len(world.see(SearchEverything("many")).users) == 5


def test_a_support_code_leads_to_the_exact_reason(world: World) -> None:
    """S78."""
    refusal = world.refused(StartSignIn(ADMINISTRATOR, Secret("wrong")), STRANGER)
    typed = f" {refusal.support_code.lower().replace('-', ' ')} "
    found = world.see(FindSupportCode(typed))
    assert found.event is not None
    assert found.event.data["reason"] == "wrong password"
    assert world.see(SearchEverything(refusal.support_code)).support_code == found
    event = found.event
    assert world.see(ShowEvent(event.id)) == event


def test_a_siblings_support_code_looks_like_none(world: World) -> None:
    """Ruling 34: what was refused unread has a code and no event."""
    issued = world.register(world.add_user("beta"))
    world.enroll(issued)
    assert issued.token is not None
    again = Redeem(Presented(token=issued.token), DeviceReport(platform="linux"), request())
    theirs = world.refused(again, STRANGER)
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    for code in (theirs.support_code, support_code()):
        found = world.see(FindSupportCode(code), caller)
        assert (found.event, found.answer) == (None, UNREAD)
    event = world.see(FindSupportCode(theirs.support_code)).event
    assert event is not None
    refusal: Any = world.look(ShowEvent(event.id), caller)
    assert refusal.code == "not_found"


def test_ones_own_refusals_are_found_by_ones_own_staff(world: World) -> None:
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    refusal = world.refused(AddUser("nowhere", "x"), caller)
    assert world.see(FindSupportCode(refusal.support_code), caller).event is not None


@pytest.mark.parametrize("code", ["", "BCDF", "BCDF-GHJK-B", "\x00", "AEIO-UAEI-O"])
def test_what_is_no_support_code_is_said_to_be_none(world: World, code: str) -> None:
    refusal: Any = world.look(FindSupportCode(code))
    assert refusal.code == "validation_failed"


def test_ones_own_sign_ins_are_listed(world: World) -> None:
    world.do(StartSignIn(ADMINISTRATOR, PASSWORD), STRANGER)
    [shown] = world.see(MySignIns(), world.administrator())
    assert shown.address == STRANGER.address
    refusal = world.look(MySignIns(), world.host)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "unauthenticated"
