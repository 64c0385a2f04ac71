"""What is shown, and above all what is not: siblings, staff, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from enlist.core.clock import HOUR, SECOND
from enlist.core.device_lists import DeviceList
from enlist.core.permissions import Role
from enlist.core.terms import TermsText
from enlist.store.listing import LISTINGS, MOST_PER_PAGE
from enlist.store.redemptions import DeviceReport
from enlist.verbs.alerts import ListAlerts
from enlist.verbs.api_keys import CreateApiKey
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.device_lists import Entry, ListListed, PutOnList
from enlist.verbs.groups import AddGroup, ListGroups
from enlist.verbs.imports import AddImport, ListImports, ShowImport
from enlist.verbs.issuing import Delivery
from enlist.verbs.presenting import Presented
from enlist.verbs.redeem import Redeem
from enlist.verbs.register import Register
from enlist.verbs.staff import GrantRole
from enlist.verbs.terms import Draft, ListAcceptances, PublishTerms
from enlist.verbs.views import (
    ListApiKeys,
    ListDevices,
    ListEnrollments,
    ListEvents,
    ListMessages,
    ListOrganizations,
    ListUsers,
)
from enlist.verbs.views_details import ShowDevice, ShowEnrollment, ShowEvent, ShowUser
from enlist.verbs.views_overview import (
    Hits,
    Overview,
    SearchEverything,
)
from enlist.verbs.waves import ListWaves, StartWave, Whom
from enlist.verbs.webhooks import AddWebhook, ListWebhooks
from tests.alerts import raise_alert
from tests.verbs.fresh import PLAN
from tests.verbs.world import ADMINISTRATOR, STRANGER, World, request

LISTS: dict[str, Any] = {
    "devices": ListDevices,
    "enrollments": ListEnrollments,
    "users": ListUsers,
    "organizations": ListOrganizations,
    "messages": ListMessages,
    "events": ListEvents,
    "api_keys": ListApiKeys,
    "groups": ListGroups,
    "imports": ListImports,
    "listed_devices": ListListed,
    "terms_acceptances": ListAcceptances,
    "waves": ListWaves,
    "webhooks": ListWebhooks,
    "alerts": ListAlerts,
}
FEW = frozenset(LISTS) - {"users", "organizations", "events"}
"""One of each is made in an organization."""
SOME_ID = "00000000-0000-7000-8000-000000000000"


def accept(world: World, place: str, username: str) -> None:
    """A device of somebody's is enrolled, and its terms are accepted."""
    draft = Draft((TermsText("en", "Terms", "Be kind."),), "windows")
    terms = world.do(PublishTerms(place, draft)).id
    details = DeviceDetails(f"device {world.number()}", "windows")
    issued = world.do(Register("", username, details, Delivery("none")))
    presented = Presented(token=issued.token, accepts=terms)
    world.do(Redeem(presented, DeviceReport(platform="windows"), request()), STRANGER)


def inhabit(world: World, place: str) -> None:
    """Something of every kind in an organization."""
    user = world.add_user(place)
    world.do(Register("", user.id, DeviceDetails("laptop", "linux"), Delivery("email")))
    accept(world, place, user.username)
    world.do(CreateApiKey("robot", "reader", place))
    world.do(AddGroup(place, f"group {world.number()}"))
    world.do(AddImport(place, "simple", f"{world.number()}.csv", "", ("username",), 1))
    world.do(StartWave(place, PLAN, Whom(users=(user.id,))))
    world.do(PutOnList(place, DeviceList.DENY, (Entry("serial", f"SN-{world.number():06}"),)))
    world.do(AddWebhook(f"hook {world.number()}", "https://hooks.example.com/", place))
    raise_alert(world.installation.store, world.organizations[place], user.id)


def organizations_of(world: World, items: Any) -> set[str]:
    names = {found.id: name for name, found in world.organizations.items()}
    return {names[getattr(item, "organization_id", None) or item.id] for item in items}


# --- lists ----------------------------------------------------------------------------------------


def test_the_table_names_every_list() -> None:
    # Shown with the roles; test_device_sessions; test_webhooks, test_waves, test_nothing_leaks.
    elsewhere = {"role_holders", "device_sessions", "webhook_deliveries", "wave_members"}
    assert set(LISTS) | elsewhere == set(LISTINGS)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_what_is_ones_own_and_below(world: World, name: str) -> None:
    """S52."""
    for place in ("acme", "labs", "beta"):
        inhabit(world, place)
    view = LISTS[name]
    mine = world.see(view(), world.staff(Role.ADMINISTRATOR, "acme")).items
    assert organizations_of(world, mine) == {"acme", "labs"}
    below = world.see(view(), world.staff(Role.ADMINISTRATOR, "labs")).items
    assert organizations_of(world, below) == {"labs"}
    narrowed = world.see(view("LABS"), world.staff(Role.ADMINISTRATOR, "acme")).items
    assert organizations_of(world, narrowed) == {"labs"}


@pytest.mark.parametrize("name", LISTS)
def test_every_filter_and_sort_works_on_both_stores(either: World, name: str) -> None:
    listing, view = LISTINGS[name], LISTS[name]
    inhabit(either, "acme")
    values = dict.fromkeys(listing.filters, "x")
    values |= dict.fromkeys(("device", "enrollment", "after", "id", "group", "terms"), SOME_ID)
    values["user"] = ADMINISTRATOR
    values |= dict.fromkeys(("since", "before"), "1000")
    for wanted in listing.filters:
        either.see(view(filters={wanted: values[wanted]}))
    everything = either.see(view()).items
    assert len(everything) > 1 or name in FEW
    for sort in listing.sorts:
        for direction in ("", "-"):
            found: list[Any] = []
            cursor: str | None = ""
            while cursor is not None:
                page = either.see(view(sort=direction + sort, limit=1, cursor=cursor))
                found += page.items
                cursor = page.next_cursor
            assert sorted(map(repr, found)) == sorted(map(repr, everything))


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"sort": "colour"},
        {"limit": 0},
        {"limit": MOST_PER_PAGE + 1},
        {"cursor": "x"},
        {"cursor": "WzEsIjEiXQ"},
        {"filters": {"colour": "blue"}},
        {"search": "\x00"},
    ],
)
def test_a_list_cannot_be_asked_nonsense(world: World, name: str, wrong: dict[str, Any]) -> None:
    refusal: Any = world.look(LISTS[name](**wrong))
    assert refusal.code == "validation_failed"


@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_of_another_sort_is_refused(either: World, name: str) -> None:
    """It would be a fault of the database: text compared with a number."""
    for _ in range(2):
        inhabit(either, "acme")
    view, moments = LISTS[name], [s for s in LISTINGS[name].sorts if s.endswith("at")]
    texts = [sort for sort in LISTINGS[name].sorts if sort not in moments]
    for given in moments[:1]:
        cursor = either.see(view(sort=given, limit=1)).next_cursor
        for sort in texts:
            refusal: Any = either.look(view(sort=sort, limit=1, cursor=cursor))
            assert refusal.code == "validation_failed"
    for given in texts[:1]:
        cursor = either.see(view(sort=given, limit=1)).next_cursor
        for sort in moments:
            refusal = either.look(view(sort=sort, limit=1, cursor=cursor))
            assert refusal.code == "validation_failed"


def test_a_filter_takes_a_user_name_but_no_siblings(world: World) -> None:
    ours, theirs = world.add_user("acme"), world.add_user("beta")
    device_id = world.register(ours).device_id
    world.register(ours)
    caller = world.staff(Role.READER, "acme")
    named = world.see(ListDevices(filters={"user": ours.username.upper()}), caller)
    assert device_id in {device.id for device in named.items}
    for name in (theirs.username, theirs.id):
        refusal: Any = world.look(ListDevices(filters={"user": name}), caller)
        assert refusal.code == "not_found"


def test_a_filter_by_a_siblings_id_finds_nothing(world: World) -> None:
    issued = world.register(world.add_user("beta"))
    caller = world.staff(Role.ADMINISTRATOR, "acme")
    views: list[Any] = [
        ListEnrollments(filters={"device": issued.device_id}),
        ListEvents(filters={"device": issued.device_id}),
        ListEvents(filters={"enrollment": issued.enrollment_id}),
        ListMessages(filters={"enrollment": issued.enrollment_id}),
    ]
    for view in views:
        assert world.see(view, caller).items == ()


def test_search_takes_percent_and_underscore_as_they_are(world: World) -> None:
    """A39."""
    user = world.add_user("acme")
    for name in ("100% mine", "a_b", "axb"):
        world.do(Register("", user.id, DeviceDetails(name, "linux"), Delivery("none")))
    found = [d.name for d in world.see(ListDevices(search="A_B")).items]
    assert found == ["a_b"]
    assert [d.name for d in world.see(ListDevices(search="0%")).items] == ["100% mine"]


def test_somebody_whose_role_is_elsewhere_starts_there(world: World) -> None:
    user = world.add_user("beta")
    world.do(GrantRole(user.id, "labs", "reader"))
    inhabit(world, "labs")
    inhabit(world, "beta")
    items = world.see(ListDevices(), world.person(user.id)).items
    assert organizations_of(world, items) == {"labs"}


# --- staff ----------------------------------------------------------------------------------------


@pytest.fixture
def office(world: World) -> World:
    """An operator of acme with a device and a message, beside a user without roles."""
    inhabit(world, "acme")
    operator = world.staff(Role.OPERATOR, "acme", "operator@example.com")
    assert operator.id is not None
    world.do(Register("", operator.id, DeviceDetails("staff laptop", "linux"), Delivery("email")))
    return world


@pytest.mark.parametrize("name", ["devices", "enrollments", "users", "messages", "events"])
@pytest.mark.parametrize("role", [Role.HELPDESK, Role.READER])
def test_the_help_desk_sees_nothing_about_staff(office: World, name: str, role: Role) -> None:
    items = office.see(LISTS[name](), office.staff(role, "acme")).items
    assert items
    shown = [repr(item) for item in items if "operator@example.com" in repr(item)]
    assert bool(shown) == (role is Role.READER)


def test_the_help_desk_finds_no_staff_by_id(office: World) -> None:
    helper = office.staff(Role.HELPDESK, "acme")
    device = office.see(ListDevices(search="staff laptop")).items[0]
    enrollment = office.see(ListEnrollments(filters={"device": device.id})).items[0]
    event = office.events(kind="role.granted")[-1]
    for view in (
        ShowUser("operator@example.com"),
        ShowDevice(device.id),
        ShowEnrollment(enrollment.id),
        ShowEvent(event.id),
    ):
        refusal: Any = office.look(view, helper)
        assert refusal.code == "not_found"
    assert office.see(SearchEverything("operator@"), helper) == Hits()
    assert office.see(SearchEverything("staff laptop"), helper) == Hits()


def test_the_help_desk_does_not_see_who_of_the_staff_did_it(world: World) -> None:
    operator = world.staff(Role.OPERATOR, "acme", "operator@example.com")
    user = world.add_user("acme")
    world.do(Register("", user.id, DeviceDetails("laptop", "linux")), operator)
    for role in (Role.HELPDESK, Role.READER):
        caller = world.staff(role, "acme")
        event = world.see(ListEvents(filters={"kind": "device.registered"}), caller).items[0]
        assert (event.personal.get("actor") == "operator@example.com") == (role is Role.READER)
        assert event.personal["user"] == user.username


def test_the_help_desk_does_not_see_who_brought_an_import(world: World) -> None:
    """Nor does somebody below, where it was somebody above."""
    operator = world.staff(Role.OPERATOR, "acme", "operator@example.com")
    job = world.do(AddImport("labs", "simple", "p.csv", "", ("username",), 1), operator)
    for role, place in ((Role.HELPDESK, "acme"), (Role.READER, "labs"), (Role.READER, "acme")):
        caller = world.staff(role, place)
        shown = (world.see(ListImports(), caller).items[0], world.see(ShowImport(job.id), caller))
        known = (role, place) == (Role.READER, "acme")
        assert {each.maker for each in shown} == {"operator@example.com" if known else ""}
        assert not world.see(ListImports(search="operator"), caller).items
    assert world.see(ShowImport(job.id), operator).maker == "operator@example.com"


def test_everybody_sees_himself(world: World) -> None:
    user = world.add_user("acme")
    issued = world.register(user)
    shown = world.see(ShowUser(user.id), world.person(user.id))
    assert [device.id for device in shown.devices.items] == [issued.device_id]
    helper = world.staff(Role.HELPDESK, "acme")
    assert helper.id is not None
    assert world.see(ShowUser(helper.id), helper).roles[0].role == Role.HELPDESK


# --- details --------------------------------------------------------------------------------------


def test_a_devices_whole_story_is_on_one_page(either: World) -> None:
    user = either.add_user("acme")
    enrolled = either.enroll(either.register(user))
    detail = either.see(ShowDevice(enrolled.device_id))
    assert detail.user == user
    assert [c.certificate for c in detail.credentials] == [enrolled.certificate]
    assert [e.state.value for e in detail.enrollments] == ["used"]
    newest, *first = [event.kind for event in detail.timeline.items]
    assert newest == "enrollment.redeemed"
    assert set(first) == {"device.registered", "enrollment.revealed"}  # of one transaction
    enrollment = either.see(ShowEnrollment(detail.enrollments[0].id))
    assert enrollment.device == detail.device
    assert enrollment.timeline.items == detail.timeline.items


def test_a_token_is_on_no_page(world: World) -> None:
    user = world.add_user("acme")
    issued = world.register(user)
    assert issued.token is not None
    views: list[Any] = [
        ShowDevice(issued.device_id),
        ShowEnrollment(issued.enrollment_id),
        ShowUser(user.id),
        Overview(),
        ListEvents(),
        ListEnrollments(),
    ]
    shown = [world.see(view) for view in views]
    assert issued.token.reveal() not in repr(shown)
    assert user.username in repr(shown)


@pytest.mark.parametrize("sort", ["at", "-at"])
def test_events_of_a_period(either: World, sort: str) -> None:
    """From a moment on, that moment included; until another, that one not."""
    made = []
    for _ in range(4):
        either.clock.forward(HOUR)
        made.append(either.events(user=either.add_user("acme").id)[-1])
    since, before = str(made[1].at), str(made[3].at)
    view = ListEvents("acme", sort=sort, filters={"since": since, "before": before})
    assert {event.id for event in either.see(view).items} == {made[1].id, made[2].id}
    later = {event.id for event in either.see(ListEvents(filters={"since": since})).items}
    assert later == {event.id for event in made[1:]}
    earlier = either.see(ListEvents(filters={"before": before}, limit=500)).items
    assert made[0].id in {event.id for event in earlier}
    assert made[3].id not in {event.id for event in earlier}


def test_a_period_holds_what_a_clock_set_back_dated_later(either: World) -> None:
    """Ids never run backwards, and so may be dated later than the moment of their event."""
    either.clock.forward(HOUR)
    either.add_user("acme")
    either.clock.forward(-5 * SECOND)
    event = either.events(user=either.add_user("acme").id)[-1]
    view = ListEvents(filters={"before": str(event.at + 1), "since": str(event.at)})
    assert event.id in {found.id for found in either.see(view).items}


@pytest.mark.parametrize("moment", ["-1", "0", "9" * 30])
def test_a_period_may_be_as_long_as_one_likes(either: World, moment: str) -> None:
    either.see(ListEvents(filters={"since": moment, "before": moment}))
    refusal: Any = either.look(ListEvents(filters={"since": "yesterday"}))
    assert refusal.code == "validation_failed"
