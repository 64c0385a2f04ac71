"""A device goes to somebody else, or another one takes its place, from the device's page (X33)."""

from __future__ import annotations

import pytest

from enlist.core.sessions import Ending
from enlist.verbs.reassign import Reassign
from enlist.verbs.reissue import DeleteEnrollment
from tests.connections import Process, enrolled
from tests.installation import Enlist
from tests.web.console.conftest import Console, Desk, Page
from tests.web.console.renewing import UNTIL, registered, section, standing


def at(device_id: str, act: str) -> str:
    return f"/console/main/devices/{device_id}/{act}"


def offered(desk: Desk, device_id: str) -> set[str]:
    shown = section(desk, device_id)
    return {each for each in ("reassign", "replace") if at(device_id, each) in shown}


def to_grace(desk: Desk, device_id: str, **more: str) -> Page:
    """Name her, and press the button on the page that comes, as it is."""
    page = desk.open(at(device_id, "reassign") + "?user=grace")
    names = ("preview", "user", "organization", "grant", "expires_at")
    sent = {name: page.value(name) for name in names}
    return desk.send(at(device_id, "reassign"), sent | more)


def test_who_may_is_offered_them_where_they_fit(console: Console, enlist: Enlist) -> None:
    """To reassign at any time; to replace what has enrolled. What was deleted is final (D17)."""
    device, waiting = enrolled(enlist), registered(enlist)
    deleted = registered(enlist)
    enlist.do(DeleteEnrollment(deleted.enrollment_id))
    desk = console.sign_in("operator")
    assert offered(desk, device.device_id) == {"reassign", "replace"}
    assert offered(desk, waiting.device_id) == {"reassign"}
    assert offered(desk, deleted.device_id) == set()
    final = desk.open(at(deleted.device_id, "reassign") + "?user=grace")
    assert "That is final here." in desk.follow(final).main
    helper = console.sign_in("helpdesk")
    assert offered(helper, device.device_id) == set()
    assert helper.open(at(device.device_id, "reassign")).status == 403
    assert helper.open(at(device.device_id, "replace")).status == 403


def test_a_device_goes_to_another_user(console: Console, enlist: Enlist) -> None:
    """What ends is shown first; then it ends, and the new enrollment is hers."""
    device, process = enrolled(enlist), Process.of(enlist)
    session_id = process.open(device)
    grace = enlist.user("grace")
    desk = console.sign_in("operator")
    asked = desk.open(at(device.device_id, "reassign"))
    assert ("get", at(device.device_id, "reassign")) in asked.forms
    shown = desk.open(at(device.device_id, "reassign") + "?user=grace").main
    assert "It is grace's from now on, and ada's no more." in shown
    assert "1 live session drops at once" in shown
    assert device.serial in shown
    page = desk.follow(to_grace(desk, device.device_id, send="yes"))
    assert "laptop-0 is grace's now: what it held has ended." in page.main
    assert "on its way to grace@example.com" in page.main
    assert enlist.device(device.device_id).user_id == grace.id
    assert standing(enlist, device.device_id, device.serial) == "credential_revoked"
    assert process.beat(session_id) == {session_id: Ending.CREDENTIAL_REVOKED}


def test_what_was_not_shown_is_not_confirmed(console: Console, enlist: Enlist) -> None:
    """X45: neither another situation, nor another user than was shown."""
    device, process = enrolled(enlist), Process.of(enlist)
    enlist.user("grace"), enlist.user("bob")
    desk = console.sign_in("operator")
    other = to_grace(desk, device.device_id, user="bob")
    assert other.status == 409
    assert "It is bob's from now on" in other.main
    address = at(device.device_id, "reassign")
    shown = desk.open(address + "?user=grace")
    process.open(device)
    sent = {"user": "grace", "expires_at": UNTIL, "preview": shown.value("preview")}
    again = desk.send(address, sent)
    assert again.status == 409
    assert "1 live session drops at once" in again.main
    assert (again.value("user"), again.value("expires_at")) == ("grace", UNTIL)
    assert standing(enlist, device.device_id, device.serial) == "done"
    done = desk.send(address, sent | {"preview": again.value("preview")})
    assert "is grace's now" in desk.follow(done).main


@pytest.mark.parametrize(
    ("asked", "field", "told"),
    [
        ("user=nobody", "user", "There is no such user that you may see."),
        ("user=grace&organization=none", "organization", "There is no such organization"),
        ("user=heidi&organization=main", "organization", "organization or one below it"),
    ],
)
def test_whom_it_cannot_go_to_is_said_at_the_field(
    console: Console, enlist: Enlist, asked: str, field: str, told: str
) -> None:
    device = enrolled(enlist)
    enlist.user("grace")
    enlist.user("heidi", organization=enlist.organization("east").id)
    page = console.sign_in("operator").open(at(device.device_id, "reassign") + "?" + asked)
    assert page.status in (404, 422)
    assert told in page.source.partition(f'id="{field}-error">')[2].partition("<")[0]


def test_his_own_device_is_not_given_to_him(console: Console, enlist: Enlist) -> None:
    device = enrolled(enlist)
    page = console.sign_in("operator").open(at(device.device_id, "reassign") + "?user=ada")
    assert page.status == 409
    assert "The device is this user's already." in page.main


def test_with_a_user_of_another_organization_it_moves_there(
    console: Console, enlist: Enlist
) -> None:
    device = enrolled(enlist)
    enlist.user("grace", organization=enlist.organization("east").id)
    desk = console.sign_in("operator")
    shown = desk.open(at(device.device_id, "reassign") + "?user=grace").main
    assert "It moves to the organization east." in shown
    desk.follow(to_grace(desk, device.device_id))
    assert enlist.device(device.device_id).group_id == "east"


def test_what_is_left_out_of_the_time_before_is_said(console: Console, enlist: Enlist) -> None:
    """Siblings never see each other; staff of both are shown all of it."""
    enlist.organization("east")
    enlist.organization("west")
    enlist.user("ada", organization="east")
    enlist.user("grace", organization="west")
    device = enrolled(enlist)
    enlist.do(Reassign(device.device_id, "grace"))
    address = f"/console/west/devices/{device.device_id}"
    page = console.sign_in("reader", "west").open(address).main
    assert "What happened there is not shown to you." in page
    assert "registered" not in page.partition("Timeline")[2]
    page = console.sign_in("reader").open(address).main
    assert "is not shown to you" not in page
    assert "registered" in page.partition("Timeline")[2]


def test_a_new_device_takes_the_place_of_the_old_one(console: Console, enlist: Enlist) -> None:
    """The old one goes on until then; pressed twice, the button makes one (ruling 25)."""
    device, process = enrolled(enlist), Process.of(enlist)
    process.open(device)
    desk = console.sign_in("operator")
    address = at(device.device_id, "replace")
    page = desk.open(address)
    assert "Nothing ends now." in page.main
    assert "Its sessions drop, 1 at present, from 192.0.2.0/24" in page.main
    names = ("preview", "nonce", "name", "platform", "serial", "grant", "expires_at")
    sent = {name: page.value(name) for name in names} | {"name": "Ada's new one", "serial": "C02"}
    wrong = desk.send(address, sent | {"platform": "amiga"})
    assert wrong.status == 422
    assert "must be one of" in wrong.source.partition('id="platform-error">')[2].partition("<")[0]
    made = desk.send(address, sent)
    assert desk.send(address, sent).location == made.location
    told = desk.follow(made).main
    assert "Registered in the place of laptop-0" in told
    new_id = made.location.rpartition("/")[2]
    new = enlist.device(new_id)
    assert (new.name, new.serial, new.username) == ("Ada's new one", "C02", "ada")
    assert len(enlist.rows("device")) == 2
    assert standing(enlist, device.device_id, device.serial) == "done"
    assert enlist.rows("enrollment", device_id=new_id)[0]["replaces_device_id"] is not None
    process.open(device)
    late = desk.open(address)
    stale = {**sent, "nonce": late.value("nonce")}
    assert desk.send(address, stale).status == 409, "another session than was shown"
