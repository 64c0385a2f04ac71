"""What each role is offered: nothing that it may not use, and everything that it may."""

from __future__ import annotations

import pytest

from tests.installation import Enlist
from tests.web.console.conftest import Console, Crawl

ROLES = ("administrator", "operator", "helpdesk", "reader")
STAFF = frozenset({"administrator", "operator"})
ALL_BUT_READER = STAFF | {"helpdesk"}


@pytest.mark.parametrize("role", ROLES)
def test_a_waiting_device_offers_what_the_role_may_do(
    console: Console, enlist: Enlist, role: str
) -> None:
    ticket = enlist.register("ada")
    page = console.sign_in(role).open(f"/console/main/devices/{ticket.device_id}")
    device, enrollment = f"/console/main/devices/{ticket.device_id}", ticket.enrollment_id
    assert page.status == 200
    offered = {
        f"{device}/edit": STAFF,
        f"{device}/delete": STAFF,
        f"/console/main/enrollments/{enrollment}/resend": ALL_BUT_READER,
        f"/console/main/enrollments/{enrollment}/reissue": ALL_BUT_READER,
        f"/console/main/enrollments/{enrollment}/revoke": STAFF,
    }
    for address, roles in offered.items():
        assert page.leads_to(address) is (role in roles), (address, role)
    assert not page.leads_to(f"{device}/issue"), "one enrollment is live already"


@pytest.mark.parametrize("role", ROLES)
def test_lists_offer_what_the_role_may_do(console: Console, enlist: Enlist, role: str) -> None:
    enlist.register("ada")
    desk = console.sign_in(role)
    for address in ("/console/main/", "/console/main/devices", "/console/main/enrollments"):
        page = desk.open(address)
        assert page.leads_to("/console/main/devices/new") is (role in STAFF), address
    page = desk.open("/console/main/enrollments")
    assert ('value="resend"' in page.source) is (role in ALL_BUT_READER)
    assert ('value="revoke"' in page.source) is (role in STAFF)
    assert ('name="id"' in page.source) is (role in ALL_BUT_READER)


@pytest.mark.parametrize("role", ["helpdesk", "reader"])
def test_forms_that_could_not_be_sent_are_not_shown(
    console: Console, enlist: Enlist, role: str
) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in(role)
    pages = ("devices/new", f"devices/{ticket.device_id}/edit", f"devices/{ticket.device_id}/issue")
    for page in pages:
        answer = desk.open(f"/console/main/{page}")
        assert answer.status == 403, page
        assert "You may not do this" in answer.main


@pytest.mark.parametrize("role", ["helpdesk", "reader"])
def test_what_is_not_offered_is_refused_too(console: Console, enlist: Enlist, role: str) -> None:
    ticket = enlist.register("ada")
    desk = console.sign_in(role)
    before = enlist.enrollment(ticket.enrollment_id)
    forms = {
        f"devices/{ticket.device_id}/delete": {},
        f"devices/{ticket.device_id}/edit": {"name": "mine"},
        f"enrollments/{ticket.enrollment_id}/revoke": {},
        "devices/new": {"step": "save", "user": "ada", "name": "x", "platform": "linux"},
    }
    for address, fields in forms.items():
        answer = desk.send(f"/console/main/{address}", fields)
        assert answer.status == 403, address
        assert "You may not do this" in answer.text
        assert "Support code" in answer.text
    assert enlist.enrollment(ticket.enrollment_id) == before
    assert len(enlist.devices()) == 1


@pytest.mark.parametrize("role", ROLES)
def test_every_link_of_every_page_leads_somewhere(
    console: Console, enlist: Enlist, crawl: Crawl, role: str
) -> None:
    enlist.organization("alpha")
    waiting = enlist.register("ada", name="waiting")
    enrolled = enlist.register("bob", name="enrolled")
    enlist.redeem(enrolled.token)
    revoked = enlist.register("cyd", name="revoked", organization="alpha")
    enlist.revoke(revoked.enrollment_id)
    enlist.reissue(waiting.enrollment_id)
    pages = crawl(console.sign_in(role), "/console/main/")
    assert len(pages) > 10
    bad = {address: page.status for address, page in pages.items() if page.status >= 400}
    assert not bad
