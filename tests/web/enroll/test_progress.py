"""The end of the enrollment page: it tells when the device has joined, to whoever began alone."""

from __future__ import annotations

import pytest

from enlist.verbs.begin import ATTEMPT_LIFETIME
from enlist.verbs.devices import DeleteDevice
from enlist.verbs.users import SetUserState
from tests.installation import PASSWORD, Enlist, code
from tests.web.enroll.conftest import NewVisitor, Visitor
from tests.web.enroll.walking import begun, code_on, progress_on

LOOKS_AGAIN = {"x_looks_again": "yes"}


def test_page_tells_when_the_device_has_joined(enlist: Enlist, visitor: Visitor) -> None:
    shown, address = begun(enlist, visitor)
    assert shown.replace("-", "") not in address.replace("-", "")
    page = visitor.open(address)
    assert page.status == 200
    assert "The device has not joined yet" in page.text
    assert progress_on(page) == address
    assert visitor.open(address, **LOOKS_AGAIN).status == 204
    enlist.clock.advance(minutes=2)
    assert code(enlist.redeem(shown)) == "done"
    for headers in ({}, LOOKS_AGAIN):
        page = visitor.open(address, **headers)
        assert page.status == 200
        assert "The device has joined" in page.text
        assert "“Ada's laptop” belongs to" in page.text
        assert "12:02 PM UTC" in page.text
        assert "data-progress" not in page.source
    enlist.clock.advance(minutes=30)
    assert "The device has joined" in visitor.open(address).text


def test_it_is_told_of_a_device_that_came_by_the_token(enlist: Enlist, visitor: Visitor) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    address = progress_on(visitor.begin())
    enlist.redeem(ticket.token)
    assert "The device has joined" in visitor.open(address).text


def test_it_is_told_of_a_device_that_went_on_elsewhere(
    enlist: Enlist, visitor: Visitor, new_visitor: NewVisitor
) -> None:
    """The first code, typed on another screen, makes the attempt that is finished."""
    first, address = begun(enlist, visitor)
    other = new_visitor()
    other.open()
    other.check(first)
    enlist.redeem(code_on(other.begin()))
    assert "The device has joined" in visitor.open(address).text


def test_it_is_told_of_a_device_that_came_by_sign_in(enlist: Enlist, visitor: Visitor) -> None:
    enlist.organization("north")
    enlist.user("ada", organization="north")
    visitor.open()
    visitor.check("north", login=("ada", PASSWORD))
    page = visitor.begin()
    address = progress_on(page)
    assert "has not joined yet" in visitor.open(address).text
    enlist.redeem(code_on(page))
    assert "The device has joined" in visitor.open(address).text


@pytest.mark.parametrize(
    "end", ["run out", "withdrawn", "replaced", "deleted", "disabled", "swept"]
)
def test_it_is_told_when_the_code_leads_nowhere(enlist: Enlist, visitor: Visitor, end: str) -> None:
    ticket = enlist.register()
    visitor.open()
    visitor.check(ticket.token)
    address = progress_on(visitor.begin())
    if end == "run out":
        enlist.clock.now += ATTEMPT_LIFETIME
    elif end == "withdrawn":
        enlist.revoke(ticket.enrollment_id)
    elif end == "replaced":
        enlist.reissue(ticket.enrollment_id)
    elif end == "deleted":
        enlist.do(DeleteDevice(ticket.device_id))
    elif end == "disabled":
        enlist.do(SetUserState("ada", "disabled"))
    else:
        enlist.clock.advance(hours=2)
        assert visitor.open(address).location == "/enroll"
        return
    page = visitor.open(address, **LOOKS_AGAIN)
    assert page.status == 200
    assert "The code is no longer good" in page.text


def test_nobody_else_is_told(enlist: Enlist, visitor: Visitor, new_visitor: NewVisitor) -> None:
    """The address serves the browser that began, and proves nothing that it was not made for."""
    shown, address = begun(enlist, visitor)
    enlist.redeem(shown)
    stranger = new_visitor()
    stranger.open()
    for asked in (address, "/enroll/progress", "/enroll/progress?of=", "/enroll/progress?of=%00x"):
        assert stranger.open(asked).location == "/enroll"
    form = visitor.open("/enroll").hidden("nonce")
    assert visitor.open(f"/enroll/progress?of={form}").location == "/enroll"


def test_looking_is_no_event(enlist: Enlist, visitor: Visitor) -> None:
    _, address = begun(enlist, visitor)
    before = len(enlist.events())
    for _ in range(5):
        visitor.open(address, **LOOKS_AGAIN)
    assert len(enlist.events()) == before
