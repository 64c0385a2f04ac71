"""The device page's enrollment section: reset, reissue, delete, as they fit (seed 003)."""

from __future__ import annotations

import re

import pytest

from enlist.core.clock import rfc3339
from enlist.core.model import GrantKind
from enlist.core.secrets import Secret
from enlist.core.sessions import Ending
from enlist.store import holds
from enlist.verbs.organizations import ChangeOrganization
from enlist.verbs.reissue import DeleteEnrollment
from enlist.verbs.sign_in import StartSignIn
from tests.connections import Process, enrolled
from tests.installation import PASSWORD, Enlist
from tests.web.console.conftest import Console, Desk, Page
from tests.web.console.renewing import UNTIL, registered, section, standing

JWT, TOKEN = GrantKind.ONE_TIME_JWT, GrantKind.REGISTRATION_TOKEN


def offered(desk: Desk, device_id: str) -> set[str]:
    """What the enrollment section offers to do."""
    ways = r'(?:href|action)="[^"]*/(reset|issue|reissue|revoke|delete|resend|jwt|qr)"'
    return set(re.findall(ways, section(desk, device_id)))


def reset_page(device_id: str) -> str:
    return f"/console/main/devices/{device_id}/reset"


@pytest.mark.parametrize(
    ("grant", "pending", "expired"),
    [
        (JWT, {"delete", "resend", "jwt", "qr"}, {"reissue"}),
        (TOKEN, {"delete", "resend", "reissue", "revoke"}, {"reissue", "revoke"}),
    ],
)
def test_each_place_in_life_has_its_own_buttons(
    console: Console, enlist: Enlist, grant: GrantKind, pending: set[str], expired: set[str]
) -> None:
    """D01: none, pending, expired, enrolled."""
    issued = registered(enlist, grant)
    assert offered(console.sign_in("operator"), issued.device_id) == pending
    enlist.clock.now = issued.expires_at
    desk = console.sign_in("operator")
    assert offered(desk, issued.device_id) == expired
    assert offered(desk, enrolled(enlist).device_id) == {"reset"}


def test_after_a_reset_the_section_begins_anew(console: Console, enlist: Enlist) -> None:
    """D01, D13: delivery and Delete, then Reissue once it ran out; and which link a reset ends."""
    device = enrolled(enlist)
    desk = console.sign_in("operator")
    desk.follow(send_reset(desk, device.device_id, grant=JWT.value, expires_at=UNTIL))
    assert offered(desk, device.device_id) == {"delete", "resend", "jwt", "qr"}
    ending = desk.open(reset_page(device.device_id)).main
    assert "The one-time JWT of" in ending
    assert "stops working; whoever still has it is told that a newer one was made" in ending
    enlist.clock.now = enlist.enrollments_of(device.device_id)[0].expires_at
    desk = console.sign_in("operator")
    assert offered(desk, device.device_id) == {"reissue"}
    assert "has expired already; it stays dead" in desk.open(reset_page(device.device_id)).main


def test_who_may_not_is_offered_less(console: Console, enlist: Enlist) -> None:
    """D24."""
    issued, device = registered(enlist), enrolled(enlist)
    for role, offers in (("reader", set()), ("helpdesk", {"resend"})):
        desk = console.sign_in(role)
        assert offered(desk, issued.device_id) == offers
        assert offered(desk, device.device_id) == set()
        assert desk.open(reset_page(device.device_id)).status == 403
        sent = {"expires_at": UNTIL}
        assert desk.send(reset_page(device.device_id), sent).status == 403
    assert standing(enlist, device.device_id, device.serial) == "done"


def test_an_expired_token_says_so_in_red_and_in_words(console: Console, enlist: Enlist) -> None:
    """D12; the colour itself is looked at in a browser."""
    issued = registered(enlist)
    enlist.clock.now = issued.expires_at
    source = section(console.sign_in("reader"), issued.device_id)
    assert '<span class="overdue">Its token ran out unused on' in source
    assert ">Expired</span>" in source


def test_a_reset_shows_first_what_ends(console: Console, enlist: Enlist) -> None:
    """D10: which certificate, how many sessions, from where; opening the page does nothing."""
    device, process = enrolled(enlist), Process.of(enlist)
    process.open(device)
    desk = console.sign_in("operator")
    events = len(enlist.rows("event"))
    page = desk.open(reset_page(device.device_id))
    assert "1 live session drops at once : from 192.0.2.0/24" in page.main
    assert device.serial in page.main
    assert len(enlist.rows("event")) == events
    assert standing(enlist, device.device_id, device.serial) == "done"


def send_reset(desk: Desk, device_id: str, **more: str) -> Page:
    """Press the button on the page as it is."""
    page = desk.open(reset_page(device_id))
    names = ("preview", "grant", "expires_at", "reason")
    return desk.send(reset_page(device_id), {name: page.value(name) for name in names} | more)


def test_a_reset_ends_it_and_makes_a_new_enrollment(console: Console, enlist: Enlist) -> None:
    """D03, D04, D07, D11."""
    device, process = enrolled(enlist), Process.of(enlist)
    session_id = process.open(device)
    desk = console.sign_in("operator")
    page = desk.follow(send_reset(desk, device.device_id, reason="lost", expires_at=UNTIL))
    assert "laptop-0 was reset: what it held has ended." in page.main
    assert standing(enlist, device.device_id, device.serial) == "credential_revoked"
    assert process.beat(session_id) == {session_id: Ending.CREDENTIAL_REVOKED}
    newest = enlist.enrollments_of(device.device_id)[0]
    assert (newest.state, newest.message_state) == ("active", "")
    assert "until Thu, Mar 5, 2026, 8:00" in page.main.replace("\u202f", " ")
    assert enlist.credentials_of(device.device_id)[0].revocation_reason == "lost"


@pytest.mark.parametrize(
    ("date", "told"), [("", "must be given"), ("2026-03-01T12:00", "must be in the future")]
)
def test_without_a_date_to_come_nothing_is_reset(
    console: Console, enlist: Enlist, date: str, told: str
) -> None:
    """D02: what was typed stays, the error stands at the field."""
    device = enrolled(enlist)
    page = send_reset(console.sign_in("operator"), device.device_id, expires_at=date, reason="lost")
    assert page.status == 422
    assert told in page.source.partition('id="expires_at-error">')[2].partition("<")[0]
    assert (page.value("reason"), page.value("expires_at")) == ("lost", date)
    assert standing(enlist, device.device_id, device.serial) == "done"
    assert len(enlist.enrollments_of(device.device_id)) == 1


def test_the_date_is_meant_in_ones_own_zone(console: Console, enlist: Enlist) -> None:
    enlist.do(ChangeOrganization(enlist.root.id, time_zone="Europe/Berlin"))
    device = enrolled(enlist)
    desk = console.sign_in("operator")
    page = desk.open(reset_page(device.device_id))
    assert "in your time zone, Central European Time (Europe/Berlin)" in page.main
    assert page.value("expires_at") == "2026-03-03T13:00", "a day from now, by the default"
    desk.follow(send_reset(desk, device.device_id, expires_at=UNTIL))
    expires_at = enlist.enrollments_of(device.device_id)[0].expires_at
    assert rfc3339(expires_at) == "2026-03-05T07:00:00.000000Z"


def test_another_situation_than_was_shown_asks_again(console: Console, enlist: Enlist) -> None:
    """X45: a session that nobody was told of is not dropped by that confirmation."""
    device, process = enrolled(enlist), Process.of(enlist)
    desk = console.sign_in("operator")
    shown = desk.open(reset_page(device.device_id))
    process.open(device)
    sent = {"expires_at": UNTIL, "reason": "lost", "preview": shown.value("preview")}
    again = desk.send(reset_page(device.device_id), sent)
    assert again.status == 409
    assert "The situation has changed since you looked" in again.main
    assert "1 live session drops at once" in again.main
    assert (again.value("reason"), again.value("expires_at")) == ("lost", UNTIL)
    assert standing(enlist, device.device_id, device.serial) == "done"
    page = desk.send(reset_page(device.device_id), sent | {"preview": again.value("preview")})
    assert "was reset" in desk.follow(page).main


def test_a_compromised_device_can_end_its_owners_sign_ins(console: Console, enlist: Enlist) -> None:
    """The page that asks anew for another reason counts them, and binds the button to them."""
    device = enrolled(enlist)
    enlist.do(StartSignIn("ada", Secret(PASSWORD)), enlist.stranger())
    desk = console.sign_in("operator")
    address = reset_page(device.device_id)
    ticked = "reason=compromised&end_sign_ins=yes"
    assert "sign-in of" not in desk.open(f"{address}?reason=lost&end_sign_ins=yes").main
    page = desk.open(f"{address}?{ticked}")
    assert "1 sign-in of ada ends, too." in page.main
    sent = {"expires_at": UNTIL, "reason": "compromised", "end_sign_ins": "yes"}
    unseen = desk.open(address).value("preview")
    assert desk.send(address, sent | {"preview": unseen}).status == 409
    assert enlist.rows("sign_in", user_id=enlist.device(device.device_id).user_id)
    done = desk.send(address, sent | {"preview": page.value("preview")})
    assert "was reset" in desk.follow(done).main
    assert enlist.events("sign_in.all_ended")


def test_an_administrators_device_is_not_an_operators_to_reset(
    console: Console, enlist: Enlist
) -> None:
    """D24: nor is it told what would end."""
    enlist.staff("administrator", "", "grace")
    enlist.do(StartSignIn("grace", Secret(PASSWORD)), enlist.stranger())
    device = enrolled(enlist, "grace")
    ticked = f"{reset_page(device.device_id)}?reason=compromised&end_sign_ins=yes"
    page = console.sign_in("operator").open(ticked)
    assert page.status == 403
    assert device.serial not in page.main
    assert "1 sign-in of grace ends" in console.sign_in().open(ticked).main


def test_the_grant_can_be_chosen_anew(console: Console, enlist: Enlist) -> None:
    """As it enrolled the last time, unless it is said otherwise."""
    device = enrolled(enlist)
    desk = console.sign_in("operator")
    assert desk.open(reset_page(device.device_id)).value("grant") == TOKEN
    desk.follow(send_reset(desk, device.device_id, grant=JWT.value))
    assert enlist.enrollments_of(device.device_id)[0].grant is JWT


def test_a_reset_can_send_the_new_token_at_once(console: Console, enlist: Enlist) -> None:
    device = enrolled(enlist)
    desk = console.sign_in("operator")
    page = desk.follow(send_reset(desk, device.device_id, send="yes"))
    assert "The new token is on its way to ada@example.com." in page.main
    assert [row["recipient"] for row in enlist.rows("message")] == ["ada@example.com"]


def test_a_jwt_is_reissued_and_sent_to_nobody(console: Console, enlist: Enlist) -> None:
    """D13, D14: the same enrollment; delivery is for afterwards."""
    issued = registered(enlist)
    enlist.clock.now = issued.expires_at
    desk = console.sign_in("helpdesk")
    address = f"/console/main/enrollments/{issued.enrollment_id}/reissue"
    page = desk.open(address)
    assert "ran out unused on" in page.main
    sent = {name: page.value(name) for name in ("preview", "expires_at")}
    told = desk.follow(desk.send(address, sent))
    assert "Reissued. The token before it is dead. Below is how" in told.main
    found = enlist.enrollment(issued.enrollment_id)
    assert (found.generation, found.state) == (2, "active")
    assert not enlist.rows("message")
    assert desk.send(address, sent).status == 409, "what was shown was the one before"


def test_what_is_used_or_revoked_is_not_asked_about(console: Console, enlist: Enlist) -> None:
    ticket = enlist.register("ada")
    enlist.revoke(ticket.enrollment_id)
    address = f"/console/main/enrollments/{ticket.enrollment_id}/reissue"
    page = console.sign_in("operator").open(address)
    assert page.status == 409
    assert "This token was withdrawn" in page.main


def test_deleting_asks_first_and_is_final(console: Console, enlist: Enlist) -> None:
    """D16, D17, D18: the device stays, and the console offers no way to enroll it again."""
    issued = registered(enlist)
    desk = console.sign_in("operator")
    address = f"/console/main/enrollments/{issued.enrollment_id}/delete"
    question = desk.open(address)
    assert "It cannot be undone" in question.main
    assert "external identity provider" not in question.main
    assert enlist.enrollment(issued.enrollment_id).state == "active"
    page = desk.follow(desk.send(address))
    assert "Deleted for good." in page.main
    assert "Its enrollment was deleted on" in page.main
    assert offered(desk, issued.device_id) == set()
    assert desk.open(address).status == 404
    issue = desk.send(f"/console/main/devices/{issued.device_id}/issue")
    assert "That is final here." in desk.follow(issue).main
    assert enlist.enrollments_of(issued.device_id) == []


def test_a_device_whose_jwt_was_revoked_gets_another_one(console: Console, enlist: Enlist) -> None:
    """Of the same kind, and without an address it is only made: it can be handed over."""
    issued = registered(enlist, email="")
    enlist.revoke(issued.enrollment_id)
    desk = console.sign_in("operator")
    assert offered(desk, issued.device_id) == {"issue"}
    address = f"/console/main/devices/{issued.device_id}/issue"
    page = desk.open(address)
    assert "It cannot be sent by e-mail" in page.main
    assert "send" not in page.fields
    sent = {name: page.value(name) for name in ("grant", "expires_at")}
    told = desk.follow(desk.send(address, sent))
    assert "Issued. Tokens before it stay dead. Below is how" in told.main
    newest = enlist.enrollments_of(issued.device_id)[0]
    assert (newest.grant, newest.state) == (JWT, "active")


def test_an_issue_by_a_program_after_it_is_shown_again(console: Console, enlist: Enlist) -> None:
    """Ruling 29: the API can."""
    ticket = enlist.register("ada")
    enlist.do(DeleteEnrollment(ticket.enrollment_id))
    enlist.issue(ticket.device_id)
    found = offered(console.sign_in("operator"), ticket.device_id)
    assert found == {"delete", "resend", "reissue", "revoke"}


def test_deleting_the_only_way_in_is_warned_of(console: Console, enlist: Enlist) -> None:
    """Seed 003: who signs in elsewhere only needs no token, if that sign-in works."""
    issued = registered(enlist, user="bob", password="")
    address = f"/console/main/enrollments/{issued.enrollment_id}/delete"
    page = console.sign_in("operator").open(address)
    assert "An external identity provider is the only other way in" in page.main


def test_what_is_on_hold_is_freed_reissued_or_revoked(console: Console, enlist: Enlist) -> None:
    issued = registered(enlist)
    enlist.store.write(holds.hold_all)
    assert offered(console.sign_in("operator"), issued.device_id) == {"reissue", "revoke"}
