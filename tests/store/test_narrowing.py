"""Long lists are found by index, and are the same whichever way they were found (P18)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from enlist.core.caller import Caller
from enlist.store import narrowing
from enlist.store.listing import LISTINGS, Page
from enlist.store.narrowing import Part, Searching
from enlist.store.tx import QUERIES
from enlist.verbs.device_details import DeviceDetails
from enlist.verbs.register import Register
from enlist.verbs.staff import GrantRole
from enlist.verbs.views import ListDevices, ListEnrollments, ListEvents, ListMessages, ListUsers
from enlist.verbs.views_overview import SearchEverything
from tests.installation import MAILED, Enlist, code
from tests.store.filling import fill
from tests.store.raw import Raw

BY_INDEX = {
    "devices.begins": {"device_name", "user_by_username", "device_serial", "device_asset_number"},
    "devices.state.blocked": {"device_out"},
    "devices.state.unenrolled": {"device_out"},
    "devices.place": {"device_organization"},
    "enrollments.begins": {"device_name", "user_by_username", "message_recipient"},
    "enrollments.state.active": {"enrollment_due"},
    "enrollments.state.expired": {"enrollment_due"},
    "enrollments.state.used": {"enrollment_used"},
    "enrollments.state.revoked": {"enrollment_over"},
    "enrollments.state.on_hold": {"enrollment_over"},
    "enrollments.first_seen.day": {"enrollment_used"},
    "enrollments.first_seen.earlier": {"enrollment_used"},
    "enrollments.message_state.failed": {"message_over"},
    "enrollments.message_state.queued": {"message_due"},
    "enrollments.device_state.blocked": {"device_out", "enrollment_device"},
    "enrollments.place": {"enrollment_organization"},
    "events.place": {"event_organization"},
    "messages.begins": {"message_recipient"},
    "messages.state.failed": {"message_over"},
    "messages.state.sending": {"message_due"},
    "messages.place": {"message_organization"},
    "users.begins": {
        "user_by_username",
        "user_by_email",
        "user_by_first_name",
        "user_by_last_name",
        "user_by_phone",
    },
    "users.state.disabled": {"user_state"},
    "users.source.scim": {"user_source"},
    "users.place": {"user_organization"},
}
THROUGH = {
    ("enrollments", "user"): {"user_by_username", "enrollment_user"},
    ("enrollments", "device"): {"device_name", "enrollment_device"},
    ("devices", "user"): {"user_by_username", "device_user"},
}
IN_ORDER = {
    ("users", "username"): "user_by_username",
    ("users", "email"): "user_by_email",
    ("users", "name"): "user_by_name",
    ("devices", "name"): "device_name",
    ("messages", "recipient"): "message_recipient",
}


def test_what_narrows_a_list_is_found_by_index(enlist: Enlist, raw: Raw) -> None:
    """And a list that is sorted by a name is read in the order of its index."""
    if enlist.store.dialect == "postgres":
        fill(enlist, raw)
        for whole in ("seqscan", "mergejoin", "hashjoin", "bitmapscan", "sort"):
            raw.execute(f"SET enable_{whole} = off")
    for name, indexes in BY_INDEX.items():
        plan = "\n".join(raw.plan(QUERIES[f"narrow.{name}"]))
        assert {each for each in indexes if each in plan} == indexes, (name, plan)
    for (name, sort), index in IN_ORDER.items():
        for descending, following in itertools.product((False, True), repeat=2):
            query = LISTINGS[name].query(
                sort, descending, (), searching=Searching.NOT, following=following
            )
            plan = "\n".join(raw.plan(query))
            assert index in plan or "user_username" in plan, plan
            assert "TEMP B-TREE" not in plan, plan
    for (name, sort), indexes in THROUGH.items():
        for descending, following in itertools.product((False, True), repeat=2):
            through, alone = (
                "\n".join(
                    raw.plan(
                        LISTINGS[name].query(
                            sort,
                            descending,
                            (),
                            searching=Searching.NOT,
                            following=following,
                            part=part,
                        )
                    )
                )
                for part in (Part.THROUGH, Part.ALONE)
            )
            assert {each for each in indexes if each in through} == indexes, through
            assert "TEMP B-TREE FOR ORDER BY" not in through, through
            if enlist.store.dialect == "sqlite":  # there, copies of one row all belong to nobody
                assert any(each in alone for each in indexes), alone


def test_a_flag_is_looked_for_among_refusals_alone(enlist: Enlist, raw: Raw) -> None:
    query = LISTINGS["events"].query(
        "at", True, ("after", "flag"), searching=Searching.NOT, following=False
    )
    if enlist.store.dialect == "postgres":
        for whole in ("seqscan", "bitmapscan", "sort"):
            raw.execute(f"SET enable_{whole} = off")
    assert "event_refused" in "\n".join(raw.plan(query))


@pytest.fixture
def company(enlist: Enlist, raw: Raw) -> Enlist:
    """A few of everything, in two organizations, and some that is nobody's."""
    enlist.organization("labs")
    for name, place in (("ada", "main"), ("grace", "labs"), ("alan", "labs"), ("Örs", "main")):
        address = f"{name}@example.com" if name.isascii() else "oers@example.com"
        enlist.user(name, organization=place if place != "main" else "", email=address)
        for number, platform in enumerate(("linux", "windows", "macos", "ios")):
            details = DeviceDetails(f"{platform} box {name}", platform, serial=f"SN{name}{number}")
            issued = enlist.do(Register("labs" if number else "", name, details, MAILED))
            ticket = enlist.reissue(issued.enrollment_id)
            if number == 1:
                assert code(enlist.redeem(ticket.token, platform=platform)) == "done"
            elif number == 2:
                assert code(enlist.revoke(issued.enrollment_id)) == "done"
    for table in ("device", "enrollment", "message"):
        raw.execute(
            f"UPDATE {table} SET user_id = NULL WHERE user_id IN "
            "(SELECT id FROM app_user WHERE username_folded = 'alan')"
        )
    return enlist


LISTS = (ListDevices, ListEnrollments, ListUsers, ListMessages, ListEvents)
TEXTS = ("", "A", "box", "linux box g", "snada1", "grace@", "ÖRS", "_")
VALUES = {
    "state": ("active", "expired", "used", "revoked", "registered", "enrolled", "queued", "failed"),
    "token_status": ("active", "used"),
    "first_seen": ("never", "day", "earlier"),
    "message_state": ("queued", "failed"),
    "source": ("basic", "command_line"),
    "role": ("helpdesk",),
}


def asked(view: type[Any]) -> Iterator[Any]:
    listing = LISTINGS[view.__name__.removeprefix("List").lower()]
    for text in TEXTS:
        yield view(search=text, limit=3)
    for name in VALUES.keys() & listing.filters.keys():
        for value in VALUES[name]:
            yield view(filters={name: value}, limit=3)
    for sort in listing.sorts:
        for sign in ("", "-"):
            yield view(search="a", sort=f"{sign}{sort}", limit=6)


def everything(enlist: Enlist, caller: Caller, view: Any) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    while True:
        page = enlist.driver.view(view, caller)
        assert isinstance(page, Page), page
        found += [item.id for item in page.items]
        if page.next_cursor is None:
            return found
        view = type(view)(
            view.organization, view.search, view.filters, view.sort, view.limit, page.next_cursor
        )


def test_a_list_is_the_same_with_and_without_what_narrows_it(
    company: Enlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks: who sees all, who may not know everybody, and who sees no staff."""
    below = [company.staff(role, "labs") for role in ("administrator", "helpdesk")]
    company.do(GrantRole("grace", "labs", "reader"))
    different = 0
    for view, caller in itertools.product(LISTS, (company.host, *below)):
        for wanted in asked(view):
            seen = []
            for few in (-1, 5000):  # never and always
                monkeypatch.setattr(narrowing, "FEW", few)
                seen.append(everything(company, caller, wanted))
            assert seen[0] == seen[1], (wanted, caller.name, seen)
            different += bool(seen[0])
    assert different > 50


def test_what_begins_so_is_found_and_else_what_contains_it(company: Enlist) -> None:
    """The cursor keeps which of both it was: a page that follows finds as the first one did."""

    def named(text: str, **more: Any) -> list[str]:
        page = company.see(ListDevices(search=text, sort="name", **more))
        return [device.name for device in page.items]

    assert named("linux") == [f"linux box {each}" for each in ("ada", "alan", "grace", "Örs")]
    assert len(named("x box", limit=500)) == 4
    assert len(everything(company, company.host, ListDevices(search="x box", limit=3))) == 4
    assert len(everything(company, company.host, ListDevices(search="box", limit=3))) == 16
    hits = company.see(SearchEverything("ada"))
    assert {each.username for each in hits.users} == {"ada"}
    hits = company.see(SearchEverything("box gr"))
    assert {each.username for each in hits.devices} == {"grace"}
