"""A device may stand below its user's organization; its staff there are not told whose it is."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.core.permissions import Role
from enlist.store.listing import LISTINGS
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.devices import ChangeDevice
from enlist.verbs.issuing import Delivery, Issued
from enlist.verbs.register import Register
from enlist.verbs.staff import GrantRole
from enlist.verbs.views import ListDevices, ListEnrollments, ListEvents, ListMessages
from enlist.verbs.views_details import ShowDevice, ShowEnrollment
from enlist.verbs.views_overview import Overview, SearchEverything
from tests.verbs.world import World

NAME = "grace"
LISTS: list[Any] = [ListDevices, ListEnrollments, ListMessages, ListEvents]


@pytest.fixture
def below(either: World) -> Issued:
    """A device in acme of a user of the organization above it; its message is in the outbox."""
    either.add_user("main", f"{NAME}@example.com", first_name="Grace", last_name="Hopper")
    details = DeviceDetails("lent laptop", "linux")
    return either.do(Register("acme", f"{NAME}@example.com", details, Delivery("email")))


def told(shown: object) -> bool:
    """Whether anything in an answer names the user."""
    return NAME in repr(shown).lower()


@pytest.mark.parametrize("role", list(Role))
def test_nothing_names_a_user_of_the_organization_above(
    either: World, below: Issued, role: Role
) -> None:
    """S52: a person whose organization the caller may not see the users of has no name there."""
    views: list[Any] = [
        ShowDevice(below.device_id),
        ShowEnrollment(below.enrollment_id),
        Overview(),
        SearchEverything("lent"),
        SearchEverything(below.device_id),
        SearchEverything(below.enrollment_id),
        *(view() for view in LISTS),
    ]
    theirs, above = either.staff(role, "acme"), either.administrator()
    for view in views:
        assert not told(either.see(view, theirs)), view
        assert told(either.see(view, above)), view
    device = either.see(ShowDevice(below.device_id), theirs)
    assert device.device.user_id is not None
    assert (device.user, device.device.username) == (None, "")


@pytest.mark.parametrize("view", LISTS)
def test_no_search_finds_by_a_hidden_name(either: World, below: Issued, view: Any) -> None:
    """Letter by letter it would tell the name."""
    theirs = either.staff(Role.ADMINISTRATOR, "acme")
    assert either.see(view(search=NAME)).items
    assert either.see(view(search=NAME), theirs).items == ()


@pytest.mark.parametrize(("view", "name"), [(ListDevices, "devices"), (ListMessages, "messages")])
def test_no_cursor_holds_a_hidden_name(either: World, below: Issued, view: Any, name: str) -> None:
    """A cursor is the sort value of the last row, for everybody to read."""
    other = either.add_user("acme", "zoe@example.com")
    either.do(Register("", other.id, DeviceDetails("own", "linux"), Delivery("email")))
    theirs: Caller = either.staff(Role.READER, "acme")
    for sort in LISTINGS[name].sorts:
        for direction in ("", "-"):
            page = either.see(view(sort=direction + sort, limit=1), theirs)
            assert page.next_cursor is not None
            assert NAME.encode() not in base64.urlsafe_b64decode(page.next_cursor + "===")


def test_ones_own_name_is_shown_wherever_one_belongs(either: World, below: Issued) -> None:
    """Somebody of the organization above who holds a role below sees his own device there."""
    user = either.see(ShowDevice(below.device_id)).user
    assert user is not None
    either.do(GrantRole(user.id, "acme", Role.READER.value))
    himself = either.person(user.id)
    assert told(either.see(ListDevices("acme"), himself))
    assert told(either.see(ShowDevice(below.device_id), himself))


def test_changing_a_device_does_not_tell_whose_it_is(either: World, below: Issued) -> None:
    """The log of the organization above still knows."""
    theirs = either.staff(Role.OPERATOR, "acme")
    changed = either.do(ChangeDevice(below.device_id, {"name": "lent"}), theirs)
    assert not told(changed)
    assert either.events(kind="device.changed")[-1].personal["user"] == f"{NAME}@example.com"
